"""The transcript teacher: answers from replies that people wrote down.

A transcript is a folder with one `transcript.json`:

    {"seed": {"question": "...", "domain": "..."},
     "exchanges": [{"prompt": "tool_code/1", "about": {"node": 2}, "replies": [{"source": {"$file": "fares.py"}}]}]}

An exchange answers the prompt of that name and version whose variables include the transcript's question and all of
`about`; its first reply is for the first attempt, and so on. A seed without a question gets it from the reply that
invents it. `{"$file": NAME}` stands for the text of a file beside it, so that the source of a tool can be read, and
checked, as source. `{"$text": TEXT}` is a reply as it was said, which may be no JSON at all. One that does not fit the
prompt's response model counts as refused, and the next one is for the same attempt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from data_synthesis.records import Seed, content_hash, first_problem
from data_synthesis.teacher.interface import Prompt, TeacherError

Reply = TypeVar("Reply", bound=BaseModel)

SHIPPED = Path(__file__).with_name("transcripts")

_ABOUT_ARENAS = (
    "intent_clusters/",
    "merge_tool/",
)  # whose question begins with the user's situation, if there is one


class Exchange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompt: str
    about: dict[str, JsonValue] = {}
    replies: list[JsonValue]


class Transcript(BaseModel):
    """One seed with the replies of everyone who was asked on the way to its arena."""

    model_config = ConfigDict(extra="forbid")

    note: str = ""
    seed: Seed
    exchanges: list[Exchange]

    def about(self, exchange: Exchange) -> dict[str, JsonValue]:
        """What the variables of the prompts that `exchange` answers have."""
        if self.seed.question is None and exchange.prompt.startswith("decompose"):
            return {"seed": self.seed.id, **exchange.about}
        question = self.seed.question or self._invented()
        if self.seed.mode == "context" and exchange.prompt.startswith(_ABOUT_ARENAS):
            question = f"{self.seed.context}\n\n{question}"
        return {"question": question, **exchange.about}

    def _invented(self) -> JsonValue:
        replies = [r for e in self.exchanges if e.prompt.startswith("decompose") for r in e.replies]
        questions = [
            reply["question"] for reply in replies if isinstance(reply, dict) and "question" in reply
        ]
        return questions[-1] if questions else None


class BadTranscript(ValueError):
    """A file that is not a transcript: names it and what is wrong."""


class TranscriptTeacher:
    """Answers from the transcripts in `folder`, by default those that come with the project.

    Raises:
        BadTranscript: a file does not hold a transcript, or two exchanges answer the same prompt.
    """

    name = "transcript"

    def __init__(self, folder: str | Path = SHIPPED):
        self._seeds: list[Seed] = []
        self._replies: dict[str, list[JsonValue]] = {}
        self._subjects: dict[str, set[tuple[str, ...]]] = {}
        self._usage: Counter[str] = Counter()
        paths = sorted(Path(folder).glob("*/transcript.json"))
        if not paths:
            raise BadTranscript(f"{folder} holds no transcript: expected folders with a transcript.json")
        for path in paths:
            self._add(path, _read(path))

    def seeds(self) -> list[Seed]:
        """The seeds that can be taken to arenas, in the order of their folders' names."""
        return list(self._seeds)

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """The recorded reply to this attempt: as many replies before it fit the response model.

        Raises:
            TeacherError: none was recorded, or the last does not fit the response model; names the question.
        """
        self._usage["asked"] += 1
        replies = self._find(prompt)
        problem, earlier = "", prompt.attempt
        for reply in replies:
            try:
                answer = _validated(reply, prompt.response_model)
            except ValidationError as error:
                if not earlier:
                    problem = _in_words(error)
                    self._usage["refused"] += 1
                continue
            if not earlier:
                return answer
            earlier -= 1
        if problem:
            raise TeacherError(f"{_named(prompt)}: the recorded reply's {problem}")
        raise self._missing(prompt, f"{len(replies)} replies recorded")

    async def close(self) -> None:
        """There is nothing to let go."""

    def forget(self, prompt: Prompt[Any]) -> None:
        """Answers do not change, so there is nothing to forget."""

    def usage(self) -> dict[str, Any]:
        return {"asked": self._usage["asked"], "refused": self._usage["refused"]}

    def _add(self, path: Path, transcript: Transcript) -> None:
        self._seeds.append(transcript.seed)
        for exchange in transcript.exchanges:
            about = transcript.about(exchange)
            key = content_hash([exchange.prompt, about])
            if key in self._replies:
                raise BadTranscript(f"{path}: two exchanges answer {exchange.prompt} about {exchange.about}")
            self._replies[key] = [_expanded(reply, path.parent) for reply in exchange.replies]
            self._subjects.setdefault(exchange.prompt, set()).add(tuple(about))

    def _find(self, prompt: Prompt[Any]) -> list[JsonValue]:
        found = list(self._matching(prompt))
        if len(found) != 1:
            raise self._missing(prompt, f"{len(found)} exchanges answer it")
        return found[0]

    def _missing(self, prompt: Prompt[Any], why: str) -> TeacherError:
        self._usage["refused"] += 1
        return TeacherError(f"no recorded reply to {_named(prompt)}: {why}")

    def _matching(self, prompt: Prompt[Any]) -> Iterator[list[JsonValue]]:
        name = f"{prompt.name}/{prompt.version}"
        for subject in self._subjects.get(name, ()):
            about = {variable: prompt.variables.get(variable) for variable in subject}
            if (key := content_hash([name, about])) in self._replies:
                yield self._replies[key]


def _read(path: Path) -> Transcript:
    try:
        return Transcript.model_validate_json(path.read_bytes())
    except ValidationError as error:
        field, problem = first_problem(error)
        raise BadTranscript(f"{path}: field `{field}`: {problem}") from error


def _expanded(reply: JsonValue, folder: Path) -> JsonValue:
    """`reply` with its files' texts."""
    whole = _with_files(reply, folder)
    if _is_text(whole) and not isinstance(whole["$text"], str):
        raise BadTranscript(f"{folder / 'transcript.json'}: `$text` must be text, not {whole['$text']!r}")
    return whole


def _is_text(reply: JsonValue) -> TypeGuard[dict[str, JsonValue]]:
    return isinstance(reply, dict) and set(reply) == {"$text"}


def _validated(reply: JsonValue, model: type[Reply]) -> Reply:
    if _is_text(reply):
        return model.model_validate_json(str(reply["$text"]))
    return model.model_validate(reply)


def _in_words(error: ValidationError) -> str:
    field, problem = first_problem(error)
    return f"`{field}`: {problem}" if field else f"text: {problem}"


def _with_files(value: JsonValue, folder: Path) -> JsonValue:
    """`value` with every `{"$file": NAME}` replaced by the text of that file."""
    if isinstance(value, list):
        return [_with_files(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"$file"}:
        return {name: _with_files(item, folder) for name, item in value.items()}
    path = folder / str(value["$file"])
    if not path.is_file():
        raise BadTranscript(f"{folder / 'transcript.json'} refers to {path.name}, which is not beside it")
    return path.read_text(encoding="utf-8")


def _named(prompt: Prompt[Any]) -> str:
    about = {name: value for name, value in prompt.variables.items() if name in ("question", "node")}
    return f"{prompt.name}/{prompt.version} attempt {prompt.attempt} about {json.dumps(about, ensure_ascii=False)}"
