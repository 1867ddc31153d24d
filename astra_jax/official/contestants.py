"""Who `astra eval bfcl` and `astra eval tau2` evaluate: a checkpoint in this process, or a model behind a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from astra_jax.evaluation.contestant import Contestant, OutOfContext, Reply
from astra_jax.evaluation.engine_contestant import EngineContestant
from astra_jax.training.settings import BadSetting, part_of
from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.records import Message, ToolSpec, content_hash
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.teacher.server.settings import ServerSettings
from data_synthesis.teacher.server.talker import Talker

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

# How servers say, in an answer 400, that a prompt is too long: OpenAI's code and ours, vLLM's words, SGLang's words.
_TOO_LONG = ("context_length_exceeded", "context length", "longer than the model")


def make_contestant(config: Config) -> tuple[Contestant, int, dict[str, Any]]:
    """Whoever `config.model` is, how many items keep it busy, and what its replies depend on.

    Raises:
        BadSetting: a value of the configuration cannot be used.
        CheckpointError, UnsupportedModel: the directory holds no model.
    """
    if config.server.base_urls:
        server = {
            "model": config.model,
            "temperature": config.temperature,
            "max_tokens": config.max_turn_tokens,
        }
        talker = make_talker({**config.server.to_dict(), **server}, config.out_dir, "server")
        contestant = ServerContestant(talker)
        depends = {"extra_body": config.server.extra_body.to_dict()}
        return contestant, config.server.items_at_once, _identity(config, "server") | depends
    contestant, at_once = _in_process(config)
    depends = {
        "weights": _weights(Path(config.model)),
        "chat_format": config.chat_format,
        "dtype": config.dtype,
    }
    return contestant, at_once, _identity(config, "engine") | depends


def make_talker(server: Mapping[str, Any], out_dir: str, name: str) -> Talker:
    """A model behind a server, whose replies are kept in `out_dir/NAME.sqlite`.

    Raises:
        BadSetting: the settings cannot be used.
    """
    plain = {key: value for key, value in server.items() if key != "items_at_once"}
    try:
        settings = ServerSettings(**plain, attempts=1)
    except ValueError as error:
        raise BadSetting(f"config.{name}: {error}") from error
    return Talker(settings, Path(out_dir) / f"{name}.sqlite")


def _identity(config: Config, kind: str) -> dict[str, Any]:
    names = ("model", "temperature", "max_turn_tokens", "seed")
    return {"kind": kind, **{name: config[name] for name in names}}


def _in_process(config: Config) -> tuple[EngineContestant, int]:
    from astra_jax.inference.checkpoint import episode_format, sampling_model
    from astra_jax.inference.engine import EngineSize
    from astra_jax.inference.pool import EnginePool
    from astra_jax.tokens import Tokenizer

    format = episode_format(config.chat_format, config.model)
    engine = EnginePool.on_each(
        sampling_model(config.model, config.dtype), part_of(config, "engine", EngineSize)
    )
    tokenizer = Tokenizer(Path(config.model))
    contestant = EngineContestant(
        engine, tokenizer, format, config.model, config.temperature, config.max_turn_tokens
    )
    return contestant, engine.episodes_at_once


def _weights(directory: Path) -> str:
    """Tells apart what a directory holds now from what it held before: names, sizes and times of its files."""
    files = sorted(directory.glob("*.safetensors"))
    return content_hash([(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])


class ServerContestant:
    """A model behind an OpenAI-compatible server."""

    def __init__(self, talker: Talker):
        self.name, self._talker = talker.name, talker

    def open(self, item: str, seed: int) -> _ServerConversation:
        return _ServerConversation(self._talker, item, seed)

    async def close(self) -> None:
        await self._talker.close()


class _ServerConversation:
    def __init__(self, talker: Talker, item: str, seed: int):
        self._talker, self._about = talker, (item, seed)

    async def reply(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        try:
            said = await self._talker.say(messages, tools, about=self._about)
        except TeacherError as error:
            if "refused the question with 400" in str(error) and any(
                sign in str(error) for sign in _TOO_LONG
            ):
                raise OutOfContext(str(error)) from error
            raise InfrastructureFailure(str(error)) from error
        return Reply(said.content, said.reasoning, said.parsed(), said.cut_off)

    def close(self) -> None:
        """Servers keep nothing."""
