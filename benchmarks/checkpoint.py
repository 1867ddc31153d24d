"""Seconds and host memory of importing and exporting a checkpoint, against other ways of doing the same.

`python -m benchmarks.checkpoint [--json FILE]`. Writes a random Qwen3 of 2.1 GiB (bfloat16) layer by layer and measures
each way in a process of its own: the peak of its resident memory (`VmHWM`, counted from just before), less the arrays
that it makes. The files are in the page cache for all. What it does not show: a cold disk or a network, and the devices
of an accelerator: a CPU's arrays are in the same memory as everything else. `transformers` maps the files, copies none
and keeps layers apart and in their order; its mapped pages count as resident once they are used.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.reporting import Figure, main

MIB = 2**20
VOCAB, HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, HEAD = 151_936, 2048, 6144, 16, 16, 8, 128
LARGEST = VOCAB * HIDDEN * 2  # bytes: the embedding


def write_model(directory: Path) -> None:
    """A Hugging Face directory with random weights; one tensor is in memory at a time."""
    import numpy as np

    from astra_jax.checkpoints.layout import Layout
    from astra_jax.checkpoints.safetensors_dir import write_tensors
    from astra_jax.checkpoints.safetensors_file import NewTensor
    from astra_jax.models.families import find_family, write_config
    from astra_jax.models.parameter import named_parameters

    config, family, generator = model_config(), find_family("qwen3"), np.random.default_rng(0)

    def new(layout: Layout, name: str) -> NewTensor:
        def draw() -> np.ndarray:
            return generator.standard_normal(layout.tensor_shape, np.float32)

        return NewTensor(name, layout.tensor_shape, "bfloat16", draw)

    layouts = [Layout.of(family, path, p) for path, p in named_parameters(abstract_model())]
    write_tensors(directory, [new(layout, name) for layout in layouts for _, name in layout.names()], 2**30)
    (directory / "config.json").write_text(json.dumps(write_config(family, config, "bfloat16")))
    (directory / "tokenizer.json").write_text("{}")


def model_config() -> Any:
    from astra_jax.models import ModelConfig

    return ModelConfig("qwen3", VOCAB, HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, HEAD, qk_norm=True)


def abstract_model() -> Any:
    from astra_jax import models

    return models.abstract_model(model_config())


def status(field: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def measured(act: Callable[[], Any]) -> dict[str, float]:
    """Seconds of `act`, and the most resident memory above what there was before."""
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again
    start, start_processor = time.perf_counter(), time.process_time()
    kept = act()
    seconds, processor = time.perf_counter() - start, time.process_time() - start_processor
    del kept
    return {"seconds": seconds, "processor": processor, "peak": status("VmHWM") - before}


def ours(directory: Path, dtype: str | None, mesh_sizes: dict[str, int] | None = None) -> Any:
    import jax

    from astra_jax.checkpoints.hf import import_model
    from astra_jax.sharding import make_mesh

    mesh = make_mesh(**mesh_sizes) if mesh_sizes else None
    model = import_model(directory, mesh=mesh, param_dtype=dtype)
    jax.block_until_ready(jax.tree.leaves(model))
    return model


def import_here(directory: Path) -> dict[str, float]:
    warm_up()
    return measured(lambda: ours(directory, None))


def import_float32(directory: Path) -> dict[str, float]:
    warm_up()
    return measured(lambda: ours(directory, "float32"))


def import_sharded(directory: Path) -> dict[str, float]:
    warm_up()
    return measured(lambda: ours(directory, None, {"data": 1, "fsdp": 8}))


def load_all(directory: Path) -> dict[str, float]:
    """Every file at once, layers stacked in NumPy, then moved: the shortest program."""
    import jax
    import numpy as np
    from safetensors.numpy import load_file

    from astra_jax.checkpoints.layout import Layout
    from astra_jax.models.families import find_family
    from astra_jax.models.parameter import named_parameters

    warm_up()

    def load() -> list[jax.Array]:
        tensors = {
            k: v for path in sorted(directory.glob("*.safetensors")) for k, v in load_file(path).items()
        }
        arrays = []
        for path, parameter in named_parameters(abstract_model()):
            layout = Layout.of(find_family("qwen3"), path, parameter)
            rows = [tensors[name] for _, name in layout.names()]
            stacked = np.stack([row.T if layout.inputs else row for row in rows])
            arrays.append(jax.device_put(stacked.reshape(layout.shape)))
        return jax.block_until_ready(arrays)

    return measured(load)


def transformers_import(directory: Path) -> dict[str, float]:
    import torch
    import transformers

    transformers.AutoConfig.for_model("qwen3")

    def load() -> Any:
        model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.bfloat16)
        for parameter in model.parameters():
            parameter.data.sum()  # it maps the files, and reads nothing before it is used
        return model

    return measured(load)


def export_here(directory: Path) -> dict[str, float]:
    from astra_jax.checkpoints.hf import export_model

    model = ours(directory, None)
    out = directory.parent / "exported"
    figures = measured(lambda: export_model(model, out, tokenizer_dir=directory))
    return figures | {"identical": float(same_tensors(directory, out))}


def transformers_export(directory: Path) -> dict[str, float]:
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.bfloat16)
    return measured(lambda: model.save_pretrained(directory.parent / "saved"))


def warm_up() -> None:
    """What is paid once a process, and is not about checkpoints."""
    import jax

    jax.block_until_ready(jax.numpy.ones(3) + 1)
    abstract_model()


def same_tensors(a: Path, b: Path) -> bool:
    from astra_jax.checkpoints.safetensors_dir import TensorReader

    with TensorReader(a) as first, TensorReader(b) as second:
        shapes = first.shapes()
        return shapes == second.shapes() and all(
            first.read(n, s, tuple((0, k) for k in s)).tobytes()
            == second.read(n, s, tuple((0, k) for k in s)).tobytes()
            for n, s in shapes.items()
        )


# What is measured -> how, and how many bytes of arrays stay at the end, per byte of the files.
WAYS: dict[str, tuple[Callable[[Path], dict[str, float]], float]] = {
    "import": (import_here, 1.0),
    "import, as float32": (import_float32, 2.0),
    "import over 8 devices": (import_sharded, 1.0),
    "import, load all": (load_all, 1.0),
    "import, transformers": (transformers_import, 1.0),
    "export": (export_here, 0.0),
    "export, transformers": (transformers_export, 0.0),
}


def in_a_process(way: str, directory: Path) -> dict[str, float]:
    devices = "8" if "devices" in way else "1"
    env = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": devices, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "benchmarks.checkpoint", "--way", way, str(directory)]
    result = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, timeout=900, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "model"
        directory.mkdir()
        write_model(directory)
        size = sum(path.stat().st_size for path in directory.glob("*.safetensors"))
        seen = {}
        for way, (_, kept) in WAYS.items():
            seen[way] = in_a_process(way, directory)
            seen[way]["beyond"] = (seen[way]["peak"] - kept * size) / MIB
            for out in ("exported", "saved"):
                shutil.rmtree(Path(scratch) / out, ignore_errors=True)
    return figures(seen, size)


def figures(seen: dict[str, dict[str, float]], size: int) -> list[Figure]:
    limit = 1.5 * LARGEST / MIB
    bar = f"{limit:.0f}: 1.5 times the largest tensor"
    rows = [Figure("model, safetensors in bfloat16", size / 2**30, "GiB", bar="2", met=size >= 2 * 2**30)]
    for way, figure in seen.items():
        mine, beyond = "transformers" not in way and "load all" not in way, figure["beyond"]
        rows.append(Figure(f"{way}: time", figure["seconds"], "s"))
        rows.append(Figure(f"{way}: processor time", figure["processor"], "s"))
        judged = {"bar": bar, "met": beyond < limit} if mine else {}
        rows.append(Figure(f"{way}: memory beyond the arrays", beyond, "MiB", **judged))
    identical = bool(seen["export"]["identical"])
    rows.append(
        Figure("export of the import: same tensors, byte for byte", identical, "", bar="1", met=identical)
    )
    for job, other in (("import", "load all"), ("import", "transformers"), ("export", "transformers")):
        theirs, own = seen[f"{job}, {other}"], seen[job]
        rows.append(
            Figure(f"{job}: processor time, of its", own["processor"] / theirs["processor"], "x", other)
        )
        rows.append(Figure(f"{job}: peak memory, of its", own["peak"] / theirs["peak"], "x", other))
    return rows


if __name__ == "__main__":
    if "--way" in sys.argv:
        print(json.dumps(WAYS[sys.argv[2]][0](Path(sys.argv[3]))))
    else:
        main("Checkpoints", measure)
