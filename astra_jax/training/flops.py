"""The arithmetic that a model needs, by hand: what a figure of utilisation is measured against.

XLA's own count takes the body of a loop once, so it is of no use for a scanned stack. Convention, as is usual for
MFU: products with weights and the two products of attention, a multiply and an add as two; causal attention at half of
its square; what is computed again for memory's sake is not counted; of a mixture, the experts that a token visits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from flax import nnx

from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.parameter import named_parameters
from astra_jax.training.state import trained_kind

BACKWARD = 2  # times the forward pass: the gradient of the inputs and that of the weights


def train_flops(model: Transformer, rows: int, length: int) -> float:
    """Of one update on `rows` rows of `length` tokens, each row one sequence with loss everywhere."""
    tokens = rows * length
    forward = 2 * product_parameters(model) * tokens + rows * causal_flops(model.config, length)
    return (1 + backward_of(model)) * forward


def backward_of(model: Transformer) -> int:
    """Times the forward pass: frozen weights have no gradient of their own."""
    return BACKWARD if trained_kind(model) is nnx.Param else BACKWARD - 1


def causal_flops(shape: ModelConfig, length: int) -> float:
    """Of attention over one sequence, forward: two products over the pairs of tokens of which one sees the other."""
    pairs = 0.0
    for slides in shape.sliding_layers or (False,) * shape.num_layers:
        seen = min(shape.sliding_window, length) if slides else length
        pairs += seen * length - seen**2 / 2
    return 2 * _attended(shape) * pairs


def extend_flops(model: Transformer, rows: int, new: int, context: int, logits: bool) -> float:
    """Of reading `new` tokens in each of `rows` rows that already hold about `context`, all of which are attended to.

    Args:
        logits: whether the next token's scores are computed.
    """
    shape = model.config
    weights = product_parameters(model) - (0 if logits else shape.vocab_size * shape.hidden_size)
    attention = shape.num_layers * 2 * _attended(shape) * context
    return rows * new * (2 * weights + attention)


def expert_flops(shape: ModelConfig, tokens: int) -> float:
    """Of the experts that tokens visit, forward: three products for each."""
    visits = tokens * shape.experts_per_token * shape.num_layers
    return visits * 3 * 2 * shape.hidden_size * shape.expert_ffn_size


def product_parameters(model: Transformer) -> float:
    """Weights that each token is multiplied with: not the input table, a norm, or an expert that it does not visit."""
    shape = model.config
    return sum(_visited(parameter, shape) for parameter in _linear(model)) + (
        shape.vocab_size * shape.hidden_size
    )


def all_parameters(model: Transformer) -> int:
    return sum(math.prod(parameter.shape) for _, parameter in named_parameters(model))


def _linear(model: Transformer) -> Iterator[nnx.Param]:
    """Maps have inputs and outputs; a table has no inputs (None), a norm or a bias 0."""
    return (p for _, p in named_parameters(model) if p.get_metadata("inputs"))


def _visited(parameter: nnx.Param, shape: ModelConfig) -> float:
    size = math.prod(parameter.shape)
    of_experts = "experts" in parameter.get_metadata("axes")
    return size * shape.experts_per_token / shape.num_experts if of_experts else size


def _attended(shape: ModelConfig) -> int:
    """Multiply-adds of attention for one pair of tokens: the score, and the value's share."""
    return 2 * shape.num_heads * shape.head_dim
