"""The whole loop on a laptop: arenas, SFT, RL, evaluation, export and a report, from one call.

Each stage leaves its result in `RUN/stages/NAME.json` when it is complete. Called again, finished stages are skipped
and the one that was cut off goes on from its own checkpoint.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax import rl, sft
from astra_jax.checkpoints.hf import export_model
from astra_jax.evaluation.arenas import evaluate, make_engine, make_player
from astra_jax.evaluation.report import write_report
from astra_jax.evaluation.summary import STAGES, compare_table, paired_difference
from astra_jax.evaluation.transformers_engine import TransformersEngine
from astra_jax.sft.model import load_model
from astra_jax.sharding import make_mesh
from astra_jax.tokens.nano import train_tokenizer
from astra_jax.training.run_folder import RunFolder, write_json
from astra_jax.training.settings import BadSetting, choose
from data_synthesis.arenas import oracle_trajectories
from data_synthesis.environments import Recipe, generate_arenas, synthesise_arenas
from data_synthesis.records import Arena, Episode, Trajectory, read_records, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox, Sandbox
from data_synthesis.teacher.procedural import HELD_OUT, TRAINING, Options, invented_nouns
from data_synthesis.teacher.transcript import TranscriptTeacher

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def quickstart(
    config: Config, console: Console | None = None, *, fresh: bool = False, until: str = ""
) -> dict[str, Any]:
    """Runs the loop as `config` says (`configs/quickstart/nano.py` has every field).

    Args:
        fresh: starts over; what `config.run_dir` held is deleted.
        until: the last stage to run; empty: all, and the report.

    Returns:
        What `RUN/results.json` holds; nothing where `until` ended the run before it.

    Raises:
        BadSetting: `until` is no stage.
        ConfigChanged: the folder was started with another configuration.
    """
    console = console or Console()
    level = choose("sandbox_level", config.sandbox_level, ConfinementLevel.__members__)
    folder = RunFolder(config.run_dir, config.to_dict(), fresh=fresh)
    try:
        with LocalSandbox(level) as sandbox:
            folder.begin()
            console.print(f"[bold]quickstart[/] in {folder.path}; {sandbox.describe()}")
            return _Quickstart(config, folder.path, sandbox, console).run(until)
    finally:
        folder.close()


@dataclass
class _Quickstart:
    config: Config
    root: Path
    sandbox: Sandbox
    console: Console

    def run(self, until: str) -> dict[str, Any]:
        seconds: dict[str, float] = {}
        results: dict[str, Any] = {}
        stages = self._stages()
        if until and until not in stages:
            raise BadSetting(f"there is no stage {until!r}; stages: {', '.join(stages)}")
        for name, stage in stages.items():
            done = self._once(name, stage)
            seconds[name] = done["wall_s"]
            results[name] = done["result"]
            if name == until:
                return {}
        return self._conclude(results, seconds)

    def _stages(self) -> dict[str, Callable[[], Any]]:
        return {
            "arenas": self._make_arenas,
            "transcripts": self._make_transcripts,
            "start": self._draw_model,
            "sft": self._sft,
            "rl": self._rl,
            **{f"eval_{name}": lambda name=name: self._evaluate(name) for name in STAGES},
            "hf_check": self._check_export,
        }

    def _once(self, name: str, stage: Callable[[], Any]) -> dict[str, Any]:
        path = self.root / "stages" / f"{name}.json"
        if path.exists():
            self.console.print(f"[dim]{name}: done before[/]")
            return json.loads(path.read_text("utf-8"))
        self.console.rule(f"[bold]{name}")
        start = time.perf_counter()
        done = {"result": stage(), "wall_s": round(time.perf_counter() - start, 1)}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, done)
        self.console.print(f"{name}: {done['wall_s']} s")
        return done

    def arenas(self, name: str) -> Path:
        return self.root / "arenas" / f"{name}.jsonl"

    def weights(self, name: str) -> Path:
        return self.root / name / "hf"

    def _make_arenas(self) -> dict[str, int]:
        """Three disjoint sets. Held-out arenas are of domains and seeds that nothing is trained on."""
        counts = {}
        for offset, (name, domains) in enumerate(
            {"sft": TRAINING, "rl": TRAINING, "held_out": HELD_OUT}.items()
        ):
            c = self.config.arenas[name]
            recipe = Recipe(c.count, 3 * self.config.seed + offset, domains, Options(**c.options))
            counts[name] = generate_arenas(
                self.arenas(name), recipe, minimum=self.sandbox.level, console=self.console
            )
            self.console.print(f"{name}: {counts[name]} arenas made and proved, domains {', '.join(domains)}")
        return counts

    def _make_transcripts(self) -> dict[str, int]:
        """Arenas from recorded replies, through the pipeline that a language model would go through."""
        teacher = TranscriptTeacher()
        out = self.root / "transcripts"
        funnel = synthesise_arenas(teacher.seeds(), teacher, self.sandbox, out, console=self.console)
        shutil.copyfile(out / "arenas.jsonl", self.arenas("transcripts"))
        return {"arenas": funnel.outputs}

    def _draw_model(self) -> dict[str, int]:
        """Oracle trajectories, a tokenizer of their words, and a model drawn from the seed."""
        config = self.config
        rows = [row for name in ("sft", "transcripts") for row in self._oracle_rows(name)]
        write_records(self.root / "sft.jsonl", rows)
        start = self.weights("random").parent
        tokenizer = train_tokenizer(
            rows[: config.tokenizer.rows],
            start / "tokenizer",
            vocab_size=config.tokenizer.vocab_size,
            texts=_spellings(config.tokenizer.word_weight),
        )
        drawn = config.sft.copy_and_resolve_references()
        drawn.seed = config.seed
        model = load_model(drawn, tokenizer, make_mesh(**drawn.mesh))
        shutil.rmtree(self.weights("random"), ignore_errors=True)  # of a run that was killed just here
        export_model(model, self.weights("random"), tokenizer_dir=start / "tokenizer")
        return {"rows": len(rows), "vocab_size": tokenizer.vocab_size}

    def _oracle_rows(self, name: str) -> list[Trajectory]:
        """Runs of the demonstrator. Transcripts come from all domains: those that are held out stay out of here."""
        arenas = (arena for arena in read_records(self.arenas(name), Arena) if arena.domain not in HELD_OUT)
        c = self.config
        return list(oracle_trajectories(arenas, self.sandbox, seed=c.seed, double_checks=c.double_checks))

    def _sft(self) -> None:
        config = self.config.sft.copy_and_resolve_references()
        config.run_dir = str(self.root / "sft")
        config.model.path = str(self.weights("random"))
        config.data.path = str(self.root / "sft.jsonl")
        config.seed = self.config.seed
        sft.train(config, self.console)

    def _rl(self) -> None:
        config = self.config.rl.copy_and_resolve_references()
        config.run_dir = str(self.root / "rl")
        config.model = str(self.weights("sft"))
        config.arenas = str(self.arenas("rl"))
        config.seed = self.config.seed
        config.sandbox_level = self.config.sandbox_level
        rl.train(config, self.console)

    def _eval_config(self, name: str) -> Config:
        config = self.config.eval.copy_and_resolve_references()
        config.model = str(self.weights(name))
        config.arenas = str(self.arenas("held_out"))
        config.episodes = str(self.root / "eval" / f"{name}.jsonl")
        config.seed = self.config.seed
        config.sandbox_level = self.config.sandbox_level
        return config

    def _evaluate(self, name: str) -> dict[str, Any]:
        return evaluate(self._eval_config(name), self.console)

    def _check_export(self) -> dict[str, Any]:
        """Plays one greedy episode with the engine and with `transformers`, token by token the same."""
        config = self._eval_config("rl")
        config.temperature, config.dtype = 0.0, "float32"  # that of the other
        ours = make_player(config, self.sandbox, make_engine(config))
        try:
            engine = TransformersEngine(self.weights("rl"), config.engine.context)
        except ImportError as error:
            return {"same_greedy_episode": None, "why": f"{error}; pip install 'astra-jax[eval]'"}
        theirs = type(ours)(**{**vars(ours), "engine": engine})
        arena = next(read_records(self.arenas("held_out"), Arena))
        one, other = (asyncio.run(player.play(arena, seed=0)) for player in (ours, theirs))
        gap = max(abs(a - b) for a, b in zip(one.logprobs, other.logprobs, strict=False))
        return {
            "same_greedy_episode": one.token_ids == other.token_ids,
            "arena": arena.id,
            "tokens": len(one.token_ids),
            "max_logprob_gap": gap,
        }

    def _conclude(self, results: dict[str, Any], seconds: dict[str, float]) -> dict[str, Any]:
        stages = {name: results[f"eval_{name}"] for name in STAGES}
        rl_minus_sft = self._difference("rl", "sft")
        summary = {
            **stages,
            "rl_minus_sft_f1": rl_minus_sft["mean"],
            "rl_minus_sft_f1_ci95": rl_minus_sft["ci95"],
            "sft_minus_random_f1_ci95": self._difference("sft", "random")["ci95"],
            "seed": self.config.seed,
            "arenas": results["arenas"] | {"transcripts": results["transcripts"]["arenas"]},
            "hf_check": results["hf_check"],
            "hf_export": str(self.weights("rl")),
            "wall_s": seconds,
            "report": str(self.root / "report.html"),
        }
        write_json(self.root / "results.json", summary)
        write_report(self.root)
        self._print(summary)
        return summary

    def _difference(self, after: str, before: str) -> dict[str, Any]:
        return paired_difference(self._episodes(after), self._episodes(before), seed=self.config.seed)

    def _episodes(self, name: str) -> list[Episode]:
        return list(read_records(self.root / "eval" / f"{name}.jsonl", Episode))

    def _print(self, summary: dict[str, Any]) -> None:
        self.console.rule("[bold]held-out arenas, before and after")
        self.console.print(compare_table(summary))
        if summary["rl_minus_sft_f1_ci95"] is not None:
            low, high = summary["rl_minus_sft_f1_ci95"]
            gain = f"{summary['rl_minus_sft_f1']:+.3f}, 95 % interval [{low:+.3f}, {high:+.3f}]"
            self.console.print(f"RL minus SFT, F1: {gain}", highlight=False)
        self.console.print(
            f"transformers plays the same greedy episode: {summary['hf_check']['same_greedy_episode']}"
        )
        self.console.print(f"checkpoint  {summary['hf_export']}\nreport      {summary['report']}")
        self.console.print(
            f"results     {self.root / 'results.json'}   ({sum(summary['wall_s'].values()):.0f} s in all)"
        )


def _spellings(times: int) -> list[str]:
    """The words that invented arenas draw their nouns from, often enough to become whole tokens."""
    return [f"{word} {word.capitalize()}" for word in invented_nouns()] * times
