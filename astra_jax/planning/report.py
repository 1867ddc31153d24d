"""A plan for people: tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from astra_jax.planning.chips import GIB
from astra_jax.planning.compiled import Fits, TooLarge
from astra_jax.planning.kernels import KERNEL_EFFICIENCY, uncounted
from astra_jax.planning.plan import Plan
from astra_jax.planning.search import Trial, pareto_front

CONVENTION = (
    "Times and MFU are the TPU compiler's estimates, not measurements. Model FLOPs: products with weights and "
    "attention, causal attention at half, recomputation not counted. Of kernels the compiler has no estimate: "
    f"attention over rows and grouped products are counted at {KERNEL_EFFICIENCY:.0%} of the peak, attention of "
    "decoding at the full bandwidth of the memory with every slot full. Communication that computation does not hide "
    "is not in the time."
)


def show_plan(plan: Plan, console: Console) -> None:
    where, program = plan.slice, plan.program
    mesh = (
        ", ".join(f"{axis}={size}" for axis, size in program.mesh.shape.items() if size > 1) or "one device"
    )
    slices = f"{where.count} x " if where.count > 1 else ""
    console.print(
        f"[bold]{program.kind}[/] on {slices}{where.name} ({where.topology}, {where.num_devices} devices; {mesh}): "
        f"{program.size}; remat {program.model.config.remat}, {program.model.config.compute_dtype}",
        highlight=False,
    )
    if isinstance(plan.result, TooLarge):
        console.print(f"[red]does not fit[/]: {plan.result.reason}", highlight=False)
        return
    console.print(_memory_table(plan, plan.result))
    console.print(_step_table(plan, plan.result))
    if not plan.result.timed:
        return
    if others := uncounted(plan.result.estimate.kernels):
        console.print(f"kernels that are not in the time: {', '.join(others)}")
    if plan.result.estimate.open_loops:
        console.print(
            f"{plan.result.estimate.open_loops} loops have a length that depends on data and are counted once: "
            "the time is too short by theirs"
        )


def show_trial(trial: Trial, console: Console) -> None:
    console.print(f"  {trial.words()}: {_outcome(trial)}", highlight=False, soft_wrap=True)


def show_front(trials: Sequence[Trial], console: Console) -> None:
    table = Table("peak GiB", "step s", "MFU bound", "change", title="not beaten in both memory and time")
    for trial in pareto_front(list(trials)):
        assert trial.plan is not None
        assert isinstance(trial.plan.result, Fits)
        table.add_row(
            f"{trial.plan.result.memory.peak / GIB:.2f}",
            f"{trial.plan.seconds:.3f}",
            f"{trial.plan.mfu_bound:.1%}",
            trial.words(),
        )
    console.print(table)


def _outcome(trial: Trial) -> str:
    if trial.plan is None:
        return trial.problem
    if isinstance(trial.plan.result, TooLarge):
        return f"does not fit ({trial.plan.result.reason})"
    fits = f"fits: {trial.plan.result.memory.peak / GIB:.2f} GiB"
    if not trial.plan.result.timed:
        return fits
    return f"{fits} at the peak, {trial.plan.seconds:.3f} s, MFU bound {trial.plan.mfu_bound:.1%}"


def _memory_table(plan: Plan, result: Fits) -> Table:
    available = plan.slice.chip.hbm_gib
    table = Table("each device at the peak", "GiB", "of it")
    for name, size in result.memory.parts.items():
        table.add_row(name, f"{size / GIB:.2f}", f"{size / GIB / available:.0%}")
    peak = result.memory.peak / GIB
    table.add_section()
    table.add_row(f"together, of {available} GiB", f"{peak:.2f}", f"{peak / available:.0%}", style="bold")
    if result.memory.host:
        table.add_row("offloaded to the host", f"{result.memory.host / GIB:.2f}", "")
    return table


def _step_table(plan: Plan, result: Fits) -> Table:
    table = Table("each step, estimated" if result.timed else "each step", "")
    if result.timed:
        table.add_row("compiler's cycles", f"{plan.compiler_seconds:.3f} s")
        table.add_row("attention kernels", f"{plan.attention_seconds:.3f} s")
        if plan.expert_seconds:
            table.add_row("kernels of experts", f"{plan.expert_seconds:.3f} s")
        table.add_row("together, at least", f"{plan.seconds:.3f} s", style="bold")
        table.add_row("MFU, at most", f"{plan.mfu_bound:.1%}", style="bold")
    for axes, size in result.estimate.bytes_by_axis.items():
        table.add_row(f"moved along {axes}", f"{size / GIB:.2f} GiB")
    table.add_row("compiled in", f"{result.compile_seconds:.0f} s")
    return table
