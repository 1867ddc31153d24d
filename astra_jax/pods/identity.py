"""What a host runs, so that hosts that differ are told apart before anything starts."""

from __future__ import annotations

import hashlib
import json
import platform
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]  # of the sources
SOURCES = ("astra_jax", "data_synthesis")

# Packages whose version decides what is computed, or how processes talk to each other.
PACKAGES = ("flax", "grain", "jax", "jaxlib", "libtpu", "numpy", "optax", "orbax-checkpoint", "tokenizers")

_DIGITS = 12  # of a digest that people compare by eye


@dataclass(frozen=True)
class Identity:
    """One process: its number, its host's name, and what it runs."""

    index: int
    host: str
    code: str  # digest of the sources
    packages: dict[str, str]  # Python's version among them
    config: dict[str, Any]  # resolved, flat

    @classmethod
    def mine(cls, index: int, config: Mapping[str, Any], root: Path = ROOT) -> Identity:
        """Of this process. `config` is the resolved configuration, as nested JSON values."""
        return cls(index, socket.gethostname(), code_digest(root), _versions(), _flatten(config))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Identity:
        return cls(**value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def name(self) -> str:
        return f"process {self.index} ({self.host})"


def code_digest(root: Path = ROOT) -> str:
    """Of every file of the two packages under `root`: names and contents, whatever a version control says."""
    total = hashlib.sha256()
    files = [path for package in SOURCES for path in (root / package).rglob("*") if _counts(path)]
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return total.hexdigest()[:_DIGITS]


def disagreement(identities: Sequence[Identity]) -> str | None:
    """One sentence about the first process that does not run what process 0 runs; None if all do."""
    first, *others = sorted(identities, key=lambda identity: identity.index)
    for other in others:
        if other.code != first.code:
            return (
                f"{other.name} has other code than {first.name}: its sources have the digest {other.code}, "
                f"those of process 0 {first.code}; tpu_scripts/sync.sh copies one tree to all hosts"
            )
        for what, ours, theirs in (
            ("packages", first.packages, other.packages),
            ("configuration", first.config, other.config),
        ):
            if ours != theirs:
                return (
                    f"{other.name} has another {what} than {first.name}: digest {_digest(theirs)} and not "
                    f"{_digest(ours)}; {_differences(ours, theirs)}"
                )
    return None


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    keys = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    return "; ".join(
        f"{key} is {theirs.get(key, 'absent')!r} there and {ours.get(key, 'absent')!r} on process 0"
        for key in keys
    )


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        flat |= _flatten(item, f"{name}.") if isinstance(item, Mapping) else {name: item}
    return json.loads(json.dumps(flat))
