from contextlib import suppress

import numpy as np
import pytest

from astra_jax.sft.ahead import Ahead
from astra_jax.sft.data import Mixture, Packing, make_dataset
from astra_jax.training.packing import Sample


def batches() -> Ahead:
    samples = [Sample(np.full(4, i), np.ones(4)) for i in range(5)]
    return Ahead(iter(make_dataset(Mixture([samples], [1.0]), Packing(4, 1), seed=0, epochs=1)))


def rest(ahead: Ahead) -> list[int]:
    """The first tokens of the batches that are left, taken from a copy."""
    copy = batches()
    copy.set_state(ahead.get_state())
    taken = []
    with suppress(StopIteration):
        while True:
            taken.append(int(copy.take().tokens[0, 0]))
    return taken


def test_the_state_is_that_of_what_was_taken():
    plain, ahead = batches(), batches()
    for left in range(4, -1, -1):
        assert np.array_equal(ahead.take().tokens, plain.take().tokens)
        ahead.make_next()
        assert rest(ahead) == rest(plain)
        assert len(rest(ahead)) == left
    with pytest.raises(StopIteration):
        ahead.take()
