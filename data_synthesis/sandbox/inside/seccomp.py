"""Builds and installs the system-call filter: classic BPF over `struct seccomp_data`.

Layout and values follow the kernel's `linux/seccomp.h`, `linux/filter.h` and `linux/audit.h`.
"""

from __future__ import annotations

import ctypes
import struct

from . import libc, syscalls

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def program(machine: str) -> bytes:
    """The filter for `machine` ("x86_64" or "aarch64") as an array of `struct sock_filter`.

    Raises:
        ValueError: no table of system calls for that machine.
    """
    if machine not in syscalls.NUMBERS:
        raise ValueError(
            f"there is no table of system calls for {machine}, only for {', '.join(syscalls.NUMBERS)}"
        )
    numbers = syscalls.NUMBERS[machine]
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCH_AT),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        code += [(JUMP_AT_LEAST, 0, 1, X32_BIT), (RETURN, 0, 0, KILL)]
    for name, verdict in _verdicts().items():
        if name in numbers:
            code += [(JUMP_EQUAL, 0, len(verdict), numbers[name]), *verdict]
    code.append((RETURN, 0, 0, KILL))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install(filter_program: bytes) -> None:
    """Puts this process under the filter, for good. Needs no privilege once `no_new_privs` is set."""
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    filter_ = _Filter(len(filter_program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc.prctl(libc.PR_SET_SECCOMP, libc.SECCOMP_MODE_FILTER, ctypes.addressof(filter_))


def _verdicts() -> dict[str, list[Instruction]]:
    refuse = [(RETURN, 0, 0, ERRNO | 1)]
    allow = [(RETURN, 0, 0, ALLOW)]
    verdicts: dict[str, list[Instruction]] = dict.fromkeys(syscalls.ALLOWED, allow)
    for name, (index, values) in syscalls.ALLOWED_VALUES.items():
        # The kernel reads 32 bits of these arguments, so the low word decides.
        tests = [(JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
        verdicts[name] = [_low_word(index), *tests, *refuse, *allow]
    for name, (index, bits) in syscalls.FORBIDDEN_BITS.items():
        verdicts[name] = [_low_word(index), (JUMP_ANY_BIT, 0, 1, bits), *refuse, *allow]
    for name, index in syscalls.NULL_ONLY.items():
        low, high = _low_word(index), (LOAD, 0, 0, ARGUMENTS_AT + 8 * index + 4)
        verdicts[name] = [low, (JUMP_EQUAL, 0, 2, 0), high, (JUMP_EQUAL, 1, 0, 0), *refuse, *allow]
    for name, number in syscalls.REFUSED.items():
        verdicts[name] = [(RETURN, 0, 0, ERRNO | number)]
    return verdicts


def _low_word(argument: int) -> Instruction:
    return (LOAD, 0, 0, ARGUMENTS_AT + 8 * argument)
