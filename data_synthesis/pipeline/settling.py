"""One record and one stage: run within a deadline, again where that may help, until the outcome is known."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from data_synthesis.pipeline.journal import Outcome, PipelineError
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.stage import Lost, Rejected, Stage
from data_synthesis.records import first_problem
from data_synthesis.sandbox.interface import SandboxUnavailable
from data_synthesis.teacher.interface import TeacherError, TeacherGone


@dataclass(frozen=True)
class Failure:
    """How an error class is named in the rejects, and how often a record is tried again after it."""

    reason: str
    retries: int = 0


FAILURES: Mapping[type[Exception], Failure] = {
    TeacherError: Failure("teacher_error", retries=1),
    SandboxUnavailable: Failure("sandbox_unavailable", retries=2),
    TimeoutError: Failure("deadline"),
}


@dataclass(frozen=True)
class Policy:
    """How stages are run.

    Args:
        concurrency: records in work at once.
        deadline: seconds for one try of one record in one stage.
        backoff: seconds before the first retry; doubles with each.
        failures: error class -> how to treat it. Any other error fails that record alone, without a retry.

    Raises:
        ValueError: nothing could be settled so.
    """

    concurrency: int = 8
    deadline: float = 600.0
    backoff: float = 0.5
    failures: Mapping[type[Exception], Failure] = field(default_factory=lambda: FAILURES)

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"records in work at once must be 1 or more, not {self.concurrency}")
        if self.deadline <= 0 or self.backoff < 0:
            raise ValueError(f"no record can be settled in {self.deadline:g} s, {self.backoff:g} s apart")


POLICY = Policy()


async def settle(value: Mapping[str, Any], stage: Stage[Any], policy: Policy) -> Outcome:
    """What becomes of the record `value`, given as JSON, in `stage`.

    Raises:
        PipelineError: no record can be settled any more.
    """
    try:
        record = stage.takes.model_validate(value)
    except ValidationError as error:
        return _misfit(value["id"], error)
    attempt = 0
    while True:
        try:
            async with asyncio.timeout(policy.deadline):
                outputs = await stage.run(record)
            dumped = [output.model_dump(mode="json") for output in outputs]
            json_line(
                {"outputs": dumped}
            ).encode()  # what cannot be written down is this record's trouble too
            return Outcome(input_id=value["id"], status="done", outputs=dumped)
        except Lost as lost:
            return _gone_with_reason(value["id"], lost)
        except TeacherGone as gone:
            raise PipelineError(str(gone)) from gone
        except Exception as error:  # one record's trouble must not end the run; the rejects file names it
            failure = next((f for kind, f in policy.failures.items() if isinstance(error, kind)), None)
            if failure is None or attempt >= failure.retries:
                return _failed(value["id"], error, failure, policy)
            await asyncio.sleep(policy.backoff * 2**attempt)
            attempt += 1


def _gone_with_reason(input_id: str, lost: Lost) -> Outcome:
    outcome = _lost(
        input_id, "rejected" if isinstance(lost, Rejected) else "failed", lost.reason, lost.detail
    )
    kept = lost.kept.model_dump(mode="json") if lost.kept else None
    return outcome.model_copy(update={"kept": kept})


def _misfit(input_id: str, error: ValidationError) -> Outcome:
    field_name, problem = first_problem(error)
    return _lost(input_id, "failed", "bad_record", f"field `{field_name}`: {problem} (not a {error.title})")


def _failed(input_id: str, error: Exception, failure: Failure | None, policy: Policy) -> Outcome:
    if failure:
        detail = str(error) or f"not settled within {policy.deadline:g} s"
        return _lost(input_id, "failed", failure.reason, detail)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return _lost(input_id, "failed", "unexpected_error", f"{type(error).__name__}: {error} ({where})")


def _lost(input_id: str, status: Literal["rejected", "failed"], reason: str, detail: str) -> Outcome:
    readable = detail.encode(errors="replace").decode()  # an error may quote what is not Unicode
    return Outcome(input_id=input_id, status=status, reason=reason, detail=readable)
