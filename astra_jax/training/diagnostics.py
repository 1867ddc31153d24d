"""Figures that a loss reports beside its value, so that micro-batches add up to the right whole."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Total:
    """A sum over everything, as the loss itself is."""

    value: jax.Array

    def reduce(self) -> jax.Array:
        return self.value.sum()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Mean:
    """`total / weight`: of all tokens, not of the micro-batches' means."""

    total: jax.Array
    weight: jax.Array

    @classmethod
    def over(cls, values: jax.Array, mask: jax.Array) -> Mean:
        """The mean of `values` where `mask` is true."""
        return cls(jnp.where(mask, values, 0.0).sum(), mask.sum().astype(jnp.float32))

    def reduce(self) -> jax.Array:
        """One figure from micro-batches stacked on the first axis; 0 when there was nothing to average."""
        return self.total.sum() / jnp.maximum(self.weight.sum(), 1.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Maximum:
    """The largest value anywhere. The value must not be negative: a batch of nothing reports 0."""

    value: jax.Array

    @classmethod
    def over(cls, values: jax.Array, mask: jax.Array) -> Maximum:
        return cls(jnp.where(mask, values, 0.0).max())

    def reduce(self) -> jax.Array:
        return self.value.max()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Minimum:
    """The smallest value anywhere; 0 when there was none."""

    value: jax.Array
    weight: jax.Array

    @classmethod
    def over(cls, values: jax.Array, mask: jax.Array) -> Minimum:
        return cls(jnp.where(mask, values, jnp.inf).min(), mask.sum().astype(jnp.float32))

    def reduce(self) -> jax.Array:
        smallest = jnp.where(self.weight > 0, self.value, jnp.inf).min()
        return jnp.where(self.weight.sum() > 0, smallest, 0.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Deviation:
    """The standard deviation over all tokens; `squares` are summed about the micro-batch's own mean."""

    mean: jax.Array
    squares: jax.Array
    weight: jax.Array

    @classmethod
    def over(cls, values: jax.Array, mask: jax.Array) -> Deviation:
        mean = Mean.over(values, mask)
        own = mean.total / jnp.maximum(mean.weight, 1.0)
        return cls(own, jnp.where(mask, jnp.square(values - own), 0.0).sum(), mean.weight)

    def reduce(self) -> jax.Array:
        weight = jnp.maximum(self.weight.sum(), 1.0)
        whole = (self.weight * self.mean).sum() / weight
        squares = self.squares + self.weight * jnp.square(self.mean - whole)
        return jnp.sqrt(squares.sum() / weight)


Diagnostics = dict[str, Total | Mean | Maximum | Minimum | Deviation]


def reduce_all(stacked: Diagnostics) -> dict[str, jax.Array]:
    """The figures of a step from those of its micro-batches, stacked on the first axis."""
    return {name: figure.reduce() for name, figure in stacked.items()}
