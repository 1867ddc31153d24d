import asyncio
import json

import pytest
from small_servers import Answering, shop

from data_synthesis.pipeline import Rejected
from data_synthesis.records import BadRecord, Task
from data_synthesis.trajectories.tasks import MODES, PlanSettings, planned, read_personas, vary

SERVER = shop()
TASK = Task(query="Give Ann her money back.", server_id=SERVER.id, target_tools=["find_order", "refund"])


def varied(plan, question, attempts=2):
    teacher = Answering({f"vary_{mode}": lambda p: {"question": question} for mode in MODES})
    return asyncio.run(vary(plan, SERVER, teacher, attempts=attempts)), teacher


def test_every_mode_gives_the_task_once_and_its_variations_with_the_same_goal():
    plans = planned(TASK, PlanSettings(variations=2))
    assert [plan.augmentation for plan in plans].count(None) == 1
    assert len({plan.id for plan in plans}) == 1 + 2 * len(MODES)
    for plan in plans[1:]:
        task, _ = varied(plan, "Send Ann what she paid, before Friday.")
        assert (task.target_tools, task.language, task.server_id) == (TASK.target_tools, "en", SERVER.id)
        assert task.augmentation == plan.augmentation
        assert task.provenance.parents == [TASK.id]


def test_the_planned_original_passes_without_a_question():
    task, teacher = varied(planned(TASK, PlanSettings())[0], "anything")
    assert task == TASK
    assert teacher.asked == []


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        ("give  Ann her money BACK.", "as it was"),
        ("Use find_order for Ann.", "names a tool"),
        ("请给安退款。", "language"),
    ],
)
def test_variations_that_change_nothing_or_too_much_are_rejected(question, problem):
    with pytest.raises(Rejected, match=problem):
        varied(planned(TASK, PlanSettings())[1], question)


def test_the_same_seed_draws_the_same_persona_and_another_may_draw_others():
    def drawn(seed):
        return [plan.persona for plan in planned(TASK, PlanSettings(seed=seed, variations=5)) if plan.persona]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_code_in_a_persona_is_text(tmp_path):
    touched = tmp_path / "touched"
    evil = f"[__import__('pathlib').Path({str(touched)!r}).touch()]"
    path = tmp_path / "personas.jsonl"
    lines = [
        {
            "occupation": "chief_cook",
            "skills_and_expertise_list": evil,
            "professional_persona": "$question {x}",
        },
        {"age": 40, "hobbies_and_interests_list": "['chess', \"go\"]", "state": "ignored"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    cook, player = read_personas(path)
    assert not touched.exists()
    assert cook.occupation == "chief cook"
    assert player.hobbies_and_interests_list == ["chess", "go"]
    plan = planned(TASK, PlanSettings(augmentations=("persona",)), [cook])[1]
    _, teacher = varied(plan, "I cooked for Ann, she wants a refund.")
    assert "$question {x}" in teacher.asked[0].text()


@pytest.mark.parametrize("line", ["{", "[]", '{"age": "old"}', '{"colour": "red"}'])
def test_a_line_that_is_no_persona_is_named(tmp_path, line):
    path = tmp_path / "personas.jsonl"
    path.write_text('{"age": 30}\n' + line)
    with pytest.raises(BadRecord, match=r"personas\.jsonl:2"):
        read_personas(path)
