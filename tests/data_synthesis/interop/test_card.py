"""The card counts what is in the folder, names what went in, and says what is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
import upstream_cases as cases

from data_synthesis.interop import given_licences, write_dataset
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import Funnel, PipelineError, StageSummary
from data_synthesis.records import Arena, Check, Provenance, VerificationReport

yaml = pytest.importorskip("yaml")

TRIP, FARES = (arena_of(Instance.model_validate(record)) for record in (cases.step_4(), cases.step_5()))


def changed(arena: Arena, **changes: object) -> Arena:
    return Arena.model_validate(arena.model_dump() | changes)


def card_of(tmp_path: Path, *arenas: Arena, **facts) -> tuple[dict, str]:
    write_dataset(arenas, tmp_path / "ferries", **facts)
    _, header, body = (tmp_path / "ferries" / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_header_is_what_hugging_face_reads(tmp_path):
    header, body = card_of(tmp_path, TRIP, FARES, held_out=[FARES])
    assert header["pretty_name"] == "ferries"
    assert header["language"] == ["en"]
    assert header["license"] == ["unknown"]
    assert header["size_categories"] == ["n<1K"]
    assert header["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": ["data/train.parquet"]},
                {"split": "held_out", "path": ["data/held_out.parquet"]},
            ],
        }
    ]
    assert body.strip().startswith("# ferries")
    assert "| default | train | 2 |" in body
    assert "| default | held_out | 1 |" in body


def test_what_is_not_claimed_is_said(tmp_path):
    _, body = card_of(tmp_path, TRIP)
    assert "It does not show that the answers are true" in body
    assert "datasets.load_dataset(" in body


def test_the_mix_stands_beside_the_papers(tmp_path):
    _, body = card_of(tmp_path, TRIP, TRIP, TRIP, FARES)
    assert "| parallel_multi_hop | 3 | 75.0 % | 47.8 % |" in body
    assert "| single_hop | 0 | 0.0 % | 6.8 % |" in body


def test_the_proof_is_told_as_it_was(tmp_path):
    good = changed(
        TRIP, verification=VerificationReport(passed=True, checks=[Check(name="replay", passed=True)])
    )
    bad = Check(name="replay", passed=False, reason="gold_call_fails")
    failed = changed(FARES, verification=VerificationReport(passed=False, checks=[bad]))
    settled = VerificationReport.model_validate({"passed": True, "version": 2})
    _, body = card_of(tmp_path, good, failed, FARES, changed(FARES, verification=settled))
    for line in (
        "| proved | 2 |",
        "| failed | 1 |",
        "| not proved | 1 |",
        "| gold_call_fails | 1 |",
        "| replay | unknown | 2 |",
        '|  | {"version": 2} | 1 |',
    ):
        assert line in body


def test_the_funnel_and_the_costs_are_tables_or_unknown(tmp_path):
    _, body = card_of(tmp_path, TRIP)
    assert "Unknown: no funnel" in body
    assert "Unknown: no record of the teacher's requests" in body
    funnel = Funnel(
        stages=[StageSummary(stage="prove", inputs=1200, outputs=2, rejected={"constant_output": 1198})]
    )
    counts = {
        "requests": 7,
        "refused": 2,
        "input_tokens": 1000,
        "output_tokens": 50,
        "seconds": 1.5,
        "cost": 0.25,
    }
    _, body = card_of(tmp_path, TRIP, funnel=funnel, usage={"decompose/1": counts, "necessity/1": counts})
    assert "| prove | 1,200 | 2 | constant_output 1198 |  |" in body
    assert "| decompose/1 | 7 | 2 | 1,000 | 50 |" in body
    assert "| all | 14 | 4 | 2,000 | 100 | 3 | 0.5 |" in body


def test_an_unknown_licence_is_written_and_a_given_one_fills_it(tmp_path):
    header, body = card_of(tmp_path, TRIP)
    assert "| unknown | source | 1 | unknown |" in body
    assert "| some-model | teacher | 1 | unknown |" in body
    said = changed(FARES, source="ferries.jsonl", license="MIT")
    other = changed(FARES, source="maps.jsonl")
    licences = {
        "maps.jsonl": "CC-BY-4.0",
        "some-model": "Apache-2.0",
        "fonts": "OFL 1.1",
        "ferries.jsonl": "GPL",
    }
    header, body = card_of(tmp_path, TRIP, said, other, licences=licences)
    for line in (
        "| ferries.jsonl | source | 1 | MIT |",
        "| maps.jsonl | source | 1 | CC-BY-4.0 |",
        "| unknown | source | 1 | unknown |",
        "| some-model | teacher | 3 | Apache-2.0 |",
        "| fonts | given |  | OFL 1.1 |",
    ):
        assert line in body
    assert header["license"] == ["apache-2.0", "cc-by-4.0", "mit", "other", "unknown"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"provenance": Provenance.model_validate({"source": "a", "license": "MIT"})},
            "| a | source | 1 | MIT |",
        ),
        ({"source": ["a", "b"], "license": ["MIT", "BSD-2-Clause"]}, "| b | source | 1 | BSD-2-Clause |"),
        ({"source": ["a", "b"], "license": "MIT"}, "| b | source | 1 | MIT |"),
        ({"source": {"odd": 1}, "license": 7}, "| unknown | source | 1 | unknown |"),
        ({"source": "a|b\nc"}, r"| a\|b c | source | 1 | unknown |"),
        ({"provenance": Provenance(teacher="procedural")}, "| procedural | teacher | 1 | Apache-2.0 |"),
    ],
)
def test_where_a_licence_is_said(fields, expected, tmp_path):
    assert expected in card_of(tmp_path, changed(TRIP, **fields))[1]


def test_only_variants_have_a_config_of_their_own(tmp_path):
    follow_ups = [{"content": "Now.", "reveals": ["fare"]}]
    variant = changed(FARES, variant="missing_function", follow_ups=follow_ups)
    header, body = card_of(tmp_path, TRIP, variant)
    assert [config["config_name"] for config in header["configs"]] == ["default", "variants"]
    assert header["configs"][1]["data_files"] == [{"split": "train", "path": ["variants/train.parquet"]}]
    assert "are in the config `variants`" in body
    header, body = card_of(tmp_path, variant)
    assert [config["config_name"] for config in header["configs"]] == ["variants"]
    assert 'load_dataset("PATH", "variants", split="train")' in body


def test_licences_are_given_as_pairs_or_files(tmp_path):
    (tmp_path / "sources.json").write_text('{"maps": "MIT"}')
    given = given_licences(["Qwen/Qwen3-32B=Apache-2.0", str(tmp_path / "sources.json")])
    assert given == {"Qwen/Qwen3-32B": "Apache-2.0", "maps": "MIT"}
    (tmp_path / "bad.json").write_text('{"maps": 3}')
    for item in ("maps=", "=MIT", "maps", str(tmp_path / "bad.json"), str(tmp_path)):
        with pytest.raises(PipelineError):
            given_licences([item])
