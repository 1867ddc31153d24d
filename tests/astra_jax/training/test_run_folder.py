import pytest

from astra_jax.training.run_folder import ConfigChanged, RunBusy, RunFolder

CONFIG = {"run_dir": "a", "seed": 1, "optimizer": {"learning_rate": 1e-3, "groups": (("x", "y"),)}}


def begun(path, config=CONFIG):
    folder = RunFolder(path, config)
    folder.begin()
    folder.close()


def test_a_run_opens_again_with_its_configuration_wherever_it_was_moved(tmp_path):
    begun(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    RunFolder(tmp_path / "b", CONFIG | {"run_dir": "b"}).close()


def test_what_was_refused_before_a_run_began_can_be_mended_in_its_folder(tmp_path):
    RunFolder(tmp_path, CONFIG).close()
    begun(tmp_path, CONFIG | {"seed": 2})
    RunFolder(tmp_path, CONFIG | {"seed": 2}).close()


def test_a_changed_configuration_is_refused_by_its_keys(tmp_path):
    begun(tmp_path)
    changed = CONFIG | {"seed": 2, "optimizer": {"learning_rate": 1e-4, "groups": (("x", "y"),)}}
    with pytest.raises(ConfigChanged) as error:
        RunFolder(tmp_path, changed)
    assert "optimizer.learning_rate: 0.001 then, 0.0001 now; seed: 1 then, 2 now" in str(error.value)
    assert "groups" not in str(error.value)


def test_one_process_at_a_time_works_in_a_folder(tmp_path):
    folder = RunFolder(tmp_path, CONFIG)
    with pytest.raises(RunBusy, match="another process"):
        RunFolder(tmp_path, CONFIG)
    folder.close()
    RunFolder(tmp_path, CONFIG).close()


def test_a_run_is_done_once_it_says_so(tmp_path):
    folder = RunFolder(tmp_path, CONFIG)
    assert folder.result() is None
    folder.finish({"hf": "hf", "step": 3})
    assert folder.result() == {"hf": "hf", "step": 3}
