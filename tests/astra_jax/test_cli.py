"""The command line: what each verb promises, and one sentence instead of a traceback."""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest

from astra_jax import cli, configuration, synthesis
from data_synthesis.environments import NotProved
from data_synthesis.records import Arena, Trajectory, read_records, write_records
from data_synthesis.teacher.transcript import SHIPPED

ROOT = Path(__file__).parents[2]


def verbs(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every verb of the command line, such as `("synth", "arenas")`, with its parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield path, parser
    for group in groups:
        for name, child in group.choices.items():
            yield from verbs(child, (*path, name))


PARSERS = dict(verbs(cli._parser()))
VERBS = list(PARSERS)
CONFIGURED = [verb for verb, parser in PARSERS.items() if "--config" in parser._option_string_actions]
GROUPS = sorted({verb[:1] for verb in VERBS if len(verb) > 1})


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")


def help_of(verb, capsys) -> str:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*verb, "--help"])
    assert exit_.value.code == 0
    return capsys.readouterr().out


def test_the_promised_verbs_are_there():
    promised = {"quickstart", "sft", "rl", "report"}
    promised |= {"synth arenas", "synth trajectories", "synth agreement", "convert smollm2"}
    promised |= {"eval arenas", "eval bfcl", "eval tau2"}
    promised |= {f"convert {what}" for what in ("import", "export", "check")}
    promised |= {f"arenas {what}" for what in ("verify", "stats", "select", "distract", "convert")}
    promised |= {f"rows {what}" for what in ("stats", "select", "convert")}
    assert promised <= {" ".join(verb) for verb in VERBS}


@pytest.mark.parametrize("verb", [*VERBS, *GROUPS], ids=" ".join)
def test_help_shows_an_example_that_can_be_run(verb, capsys):
    text = help_of(verb, capsys)
    (example,) = re.findall(r"example:\n  (astra .*)", text)
    words = shlex.split(example)[1:]
    assert tuple(words[: len(verb)]) == verb
    arguments, rest = cli._parser().parse_known_args(words)
    if hasattr(arguments, "config"):
        configuration.load(arguments.config, cli._overrides(rest))
    else:
        assert rest == []


@pytest.mark.parametrize("group", [(), *GROUPS], ids=" ".join)
def test_help_of_a_group_lists_its_verbs(group, capsys):
    text = help_of(group, capsys)
    assert all(verb[len(group)] in text for verb in VERBS if verb[: len(group)] == group)


@pytest.mark.parametrize("verb", CONFIGURED, ids=" ".join)
def test_a_dry_run_prints_the_resolved_configuration_and_does_nothing(verb, capsys, monkeypatch):
    run = PARSERS[verb].get_default("run")
    monkeypatch.setattr(sys.modules[run.__module__], run.__name__, None)
    assert cli.main([*verb, "--dry-run", "--config.seed=12345"]) == 0
    assert "seed = 12345" in capsys.readouterr().out.splitlines()


def test_help_does_not_wait_for_jax():
    script = "import sys; from astra_jax import cli; cli._parser(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60).returncode == 0


def test_arenas_are_verified(small, tmp_path, capsys):
    proof = tmp_path / "proofs" / "proof.json"
    assert cli.main(["arenas", "verify", str(small.path), "--json", str(proof)]) == 0
    assert "9 of 9 arenas proved" in capsys.readouterr().out
    assert json.loads(proof.read_text())["passed"] == 9
    wrong = small.arenas[0].model_copy(deep=True)
    wrong.gold_calls[0].expected = "something else"
    write_records(tmp_path / "wrong.jsonl", [small.arenas[1], wrong])
    assert cli.main(["arenas", "verify", str(tmp_path / "wrong.jsonl")]) == 1
    assert "1 of 2 arenas proved" in capsys.readouterr().out
    (tmp_path / "torn.jsonl").write_text('{"question":')
    (tmp_path / "empty.jsonl").write_text("")
    for name in ("torn", "empty", "absent"):
        assert cli.main(["arenas", "verify", str(tmp_path / f"{name}.jsonl")]) == 2
        assert f"cannot verify {tmp_path / name}.jsonl" in capsys.readouterr().out


def test_arenas_are_measured_selected_and_converted(small, tmp_path, capsys):
    chosen, rows, folder = tmp_path / "chosen.jsonl", tmp_path / "rows.jsonl", tmp_path / "dataset"
    assert cli.main(["arenas", "stats", str(small.path), "--measures", str(tmp_path / "measures.jsonl")]) == 0
    assert len((tmp_path / "measures.jsonl").read_text().splitlines()) == 9
    assert (
        cli.main(["arenas", "select", str(small.path), "--out", str(chosen), "--size", "3", "--near", "none"])
        == 0
    )
    assert "not checked against" in capsys.readouterr().out
    arenas = list(read_records(chosen, Arena))
    assert len(arenas) == 3
    assert (
        cli.main(["arenas", "convert", str(chosen), str(folder), "--to", "dataset", "--license", "a=MIT"])
        == 0
    )
    assert "mit" in (folder / "README.md").read_text()
    assert cli.main(["arenas", "convert", str(folder), str(rows), "--to", "arenas"]) == 0
    assert list(read_records(rows, Arena)) == arenas
    assert cli.main(["arenas", "verify", str(folder)]) == 0


def test_distractors_are_mixed_in_by_an_embedding_server(small, tmp_path, capsys, monkeypatch):
    class Letters:
        """Counts letters: similar documents have similar counts."""

        name = "letters"

        def embed(self, texts):
            counts = np.array([[text.count(c) + 0.01 for c in "abcdefghijklmnop"] for text in texts])
            return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)

    monkeypatch.setattr("data_synthesis.embedding.open_embedder", lambda where, model: Letters())
    out = tmp_path / "mixed.jsonl"
    command = [
        "arenas",
        "distract",
        str(small.path),
        "--out",
        str(out),
        "--per-band",
        "1",
        "--embedder",
        "http://x/v1",
    ]
    assert cli.main(command) == 0
    assert "9 of 9 arenas proved" in capsys.readouterr().out
    before = {arena.question: len(arena.distractors) for arena in small.arenas}
    assert any(len(arena.distractors) > before[arena.question] for arena in read_records(out, Arena))


def test_records_of_others_enter_at_a_step(tmp_path, capsys):
    out = tmp_path / "first"
    transcripts = ["synth", "arenas", "--config=configs/synth/arenas_transcripts.py"]
    assert cli.main([*transcripts, "--to", "decompose", f"--config.out_dir={out}"]) == 0
    entering = f"--config.entering={out / 'steps' / 'decompose.jsonl'}"
    command = [
        *transcripts,
        "--from",
        "necessity",
        "--to",
        "necessity",
        f"--config.out_dir={tmp_path / 'second'}",
    ]
    assert cli.main([*command, entering]) == 0
    assert "enter at necessity" in capsys.readouterr().out
    assert (tmp_path / "second" / "steps" / "necessity.jsonl").read_text()


def test_arenas_are_made_from_the_generators_and_become_rows(tmp_path, capsys):
    command = ["synth", "arenas", "--config.count=4", "--config.options.docs=brief"]
    for name in ("one", "two"):
        assert cli.main([*command, f"--config.out_dir={tmp_path / name}"]) == 0
    one, two = (tmp_path / name / "arenas.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert f"4 proved arenas in {one}" in capsys.readouterr().out
    arenas = list(read_records(one, Arena))
    assert all(arena.verification and arena.verification.passed for arena in arenas)
    assert cli.main(["synth", "rows", str(one), str(tmp_path / "rows.jsonl")]) == 0
    rows = list(read_records(tmp_path / "rows.jsonl", Trajectory))
    assert [row.provenance.parents for row in rows] == [[arena.id] for arena in arenas]


def test_arenas_are_made_from_transcripts(tmp_path, capsys):
    for folder in sorted(SHIPPED.glob("*/"))[:2]:
        shutil.copytree(folder, tmp_path / "transcripts" / folder.name)
    command = ["synth", "arenas", "--config=configs/synth/arenas_transcripts.py"]
    command += [f"--config.transcripts={tmp_path / 'transcripts'}", f"--config.out_dir={tmp_path / 'out'}"]
    assert cli.main(command) == 0
    assert "proved arenas in" in capsys.readouterr().out
    arenas = list(read_records(tmp_path / "out" / "arenas.jsonl", Arena))
    assert {arena.provenance.teacher for arena in arenas} == {"transcript"}


def test_a_checkpoint_is_evaluated_and_reported(small, policy, tmp_path, capsys):
    episodes, summary = tmp_path / "eval" / "episodes.jsonl", tmp_path / "new" / "summary.json"
    command = ["eval", "arenas", f"--config.model={policy}", f"--config.arenas={small.path}"]
    command += [f"--config.episodes={episodes}", "--json", str(summary)]
    command += [
        "--config.engine.slots=10",
        "--config.engine.context=448",
        "--config.limits.max_turn_tokens=48",
    ]
    assert cli.main(command) == 0
    result = json.loads(summary.read_text())
    assert (result["episodes"], result["arenas"], result["unknown"]) == (9, 9, 0)
    assert set(result["ci95"]) == {"f1", "recall", "precision", "success", "calls", "turns"}
    assert 0 <= result["f1"] <= 1
    assert cli.main(["report", str(episodes), "--out", str(tmp_path / "page.html")]) == 0
    assert small.arenas[0].question.split()[-1] in (tmp_path / "page.html").read_text()
    capsys.readouterr()


def damaged(small, folder, name) -> Path:
    """The arenas, of which the first is wrong in the way of this name."""
    first = small.arenas[0].model_copy(deep=True)
    if name == "unproved":
        first.verification = None
    elif name == "unsolved":
        first.gold_calls[0].expected = "something else"
    else:
        first.tools[0].source = "def broken(:"
    write_records(folder / f"{name}.jsonl", [first, *small.arenas[1:]])
    return folder / f"{name}.jsonl"


DAMAGES = ("unproved", "unsolved", "unopened")
# A command, and what its one sentence must say. {small}, {policy}, {tmp} and the damages are paths.
MISTAKES = {
    "model directory": (
        "rl {run} --config.model={tmp}/no --config.arenas={small}",
        "no.* has no tokenizer.json",
    ),
    "model of eval": (
        "eval arenas --config.model={tmp} --config.arenas={small}",
        "tmp|config.json|tokenizer.json",
    ),
    "data file": (
        "sft {run} --config.model.path={policy} --config.data.path={tmp}/no.jsonl",
        "no.jsonl: No such file",
    ),
    "data not given": ("sft {run} --config.model.path={policy}", "config.data.path is empty"),
    "arenas file": (
        "rl {run} --config.model={policy} --config.arenas={tmp}/no.jsonl",
        "no.jsonl: No such file",
    ),
    "arenas of eval": (
        "eval arenas --config.model={policy} --config.arenas={tmp}/no.jsonl",
        "no.jsonl: No such file",
    ),
    "a folder": ("eval arenas --config.model={policy} --config.arenas={tmp}", "Is a directory"),
    "unproved arenas": (
        "rl {run} --config.model={policy} --config.arenas={unproved}",
        "is not proved: run `astra",
    ),
    "unsolved arenas": (
        "synth rows {unsolved} {tmp}/rows.jsonl",
        "do not solve it; run `astra arenas verify`",
    ),
    "arenas that do not load": ("synth rows {unopened} {tmp}/rows.jsonl", "arena .* cannot be opened"),
    "not arenas": ("rl {run} --config.model={policy} --config.arenas={policy}/config.json", "config.json:1"),
    "unknown key": (
        "rl --config.grup_size=3",
        "no configuration key `grup_size`; did you mean `group_size`?",
    ),
    "wrong type": ("rl --config.steps=many", "`steps` is of type int, not 'many'"),
    "required key": ("rl", "configuration key `run_dir` must be set: --config.run_dir=..."),
    "configuration": ("rl --config={tmp}/no.py", "there is no configuration file"),
    "bare argument": ("rl extra", "unknown argument extra; fields are set by --config.KEY=VALUE"),
    "value apart": ("rl --config.steps 3", "unknown argument 3; fields are set by --config.KEY=VALUE"),
    "teacher": (
        "synth arenas --config.teacher=oracle",
        "config.teacher is 'oracle'; known: procedural, transcript",
    ),
    "domain": ("synth arenas --config.domains=bank,moon", "there is no domain 'moon'; the domains are"),
    "options": (
        "synth arenas --config.options.max_sub_questions=9",
        "config.options: sub-questions must be within 1",
    ),
    "transcripts": (
        "synth arenas --config.teacher=transcript --config.transcripts={tmp}",
        "holds no transcript",
    ),
    "steps": ("synth arenas --config.teacher=transcript --config.entering=x", "say which with --from STEP"),
    "seeds": ("synth arenas --config.teacher=server", "config.seeds.path is empty: name a file"),
    "mode": (
        "synth arenas --config.teacher=server --config.seeds.path=x --config.seeds.mode=zh_kb",
        "config.seeds: there is no mode 'zh_kb'; the modes are question, domain",
    ),
    "quantile": (
        "synth arenas --config.teacher=transcript --config.score_quantile=1.5",
        "score_quantile must be at least 0 and under 1",
    ),
    "records at once": (
        "synth arenas --config.teacher=transcript --config.records_at_once=0",
        "config.records_at_once, .* must be 1 or more, not 0",
    ),
    "budget": (
        "synth arenas --config.teacher=transcript --config.budget.codes=0",
        "codes of a budget must be 1",
    ),
    "mix": ("arenas select {tmp}/x.jsonl --out {tmp}/y.jsonl --mix even", "even is no mix"),
    "near": (
        "arenas select {tmp}/x.jsonl --out {tmp}/y.jsonl --near close",
        "--near is a similarity between 0 and 1",
    ),
    "no embedder": ("arenas distract x.jsonl --out y.jsonl --embedder none", "bands are of similarity"),
    "embedder": ("arenas distract x.jsonl --out y.jsonl --embedder bert", "no embedder is called 'bert'"),
    "embedding model": (
        "arenas distract x --out y --embedder http://x/v1",
        "say which model http://x/v1 is to embed",
    ),
    "bands": (
        "arenas distract x --out y --embedder http://x/v1 --embedding-model m --per-band -1",
        "no bands",
    ),
    "licence": ("arenas convert x y --to dataset --license =MIT", "a licence is given as NAME=SPDX"),
    "level": (
        "synth arenas --config.sandbox_level=HIGH",
        "config.sandbox_level is 'HIGH'; known: NONE, SECCOMP",
    ),
    "report": ("report {tmp}/no", "no does not exist"),
    "nothing to report": ("report {policy}/tokenizer.json", "no arena, trajectory or episode"),
    "folder in the way": ("convert smollm2 {policy}", "exists: remove it or choose another name"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake, small, policy, tmp_path, capsys):
    command, sentence = MISTAKES[mistake]
    places = {
        "small": small.path,
        "policy": policy,
        "tmp": tmp_path,
        "run": f"--config.run_dir={tmp_path / 'run'}",
    }
    places |= {name: damaged(small, tmp_path, name) for name in DAMAGES if f"{{{name}}}" in command}
    assert cli.main(command.format(**places).split()) == 2
    error = capsys.readouterr().err
    assert re.search(sentence, error)
    assert error.startswith("astra: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (BrokenProcessPool("while the future was pending"), "a worker process was killed"),
        (NotProved("generated arena x (bank) is not proved: dead"), "arena x .bank. is not proved: dead"),
    ],
    ids=["a killed worker", "a wrong generator"],
)
def test_what_fails_while_arenas_are_made_is_one_sentence(failure, sentence, monkeypatch, tmp_path, capsys):
    def fails(*_, **__):
        raise failure

    monkeypatch.setattr(synthesis, "generate_arenas", fails)
    assert cli.main(["synth", "arenas", f"--config.out_dir={tmp_path}"]) == 2
    error = capsys.readouterr().err
    assert re.match(f"astra: .*{sentence}", error)
    assert error.count("\n") == 1


def test_an_argument_that_a_verb_does_not_have_is_refused(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["report", "somewhere", "--colour"])
    assert exit_.value.code == 2
    assert "unknown argument --colour" in capsys.readouterr().err


def test_a_bug_shows_its_traceback(monkeypatch):
    monkeypatch.setattr(cli.configuration, "load", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["rl"])


def test_an_interrupt_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.configuration, "load", interrupted)
    assert cli.main(["rl"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"), [([], "Hugging Face directory: made"), (["--rollout-only"], "Batches: made")]
)
def test_a_run_says_what_it_has_made(monkeypatch, capsys, flags, said):
    monkeypatch.setattr("astra_jax.rl.train", lambda config, console: "made")
    assert cli.main(["rl", *flags, "--config.run_dir=run", "--config.model=model"]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(("same", "code"), [(True, 0), (None, 0), (False, 1)])
def test_a_quickstart_whose_export_plays_otherwise_fails(monkeypatch, tmp_path, same, code):
    ran = []
    monkeypatch.setattr("jax.config.update", lambda name, value: ran.append((name, value)))
    monkeypatch.setattr(
        "astra_jax.quickstart.quickstart",
        lambda config, console, fresh, until: {"hf_check": {"same_greedy_episode": same}},
    )
    assert cli.main(["quickstart", f"--config.run_dir={tmp_path}", "--config.cpu_devices=3"]) == code
    assert ran == [("jax_num_cpu_devices", 3)]
