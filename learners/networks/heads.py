"""Layers that compute in float32 under autocast too, so that actors and learners of different precisions act alike.

A bfloat16 logit is off by up to 0.4 %. An actor in float32 and a learner in bfloat16 then are two policies, and V-trace
takes the difference for lag. The torso's rounding matters little; that of the logits, and of the state that they are
taken from, makes nearly all of it (see "One policy on both sides" in docs/performance.md).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from learners.networks.fused import has_onednn, made_by_amd

#: Outputs from which oneDNN is faster on AMD's processors, as far as measured: 2 and 256.
WIDE = 64
PREFERS_ONEDNN = has_onednn() and torch.backends.cpu.get_cpu_capability() == "AVX512" and made_by_amd()


def product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Output float32 [N, out] of a linear layer for float32 [N, in], without a gradient, by the faster library.

    On AMD's CPUs with AVX-512 that is oneDNN: torch takes MKL, which uses half of their vectors. On Intel's, MKL takes
    0.6 to 0.9 of oneDNN's time.
    """
    if x.device.type == "cpu" and weight.shape[0] >= WIDE and PREFERS_ONEDNN:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return result
    return functional.linear(x, weight, bias)


class LinearWithNarrowGradients(torch.autograd.Function):
    """A linear layer whose output is computed in float32, and whose gradients in the precision of autocast."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Output float32 [N, out] for float32 [N, in]."""
        ctx.narrow = torch.get_autocast_dtype(x.device.type)
        ctx.save_for_backward(x.to(ctx.narrow), weight)
        with torch.autocast(x.device.type, enabled=False):
            return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients float32 of input, weight and bias."""
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        narrow = gradient.to(ctx.narrow)
        of_input = (narrow @ weight.to(ctx.narrow)).float()
        return of_input, (narrow.mT @ x).float(), gradient.sum(0)


class FullLinear(nn.Linear):
    """A linear layer in float32. Under autocast its gradients have autocast's precision, as they have elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        """Output float32 [N, out] for an input [N, in] of any precision."""
        device = x.device.type
        if torch.is_autocast_enabled(device) and torch.is_grad_enabled():
            result: Tensor = LinearWithNarrowGradients.apply(x.float(), self.weight, self.bias)  # type: ignore[no-untyped-call]
            return result
        with torch.autocast(device, enabled=False):
            if torch.is_grad_enabled():
                return super().forward(x.float())
            return product(x.float(), self.weight, self.bias)


class FullConv2d(nn.Conv2d):
    """A convolution in float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Output float32 [N, out, H, W] for an input of any precision."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
