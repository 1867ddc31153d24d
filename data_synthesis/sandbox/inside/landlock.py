"""Landlock: a rule set that grants nothing, so that no file, TCP port or outside process can be reached.

Values follow the kernel's `linux/landlock.h`.
"""

from __future__ import annotations

import errno
import os
import struct

from . import libc

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same number on every architecture
_ASK_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # ABI -> how many file rights it knows
_TCP = 0b11  # bind, connect: since ABI 4
_SCOPES = 0b11  # abstract Unix sockets, signals: since ABI 6


def abi() -> int:
    """The kernel's Landlock ABI, or 0 where there is none."""
    try:
        return libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def deny_everything(version: int) -> None:
    """Denies this process every right that Landlock ABI `version` knows, for good. Needs `no_new_privs`."""
    if version < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    files = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    words = [files] + [_TCP] * (version >= 4) + [_SCOPES] * (version >= 6)
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
