from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from astra_jax import configuration
from astra_jax.configuration import BadConfig

ROOT = Path(__file__).parents[2]
CONFIG = """
from ml_collections import ConfigDict

def get_config():
    config = ConfigDict()
    config.seed = 0
    config.name = "a"
    config.fast = False
    config.sizes = (1, 2)
    config.anything = ConfigDict({"at_all": None})
    config.optimizer = ConfigDict({"learning_rate": 0.1, "warmup": {"steps": 3}})
    return config
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("configs") / "config.py"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("seed=7", "seed", 7),
        ("seed=-1_000", "seed", -1000),
        ("name=7", "name", "7"),
        ("name=", "name", ""),
        ("name=a=b", "name", "a=b"),
        ("fast=true", "fast", True),
        ("fast=False", "fast", False),
        ("sizes=(3,)", "sizes", (3,)),
        ("optimizer.learning_rate=1e-3", "optimizer.learning_rate", 1e-3),
        ("optimizer.learning_rate=2", "optimizer.learning_rate", 2.0),
        ("optimizer.warmup.steps=9", "optimizer.warmup.steps", 9),
        ("anything.at_all=(1, 'x')", "anything.at_all", (1, "x")),
        ("anything.at_all=some words", "anything.at_all", "some words"),
    ],
)
def test_an_override_has_the_type_of_what_it_replaces(path, override, key, value):
    node = configuration.load(path, [override])
    for name in key.split("."):
        node = node[name]
    assert (node, type(node)) == (value, type(value))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("sead=1", "there is no configuration key `sead`; did you mean `seed`?"),
        ("learning_rate=1", "`learning_rate`; did you mean `optimizer.learning_rate`?"),
        ("optimzer.learning_rate=1", "`optimzer.learning_rate`; did you mean `optimizer.learning_rate`?"),
        ("optimizer.warmup.step=1", "`optimizer.warmup.step`; did you mean `optimizer.warmup.steps`?"),
        ("=1", "there is no configuration key ``"),
        ("seed", "--config.seed has no value; write --config.seed=VALUE"),
        ("seed=1.5", "`seed` is of type int, not '1.5'"),
        ("seed=true", "`seed` is of type int, not 'true'"),
        ("seed=True", "`seed` is of type int, not 'True'"),
        ("seed=", "`seed` is of type int, not ''"),
        ("fast=1", "`fast` is true or false, not '1'"),
        ("sizes=[1]", "`sizes` is of type tuple, not '[1]'"),
        ("optimizer.learning_rate=fast", "`optimizer.learning_rate` is of type float, not 'fast'"),
        ("optimizer=1", "`optimizer` is a section; set one of its keys: learning_rate, warmup.steps"),
        ("seed.x=1", "`seed.x`: `seed` is a value and has no keys"),
    ],
)
def test_an_override_that_cannot_be_meant_is_refused_with_what_could_be(path, override, sentence):
    with pytest.raises(BadConfig) as refused:
        configuration.load(path, [override])
    assert sentence in str(refused.value)


@given(
    seed=st.integers(),
    rate=st.floats(allow_nan=False, allow_infinity=False),
    name=st.text(),
    fast=st.booleans(),
)
def test_what_is_written_is_what_is_read(path, seed, rate, name, fast):
    overrides = [f"seed={seed}", f"optimizer.learning_rate={rate!r}", f"name={name}", f"fast={fast}"]
    config = configuration.load(path, overrides)
    assert (config.seed, config.optimizer.learning_rate) == (seed, rate)
    assert (config.name, config.fast) == (name, fast)


@given(seed=st.integers(), sizes=st.lists(st.integers()).map(tuple))
def test_a_description_gives_the_configuration_back(path, seed, sizes):
    config = configuration.load(path, [f"seed={seed}", f"sizes={sizes}"])
    lines = configuration.describe(config).splitlines()
    overrides = [line.replace(" = ", "=").replace("'", "") for line in lines]
    assert configuration.load(path, overrides) == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no get_config() that returns a ConfigDict"),
        ("def get_config(): return {}", "has no get_config() that returns a ConfigDict"),
        ("def get_config(:", "does not run: SyntaxError"),
        ("import no_such_module", "does not run: ModuleNotFoundError"),
        ("def get_config(): return undefined", "does not run: NameError"),
        (
            "from astra_jax import configuration\ndef get_config(): return configuration.load('no_such.py')",
            "there is no configuration file no_such.py",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, sentence):
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(BadConfig) as refused:
        configuration.load(path)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadConfig, match=r"there is no configuration file .*nowhere\.py"):
        configuration.load(tmp_path / "nowhere.py")


def test_a_loaded_configuration_takes_no_new_key(path):
    config = configuration.load(path)
    with pytest.raises((AttributeError, KeyError)):
        config.sead = 1


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs").rglob("*.py")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_every_shipped_configuration_resolves_wherever_it_is_called_from(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(configuration.load(path), ConfigDict)
