import re
from collections import Counter

import pytest

from data_synthesis.trajectories.language import same_language
from data_synthesis.trajectories.rehearsal.script import SHIPPED, Rehearsal, WrittenTask

SERVERS = {"Git", "Shop database", "Arithmetic", "Files", "Memory"}
CHINESE = {"Git 仓库", "商店数据库", "算术", "文件", "记忆"}
SHIPPED_FILES = {path.stem: path for path in sorted(SHIPPED.glob("*.json"))}
NAME_LIKE = re.compile(r"_|[a-z][A-Z]")
URL = re.compile(r"https?://", re.IGNORECASE)


@pytest.fixture(params=SHIPPED_FILES)
def rehearsal(request) -> Rehearsal:
    return Rehearsal.model_validate_json(SHIPPED_FILES[request.param].read_bytes())


def requests(task: WrittenTask) -> list[str]:
    return [task.query, *task.variations.values()]


def called(task: WrittenTask) -> list[str]:
    """In the order of their first calls."""
    return list(dict.fromkeys(call.name for turn in task.turns for call in turn.calls))


def all_tasks() -> list[WrittenTask]:
    files = [Rehearsal.model_validate_json(path.read_bytes()) for path in SHIPPED_FILES.values()]
    return [task for file in files for task in file.tasks]


def test_there_is_one_for_each_server_that_is_installed():
    titles = [Rehearsal.model_validate_json(path.read_bytes()).server for path in SHIPPED_FILES.values()]
    assert sorted(titles) == sorted(SERVERS | CHINESE)


def test_a_server_has_several_chains_with_up_to_three_requests_each(rehearsal: Rehearsal):
    chains = Counter(tuple(task.tools) for task in rehearsal.tasks)
    assert len(chains) >= (5 if rehearsal.server in SERVERS else 1)
    # As many as `PlanSettings.samples` asks for.
    assert all(2 <= count <= 3 for count in chains.values())
    assert all(2 <= len(set(chain)) == len(chain) <= 4 for chain in chains)


def test_no_request_gives_a_tool_away_or_spells_out_its_calls(rehearsal: Rehearsal):
    for task in rehearsal.tasks:
        for text in requests(task):
            assert not NAME_LIKE.search(text), text
            assert "«" not in text


def test_requests_are_varied_in_known_ways_and_stay_in_their_language(rehearsal: Rehearsal):
    for task in rehearsal.tasks:
        assert set(task.variations) <= {"diverse", "complicate", "persona"}
        assert all(same_language(task.query, text) for text in requests(task))


def test_all_requests_of_all_files_differ():
    texts = [" ".join(text.split()).casefold() for task in all_tasks() for text in requests(task)]
    assert len(texts) == len(set(texts))


def test_a_run_ends_with_its_only_turn_without_calls(rehearsal: Rehearsal):
    for task in rehearsal.tasks:
        *before, last = task.turns
        assert all(turn.calls for turn in before), task.query
        assert not last.calls
        assert last.say.strip()


def test_a_run_that_is_not_wrong_on_purpose_calls_its_chain_in_order(rehearsal: Rehearsal):
    right = [task for task in rehearsal.tasks if not task.note]
    assert len(right) >= (8 if rehearsal.server in SERVERS else 2)
    for task in right:
        assert called(task) == task.tools, task.query
        said = [turn.say for turn in task.turns]
        assert all(same_language(task.query, text) for text in said), task.query
        assert not URL.search(" ".join(said))


def test_each_server_has_runs_that_are_wrong_on_purpose(rehearsal: Rehearsal):
    notes = [task.note for task in rehearsal.tasks if task.note]
    assert len(notes) == (2 if rehearsal.server in SERVERS else 0)
