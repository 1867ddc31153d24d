import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_jax.rl.arena_stream import ArenaStream
from astra_jax.training.settings import BadSetting
from data_synthesis.records import SCHEMA_VERSION, BadRecord, Check, VerificationReport, write_records

PROVED = VerificationReport(passed=True)
REFUTED = VerificationReport(passed=False, checks=[Check(name="replay", passed=False, reason="wrong")])


@given(count=st.integers(1, 20), seed=st.integers(0, 99), epoch=st.integers(0, 3))
def test_each_epoch_has_every_arena_once(arena, count, seed, epoch):
    arenas = [arena(n) for n in range(count)]
    stream = ArenaStream(arenas, seed)
    played = [stream[n].id for n in range(epoch * count, (epoch + 1) * count)]
    assert sorted(played) == sorted(a.id for a in arenas)


def test_epochs_and_seeds_have_orders_of_their_own(arena):
    arenas = [arena(n) for n in range(12)]

    def orders(seed):
        stream = ArenaStream(arenas, seed)
        return [tuple(stream[n].id for n in range(start, start + 12)) for start in (0, 12)]

    assert orders(1) == orders(1)
    assert len({*orders(1), *orders(2)}) == 4


def test_a_file_is_read_with_its_digest(arena, tmp_path):
    path = tmp_path / "arenas.jsonl"
    proved = [arena(n).model_copy(update={"verification": PROVED}) for n in range(3)]
    write_records(path, proved)
    stream = ArenaStream.read(path, seed=0)
    assert stream.arenas == proved
    assert (len(stream), stream.position) == (3, 0)
    write_records(path, proved[:2])
    assert ArenaStream.read(path, seed=0).digest != stream.digest


@pytest.mark.parametrize("report", [None, REFUTED], ids=["never proved", "refuted"])
def test_an_arena_without_a_proof_is_refused_by_name(arena, tmp_path, report):
    path = tmp_path / "arenas.jsonl"
    bad = arena(1).model_copy(update={"verification": report})
    write_records(path, [arena(0).model_copy(update={"verification": PROVED}), bad])
    with pytest.raises(BadSetting, match=rf"arena {bad.id} in .*arenas.jsonl is not proved"):
        ArenaStream.read(path, seed=0)


def test_an_arena_that_was_changed_after_its_proof_is_refused(arena, tmp_path):
    path = tmp_path / "arenas.jsonl"
    proved = arena(1).model_copy(update={"verification": PROVED})
    write_records(path, [proved.model_copy(update={"question": "What else?"})])
    with pytest.raises(BadSetting, match=rf"arena {proved.id} in .*arenas.jsonl is not what was proved"):
        ArenaStream.read(path, seed=0)


def test_an_arena_of_another_schema_keeps_the_id_that_it_has_there(arena, tmp_path):
    path = tmp_path / "arenas.jsonl"
    newer = {"verification": PROVED, "schema_version": SCHEMA_VERSION + 1, "id": "made-there"}
    write_records(path, [arena(1).model_copy(update=newer)])
    assert ArenaStream.read(path, seed=0).arenas[0].id == "made-there"


def test_a_file_without_arenas_is_refused(tmp_path):
    path = tmp_path / "arenas.jsonl"
    path.write_text("\n")
    with pytest.raises(BadSetting, match=r"arenas.jsonl holds no arena"):
        ArenaStream.read(path, seed=0)
    path.write_text('{"question": ""}\n')
    with pytest.raises(BadRecord, match=r"arenas.jsonl:1: field `question`"):
        ArenaStream.read(path, seed=0)
