"""Precision of forward passes: the one that suits a device, and the autocast context for it."""

from __future__ import annotations

import torch

from learners.settings import ComputedPrecision, Precision


def computes_bfloat16(device: torch.device) -> bool:
    """Test for hardware bfloat16: GPUs from Ampere on, CPUs with AVX512-BF16 or AMX.

    A CPU without them emulates bfloat16 at less than half the speed of float32.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


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
