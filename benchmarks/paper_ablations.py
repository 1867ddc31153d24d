"""The paper's ablations at nano scale: what each choice does, over several seeds.

`python -m benchmarks.paper_ablations [--out DIR] [--seeds 0,1,2] [--studies reward,stages,distractors,staleness]` runs
what is missing, and prints a table of each study; `--docs` writes tables and plots into docs/results.md. Each seed has
arenas, a model and SFT of its own, from the quickstart's stages; each arm is one RL run from there. A run that was cut
off goes on. Arms run beside each other (`--at-once`), each with as many threads, so that their times can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax import configuration
from astra_jax.training.metrics import read_metrics
from astra_jax.training.run_folder import write_json
from benchmarks.ablation_report import complete, filled, plot, rollout_table, table
from data_synthesis.arenas import add_distractors, prove_all, read_arenas
from data_synthesis.arenas.bands import BandSettings, mix_in
from data_synthesis.arenas.distractors import tool_pool
from data_synthesis.embedding import open_embedder
from data_synthesis.environments import Recipe, generate_arenas
from data_synthesis.records import Arena, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox
from data_synthesis.teacher.procedural import HELD_OUT, Options

SFT_ARENAS = 4000
STEPS, TAIL = 30, 10  # updates of an arm; the last ones, whose rollouts are averaged
CLUTTER = 4  # strangers in a cluttered list of tools
HELD_OUT_SETS = {"plain": 150, "cluttered": 150, "missing_function": 100}  # arenas
PLAIN = {"distractors": (0, 0)}  # no strangers: studies of them add their own
AHEAD = {"max_age": 1}  # a batch is stale already: what is left of one waits for the next only
CORRECTED = {"decoupled": True, "correction.token": "tis"}


@dataclass(frozen=True)
class Arm:
    """One run: where it starts, what its configuration of RL changes, and which arenas it trains on.

    Args:
        start: `sft` or `random`.
        changes: of `configs/rl/nano.py`; None: nothing is trained.
    """

    start: str = "sft"
    changes: Mapping[str, Any] | None = field(default_factory=dict)
    arenas: str = "rl"


ARMS = {
    "random": Arm("random", None),
    "sft": Arm("sft", None),
    "rl": Arm(),
    "rl_only": Arm("random"),
    "recall": Arm(changes={"rewards.f1": 0.0, "rewards.recall": 1.0}),
    "precision": Arm(changes={"rewards.f1": 0.0, "rewards.precision": 1.0}),
    "strangers": Arm(arenas="rl_strangers"),
    "bands": Arm(arenas="rl_bands"),
    "one_step": Arm(changes=AHEAD | {"async_steps": 1}),
    "one_step_corrected": Arm(changes=AHEAD | {"async_steps": 1} | CORRECTED),
    "four_steps": Arm(changes=AHEAD | {"async_steps": 4}),
    "four_steps_corrected": Arm(changes=AHEAD | {"async_steps": 4} | CORRECTED),
}

STUDIES = {
    "reward": {"SFT": "sft", "F1": "rl", "recall only": "recall", "precision only": "precision"},
    "stages": {"base": "random", "SFT": "sft", "SFT + RL": "rl", "RL only": "rl_only"},
    "distractors": {"SFT": "sft", "none": "rl", "random": "strangers", "banded": "bands"},
    "staleness": {
        "0": "rl",
        "1": "one_step",
        "1, corrected": "one_step_corrected",
        "4": "four_steps",
        "4, corrected": "four_steps_corrected",
    },
}

# What a study is evaluated on besides `plain`.
SETS_OF = {"stages": "missing_function", "distractors": "cluttered"}


def arms_of(studies: Sequence[str]) -> list[str]:
    """Every arm of the studies, once."""
    return list(dict.fromkeys(arm for study in studies for arm in STUDIES[study].values()))


def sets_of(arm: str) -> list[str]:
    """What the studies that an arm is in are evaluated on."""
    return ["plain", *(name for study, name in SETS_OF.items() if arm in STUDIES[study].values())]


def _edited(path: str, changes: Mapping[str, Any]) -> Any:
    config = configuration.load(path).unlock()
    config.update_from_flattened_dict(dict(changes))
    return config


@dataclass(frozen=True)
class Seed:
    """The folder of one seed: arenas, the model before and after SFT, and a folder for each arm."""

    root: Path
    number: int

    def weights(self, start: str) -> Path:
        return self.root / "base" / start / "hf"

    def arenas(self, name: str) -> Path:
        return self.root / "arenas" / f"{name}.jsonl"

    def prepare(self) -> None:
        """The quickstart up to SFT, and the sets of arenas that it does not have."""
        from astra_jax.quickstart import quickstart

        config = configuration.load("configs/quickstart/nano.py").unlock()
        config.run_dir, config.seed = str(self.root / "base"), self.number
        config.arenas.sft.count = SFT_ARENAS
        config.arenas.held_out.count = 1  # the sets of evaluation are made here
        for each in config.arenas.values():
            each.options.update(PLAIN)
        quickstart(config, Console(), until="sft")
        for name, count in HELD_OUT_SETS.items():
            self._held_out(name, count)
        write_records(self.arenas("rl"), self._training_arenas())  # last: it says that all are there

    def _held_out(self, name: str, count: int) -> None:
        if self.arenas(name).exists():
            return
        self.arenas(name).parent.mkdir(parents=True, exist_ok=True)
        options = configuration.load("configs/quickstart/nano.py").arenas.held_out.options.to_dict() | PLAIN
        if name == "missing_function":
            options["missing_function"] = 1.0
        offset = list(HELD_OUT_SETS).index(name)
        recipe = Recipe(count, 1000 + 10 * self.number + offset, HELD_OUT, Options(**options))
        made = self.arenas(f"{name}.made")
        generate_arenas(made, recipe, minimum=ConfinementLevel.SECCOMP, console=Console())
        arenas = list(read_arenas(made))
        if name == "cluttered":
            pool = tool_pool(self._training_arenas())
            arenas = _proved([add_distractors(arena, pool, CLUTTER, self.number) for arena in arenas])
        write_records(self.arenas(name), arenas)

    def _training_arenas(self) -> list[Arena]:
        return list(read_arenas(self.root / "base" / "arenas" / "rl.jsonl"))

    def add_strangers(self) -> None:
        """RL's arenas with banded distractors, and with as many of any kind."""
        arenas = self._training_arenas()
        pool = tool_pool(arenas)
        banded = list(
            mix_in(arenas, pool, open_embedder("minilm"), BandSettings(per_band=1), seed=self.number)
        )
        counts = [len(b.distractors) - len(a.distractors) for a, b in zip(arenas, banded, strict=True)]
        strangers = [
            add_distractors(arena, pool, count, self.number)
            for arena, count in zip(arenas, counts, strict=True)
        ]
        write_records(self.arenas("rl_bands"), _proved(banded))
        write_records(self.arenas("rl_strangers"), _proved(strangers))  # last: it says that both are there

    def run(self, name: str) -> None:
        """Trains an arm and evaluates it; what is done is not done again."""
        arm, folder = ARMS[name], self.root / name
        weights = self.weights(arm.start)
        if arm.changes is not None:
            weights = self._train(arm, folder)
        results = {each: self._evaluated(weights, folder, each) for each in sets_of(name)}
        write_json(folder / "results.json", results)

    def _train(self, arm: Arm, folder: Path) -> Path:
        from astra_jax import rl

        config = _edited("configs/rl/nano.py", arm.changes or {})
        config.run_dir, config.model = str(folder), str(self.weights(arm.start))
        config.arenas, config.seed, config.steps = str(self.arenas(arm.arenas)), self.number, STEPS
        config.sandbox_level, config.engine.context = "SECCOMP", 576  # room for longer lists of tools
        return rl.train(config)

    def _evaluated(self, weights: Path, folder: Path, name: str) -> dict[str, Any]:
        from astra_jax.evaluation.arenas import evaluate

        config = _edited("configs/eval/nano.py", {"samples": 2, "engine.context": 576})
        config.model, config.arenas, config.seed = str(weights), str(self.arenas(name)), self.number
        config.episodes, config.sandbox_level = str(folder / f"{name}.jsonl"), "SECCOMP"
        return evaluate(config)

    def done(self, name: str) -> bool:
        return (self.root / name / "results.json").exists()

    def curve(self, name: str) -> list[dict[str, Any]]:
        """Metrics of each step of an arm; none where it trains nothing."""
        return read_metrics(self.root / name) if ARMS[name].changes is not None else []

    def results(self, name: str) -> dict[str, Any]:
        return json.loads((self.root / name / "results.json").read_text("utf-8"))


def _proved(arenas: Sequence[Arena]) -> list[Arena]:
    with LocalSandbox(ConfinementLevel.SECCOMP) as sandbox:
        return list(prove_all(arenas, sandbox))


def _alone(out: Path, seed: int, job: str, threads: int) -> bool:
    """Runs one job in a process of its own; its words go to a file. Whether it came to its end."""
    command = [sys.executable, "-m", "benchmarks.paper_ablations", "--out", str(out), "--seeds", str(seed)]
    log = out / f"seed_{seed}" / "logs" / f"{job}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"seed {seed}: {job}", flush=True)
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            [*command, "--only", job],
            env=os.environ
            | {name: str(threads) for name in ("PJRT_NPROC", "OPENBLAS_NUM_THREADS")}
            | {"JAX_COMPILATION_CACHE_DIR": str(out.resolve() / "compiled")},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        print(f"seed {seed}: {job} ended with {done.returncode}: {log}", flush=True)
    return done.returncode == 0


def run_all(out: Path, numbers: Sequence[int], studies: Sequence[str], at_once: int) -> bool:
    """Every arm that is not done, seed by seed: those of a seed are compared. Whether all are done now."""
    seeds = [Seed(out / f"seed_{number}", number) for number in numbers]
    threads = max(1, (os.cpu_count() or 1) // at_once)
    distracted = seeds if "distractors" in studies else []
    rounds: list[list[tuple[Seed, str]]] = [  # each needs what those before it have made
        [(seed, "prepare") for seed in seeds if not seed.arenas("rl").exists()],
        [(seed, "strangers") for seed in distracted if not seed.arenas("rl_strangers").exists()],
        [(seed, arm) for seed in seeds for arm in arms_of(studies) if not seed.done(arm)],
    ]
    with ThreadPoolExecutor(at_once) as pool:
        return all(
            all(list(pool.map(lambda job: _alone(out, job[0].number, job[1], threads), jobs)))
            for jobs in rounds
        )


def tables(seeds: Sequence[Seed], study: str) -> dict[str, str]:
    """The tables of a study, by what they are of."""
    arms = STUDIES[study]
    found = {"plain": table(seeds, arms, "plain")}
    if study in SETS_OF:
        found[SETS_OF[study]] = table(seeds, arms, SETS_OF[study])
    if study == "staleness":
        found["rollouts"] = rollout_table(seeds, arms, TAIL)
    return found


def report(seeds: Sequence[Seed], studies: Sequence[str], docs: bool) -> None:
    """Prints the tables, or puts them and the plots into the document."""
    path = Path("docs/results.md")
    text = path.read_text("utf-8") if docs else ""
    for study in studies:
        known = complete(seeds, STUDIES[study])
        print(f"{study}: {len(known)} of {len(seeds)} seeds have every arm")
        if not known:
            continue
        for name, content in tables(known, study).items():
            if docs:
                text = filled(text, f"{study} {name}", content)
            else:
                print(f"\n{study}, {name}\n{content}")
        if docs:
            plot(known, STUDIES[study], path.with_suffix("") / f"{study}.svg")
    if docs:
        path.write_text(text, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--studies", default=",".join(STUDIES))
    parser.add_argument(
        "--at-once", type=int, default=2, help="arms that run beside each other and share the processors"
    )
    parser.add_argument(
        "--only", default="", metavar="ARM", help="an arm, `prepare` or `strangers`, in this process"
    )
    parser.add_argument("--show", action="store_true", help="run nothing; show what there is")
    parser.add_argument("--docs", action="store_true", help="write the tables and plots into docs/results.md")
    arguments = parser.parse_args()
    seeds = [int(number) for number in arguments.seeds.split(",")]
    if arguments.only:
        seed = Seed(arguments.out / f"seed_{seeds[0]}", seeds[0])
        steps = {"prepare": seed.prepare, "strangers": seed.add_strangers}
        steps.get(arguments.only, partial(seed.run, arguments.only))()
        return
    studies = arguments.studies.split(",")
    whole = arguments.show or run_all(arguments.out, seeds, studies, arguments.at_once)
    report([Seed(arguments.out / f"seed_{number}", number) for number in seeds], studies, arguments.docs)
    sys.exit(not whole)


if __name__ == "__main__":
    main()
