"""System calls that change what a process is, or that have often been the way into the kernel."""

from __future__ import annotations

import socket

from .case import Attack, gives_true

# Returns 42: `mov eax, 42; ret`, or `mov w0, #42; ret`.
_CODE = "code = bytes.fromhex('b82a000000c3') if X86 else bytes.fromhex('40058052c0035fd6')\n"
_RUN = "return ctypes.CFUNCTYPE(ctypes.c_int)(page)() == 42"
_NO_PAGE = "if page in (None, 2**64 - 1):\n    return False\n"

ATTACKS = [
    Attack(
        "a user namespace", "return call('unshare', 0x10000000) == 0", gives_true, needs="user namespaces"
    ),
    Attack(
        "mount",
        "call('unshare', 0x10020000)\n"
        "call('mount', b'none', b'/', 0, 0x44000, 0)\n"
        "return call('mount', b'tmpfs', w['folder'].encode(), b'tmpfs', 0, 0) == 0",
        gives_true,
        needs="user namespaces",
    ),
    Attack(
        "chroot",
        "call('unshare', 0x10000000)\nreturn call('chroot', w['folder'].encode()) == 0",
        gives_true,
        needs="user namespaces",
    ),
    Attack("setuid", "os.setuid(os.getuid())\nreturn True", gives_true),
    Attack("setgid", "os.setgid(os.getgid())\nreturn True", gives_true),
    Attack("outlive the parent", "return call('prctl', 1, 0, 0, 0, 0) == 0", gives_true),
    Attack("become traceable", "return call('prctl', 4, 1, 0, 0, 0) == 0", gives_true),
    Attack("change the personality", "return call('personality', 0xFFFFFFFF) >= 0", gives_true),
    Attack("ask seccomp", "return call('seccomp', 2, 0, struct.pack('I', 0x7FFF0000)) == 0", gives_true),
    Attack(
        "raise a limit",
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
        "return True",
        gives_true,
    ),
    Attack("choose a processor", "os.sched_setaffinity(0, os.sched_getaffinity(0))\nreturn True", gives_true),
    Attack("change the priority", "os.nice(1)\nreturn True", gives_true),
    Attack("a keyring", "return call('keyctl', 0, -3, 0) > 0", gives_true, needs="a kernel with keyrings"),
    Attack("bpf", "return call('bpf', 0, struct.pack('4I', 2, 4, 4, 1), 16) >= 0", gives_true, needs="root"),
    Attack(
        "perf_event_open",
        "event = struct.pack('IIQQQQQ', 1, 112, 0, 0, 0, 0, 0b1100001) + bytes(64)\n"
        "return call('perf_event_open', event, 0, -1, -1, 0) >= 0",
        gives_true,
        needs="perf events",
    ),
    Attack(
        "userfaultfd", "return call('userfaultfd', 1) >= 0", gives_true, needs="a kernel with userfaultfd"
    ),
    Attack(
        "io_uring",
        "return call('io_uring_setup', 1, ctypes.create_string_buffer(120)) >= 0",
        gives_true,
        needs="a kernel with io_uring",
    ),
    Attack("an anonymous file", "return call('memfd_create', b'x', 0) >= 0", gives_true),
    Attack("watch files", "return call('inotify_init1', 0) >= 0", gives_true),
    Attack(
        "shared memory",
        "segment = call('shmget', 0, 4096, 0o1600)\ncall('shmctl', segment, 0, 0)\nreturn segment >= 0",
        gives_true,
    ),
    Attack("copy a descriptor", "return os.dup(0) >= 0", gives_true),
    Attack("make a pipe", "return os.pipe()[0] >= 0", gives_true),
    Attack(
        "read the kernel's log", "return call('syslog', 10, 0, 0) > 0", gives_true, needs="an open kernel log"
    ),
    Attack(
        "read the host's name", "return os.uname().nodename", lambda _, o: o.value == socket.gethostname()
    ),
    Attack(
        "run code from a page made executable",
        "page = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))\n"
        + _NO_PAGE
        + _CODE
        + "ctypes.memmove(page, code, len(code))\n"
        "if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(4096), 7):\n    return False\n" + _RUN,
        gives_true,
    ),
    Attack(
        "run code from an executable page",
        "page = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0))\n"
        + _NO_PAGE
        + _CODE
        + "ctypes.memmove(page, code, len(code))\n"
        + _RUN,
        gives_true,
    ),
]
