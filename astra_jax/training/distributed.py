"""What a run does once though it has several processes, and what they must have in common.

In a run of one process, which is every run that was not asked for more, all of this does nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Sharding

from astra_jax.training.settings import BadSetting

_NONE = -1


def join(coordinator: str, count: int, index: int, seconds: float) -> None:
    """Makes this process number `index` of `count`; before any other use of JAX.

    The process is aborted if the others do not come within `seconds`: its keeper (`astra_jax.pods.keeper`) says so.
    """
    if count > 1:
        # Its handler of SIGTERM would take the place of ours (`interruption.StopRequests`).
        jax.config.update("jax_enable_preemption_service", False)
        jax.distributed.initialize(
            coordinator,
            count,
            index,
            initialization_timeout=int(seconds),
            cluster_detection_method="deactivate",
        )


def is_first() -> bool:
    """Whether this process is the one that writes files of which there is one."""
    return jax.process_index() == 0


def wait_for_all(name: str) -> None:
    """Returns when every process is here; `name` says where, and is the same everywhere."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def once(name: str, act: Callable[[], Any]) -> None:
    """The first process does `act`; all go on when it has."""
    if is_first():
        act()
    wait_for_all(name)


def any_process(flag: bool) -> bool:
    """Whether `flag` is true in any process. All must ask."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.array(flag)).any())


def from_first(value: int | None) -> int | None:
    """The first process's `value`, in all: two hosts may see a shared folder differently for a moment."""
    if jax.process_count() == 1:
        return value
    sent = int(multihost_utils.broadcast_one_to_all(np.int32(_NONE if value is None else value)))
    return None if sent == _NONE else sent


def check_same(what: str, value: str) -> None:
    """Stops every process if `value` is not the same in all.

    Raises:
        BadSetting: names the process that has another, with both digests.
    """
    if jax.process_count() == 1:
        return
    digest = hashlib.sha256(value.encode()).digest()
    digests = multihost_utils.process_allgather(np.frombuffer(digest, np.uint8))
    for index, other in enumerate(digests):
        if not np.array_equal(other, digests[0]):
            ours, theirs = (bytes(d).hex()[:12] for d in (digests[0], other))
            raise BadSetting(
                f"process {index} has another {what} than process 0: digest {theirs} and not {ours}"
            )


def gather(value: Any) -> list[Any]:
    """What each process has, in the order of their numbers, in all of them: JSON values. All must call it."""
    if jax.process_count() == 1:
        return [value]
    mine = np.frombuffer(json.dumps(value).encode(), np.uint8)
    lengths = multihost_utils.process_allgather(np.array(len(mine)))
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: len(mine)] = mine
    every = multihost_utils.process_allgather(padded)
    return [json.loads(row[:length].tobytes()) for row, length in zip(every, lengths, strict=True)]


def put(value: np.ndarray, sharding: Sharding) -> jax.Array:
    """A host's array, the same in every process, on the devices of all: each process copies what its devices hold."""
    return jax.make_array_from_callback(value.shape, sharding, lambda index: value[index])
