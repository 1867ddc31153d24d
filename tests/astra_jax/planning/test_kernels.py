"""The arithmetic of kernels, counted by hand: the calls of one step say what was computed again."""

import dataclasses
from collections import Counter
from types import SimpleNamespace

import pytest

from astra_jax.models import ModelConfig
from astra_jax.planning.kernels import attention_flops, cache_bytes, expert_flops, uncounted
from astra_jax.planning.programs import Attention

LAYERS, ROWS, LENGTH = 2, 6, 8
SHAPE = ModelConfig(
    "qwen3_moe", 64, 16, LAYERS, 2, 4, 2, 4, num_experts=8, experts_per_token=2, expert_ffn_size=12
)
PROGRAM = SimpleNamespace(
    model=SimpleNamespace(config=SHAPE), attention=Attention(ROWS, LENGTH), tokens=ROWS * LENGTH
)
# Forward: two products of multiply-adds for each pair of tokens, head and element of a head.
ATTENTION = LAYERS * ROWS * 2 * 2 * (4 * 4) * LENGTH * LENGTH / 2
EXPERTS = LAYERS * ROWS * LENGTH * 2 * 3 * 2 * 16 * 12


@pytest.mark.parametrize("micro_batches", [1, 3])
@pytest.mark.parametrize(("forwards", "again"), [(1, 0), (2, 1)])
def test_attention_is_two_products_forward_seven_backward_and_two_for_each_time_again(
    micro_batches, forwards, again
):
    times = LAYERS * micro_batches
    calls = Counter(splash_mha_fwd_x=forwards * times, splash_mha_dq_x=times, splash_mha_dkv_x=times)
    assert attention_flops(PROGRAM, calls) == (2 + 7 + 2 * again) / 2 * ATTENTION


def test_attention_of_a_forward_pass_alone():
    assert attention_flops(PROGRAM, Counter(splash_mha_fwd_x=LAYERS)) == ATTENTION


def test_experts_are_three_products_forward_six_backward_and_those_computed_again():
    times = 3 * LAYERS * 4  # micro-batches
    calls = Counter(gmm=3 * times - LAYERS * 4, tgmm=times)  # two of three again
    assert expert_flops(PROGRAM, calls) == pytest.approx((3 + 6 + 2) / 3 * EXPERTS)


@pytest.mark.parametrize(("dtype", "width"), [("bfloat16", 2), ("float32", 4)])
def test_decoding_reads_keys_and_values_of_every_slot_at_each_token_and_of_a_sliding_layer_the_window(
    dtype, width
):
    shape = dataclasses.replace(
        SHAPE, compute_dtype=dtype, sliding_window=5, sliding_layers=(True, False), num_kv_heads=2
    )
    program = SimpleNamespace(model=SimpleNamespace(config=shape), attention=Attention(ROWS, LENGTH))
    tokens = 16
    entries = ROWS * (5 + LENGTH)
    assert (
        cache_bytes(program, Counter(paged_attention=LAYERS * tokens))
        == tokens * entries * 2 * (2 * 4) * width
    )
    assert cache_bytes(program, Counter(splash_mha_fwd_x=3)) == 0


def test_what_is_not_in_kernels_is_not_counted_and_what_is_not_known_is_named():
    assert attention_flops(PROGRAM, Counter()) == expert_flops(PROGRAM, Counter()) == 0
    assert uncounted(Counter(gmm=1, tgmm=1, splash_mha_fwd_x=1, paged_attention=1, rope=2)) == ["rope"]
