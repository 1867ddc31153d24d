"""The options of the steps reach what they are options of."""

import pytest

from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.environments import Budget, Settings, synthesise_arenas
from data_synthesis.pipeline import PipelineError, Policy
from data_synthesis.teacher.procedural.teacher import ProceduralTeacher


def run(out, sandbox, **options):
    teacher = ProceduralTeacher(3, seed=5)
    return synthesise_arenas(teacher.questions(), teacher, sandbox, out, settings=Settings(**options))


def test_the_proof_is_made_with_the_settings_and_other_settings_need_another_folder(sandbox, tmp_path):
    strict = run(tmp_path, sandbox, proof=ProofSettings(tools=0))
    assert strict.stages[-1].rejected == {"too_large": 3}
    with pytest.raises(PipelineError, match=r"prove\.journal\.jsonl was written with other settings"):
        run(tmp_path, sandbox)


def test_a_teacher_asked_otherwise_needs_another_folder(sandbox, tmp_path):
    run(tmp_path, sandbox, asked_with={"temperature": 0.6})
    with pytest.raises(PipelineError, match=r"decompose\.journal\.jsonl was written with other settings"):
        run(tmp_path, sandbox, asked_with={"temperature": 1.0})


@pytest.mark.parametrize("share", [-0.1, 1.0, 90])
def test_a_quantile_is_a_share(share):
    with pytest.raises(ValueError, match="score_quantile must be at least 0 and under 1"):
        Settings(score_quantile=share)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Settings(attempts=0), "attempts must be 1 or more, not 0"),
        (lambda: Settings(minimum_score=1.5), "minimum_score must be within 0 and 1, not 1.5"),
        (lambda: Budget(answers=-3), "answers of a budget must be 1 or more, not -3"),
        (lambda: Budget(rounds=0), "rounds of a budget must be 1 or more, not 0"),
        (lambda: Budget(call_seconds=0), "call_seconds must be more than 0, not 0"),
        (lambda: Policy(concurrency=0), "records in work at once must be 1 or more, not 0"),
        (lambda: Policy(deadline=0), "no record can be settled in 0 s"),
    ],
)
def test_what_would_allow_nothing_is_refused(make, named):
    with pytest.raises(ValueError, match=named):
        make()
