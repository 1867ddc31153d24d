from dataclasses import replace

from astra_jax.pods.identity import Identity, code_digest, disagreement

FIRST = Identity(
    0, "a", "c0de", {"jax": "0.10.2", "python": "3.12.1"}, {"seed": 0, "optimizer.name": "adamw"}
)
SECOND = replace(FIRST, index=1, host="b")


def write(root, **files: str) -> None:
    for package in ("astra_jax", "data_synthesis"):
        (root / package / "part").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / "astra_jax" / "part" / name).write_text(text)


def test_the_digest_is_of_names_and_contents_and_of_nothing_that_python_leaves_behind(tmp_path):
    write(tmp_path / "a", **{"x.py": "1", "y.py": "2"})
    write(tmp_path / "b", **{"y.py": "2", "x.py": "1"})
    same = code_digest(tmp_path / "a")
    assert code_digest(tmp_path / "b") == same
    write(tmp_path / "b", **{"z.jinja": ""})
    assert code_digest(tmp_path / "b") != same
    (tmp_path / "a" / "astra_jax" / "__pycache__").mkdir()
    (tmp_path / "a" / "astra_jax" / "__pycache__" / "x.pyc").write_text("bytes")
    assert code_digest(tmp_path / "a") == same
    write(tmp_path / "a", **{"x.py": "2", "y.py": "1"})
    assert code_digest(tmp_path / "a") != same


def test_hosts_that_run_the_same_agree():
    assert disagreement([SECOND, FIRST]) is None
    assert disagreement([FIRST]) is None


def test_the_first_that_differs_is_named_with_both_digests():
    sentence = disagreement([replace(SECOND, index=2, code="beef"), SECOND, FIRST])
    assert sentence is not None
    assert "process 2 (b) has other code than process 0 (a): its sources have the digest beef" in sentence
    assert "those of process 0 c0de" in sentence


def test_packages_and_settings_that_differ_are_named():
    old = disagreement([FIRST, replace(SECOND, packages={"jax": "0.9.0", "python": "3.12.1"})])
    assert old is not None
    assert old.endswith("jax is '0.9.0' there and '0.10.2' on process 0")
    other = disagreement([FIRST, replace(SECOND, config={"seed": 0})])
    assert other is not None
    assert other.endswith("optimizer.name is 'absent' there and 'adamw' on process 0")


def test_an_identity_survives_the_wire():
    mine = Identity.mine(3, {"config": {"optimizer": {"name": "adamw", "groups": (1, 2)}}})
    assert mine.config == {"config.optimizer.name": "adamw", "config.optimizer.groups": [1, 2]}
    assert mine.packages["jax"] != "not installed"
    assert Identity.from_json(mine.as_json()) == mine
