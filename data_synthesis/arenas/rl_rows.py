"""The row format that upstream ASTRA released for RL: `{prompt, tool_schema, tool_dict, sub_qa_dict}`.

`prompt` is a list of one user message. The other three are JSON in text: the tools' OpenAI schemas (gold tools and
distractors alike), `{tool name: Python source}`, and `{gold tool name: [expected answers]}`.

A row does not say with which arguments a gold tool is to be called, nor which sub-question depends on which. Its gold
calls carry `arguments_known: false`: they can be played and scored, not proved. Other columns of the row are kept as
fields of the arena, and unknown fields of its tools as theirs. Two schemas of one name, which rows of the release have,
become two tools with the one source that there is, and the proof says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, ValidationInfo, field_validator

from data_synthesis.records import Arena, ArenaTool, BadRecord, Part, Record, ToolSpec, read_records
from data_synthesis.whole_file import whole_file


def _unpacked(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the text in this column is not JSON ({error})") from error


PACKED = BeforeValidator(_unpacked)  # a column of JSON in text; JSON itself is taken as well
_Answers = Annotated[list[JsonValue], Field(min_length=1)]


class _Prompt(Part):
    role: Literal["user"]
    content: str = Field(min_length=1)


class _OpenAiTool(Part):
    function: ToolSpec


class RlRow(Record):
    """A released row, unpacked. Validation errors name the column."""

    prompt: Annotated[list[_Prompt], Field(min_length=1, max_length=1), PACKED]
    tool_schema: Annotated[list[_OpenAiTool], PACKED]
    tool_dict: Annotated[dict[str, str], PACKED]
    sub_qa_dict: Annotated[dict[str, _Answers], Field(min_length=1), PACKED]

    @field_validator("tool_dict")
    @classmethod
    def _has_sources(cls, sources: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        _all_in(
            [tool.function.name for tool in info.data.get("tool_schema", [])], sources, "has no source for"
        )
        return sources

    @field_validator("sub_qa_dict")
    @classmethod
    def _has_schemas(cls, answers: dict[str, list], info: ValidationInfo) -> dict[str, list]:
        if "tool_schema" in info.data:
            names = {tool.function.name for tool in info.data["tool_schema"]}
            _all_in(answers, names, "names tools that tool_schema lacks:")
        return answers

    def tools(self) -> list[ArenaTool]:
        """The tools in the order of `tool_schema`, distractors among them."""
        return [
            ArenaTool.model_validate(
                _unknown(tool, "type") | {"spec": tool.function, "source": self.tool_dict[tool.function.name]}
            )
            for tool in self.tool_schema
        ]

    def arena(self) -> Arena:
        tools = self.tools()
        pairs = [(name, answer) for name, answers in self.sub_qa_dict.items() for answer in answers]
        gold_calls = [
            {"id": number, "tool": name, "expected": _as_value(answer), "arguments_known": False}
            for number, (name, answer) in enumerate(pairs, 1)
        ]
        others = {
            name: value for name, value in (self.model_extra or {}).items() if name not in Arena.model_fields
        }
        domain = (self.model_extra or {}).get("domain")
        return Arena.model_validate(
            {
                **others,
                "question": self.prompt[0].content,
                "domain": domain if isinstance(domain, str) else "unknown",
                "scenario": "single_hop" if len(pairs) == 1 else "parallel_single_hop",
                "tools": [tool for tool in tools if tool.name in self.sub_qa_dict],
                "distractors": [tool for tool in tools if tool.name not in self.sub_qa_dict],
                "gold_calls": gold_calls,
            }
        )


def from_rl_row(row: dict[str, Any]) -> Arena:
    """Reads a released row.

    Raises:
        pydantic.ValidationError: names the column and what is wrong with it.
    """
    return RlRow.model_validate(row).arena()


class NotARow(ValueError):
    """An arena that a released row cannot carry; `reason` is a code."""

    def __init__(self, arena: Arena, reason: str, problem: str):
        super().__init__(f"arena {arena.id} {problem}")
        self.arena_id, self.reason = arena.id, reason


def check_rl_row(arena: Arena) -> None:
    """
    Raises:
        NotARow: `variant`: the arena has follow-ups; `duplicate_tool_name`: sources that share a name;
            `unknown_gold_tool`: a gold call of none of its tools.
    """
    if arena.follow_ups:
        problem = f"is a `{arena.variant}` variant; a released row cannot carry its follow-ups"
        raise NotARow(arena, "variant", problem)
    sources: dict[str, str] = {}
    for tool in [*arena.tools, *arena.distractors]:
        if sources.setdefault(tool.name, tool.source) != tool.source:
            raise NotARow(arena, "duplicate_tool_name", f"has two sources that share the name {tool.name}")
    if unknown := sorted({gold.tool for gold in arena.gold_calls} - set(sources)):
        problem = f"has gold calls of tools that it lacks: {', '.join(unknown)}"
        raise NotARow(arena, "unknown_gold_tool", problem)


def to_rl_row(arena: Arena) -> dict[str, Any]:
    """The arena as a released row. Gold arguments, dependencies, sub-questions and the domain have no place in it.

    Raises:
        NotARow: as `check_rl_row`.
    """
    check_rl_row(arena)
    tools = [*arena.tools, *arena.distractors]
    answers: dict[str, list[str]] = {}
    for gold in arena.gold_calls:
        answers.setdefault(gold.tool, []).append(_as_text(gold.expected))
    return {
        "prompt": [{"role": "user", "content": arena.question}],
        "tool_schema": json.dumps([_schema(tool) for tool in tools], ensure_ascii=False),
        "tool_dict": json.dumps({tool.name: tool.source for tool in tools}, ensure_ascii=False),
        "sub_qa_dict": json.dumps(answers, ensure_ascii=False),
    }


def _schema(tool: ArenaTool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": tool.spec.model_dump(mode="json"),
        **_unknown(tool, "type", "function"),
    }


def read_arenas(path: str | Path, *, rejects: list[BadRecord] | None = None) -> Iterator[Arena]:
    """Yields the arenas of a JSONL file of `Arena` records, or of released rows: the first line tells which.

    Args:
        rejects: if given, bad lines are appended here and reading goes on; otherwise the first one raises.

    Raises:
        BadRecord: names the file, the line and the field or column.
        FileNotFoundError: no such file.
    """
    with Path(path).open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    if b'"sub_qa_dict"' in first and b'"gold_calls"' not in first:
        return (row.arena() for row in read_records(path, RlRow, rejects=rejects))
    return read_records(path, Arena, rejects=rejects)


def write_rl_rows(path: str | Path, arenas: Iterable[Arena]) -> int:
    """Writes released rows, one a line, to a temporary file that replaces `path` when complete. Returns the count."""
    count = 0
    with whole_file(Path(path)) as out:
        for count, arena in enumerate(arenas, 1):  # noqa: B007
            out.write(json.dumps(to_rl_row(arena), ensure_ascii=False) + "\n")
    return count


def _unknown(part: Part, *known: str) -> dict[str, Any]:
    return {name: value for name, value in (part.model_extra or {}).items() if name not in known}


def _all_in(names: Iterable[str], known: Iterable[str], problem: str) -> None:
    if missing := sorted(set(names) - set(known)):
        raise ValueError(f"{problem} {', '.join(missing)}")


def _as_text(expected: JsonValue) -> str:
    return expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)


def _as_value(answer: JsonValue) -> JsonValue:
    """A released answer is text. Text that spells a JSON array or object is taken for one."""
    if isinstance(answer, str) and answer.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(answer)
        except (ValueError, RecursionError):
            return answer
    return answer
