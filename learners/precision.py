"""Precision of forward passes: the one that suits a device, and the autocast context for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
from torch.nn import functional

from learners.settings import ComputedPrecision, Precision

#: How many times as fast products have to be that the conversions to bfloat16 pay.
WORTH_IT = 1.2


def computes_bfloat16(device: torch.device) -> bool:
    """Test for hardware bfloat16: GPUs from Ampere on; CPUs with AVX512-BF16 or AMX on which it is faster than float32.

    A CPU without them emulates bfloat16 at less than half the speed of float32. One that has them may still be slower:
    a core of Intel's whose AMX a virtual machine hides does 80 GFLOP/s in bfloat16 and 150 in float32, one of AMD's
    340 and 170.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and cpu_computes_bfloat16()


@cache
def cpu_computes_bfloat16() -> bool:
    """See `computes_bfloat16`."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")) and bfloat16_gain() > WORTH_IT


@cache
def bfloat16_gain() -> float:
    """Measure how many times as fast as in float32 this CPU multiplies matrices in bfloat16; once, in about 30 ms."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so that all processes of a run find the same, whatever their threads
    with torch.autocast("cpu", enabled=False):  # whoever asks may be computing in bfloat16 just now
        seconds = {dtype: shortest(product_of(dtype)) for dtype in (torch.float32, torch.bfloat16)}
    torch.set_num_threads(threads)
    return seconds[torch.float32] / seconds[torch.bfloat16]


def product_of(dtype: torch.dtype) -> Callable[[], object]:
    """A linear layer of the laptop's size, on as many rows as an update has."""
    x, weight, bias = torch.ones(640, 256, dtype=dtype), torch.ones(256, 256, dtype=dtype), torch.ones(256, dtype=dtype)
    return lambda: functional.linear(x, weight, bias)


@torch.inference_mode()
def shortest(work: Callable[[], object], times: int = 12) -> float:
    """Seconds of the shortest of several runs: what others do on the machine makes some of them longer."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def resolve(precision: Precision, device: torch.device) -> ComputedPrecision:
    """Precision that `device` computes in if asked for `precision`.

    >>> resolve("float32", torch.device("cpu"))
    'float32'
    """
    if precision != "auto":
        return precision
    return "bfloat16" if computes_bfloat16(device) else "float32"


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Autocast context for forward passes, disabled for float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=resolve(precision, device) == "bfloat16")


def computed_dtype(device: torch.device) -> torch.dtype:
    """Number format that matrix products on `device` have in the present context: autocast's, or float32."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
