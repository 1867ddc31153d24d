"""What lies beside the weights in a Hugging Face directory: tokenizer, chat template, how to generate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astra_jax.checkpoints.error import CheckpointError

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
GENERATION_CONFIG = "generation_config.json"


def require_tokenizer(directory: Path) -> None:
    """
    Raises:
        CheckpointError: there is none.
    """
    if not (directory / "tokenizer.json").exists():
        raise CheckpointError(f"{directory / 'tokenizer.json'} is missing: an export needs a tokenizer.")


def companion_bytes(directory: Path) -> int:
    paths = [directory / name for name in (*TOKENIZER_FILES, GENERATION_CONFIG)]
    return sum(path.stat().st_size for path in paths if path.exists())


def copy_generation_config(source: Path, out_dir: Path, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Writes `given`, or what `source` has, if anything; returns its content."""
    path = source / GENERATION_CONFIG
    if given is None and not path.exists():
        return {}
    content = json.loads(path.read_text()) if given is None else given
    write_json(out_dir / GENERATION_CONFIG, content)
    return content


def copy_tokenizer(source: Path, out_dir: Path, chat_template: str | None) -> None:
    """Copies the tokenizer's files; the template becomes `chat_template` if one is given."""
    for name in TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copyfile(source / name, out_dir / name)
    config_path, template_path = out_dir / "tokenizer_config.json", out_dir / "chat_template.jinja"
    if chat_template is not None:
        template_path.write_text(chat_template, encoding="utf-8")
    config = json.loads(config_path.read_text()) if config_path.exists() else {}
    # transformers 5 saves a class name that 4 does not know; early releases of 4 read no separate template.
    if config.get("tokenizer_class", "TokenizersBackend") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if template_path.exists():
        config["chat_template"] = template_path.read_text(encoding="utf-8")
    write_json(config_path, config)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
