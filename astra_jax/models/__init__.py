"""The transformer that the trainer and the sampler share."""

from astra_jax.models.cache import KVCache, init_cache
from astra_jax.models.config import ModelConfig
from astra_jax.models.transformer import Transformer, abstract_model

__all__ = ["KVCache", "ModelConfig", "Transformer", "abstract_model", "init_cache"]
