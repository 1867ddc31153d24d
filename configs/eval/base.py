"""Evaluation on held-out arenas: every field, with its unit and where its default is from."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.model = ""  # Hugging Face directory with its tokenizer; required
    config.arenas = ""  # JSONL of arenas (or released RL rows); required
    config.episodes = ""  # JSONL to write the episodes to; empty: they are not kept
    config.samples = 1  # episodes of each arena
    config.seed = 0  # of sampling and of the bootstrap
    config.temperature = 0.6  # 0 is greedy. Paper: 0.6 on BFCL
    config.chat_format = "qwen3"  # qwen3 or chatml
    config.dtype = "float32"  # of weights, products and cache in this process; bfloat16 on TPU and GPU
    config.sandbox_level = "LANDLOCK"  # least confinement accepted: NAMESPACES, LANDLOCK, SECCOMP, NONE

    config.limits = ConfigDict()
    config.limits.max_turns = 32  # assistant turns. Paper: 32
    config.limits.max_turn_tokens = 4096  # sampled tokens of one turn
    config.limits.max_prompt_tokens = 25_600  # of question and tools; an arena with more is unknown
    config.limits.max_tokens = 49_152  # tokens after the prompt
    config.limits.call_deadline_s = 2.0  # one tool call, wall clock
    config.limits.deadline_s = 1800.0  # one episode, wall clock

    config.engine = ConfigDict()
    config.engine.slots = 32  # episodes with a KV cache on the device
    config.engine.context = 32_768  # tokens of an episode
    config.engine.prefill_rows = 4  # prompts fed in one dispatch
    config.engine.prefill_tokens = 512  # tokens of each in one dispatch
    config.engine.decode_tokens = 16  # tokens sampled in one dispatch
    config.engine.stop_ids = 4  # stop ids a request may have

    # Servers that sample in the place of an engine in this process; `model` then gives tokenizer and vocabulary.
    config.servers = ConfigDict()
    config.servers.urls = ""  # http://HOST:PORT, several with commas between; empty: none
    config.servers.deadline_s = (
        600.0  # one turn; a server that takes longer is left out, and another is asked
    )
    config.servers.patience_s = 300.0  # without any server, before the evaluation ends
    return config
