"""What a worker of a cluster does, without one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from deeds import Broken, Deeds, questions

from data_synthesis.pipeline import PipelineError, Policy, RayCluster
from data_synthesis.pipeline.agenda import Work
from data_synthesis.pipeline.worker import Worker, packed, settled_in, unpacked

NAMES = ("twice", "checked", "logged")
POLICY = Policy(concurrency=4, backoff=0.0)


def carry(tmp_path, inputs, names=NAMES, policy=POLICY) -> list[str]:
    async def run() -> list[str]:
        worker = Worker(Deeds(tmp_path / "log.txt"), names, policy)
        return await worker.carry([packed(Work.of(each.model_dump(mode="json"))) for each in inputs])

    return asyncio.run(run())


def test_a_record_travels_as_it_is():
    work = Work.of({"id": "1", "question": "Grüße?"}, level=2)
    assert unpacked(packed(work)) == work


def test_all_that_becomes_of_a_record_is_told_and_parents_come_first(tmp_path):
    told = [settled_in(line) for line in carry(tmp_path, questions(0, "7", "mute"))]
    assert sorted((level, entry.status) for level, entry in told) == [
        *[(0, "done")] * 2,
        *[(1, "done")] * 2,
        (1, "failed"),
        (1, "rejected"),
        *[(2, "done")] * 2,
    ]
    known = {question.id for question in questions(0, "7", "mute")}
    for _, entry in told:
        assert entry.input_id in known
        known |= {output["id"] for output in entry.outputs}


def test_only_the_stages_that_are_asked_for_run(tmp_path):
    assert {settled_in(line)[0] for line in carry(tmp_path, questions(2), names=["checked", "logged"])} == {
        0,
        1,
    }


def test_one_id_in_one_batch_is_worked_on_once(tmp_path):
    carry(tmp_path, questions(0, "1", "11", "1"))
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 3


def test_what_was_settled_before_nobody_could_be_asked_is_told_too(tmp_path):
    lines = carry(tmp_path, questions(0, "nobody there", "1"), policy=replace(POLICY, concurrency=1))
    assert settled_in(lines[0])[0] == 0
    with pytest.raises(PipelineError, match="no server answers; start one"):
        settled_in(lines[-1])


def test_a_worker_that_cannot_begin_says_why():
    (line,) = asyncio.run(Worker(Broken(), NAMES, POLICY).carry([]))
    with pytest.raises(PipelineError, match="a worker cannot begin: RuntimeError: there is no sandbox here"):
        settled_in(line)


def test_without_ray_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("data_synthesis.pipeline.ray_cluster.find_spec", lambda name: None)
    with pytest.raises(PipelineError, match=r"pip install 'astra-jax\[ray\]'"):
        RayCluster(2, tmp_path / "ray.log").__enter__()
