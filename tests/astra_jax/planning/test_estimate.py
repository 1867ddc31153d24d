# ruff: noqa: E501
"""The reading of compiled programs, on text as the compiler writes it."""

import jax
import pytest

from astra_jax.planning.estimate import estimate
from astra_jax.planning.hlo import Module, array_bytes

SIZES = {"data": 1, "fsdp": 2, "tensor": 2}
MESH = jax.sharding.AbstractMesh(tuple(SIZES.values()), tuple(SIZES))

LOOP = """HloModule jit_step, is_scheduled=true

%fused (p: f32[4,8]) -> f32[4,8] {
  %p = f32[4,8]{1,0:T(8,128)} parameter(0)
  ROOT %inside = f32[4,8]{1,0:T(8,128)} add(%p, %p), backend_config={"estimated_cycles":"7"}
}

%hides_one (p.2: f32[4,8]) -> f32[8,8] {
  %p.2 = f32[4,8]{1,0:T(8,128)} parameter(0)
  ROOT %all-gather.1 = f32[8,8]{1,0} all-gather(%p.2), channel_id=5, replica_groups=mesh['axis_0'=2,'axis_1'=2] {'axis_0'}, dimensions={0}
}

%body (carry: (s32[], f32[4,8])) -> (s32[], f32[4,8]) {
  %carry = (s32[]{:T(128)}, f32[4,8]{1,0:T(8,128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%carry), index=0
  %x = f32[4,8]{1,0:T(8,128)} get-tuple-element(%carry), index=1
  %step = s32[]{:T(128)} constant(STEP)
  %next = s32[]{:T(128)} add(%i, %step)
  %one = f32[8,8]{1,0} fusion(%x), kind=kCustom, calls=%hides_one, backend_config={"window_config":{"estimated_cycles":"100"}}
  %two = f32[8,8]{1,0} fusion(%x), kind=kCustom, calls=%hides_one, backend_config={"window_config":{"estimated_cycles":"100"}}
  %y = f32[4,8]{1,0:T(8,128)} fusion(%x), kind=kLoop, calls=%fused, backend_config={"window_config":{"estimated_cycles":"10"}}
  %kernel = f32[4,8]{1,0} custom-call(%y), custom_call_target="tpu_custom_call", operand_layout_constraints={{
}}, metadata={op_name="jit(step)/vmap(splash)/splash_mha_fwd_segmented_residuals/pallas_call"}
  ROOT %out = (s32[]{:T(128)}, f32[4,8]{1,0:T(8,128)}) tuple(%next, %kernel)
}

%condition (carry.1: (s32[], f32[4,8])) -> pred[] {
  %carry.1 = (s32[]{:T(128)}, f32[4,8]{1,0:T(8,128)}) parameter(0)
  %limit = s32[]{:T(128)} constant(36)
  %i.1 = s32[]{:T(128)} get-tuple-element(%carry.1), index=0
  ROOT %less = pred[]{:T(512)} compare(%i.1, %limit), direction=LT
}

%small (s: f32[4,8]) -> f32[4,8] {
  ROOT %s = f32[4,8]{1,0} parameter(0)
}

%large (l: f32[4,8]) -> f32[4,8] {
  %l = f32[4,8]{1,0} parameter(0)
  ROOT %r = f32[4,8]{1,0} fusion(%l), kind=kLoop, calls=%fused, backend_config={"estimated_cycles":"1000"}
}

ENTRY %main (a: f32[4,8]) -> f32[4,8] {
  %a = f32[4,8]{1,0:T(8,128)} parameter(0)
  %zero = s32[] constant(0)
  %start = (s32[], f32[4,8]{1,0}) tuple(%zero, %a)
  %loop = (s32[], f32[4,8]{1,0:T(8,128)}) while(%start), condition=%condition, body=%body
  %b = f32[4,8]{1,0} get-tuple-element(%loop), index=1
  %flag = pred[] constant(true)
  %either = f32[4,8]{1,0} conditional(%flag, %b, %b), branch_computations={%small, %large}
  %ring-start = (f32[4,8]{1,0}, f32[4,8]{1,0}, u32[], u32[]) collective-permute-start(%either), channel_id=9, source_target_pairs={{0,1},{1,0},{2,3},{3,2}}
  %ring = f32[4,8]{1,0} collective-permute-done(%ring-start)
  %sum = f32[4,8]{1,0} all-reduce(%ring), channel_id=10, replica_groups=[1,4]<=[4], to_apply=%fused
  ROOT %listed = f32[2,8]{1,0} reduce-scatter(%sum), channel_id=11, replica_groups={{0,2},{1,3}}, dimensions={0}, to_apply=%fused
}
"""


def read(step: int = 1):
    return estimate(Module.parse(LOOP.replace("STEP", str(step))), MESH)


def test_a_loop_counts_as_often_as_it_runs_and_a_conditional_with_its_dearer_branch():
    assert read().cycles == 36 * 210 + 1000


def test_a_loop_that_counts_by_two_runs_half_as_often():
    assert read(step=2).cycles == 18 * 210 + 1000


def test_kernels_are_counted_by_name_though_their_metadata_breaks_lines():
    assert read().kernels == {"splash_mha_fwd_segmented_residuals": 36}


def test_bytes_are_counted_once_for_each_channel_and_by_the_axes_of_its_groups():
    found = read()
    assert found.collectives == {
        ("all-gather", "fsdp"): 36 * 8 * 8 * 4,
        ("collective-permute", "tensor"): 4 * 8 * 4,
        ("all-reduce", "fsdp+tensor"): 4 * 8 * 4,
        ("reduce-scatter", "fsdp"): 4 * 8 * 4,
    }
    assert found.launches["all-gather", "fsdp"] == 36
    assert found.bytes_by_axis["fsdp"] == 36 * 256 + 128


def test_a_loop_whose_length_depends_on_data_is_counted_once_and_said():
    text = LOOP.replace("STEP", "1").replace(
        "%limit = s32[]{:T(128)} constant(36)", "%limit = s32[] copy(%carry.1)"
    )
    found = estimate(Module.parse(text), MESH)
    assert found.open_loops == 1
    assert found.cycles == 210 + 1000


@pytest.mark.parametrize(
    ("type_text", "sizes"),
    [
        ("bf16[4,8]{1,0:T(8,128)(2,1)S(1)}", [64]),
        ("(f32[2]{0}, pred[3], s4[4]{0}, u32[])", [8, 3, 2, 4]),
        ("f8e4m3fn[16]", [16]),
    ],
)
def test_bytes_of_types(type_text, sizes):
    assert array_bytes(type_text) == sizes
