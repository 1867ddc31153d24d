"""A generation engine over a mesh, for `astra plan`: what its prefill and its decoding need."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.preset = "qwen3_8b"  # shape without `model.path`: one of astra_jax/planning/shapes
    config.model = ConfigDict()
    config.model.path = ""  # Hugging Face directory; a plan reads its config.json
    config.weights_dtype = "bfloat16"  # of weights, products and cache

    # Over how many devices what is split; -1: all that are left.
    config.mesh = ConfigDict()
    config.mesh.data = -1  # slots
    config.mesh.tensor = 4  # heads, feed-forward, vocabulary; at most the key/value heads

    config.engine = ConfigDict()
    config.engine.slots = 64  # sequences with a cache
    config.engine.context = 8192  # tokens of each
    config.engine.prefill_rows = 4  # prompts fed in one dispatch
    config.engine.prefill_tokens = 512  # tokens of each in one dispatch
    config.engine.decode_tokens = 16  # tokens sampled in one dispatch
    config.engine.stop_ids = 4  # stop ids a request may have
    return config
