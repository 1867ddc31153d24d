"""A compiled program's text: its computations, who calls whom, and how often a loop runs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .*\{\s*$")
_INSTRUCTION = re.compile(r"^  (ROOT )?%?([\w.\-]+) = (.*)$")
_OPCODE = re.compile(r"(?:^|\s)([a-z][a-z0-9\-]*)\(")
_ARRAY = re.compile(r"\b(pred|[a-z]+\d+\w*)\[([\d,]*)\]")
_CALLED = {
    name: re.compile(rf"\b{name}=%?([\w.\-]+)")
    for name in ("body", "condition", "calls", "to_apply", "true_computation", "false_computation")
}
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_INDEX = re.compile(r"\bindex=(\d+)")
_BITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Instruction:
    """`text` is everything after the equals sign: type, opcode, operands, attributes."""

    name: str
    type: str
    opcode: str
    text: str

    def called(self, attribute: str) -> str | None:
        found = _CALLED[attribute].search(self.text)
        return found.group(1) if found else None

    @property
    def branches(self) -> list[str]:
        found = _BRANCHES.search(self.text)
        if found:
            return [name.strip().lstrip("%") for name in found.group(1).split(",")]
        names = (self.called("true_computation"), self.called("false_computation"))
        return [name for name in names if name]

    @property
    def operands(self) -> list[str]:
        """Names, in order."""
        inside = self.text[self.text.index(f"{self.opcode}(") + len(self.opcode) + 1 :]
        depth = 1
        for end, character in enumerate(inside):
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return re.findall(r"%([\w.\-]+)", inside[:end])
        return []


@dataclass
class Computation:
    name: str
    instructions: dict[str, Instruction] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    computations: dict[str, Computation]
    entry: str

    @classmethod
    def parse(cls, text: str) -> Module:
        """Reads `compiled.as_text()`. Lines that are neither a header nor an instruction go on the one before them: the
        metadata of custom calls has line breaks of its own."""
        computations: dict[str, Computation] = {}
        entry = ""
        current: Computation | None = None
        pending: list[str] = []
        for line in text.splitlines():
            header = None if line.startswith(" ") else _HEADER.match(line)
            if header or _INSTRUCTION.match(line) or line == "}":
                _close(current, pending)
                pending = [] if header or line == "}" else [line]
            elif pending:
                pending.append(line)
            if header:
                current = computations[header.group(2)] = Computation(header.group(2))
                entry = header.group(2) if header.group(1) else entry
        _close(current, pending)
        return cls(computations, entry)

    def trip_count(self, loop: Instruction) -> int | None:
        """How often a `while` runs: its counter goes from 0 to the constant that the condition compares it with, by the
        constant that the body adds to it. None where the program does not say: the length depends on data."""
        condition = self.computations[loop.called("condition") or ""]
        ends = {int(n) for i in condition.instructions.values() if (n := _constant(i)) is not None}
        counters = [i for i in condition.instructions.values() if i.opcode == "get-tuple-element"]
        if len(ends) != 1 or len(counters) != 1:
            return None
        step = self._step(loop.called("body") or "", int(_INDEX.search(counters[0].text).group(1)))  # pyright: ignore[reportOptionalMemberAccess]
        return -(-ends.pop() // step)

    def _step(self, body: str, index: int) -> int:
        """What a body adds to its counter; 1 where that is not an addition of a constant."""
        instructions = self.computations[body].instructions
        root = next(reversed(instructions.values()))
        names = root.operands
        counter = instructions.get(names[index]) if index < len(names) else None
        if counter is None or counter.opcode != "add":
            return 1
        added = (instructions.get(name) for name in counter.operands)
        return max((int(n) for i in added if i and (n := _constant(i)) is not None), default=1)


def _constant(instruction: Instruction) -> str | None:
    found = re.match(r"[su]\d+\[\]\S* constant\((\d+)\)", instruction.text)
    return found.group(1) if found else None


def array_bytes(type_text: str) -> list[int]:
    """The bytes of each array of a type, as it is on one device, without padding."""
    return [_bytes(kind, shape) for kind, shape in _ARRAY.findall(type_text)]


def _bytes(kind: str, shape: str) -> int:
    bits = 8 if kind == "pred" else int(_BITS.search(kind).group())  # pyright: ignore[reportOptionalMemberAccess]
    return math.prod(int(n) for n in shape.split(",") if n) * bits // 8


def _close(computation: Computation | None, lines: list[str]) -> None:
    if computation is None or not lines:
        return
    found = _INSTRUCTION.match(lines[0])
    assert found is not None
    text = "\n".join([found.group(3), *lines[1:]])
    opcode = _OPCODE.search(text)
    if opcode:
        kind = text[: opcode.start(1)].strip()
        computation.instructions[found.group(2)] = Instruction(found.group(2), kind, opcode.group(1), text)
