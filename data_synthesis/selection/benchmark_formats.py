"""How benchmarks write their prompts and functions down. Their code is read, never imported."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_synthesis.selection.errors import SelectionError


class BadBenchmark(SelectionError):
    """A benchmark that is there and cannot be read, or a name that is none."""


@dataclass(frozen=True)
class Function:
    """A function that a benchmark offers to its model."""

    name: str
    parameters: frozenset[str]


Content = Iterator[str | Function]  # prompts and functions


def questions_and_functions(root: Path, patterns: Sequence[str]) -> Content:
    """BFCL and ACEBench: JSON lines with `question` and `function`, and documents of functions alone."""
    for path in sorted({path for pattern in patterns for path in root.rglob(pattern)}):
        if "possible_answer" not in path.parts:
            for record in _json_lines(path):
                yield from _user_turns(record.get("question"))
                yield from _functions([record, *_listed(record.get("function"))])


def _user_turns(question: Any) -> Iterator[str]:
    """What the user says: text, text with `user:` and `system:` lines, or messages in nested lists."""
    if isinstance(question, str):
        speeches = re.split(r"^(user|system|assistant|agent):", question, flags=re.MULTILINE)
        if len(speeches) == 1:
            yield question
        for speaker, speech in zip(speeches[1::2], speeches[2::2], strict=True):
            if speaker == "user":
                yield speech.strip()
    elif isinstance(question, dict) and question.get("role") == "user":
        yield str(question.get("content", ""))
    elif isinstance(question, list):
        for part in question:
            if not isinstance(part, str):
                yield from _user_turns(part)


def _functions(documents: Sequence[Any]) -> Iterator[Function]:
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("name"), str):
            properties = _field(document.get("parameters") or document.get("arguments"), "properties")
            if isinstance(properties, dict):
                yield Function(document["name"], frozenset(properties))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def tasks_and_toolkits(root: Path) -> Content:
    """tau2: `domains/DOMAIN/tasks*.json` (or a folder of them), and the toolkits' methods, from their source."""
    for pattern in ("domains/*/tasks*.json", "domains/*/tasks/*.json"):
        for path in sorted(root.rglob(pattern)):
            for task in _listed(_json(path)):
                yield from _instructions(task)
    for path in sorted(root.rglob("domains/*/*tools.py")):
        yield from _methods(path)


def _instructions(task: Any) -> Iterator[str]:
    """What the simulated user is told, field by field, and the ticket of the mode without a user."""
    instructions = _field(_field(task, "user_scenario"), "instructions")
    fields = instructions.values() if isinstance(instructions, dict) else [instructions]
    yield from (field for field in [*fields, _field(task, "ticket")] if isinstance(field, str))


def _methods(path: Path) -> Iterator[Function]:
    try:
        tree = ast.parse(_text(path))
    except (SyntaxError, ValueError) as error:  # the latter for a null byte
        raise BadBenchmark(f"{path} is not Python ({error})") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("tool" in ast.unparse(d) for d in node.decorator_list):
            names = [each.arg for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
            yield Function(node.name, frozenset(names) - {"self"})


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; a file that is one JSON value gives its objects, or itself."""
    try:
        records = [json.loads(line) for line in _text(path).split("\n") if line.strip()]
    except (ValueError, RecursionError):
        records = _listed(_json(path))
    yield from (record for record in records if isinstance(record, dict))


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise BadBenchmark(f"{path} is not JSON ({error})") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadBenchmark(f"{path} cannot be read ({error})") from error
