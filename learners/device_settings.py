"""Settings of torch for a whole process that learns on a GPU."""

from __future__ import annotations

import torch


def prepare_device(device: torch.device, *, tf32: bool, cudnn_benchmark: bool) -> None:
    """Choose how GPUs compute in this process; CPUs are left alone.

    Args:
        device: of a learner of this process.
        tf32: multiply float32 in TF32, which keeps 10 of the 23 bits of a fraction.
        cudnn_benchmark: let cuDNN try its ways to convolve when it meets new shapes, and take the fastest from then on.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = cudnn_benchmark
