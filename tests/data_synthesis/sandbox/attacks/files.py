"""Reaching files, /proc and the environment."""

from __future__ import annotations

import os
from pathlib import Path

from .case import Attack, Outcome, gives_secret, gives_true, made
from .world import World


def gives_owners(name: str):
    """The attack returned what the owner's /proc file of that name holds."""
    return lambda _, outcome: (
        outcome.value is not None and outcome.value == Path(f"/proc/self/{name}").read_text()
    )


def secret_is_gone(world: World, _: Outcome) -> bool:
    return not world.secret_file.exists()


def secret_is_changed(world: World, _: Outcome) -> bool:
    return world.secret_file.read_text() != world.memory.value.decode()


def mode_is_changed(world: World, _: Outcome) -> bool:
    return world.secret_file.stat().st_mode & 0o777 == 0o600


ATTACKS = [
    Attack("read a file", "return open(w['secret_file']).read()", gives_secret),
    Attack(
        "read a file by descriptor",
        "return os.read(os.open(w['secret_file'], os.O_RDONLY), 100).decode()",
        gives_secret,
    ),
    Attack(
        "read a file through libc",
        "fd = libc.open(w['secret_file'].encode(), 0)\nreturn os.read(fd, 100).decode()",
        gives_secret,
    ),
    Attack(
        "read a file with openat2",
        "how = struct.pack('QQQ', 0, 0, 0)\n"
        "fd = call('openat2', -100, w['secret_file'].encode(), how, len(how))\n"
        "return os.read(fd, 100).decode()",
        gives_secret,
        needs="Linux 5.6",
    ),
    Attack("write a new file", "open(w['made'], 'w').write('x')", made),
    Attack("overwrite a file", "open(w['secret_file'], 'w').write('x')", secret_is_changed),
    Attack("truncate a file", "os.truncate(w['secret_file'], 0)", secret_is_changed),
    Attack("list a folder", "return 'secret.txt' in os.listdir(w['folder'])", gives_true),
    Attack("stat a file", "return os.stat(w['secret_file']).st_size > 0", gives_true),
    Attack("make a symbolic link", "os.symlink('/etc', w['made'])", made),
    Attack("make a hard link", "os.link(w['secret_file'], w['made'])", made),
    Attack("rename a file", "os.rename(w['secret_file'], w['made'])", made),
    Attack("delete a file", "os.remove(w['secret_file'])", secret_is_gone),
    Attack("make a folder", "os.mkdir(w['made'])", made),
    Attack("make a named pipe", "os.mkfifo(w['made'])", made),
    Attack("change a mode", "os.chmod(w['secret_file'], 0o600)", mode_is_changed),
    Attack("change the folder", "os.chdir(w['folder'])\nreturn open('secret.txt').read()", gives_secret),
    Attack(
        "make a database file",
        "import sqlite3\nsqlite3.connect(w['made']).execute('create table t (x)')",
        made,
    ),
    Attack(
        "import a planted module",
        "sys.path.insert(0, w['folder'])\nimport planted\nreturn planted.value",
        gives_secret,
    ),
    Attack(
        "read the owner's environment",
        "return open(f\"/proc/{w['owner']}/environ\").read()",
        gives_owners("environ"),
    ),
    Attack(
        "read the owner's command",
        "return open(f\"/proc/{w['owner']}/cmdline\").read()",
        gives_owners("cmdline"),
    ),
    Attack("read its own memory map", "return 'r-xp' in open('/proc/self/maps').read()", gives_true),
    Attack(
        "write its own memory by file",
        "b = ctypes.create_string_buffer(b'before')\n"
        "with open('/proc/self/mem', 'r+b', 0) as memory:\n"
        "    memory.seek(ctypes.addressof(b))\n"
        "    memory.write(b'after\\0')\n"
        "return b.value == b'after'",
        gives_true,
    ),
    Attack(
        "read the owner's memory by file",
        "with open(f\"/proc/{w['owner']}/mem\", 'rb', 0) as memory:\n"
        "    memory.seek(w['address'])\n"
        "    return memory.read(w['length']).decode()",
        gives_secret,
        needs="root, or ptrace of relatives",
    ),
    Attack("list processes", "return str(w['owner']) in os.listdir('/proc')", gives_true),
    Attack(
        "list the owner's descriptors",
        "return len(os.listdir(f\"/proc/{w['owner']}/fd\")) > 0",
        gives_true,
        needs="a dumpable owner" if os.getuid() else "",
    ),
    Attack("read an environment variable", "return os.environ[w['environment_name']]", gives_secret),
    Attack(
        "read an environment variable through libc",
        "libc.getenv.restype = ctypes.c_char_p\nreturn libc.getenv(w['environment_name'].encode()).decode()",
        gives_secret,
    ),
]
