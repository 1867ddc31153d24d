import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from astra_jax.rl.arena_stream import ArenaSource, ArenaStream
from astra_jax.training.settings import BadSetting
from data_synthesis.records import SCHEMA_VERSION, BadRecord, Check, VerificationReport, write_records

PROVED = VerificationReport(passed=True)
REFUTED = VerificationReport(passed=False, checks=[Check(name="replay", passed=False, reason="wrong")])


@given(count=st.integers(1, 20), seed=st.integers(0, 99), epoch=st.integers(0, 3))
def test_each_epoch_has_every_arena_once(arena, count, seed, epoch):
    arenas = [arena(n) for n in range(count)]
    stream = ArenaStream([ArenaSource("all", arenas)], seed)
    played = [stream[n].id for n in range(epoch * count, (epoch + 1) * count)]
    assert sorted(played) == sorted(a.id for a in arenas)


def test_epochs_and_seeds_have_orders_of_their_own(arena):
    arenas = [arena(n) for n in range(12)]

    def orders(seed):
        stream = ArenaStream([ArenaSource("all", arenas)], seed)
        return [tuple(stream[n].id for n in range(start, start + 12)) for start in (0, 12)]

    assert orders(1) == orders(1)
    assert len({*orders(1), *orders(2)}) == 4


def test_a_file_is_read_with_its_digest(arena, tmp_path):
    path = tmp_path / "arenas.jsonl"
    proved = [arena(n).model_copy(update={"verification": PROVED}) for n in range(3)]
    write_records(path, proved)
    source = ArenaSource.read(path)
    assert (source.name, source.arenas) == ("arenas", proved)
    write_records(path, proved[:2])
    assert ArenaSource.read(path).digest != source.digest


@pytest.mark.parametrize("report", [None, REFUTED], ids=["never proved", "refuted"])
def test_an_arena_without_a_proof_is_refused_by_name(arena, tmp_path, report):
    path = tmp_path / "arenas.jsonl"
    bad = arena(1).model_copy(update={"verification": report})
    write_records(path, [arena(0).model_copy(update={"verification": PROVED}), bad])
    with pytest.raises(BadSetting, match=rf"arena {bad.id} in .*arenas.jsonl is not proved"):
        ArenaSource.read(path)


def test_an_arena_that_was_changed_after_its_proof_is_refused(arena, tmp_path):
    path = tmp_path / "arenas.jsonl"
    proved = arena(1).model_copy(update={"verification": PROVED})
    write_records(path, [proved.model_copy(update={"question": "What else?"})])
    with pytest.raises(BadSetting, match=rf"arena {proved.id} in .*arenas.jsonl is not what was proved"):
        ArenaSource.read(path)


def test_an_arena_of_another_schema_keeps_the_id_that_it_has_there(arena, tmp_path):
    path = tmp_path / "arenas.jsonl"
    newer = {"verification": PROVED, "schema_version": SCHEMA_VERSION + 1, "id": "made-there"}
    write_records(path, [arena(1).model_copy(update=newer)])
    assert ArenaSource.read(path).arenas[0].id == "made-there"


def test_a_file_without_arenas_is_refused(tmp_path):
    path = tmp_path / "arenas.jsonl"
    path.write_text("\n")
    with pytest.raises(BadSetting, match=r"arenas.jsonl holds no arena"):
        ArenaSource.read(path)
    path.write_text('{"question": ""}\n')
    with pytest.raises(BadRecord, match=r"arenas.jsonl:1: field `question`"):
        ArenaSource.read(path)


@given(weights=st.lists(st.integers(1, 9), min_size=2, max_size=4), played=st.integers(1, 200))
def test_each_source_has_its_share_of_any_number_of_groups_and_each_pass_all_of_its_arenas(
    arena, weights, played
):
    sources = [
        ArenaSource(str(i), [arena(10 * i + n) for n in range(i + 2)], weight)
        for i, weight in enumerate(weights)
    ]
    stream = ArenaStream(sources, seed=3)
    names = [stream.source_of(n) for n in range(played)]
    for i, source in enumerate(sources):
        mine = [stream[n].id for n in range(played) if names[n] == source.name]
        assert abs(len(mine) - played * weights[i] / sum(weights)) <= len(weights) - 1
        whole = len(mine) // len(source.arenas) * len(source.arenas)
        for start in range(0, whole, len(source.arenas)):
            assert set(mine[start : start + len(source.arenas)]) == {a.id for a in source.arenas}


def config(**fields):
    return ConfigDict({"arenas": "", "sources": (), "seed": 0, "train_only": ""} | fields)


def test_sources_of_a_configuration_are_read_and_told(arena, tmp_path):
    for name, count in (("bank", 3), ("museum", 1)):
        proved = [arena(n).model_copy(update={"verification": PROVED}) for n in range(count)]
        write_records(tmp_path / f"{name}.jsonl", proved)
    given = [("bank", f"{tmp_path}/bank.jsonl", 3), ("art", f"{tmp_path}/museum.jsonl", 1)]
    stream = ArenaStream.of(config(sources=given))
    assert stream.describe() == "4 arenas (bank 3 for 75% of groups, art 1 for 25% of groups)"
    alone = ArenaStream.of(config(arenas=given[0][1]))
    assert alone.describe() == "3 arenas"
    assert len({stream.digest, alone.digest, ArenaStream.of(config(sources=given[::-1])).digest}) == 3


def test_where_batches_are_read_there_may_be_no_arenas():
    assert ArenaStream.of(config(train_only="batches")).describe() == "0 arenas"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "one of config.arenas and config.sources is required"),
        ({"arenas": "a.jsonl", "sources": [("a", "a.jsonl", 1)]}, "and only one"),
        ({"sources": [("a", "a.jsonl")]}, r"config.sources has .*'a.jsonl'.*\(name, path, weight\)"),
        ({"sources": [("a", "a.jsonl", 0)]}, "weight of config.sources 'a' is 0"),
        ({"sources": [("a", "a.jsonl", 1), ("a", "b.jsonl", 1)]}, "config.sources has 'a' twice"),
    ],
)
def test_what_is_no_source_is_told(fields, sentence):
    with pytest.raises(BadSetting, match=sentence):
        ArenaStream.of(config(**fields))
