"""Everything about a GPU in one command: are its losses right, how fast are learners, inference and a whole run.

Correctness, learners and inference need neither Ray nor Redis. The whole run and the training need both, and say so
where they are missing. With `--device cpu` all of it runs on a machine without a GPU.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from cluster.bench import device_losses, device_rates
from cluster.bench.measure import chosen_device, figure, torch_threads
from cluster.bench.options import BenchOptions, Figure
from cluster.bench.registry import run
from cluster.painter.settings import PresetName, preset
from cluster.training.cpus import available_cpus
from learners.memory import keep_large_blocks

#: Of a training: less shows nothing.
LEAST_MINUTES = 1.0
#: What `evaluate` and the start of a run take of the minutes that are left.
MINUTES_AROUND = 1.0


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield losses, rates, a whole run, and a training of the minutes that are left.

    Unless told otherwise, run and training have an actor on every core that the learners leave.
    """
    begin = time.monotonic()
    device = chosen_device(options)
    actors = 1 if options.quick else options.actors or max(1, available_cpus() - 2)
    options = replace(options, actors=actors)
    keep_large_blocks()
    names: list[PresetName] = [options.preset] if options.preset else ["laptop", "paper"]
    for name in names:  # small batches: the paper's in float32 would take the CPU minutes
        size = 4 if options.quick else 16
        yield from device_losses.bench_preset(
            name, preset(name).replace(canvases=size, discriminator_batch=size), device
        )
    for name in names:
        settings = preset(name)
        settings = settings.replace(canvases=4, discriminator_batch=4) if options.quick else settings
        with torch_threads(settings.system.torch_threads):
            yield from device_rates.bench_preset(name, settings, device, options)
    if missing := [name for name in ("ray", "redis") if not importable(name)]:
        say(f"the whole run and the training are left out: no {' and no '.join(missing)} here")
        return
    yield from whole_run(options, names)
    left = options.minutes - (time.monotonic() - begin) / 60 - MINUTES_AROUND
    if options.quick or left < LEAST_MINUTES:
        say(f"the training is left out: {max(0.0, left):.1f} of {options.minutes:g} minutes are left for it")
        return
    yield from training(device, options, left)


def importable(name: str) -> bool:
    """Tell whether a package is installed."""
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def say(line: str) -> None:
    """Print a line for people."""
    print(f"impasto: bench gpu: {line}", file=sys.stderr, flush=True)


def whole_run(options: BenchOptions, names: list[PresetName]) -> Iterator[Figure]:
    """Yield the figures of `impasto bench train` of each preset."""
    for name in names:
        for each in run(["train"], replace(options, preset=name)):  # type: ignore[arg-type]
            yield each | {"figure": f"gpu {each['figure']}"}


def training(device: torch.device, options: BenchOptions, minutes: float) -> Iterator[Figure]:
    """Train the `laptop` preset on MNIST for some minutes, and yield the judge's figures of its paintings."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "run")
        data = ["--data-dir", options.data_dir] if options.data_dir else []
        words = ["train", "mnist", "--minutes", f"{minutes:.2f}", "--run", place, "--actors", str(options.actors)]
        words += data + (["--learner-gpus", "1"] if device.type == "cuda" else [])
        impasto = [sys.executable, "-m", "cluster"]
        for command in (words, ["evaluate", place, "--json"]):
            done = subprocess.run([*impasto, *command], capture_output=True, text=True)
            if done.returncode:
                lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
                say(f"`impasto {command[0]}` failed: {lines[-1] if lines else done.returncode}")
                return
        found = json.loads(done.stdout.strip().splitlines()[-1])
    painted = found["sets"]["trained"]
    yield figure(
        "gpu training, FD ratio",
        painted["frechet_ratio"],
        "share of the untrained painter's",
        minutes=round(minutes, 2),
        **found,
    )
