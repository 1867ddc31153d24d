"""What processes do together: two of them, with two CPU devices each."""

import json

import pytest

from astra_jax.training.distributed import any_process, check_same, from_first, gather, once
from tests.astra_jax.simulated import run_script

TOGETHER = """
import json, sys
from pathlib import Path
from astra_jax.training import distributed as d
port, index, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
d.join(f"127.0.0.1:{port}", 2, index, 60)
import jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from astra_jax.sharding import make_mesh
said = {"first": d.is_first(), "devices": jax.device_count()}
d.once("file", lambda: (folder / "once").write_text(str(index)))
said["once"] = (folder / "once").read_text()
said["any"] = [d.any_process(index == 1), d.any_process(False)]
said["from_first"] = [d.from_first(index + 3), d.from_first(None if index == 0 else 4)]
said["gather"] = d.gather({"from": index, "text": "a" * (1 + 5 * index)})
mesh = make_mesh(data=1, fsdp=4)
value = np.arange(24, dtype=np.float32).reshape(8, 3)
spread = d.put(value, NamedSharding(mesh, PartitionSpec("fsdp")))
said["mine"] = sum(shard.data.size for shard in spread.addressable_shards)
d.check_same("seed", "3")
try:
    d.check_same("data file", f"of {min(index, 1)}")
except ValueError as error:
    said["differs"] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> list[dict]:
    """What each of the two has to say."""
    folder = tmp_path_factory.mktemp("together")
    outputs = run_script(TOGETHER, str(folder), devices=2, processes=2)
    return [json.loads(output.splitlines()[-1]) for output in outputs]


def test_one_of_them_is_first_and_they_have_all_devices(together):
    assert [said["first"] for said in together] == [True, False]
    assert [said["devices"] for said in together] == [4, 4]


def test_what_is_done_once_is_done_by_the_first_before_the_others_go_on(together):
    assert [said["once"] for said in together] == ["0", "0"]


def test_they_know_of_each_other(together):
    assert [said["any"] for said in together] == [[True, False]] * 2
    assert [said["from_first"] for said in together] == [[3, None]] * 2
    every = [{"from": 0, "text": "a"}, {"from": 1, "text": "aaaaaa"}]
    assert [said["gather"] for said in together] == [every] * 2


def test_each_has_its_part_of_an_array(together):
    assert [said["mine"] for said in together] == [12, 12]


def test_what_should_be_the_same_and_is_not_is_said_by_all(together):
    ours, theirs = (said["differs"] for said in together)
    assert ours == theirs
    assert ours.startswith("process 1 has another data file than process 0: digest ")


def test_a_run_of_one_process_asks_nobody():
    assert (any_process(True), any_process(False), from_first(None), from_first(3)) == (True, False, None, 3)
    assert gather({"a": (1,)}) == [{"a": (1,)}]
    check_same("anything", "at all")
    done = []
    once("list", lambda: done.append(1))
    assert done == [1]
