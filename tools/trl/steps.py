"""TRL's `SFTTrainer` on a CPU as a worker of `python -m benchmarks.sft`: JSON lines in, JSON lines out.

`{"op": "start", ...}` has the arguments of `start`, and is answered with how full its packed rows are. Then each
`{"op": "step"}` is a step of the trainer's own loop, answered with its seconds, those of all its processors
together, the tokens that the trainer counts in it, and its loss. Everything else goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print


def ask() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        os._exit(0)  # nobody asks any more, and there is nothing to keep
    return json.loads(line)


def answer(value: dict[str, Any]) -> None:
    print(json.dumps({"ok": value}), file=_answers, flush=True)


class Turns(TrainerCallback):
    """Between two steps the trainer waits to be asked: a step is all that it does from then to its next figures."""

    tokens = start = used = 0.0

    def wait(self) -> None:
        ask()
        self.start, self.used = time.perf_counter(), time.process_time()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.wait()

    def on_log(self, *_: Any, logs: dict[str, Any], **__: Any) -> None:
        seconds, used = time.perf_counter() - self.start, time.process_time() - self.used
        tokens, self.tokens = logs["num_tokens"] - self.tokens, logs["num_tokens"]
        answer({"seconds": seconds, "processor": used, "tokens": tokens, "loss": float(logs["loss"])})
        self.wait()


def start(
    *, data: str, model: str, length: int, rows: int, at_once: int, attention: str, rate: float, folder: str
) -> SFTTrainer:
    """
    Args:
        data: JSONL of `input_ids` and `labels`.
        length: tokens of a packed row.
        rows: packed rows of a step.
        at_once: those of one forward pass.
        attention: the implementation, as `transformers` calls it.
        folder: for what it writes.
    """
    with open(data, encoding="utf-8") as lines:
        samples = Dataset.from_list([json.loads(line) for line in lines])
    settings = SFTConfig(
        output_dir=folder,
        max_length=length,
        packing=True,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=rows // at_once,
        max_steps=1_000_000,
        learning_rate=rate,
        lr_scheduler_type="constant",
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    return SFTTrainer(
        AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation=attention),
        args=settings,
        train_dataset=samples,
        processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=[Turns()],
    )


def main() -> None:
    torch.set_num_threads(os.cpu_count() or 1)
    arguments = ask()
    trainer = start(**{name: value for name, value in arguments.items() if name != "op"})
    lengths = [len(row["input_ids"]) for row in trainer.train_dataset]
    answer({"filled": sum(lengths) / (len(lengths) * arguments["length"]), "rows": len(lengths)})
    trainer.train()


if __name__ == "__main__":
    main()
