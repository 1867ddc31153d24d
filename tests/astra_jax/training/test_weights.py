import jax.numpy as jnp
import pytest

from astra_jax.training.checkpoint import SaveFailed
from astra_jax.training.weights import WeightsFolder
from tests.astra_jax.training.conftest import full_disk


def test_what_could_not_be_written_in_the_background_is_said_when_the_folder_is_left(tmp_path):
    weights = WeightsFolder(tmp_path, every=1, best=0, in_background=True)
    weights.save(1, {"w": jnp.ones(4)}, None)
    weights.wait()
    with full_disk():
        weights.save(2, {"w": jnp.ones(4)}, None)
        with pytest.raises(SaveFailed, match=r"step 2 was not saved \(no space left on the disk\); .* again"):
            weights.close()
    WeightsFolder(tmp_path, every=1, best=0).close()
    assert [path.name for path in tmp_path.iterdir()] == ["1"]  # no remains either
