"""Starting processes and threads, and reaching other processes."""

from __future__ import annotations

import resource

from .case import Attack, Outcome, gives_secret, gives_true, made, made_later
from .world import SECRET, World


def victim_is_gone(world: World, _: Outcome) -> bool:
    return world.victim_is_gone()


def owner_was_signalled(world: World, _: Outcome) -> bool:
    return world.signals > 0


def victims_limit_is_set(world: World, _: Outcome) -> bool:
    return resource.prlimit(world.victim.pid, resource.RLIMIT_NOFILE) == (7, 7)


def owners_memory_is_changed(world: World, _: Outcome) -> bool:
    return world.memory.value != SECRET.encode()


def at_least_fifty(_: World, outcome: Outcome) -> bool:
    return outcome.value == 50


_VECTORS = """
buffer = ctypes.create_string_buffer(b'overwritten' if writing else b'', 100)
here = struct.pack('QQ', ctypes.addressof(buffer), w['length'])
there = struct.pack('QQ', w['address'], w['length'])
"""

ATTACKS = [
    Attack("fork", "if os.fork() == 0:\n    os.mkdir(w['made'])\n    os._exit(0)\nos.wait()", made),
    Attack(
        "clone",
        "if call('clone', 17, 0, 0, 0, 0) == 0:\n    os.mkdir(w['made'])\n    os._exit(0)\nos.wait()",
        made,
    ),
    Attack(
        "clone3",
        "arguments = struct.pack('8Q', 0, 0, 0, 0, 17, 0, 0, 0)\n"
        "if call('clone3', arguments, len(arguments)) == 0:\n    os.mkdir(w['made'])\n    os._exit(0)\nos.wait()",
        made,
        needs="Linux 5.3",
    ),
    Attack(
        "a bomb of forks",
        "children = []\n"
        "for _ in range(50):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        time.sleep(5)\n"
        "        os._exit(0)\n"
        "    children.append(child)\n"
        "for child in children:\n"
        "    os.kill(child, 9)\n"
        "return len(children)",
        at_least_fifty,
    ),
    Attack(
        "a bomb of threads",
        "import threading\n"
        "stop = threading.Event()\n"
        "for _ in range(50):\n"
        "    threading.Thread(target=stop.wait, daemon=True).start()\n"
        "count = threading.active_count() - 1\n"
        "stop.set()\n"
        "return count",
        at_least_fifty,
    ),
    Attack("execve", "os.execv('/bin/mkdir', ['mkdir', w['made']])", made),
    Attack("os.system", "os.system('mkdir ' + w['made'])", made),
    Attack("subprocess", "import subprocess\nsubprocess.run(['mkdir', w['made']])", made),
    Attack("popen", "os.popen('mkdir ' + w['made']).read()", made),
    Attack("posix_spawn", "os.posix_spawn('/bin/mkdir', ['mkdir', w['made']], {})\nos.wait()", made),
    Attack(
        "execute from memory",
        "fd = call('memfd_create', b'x', 0)\n"
        "os.write(fd, ('#!/bin/sh\\nmkdir ' + w['made']).encode())\n"
        "os.execve(fd, ['x'], {})",
        made,
    ),
    Attack(
        "leave a child behind",
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(0.2)\n"
        "        os.mkdir(w['made'])\n"
        "    os._exit(0)",
        made_later,
    ),
    Attack("kill a process", "os.kill(w['victim'], signal.SIGKILL)", victim_is_gone),
    Attack("kill a process group", "os.killpg(w['victim'], signal.SIGKILL)", victim_is_gone),
    Attack("kill a thread of another process", "call('tgkill', w['victim'], w['victim'], 9)", victim_is_gone),
    Attack(
        "queue a signal",
        "call('rt_sigqueueinfo', w['victim'], 15, struct.pack('iii', 15, 0, -1) + bytes(116))",
        victim_is_gone,
    ),
    Attack(
        "kill by process descriptor",
        "signal.pidfd_send_signal(os.pidfd_open(w['victim']), signal.SIGKILL)",
        victim_is_gone,
        needs="Linux 5.3",
    ),
    Attack("signal the owner", "os.kill(w['owner'], signal.SIGUSR1)", owner_was_signalled),
    Attack("signal everyone", "os.kill(-1, 0)\nreturn True", gives_true),
    Attack(
        "set another process's limits",
        "resource.prlimit(w['victim'], resource.RLIMIT_NOFILE, (7, 7))",
        victims_limit_is_set,
    ),
    Attack(
        "trace a process",
        "return call('ptrace', 0x4206, w['victim'], 0, 0) == 0",
        gives_true,
        needs="root, or ptrace of strangers",
    ),
    Attack(
        "read the owner's memory",
        "writing = False" + _VECTORS + "call('process_vm_readv', w['owner'], here, 1, there, 1, 0)\n"
        "return buffer.value.decode()",
        gives_secret,
        needs="root, or ptrace of relatives",
    ),
    Attack(
        "write the owner's memory",
        "writing = True" + _VECTORS + "call('process_vm_writev', w['owner'], here, 1, there, 1, 0)",
        owners_memory_is_changed,
        needs="root, or ptrace of relatives",
    ),
    Attack(
        "take the owner's descriptor",
        "return call('pidfd_getfd', os.pidfd_open(w['owner']), 0, 0) >= 0",
        gives_true,
        needs="Linux 5.6, and root or ptrace of relatives",
    ),
]
