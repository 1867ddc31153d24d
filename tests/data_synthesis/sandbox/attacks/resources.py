"""Using more than a session's share. The bounds are those of the test's sandbox, and a plain process has none."""

from __future__ import annotations

from .case import Attack, Outcome, gives_true
from .world import World

OUTPUT_BYTES = 1 << 16
DEADLINE = 0.3


def flooded(_: World, outcome: Outcome) -> bool:
    return outcome.output_bytes > OUTPUT_BYTES


def outstayed(_: World, outcome: Outcome) -> bool:
    """It ran for longer than the deadline of the call and got its result across."""
    return outcome.value is True and outcome.seconds > DEADLINE


_SPIN = "end = time.monotonic() + 1.0\nwhile time.monotonic() < end:\n    pass\nreturn True"

ATTACKS = [
    Attack("one huge allocation", "return len(bytearray(200 << 20)) == 200 << 20", gives_true),
    Attack(
        "many small allocations",
        "kept = []\nfor _ in range(200):\n    kept.append(bytearray(1 << 20))\nreturn len(kept) == 200",
        gives_true,
    ),
    Attack("a huge list", "return len([None] * 30_000_000) == 30_000_000", gives_true),
    Attack(
        "a huge mapping",
        "return libc.mmap(None, ctypes.c_size_t(1 << 36), 3, 0x4022, -1, ctypes.c_long(0)) not in (None, 2**64 - 1)",
        gives_true,
    ),
    Attack(
        "a decompression bomb",
        "import zlib\n"
        "pump = zlib.compressobj(1)\n"
        "bomb = b''.join(pump.compress(bytes(1 << 20)) for _ in range(140)) + pump.flush()\n"
        "return len(zlib.decompress(bomb)) == 140 << 20",
        gives_true,
    ),
    Attack(
        "a recursion without end",
        "sys.setrecursionlimit(10**9)\n"
        "wide = ', '.join(f'a{i}=0' for i in range(60))\n"
        "exec(f'def down(n, {wide}):\\n    return n if n == 0 else down(n - 1)', globals())\n"
        "return down(300_000) == 0",
        gives_true,
    ),
    Attack("a busy loop", _SPIN, outstayed, deadline=DEADLINE),
    Attack(
        "a busy loop that ignores signals",
        "for number in range(1, 32):\n"
        "    try:\n        signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError):\n        pass\n"
        + _SPIN,
        outstayed,
        deadline=DEADLINE,
    ),
    Attack("a long sleep", "time.sleep(1.0)\nreturn True", outstayed, deadline=DEADLINE),
    Attack(
        "a wait without end",
        "import threading\nreturn not threading.Event().wait(1.0)",
        outstayed,
        deadline=DEADLINE,
    ),
    Attack(
        "a regular expression that never ends",
        "import re\nreturn re.match('(a|aa)+$', 'a' * 35 + 'b') is None",
        outstayed,
        deadline=DEADLINE,
    ),
    Attack(
        "a huge integer",
        "return 3 ** 4_000_000 > 0",
        outstayed,
        deadline=DEADLINE,
    ),
    Attack("a flood of results", "return 'x' * (3 << 20)", flooded),
    Attack("a flood of prints", "for _ in range(3000):\n    print('x' * 1000)", flooded),
    Attack(
        "a flood past Python",
        "for _ in range(3000):\n    os.write(1, b'x' * 1000)\nreturn 1",
        flooded,
    ),
]
