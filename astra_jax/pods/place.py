"""Where this process stands among those of a run: said by flags, or found out as Google Cloud tells its TPU hosts.

On GKE and on TPU VMs the hosts of a slice have numbers, and every host can learn the addresses of all. Slices of
one job have numbers too (`MEGASCALE_*`). JAX finds the same answers in `jax._src.clusters.cloud_tpu_cluster`.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PORT = 8476  # on which process 0 listens, where nothing else is said

_METADATA_SECONDS = 5.0

# (attribute of the instance) -> its text; OSError where there is no metadata server.
Attributes = Callable[[str], str]


class NoPod(ValueError):
    """It cannot be known which processes belong together; the message is one sentence for the user."""


@dataclass(frozen=True)
class Place:
    """Process `index` of `count`; process 0 listens on `leader`, HOST:PORT."""

    index: int
    count: int
    leader: str

    def __post_init__(self) -> None:
        host, _, port = self.leader.rpartition(":")
        if not host or not port.isdigit():
            raise NoPod(f"the coordinator is {self.leader!r}: write HOST:PORT")
        if not 0 <= self.index < self.count:
            raise NoPod(
                f"process {self.index} of {self.count}: processes are numbered from 0 to {self.count - 1}"
            )

    @property
    def host(self) -> str:
        return self.leader.rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self.leader.rpartition(":")[2])


def find_place(environ: Mapping[str, str], port: int = PORT) -> Place:
    """The place of this process on a TPU pod.

    Args:
        environ: the environment; `GCE_METADATA_HOST` names another metadata server, as for all of Google's clients.

    Raises:
        NoPod: neither GKE's variables nor a TPU VM's metadata are here.
    """
    if "TPU_WORKER_ID" in environ and "TPU_WORKER_HOSTNAMES" in environ:
        hosts = environ["TPU_WORKER_HOSTNAMES"].split(",")
        return _among_slices(int(environ["TPU_WORKER_ID"]), hosts, environ, port)
    attributes = _metadata(environ.get("GCE_METADATA_HOST", "metadata.google.internal"))
    try:
        number = int(attributes("agent-worker-number"))
        hosts = [_address(entry) for entry in attributes("worker-network-endpoints").split(",")]
        slices = _tpu_env(attributes("tpu-env"))
    except (OSError, ValueError):
        raise NoPod(
            "this is no TPU host that Google Cloud numbers (no TPU_WORKER_ID and TPU_WORKER_HOSTNAMES, and no "
            "metadata server that knows agent-worker-number): say --coordinator, --processes and --process"
        ) from None
    return _among_slices(number, hosts, slices, port)


def _among_slices(worker: int, hosts: list[str], slices: Mapping[str, str], port: int) -> Place:
    count, number = int(slices.get("MEGASCALE_NUM_SLICES", 1)), int(slices.get("MEGASCALE_SLICE_ID", 0))
    first = slices.get("MEGASCALE_COORDINATOR_ADDRESS", hosts[0]).split(":")[0]
    return Place(worker + number * len(hosts), len(hosts) * count, f"{first}:{port}")


def _metadata(server: str) -> Attributes:
    def read(name: str) -> str:
        url = f"http://{server}/computeMetadata/v1/instance/attributes/{name}"
        request = urllib.request.Request(url, headers={"Metadata-Flavor": "Google"})
        with urllib.request.urlopen(request, timeout=_METADATA_SECONDS) as answer:
            return answer.read().decode().strip()

    return read


def _address(entry: str) -> str:
    """`worker-network-endpoints` lists addresses, or name:id:address on older images."""
    return entry.strip().rpartition(":")[2]


def _tpu_env(text: str) -> dict[str, str]:
    """Lines such as `MEGASCALE_NUM_SLICES: '2'`."""
    return {
        name: value for name, value in re.findall(r"^(\w+):\s*'?([^'\n]*)'?\s*$", text, re.MULTILINE) if value
    }
