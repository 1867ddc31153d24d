"""A second opinion on an exported checkpoint: `transformers` plays the same episode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astra_jax.inference.interface import Completion, ContextOverflow, Sampling


class TransformersEngine:
    """A greedy `GenerationEngine` over `transformers` and PyTorch, for checking and not for speed.

    Raises:
        ImportError: `transformers` or PyTorch is not installed (extra `[eval]`).
    """

    def __init__(self, directory: str | Path, context: int):
        import torch
        import transformers

        self.context = context
        self._torch = torch
        self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            str(directory), dtype=torch.float32
        ).eval()
        # Greedy means the most likely token: a checkpoint's own penalties and lengths do not count here.
        self._model.generation_config = transformers.GenerationConfig()

    async def generate(
        self, token_ids: Sequence[int], sampling: Sampling, *, session: str = ""
    ) -> Completion:
        """Continues greedily, recomputing nothing cleverly.

        Raises:
            ContextOverflow: the prompt leaves no room for a token.
            ValueError: `sampling` is not greedy, or asks for the likeliest tokens.
        """
        if sampling.temperature != 0:
            raise ValueError(f"temperature is {sampling.temperature}: this engine is greedy only")
        if sampling.top_logprobs:
            raise ValueError(
                f"top_logprobs is {sampling.top_logprobs}: this engine tells of drawn tokens alone"
            )
        room = self.context - len(token_ids)
        if room < 1:
            raise ContextOverflow(f"a prompt of {len(token_ids)} tokens does not fit {self.context}")
        torch = self._torch
        prompt = torch.tensor([list(token_ids)])
        with torch.no_grad():
            output = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                max_new_tokens=min(sampling.max_tokens, room),
                eos_token_id=list(sampling.stop_ids),
                pad_token_id=sampling.stop_ids[0],
                return_dict_in_generate=True,
                output_logits=True,
            )
        ids = output.sequences[0, len(token_ids) :].tolist()
        steps = [torch.log_softmax(logits[0].float(), -1) for logits in output.logits]
        logprobs = [float(step[token]) for step, token in zip(steps, ids, strict=True)]
        reason = "stop" if ids[-1] in sampling.stop_ids else "length"
        return Completion(ids, logprobs, reason, [0] * len(ids))

    def release(self, session: str) -> None:
        """There is nothing to forget."""
