"""A pool of engines gives each request the same bits as one engine would."""

import subprocess
import sys
import textwrap

SCRIPT = """
import asyncio, random, jax
jax.config.update("jax_num_cpu_devices", 2)
from flax import nnx
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Sampling
from astra_jax.inference.pool import EnginePool
from astra_jax.models import ModelConfig, Transformer

config = ModelConfig(family="qwen3", vocab_size=61, hidden_size=32, ffn_size=48, num_layers=2, num_heads=2,
                     num_kv_heads=2, head_dim=16, qk_norm=True)
model = Transformer(config, rngs=nnx.Rngs(0))
size = EngineSize(slots=4, context=64, prefill_rows=2, prefill_tokens=16, decode_tokens=4)
rng = random.Random(0)
prompts = [[rng.randrange(61) for _ in range(20)] for _ in range(5)]

async def play(engine, prompt, sample):
    session = f"{prompt[:3]}/{sample}"
    one = await engine.generate(prompt, Sampling(8, (3,), 1.0, sample), session=session)
    two = await engine.generate(prompt + one.token_ids + [1, 2], Sampling(8, (3,), 1.0, 9), session=session)
    engine.release(session)
    return one, two

async def everything(engine):
    return await asyncio.gather(*(play(engine, p, s) for p in prompts for s in range(3)))

pool = EnginePool.on_each(model, size)
assert len(pool.engines) == 2
together = asyncio.run(everything(pool))
assert together == asyncio.run(everything(JaxEngine(model, size)))
assert all(engine.seated for engine in pool.engines), "an engine was never used"
assert not any(vars(pool._homes).values())
pool.push(jax.tree.map(lambda x: x * 2, nnx.to_pure_dict(nnx.state(model))), 3)
assert asyncio.run(play(pool, prompts[0], 0))[0].weight_versions[0] == 3
print("same")
"""


def test_two_engines_give_what_one_gives_and_forget_released_sessions():
    # A process of its own: the number of devices is fixed when JAX starts.
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, timeout=240
    )
    assert ran.stdout.strip() == "same", ran.stderr[-2000:]
