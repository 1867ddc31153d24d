"""The options of the steps reach what they are options of."""

import pytest

from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.environments import Settings, synthesise_arenas
from data_synthesis.pipeline import PipelineError
from data_synthesis.teacher.procedural.teacher import ProceduralTeacher


def run(out, sandbox, **options):
    teacher = ProceduralTeacher(3, seed=5)
    return synthesise_arenas(teacher.questions(), teacher, sandbox, out, settings=Settings(**options))


def test_the_proof_is_made_with_the_settings_and_other_settings_need_another_folder(sandbox, tmp_path):
    strict = run(tmp_path, sandbox, proof=ProofSettings(tools=0))
    assert strict.stages[-1].rejected == {"too_large": 3}
    with pytest.raises(PipelineError, match=r"prove\.journal\.jsonl was written with other settings"):
        run(tmp_path, sandbox)


@pytest.mark.parametrize("share", [-0.1, 1.0, 90])
def test_a_quantile_is_a_share(share):
    with pytest.raises(ValueError, match="score_quantile must be at least 0 and under 1"):
        Settings(score_quantile=share)
