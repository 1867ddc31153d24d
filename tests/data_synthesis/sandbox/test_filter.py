"""The system-call filter, run by a small interpreter of its instruction set, for both architectures."""

from __future__ import annotations

import functools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.sandbox.inside import seccomp, syscalls

MACHINES = ["x86_64", "aarch64"]
KILLED = {  # a few that must never come through, from the kernel's tables
    "x86_64": {
        "execve": 59,
        "ptrace": 101,
        "kill": 62,
        "mount": 165,
        "bpf": 321,
        "prctl": 157,
        "io_uring_setup": 425,
    },
    "aarch64": {
        "execve": 221,
        "ptrace": 117,
        "kill": 129,
        "mount": 40,
        "bpf": 280,
        "prctl": 167,
        "io_uring_setup": 425,
    },
}


program = functools.cache(seccomp.program)


def verdict(machine: str, number: int, arguments: tuple[int, ...] = (), arch: int | None = None) -> int:
    """What the filter says of a call, the way the kernel would compute it."""
    arch = seccomp.AUDIT_ARCH[machine] if arch is None else arch
    data = struct.pack("=IIQ6Q", number, arch, 0, *(arguments + (0,) * 6)[:6])
    instructions = list(struct.iter_unpack("=HBBI", program(machine)))
    assert len(instructions) <= 4096  # the kernel's limit
    accumulator = position = 0
    while True:
        code, if_true, if_false, constant = instructions[position]
        if code == 0x06:
            return constant
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, constant)
            position += 1
            continue
        holds = {
            0x15: accumulator == constant,
            0x35: accumulator >= constant,
            0x45: bool(accumulator & constant),
        }[code]
        position += 1 + (if_true if holds else if_false)


@pytest.mark.parametrize("machine", MACHINES)
@settings(deadline=None)
@given(number=st.integers(0, 2**32 - 1), arguments=st.tuples(*[st.integers(0, 2**64 - 1)] * 6))
def test_a_call_that_is_not_listed_ends_the_process(machine, number, arguments):
    listed = {
        *syscalls.ALLOWED,
        *syscalls.ALLOWED_VALUES,
        *syscalls.FORBIDDEN_BITS,
        *syscalls.NULL_ONLY,
        *syscalls.REFUSED,
    }
    numbers = {syscalls.NUMBERS[machine][name] for name in listed if name in syscalls.NUMBERS[machine]}
    if number not in numbers:
        assert verdict(machine, number, arguments) == seccomp.KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_call_gets_its_own_verdict(machine):
    numbers = syscalls.NUMBERS[machine]
    for name in syscalls.ALLOWED:
        assert name not in numbers or verdict(machine, numbers[name]) == seccomp.ALLOW
    for name, error in syscalls.REFUSED.items():
        assert name not in numbers or verdict(machine, numbers[name]) == seccomp.ERRNO | error
    for name, number in KILLED[machine].items():
        assert verdict(machine, number) == seccomp.KILL, name


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_belongs_to_one_call(machine):
    numbers = list(syscalls.NUMBERS[machine].values())
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("machine", MACHINES)
@settings(deadline=None)
@given(descriptor=st.integers(0, 2**32 - 1))
def test_only_the_channel_can_be_read_or_written(machine, descriptor):
    numbers = syscalls.NUMBERS[machine]
    may_read, may_write = descriptor in (0, 3), descriptor in (1, 2, 3)
    assert (verdict(machine, numbers["read"], (descriptor,)) == seccomp.ALLOW) == may_read
    assert (verdict(machine, numbers["write"], (descriptor,)) == seccomp.ALLOW) == may_write


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", ["mmap", "mprotect"])
@settings(deadline=None)
@given(protection=st.integers(0, 7))
def test_memory_is_never_executable(machine, name, protection):
    number = syscalls.NUMBERS[machine][name]
    assert (verdict(machine, number, (0, 0, protection)) == seccomp.ALLOW) == (not protection & 4)


@pytest.mark.parametrize("machine", MACHINES)
@settings(deadline=None)
@given(pointer=st.sampled_from([0, 1, 2**32, 2**63, 0x7FFF_0000_1234]))
def test_limits_can_be_read_but_not_set(machine, pointer):
    number = syscalls.NUMBERS[machine]["prlimit64"]
    assert (verdict(machine, number, (0, 1, pointer, 5)) == seccomp.ALLOW) == (pointer == 0)


@pytest.mark.parametrize("machine", MACHINES)
def test_foreign_calling_conventions_end_the_process(machine):
    numbers = syscalls.NUMBERS[machine]
    for arch in (
        0x40000003,
        0x40000028,
        seccomp.AUDIT_ARCH[MACHINES[machine == "x86_64"]],
    ):  # i386, arm, the other one
        assert verdict(machine, numbers["getpid"], arch=arch) == seccomp.KILL
    assert verdict(machine, numbers["getpid"] | seccomp.X32_BIT) == seccomp.KILL
