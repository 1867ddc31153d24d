import asyncio

import pytest
from small_servers import Answering, shop

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Task
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.tasks import DIMENSIONS, ScoreSettings, score_task

SERVER = shop()
TASK = Task(query="Give Ann her money back.", server_id=SERVER.id, target_tools=["refund"])


def scored(settings=None, **ratings):
    rated = {name: {"reason": f"{name} it is", "rating": ratings.get(name, 5)} for name in DIMENSIONS}
    teacher = Answering({"score_task": lambda p: rated})
    return asyncio.run(score_task(TASK, SERVER, teacher, settings=settings or ScoreSettings()))


def test_the_four_scores_are_kept_as_they_were_given():
    assert scored(question_quality=4).scores == {**dict.fromkeys(DIMENSIONS, 5.0), "question_quality": 4.0}


@pytest.mark.parametrize("name", DIMENSIONS)
def test_a_score_under_its_threshold_rejects_by_name(name):
    settings = ScoreSettings(least={name: 3})
    with pytest.raises(Rejected, match=f"{name} it is") as lost:
        scored(settings, **{name: 2})
    assert lost.value.reason == f"low_{name}"
    assert scored(settings, **{name: 3})


def test_a_judge_that_is_down_decides_nothing():
    with pytest.raises(TeacherError):
        asyncio.run(score_task(TASK, SERVER, Answering({}), settings=ScoreSettings()))


@pytest.mark.parametrize("least", [{"beauty": 3}, {"question_quality": 0}, {"question_quality": 6}])
def test_thresholds_that_mean_nothing_are_refused(least):
    with pytest.raises(ValueError, match=next(iter(least))):
        ScoreSettings(least=least)
