"""Helpers of all benchmarks: rates per CPU-second, measured in turns, the device, and the form of a figure."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from cluster.bench.options import BenchOptions, Figure
from cluster.errors import UserError


def figure(name: str, value: float, unit: str, **detail: Any) -> Figure:
    """Make a figure, its value rounded to four digits."""
    return {"figure": name, "value": rounded(value), "unit": unit, "detail": detail}


def rounded(value: float) -> float:
    """Round to four significant digits."""
    return float(f"{value:.4g}")


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Describe the repeats behind a median: their number, smallest and largest."""
    return {"repeats": len(values), "min": rounded(min(values)), "max": rounded(max(values))}


def chosen_device(options: BenchOptions) -> torch.device:
    """Return the device to measure.

    Raises:
        UserError: A GPU is asked for, and there is none.
    """
    there = torch.cuda.is_available()
    if options.device == "cuda" and not there:
        raise UserError("device: torch finds no GPU here; give --device cpu, or a torch that is built for the GPU")
    return torch.device("cuda" if there and options.device != "cpu" else "cpu")


def device_name(device: torch.device) -> str:
    """Name the device in a figure's detail: the GPU's own name, or `cpu`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def wait_for(device: torch.device) -> None:
    """Wait until all is computed that a GPU was told to compute."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute on `count` threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def cpu_rate(work: Callable[[], int], seconds: float) -> float:
    """Call `work`, which returns its amount, until `seconds` of CPU time are spent; returns work per CPU-second."""
    start = time.process_time()
    done = work()
    while (spent := time.process_time() - start) < seconds:
        done += work()
    return done / spent


def cpu_rates(works: Mapping[str, Callable[[], int]], options: BenchOptions) -> dict[str, list[float]]:
    """Measure rates of several ways of doing the same, in turns, so that a slow machine slows all of them.

    Each is called once before, to allocate and to fill caches.
    """
    repeats, seconds = (1, 1e-3) if options.quick else (options.repeats, options.repeat_seconds)
    rates: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(repeats):
        for name, work in works.items():
            rates[name].append(cpu_rate(work, seconds))
    return rates


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Compute the median of the ratios of measurements that were taken in the same turn."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
