"""Layers for acting on a CPU that do in one pass, or in the cache, what others do one after the other."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Images whose first layer's output, 32 channels of 64x64 in bfloat16, stays in a core's second cache or near it.
IN_CACHE = 8


def has_onednn() -> bool:
    """Test whether torch computes with oneDNN on this CPU."""
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def made_by_amd() -> bool:
    """Test whether this machine's processor says that it is AMD's; where none says anything it is not."""
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


class Prepared(nn.Module):
    """A layer that computes something of its weights once, before it is used."""

    @abstractmethod
    def prepare(self) -> None:
        """Compute it of the present weights."""


class FusedLook(Prepared):
    """The paper policy's first two convolutions: `Look`, and one of stride 2.

    The part of the first convolution that sees the coordinates is a constant. The output of the first layer is the
    largest of the network: it is made and used a few images at a time.

    Args:
        look: the first convolution.
        down: the second; its ReLU is computed here too.
    """

    def __init__(self, look: Any, down: Any) -> None:
        super().__init__()
        self.look, self.down = look, down

    def prepare(self) -> None:
        """See `Prepared.prepare`."""
        look = self.look
        self.weight, self.constant = folded(look.weight, look.bias, look.planes)

    def forward(self, image: Tensor, conditioning: Tensor) -> Tensor:
        """Output [N, 32, H / 2, W / 2] for images uint8 [N, H, W, C] and conditioning [N, 32]."""
        dtype, down = self.weight.dtype, self.down
        seen, conditioning = scaled(image, dtype), conditioning.to(dtype)
        parts = []
        for first in range(0, len(seen), IN_CACHE):
            some = slice(first, first + IN_CACHE)
            pixels = look_at(seen[some], self.weight, self.constant, conditioning[some])
            parts.append(
                torch.ops.mkldnn._convolution_pointwise(
                    pixels, down.weight, down.bias, down.padding, down.stride, down.dilation, 1, "relu", [], ""
                )
            )
        return torch.cat(parts)


def scaled(image: Tensor, dtype: torch.dtype) -> Tensor:
    """Images uint8 [N, H, W, C] as [N, C, H, W] in [0, 1], channels last in memory."""
    return (image.float() / 255).to(dtype).permute(0, 3, 1, 2)


def folded(weight: Tensor, bias: Tensor, planes: Tensor) -> tuple[Tensor, Tensor]:
    """The weights of the images' channels, and what the coordinates [2, H, W] add to every image, [1, 32, H, W]."""
    channels = weight.shape[1] - len(planes)
    constant = functional.conv2d(planes[None].to(weight.dtype), weight[:, channels:], bias, padding=2)
    of_images = weight[:, :channels]
    return (
        of_images.contiguous(memory_format=torch.channels_last),
        constant.contiguous(memory_format=torch.channels_last),
    )


def look_at(seen: Tensor, weight: Tensor, constant: Tensor, conditioning: Tensor) -> Tensor:
    """`ReLU(convolution of seen + constant + conditioning)`, rounded once after the sums."""
    pixels = constant + conditioning[:, :, None, None]
    torch.ops.mkldnn._convolution_pointwise_.binary(
        pixels, seen, weight, torch.zeros_like(weight[:, 0, 0, 0]),
        (2, 2), (1, 1), (1, 1), 1, "add", 1.0, "relu", [], None,
    )  # fmt: skip
    return pixels


class LookFunction(torch.autograd.Function):
    """`FusedLook`'s first convolution for learning on a CPU in bfloat16: it rounds as the actors' does.

    An actor that rounds once where its learner rounds three times is another policy (see `learners.networks.heads`).
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor, planes: Tensor, conditioning: Tensor) -> Tensor:
        """Output bfloat16 [N, 32, H, W] of uint8 [N, H, W, C], float32 weights, and conditioning [N, 32]."""
        narrow = weight.bfloat16()
        of_images, constant = folded(narrow, bias.bfloat16(), planes)
        seen = scaled(image, torch.bfloat16)
        pixels = look_at(seen, of_images, constant, conditioning.bfloat16())
        ctx.save_for_backward(seen, planes, narrow, pixels)
        ctx.dtype = conditioning.dtype
        return pixels

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of weight, bias and conditioning."""
        seen, planes, weight, pixels = ctx.saved_tensors
        gradient = gradients[0] * (pixels > 0)
        both = torch.cat([seen, planes.to(seen.dtype).expand(len(seen), -1, -1, -1)], 1)
        _, of_weight, of_bias = torch.ops.aten.convolution_backward(
            gradient, both.contiguous(memory_format=torch.channels_last), weight, [len(weight)],
            [1, 1], [2, 2], [1, 1], False, [0, 0], 1, [False, True, True],
        )  # fmt: skip
        return None, of_weight.float(), of_bias.float(), None, gradient.sum((2, 3)).to(ctx.dtype)


class FusedConvolution(nn.Module):
    """A convolution, or a transposed one, and the ReLU after it.

    Args:
        layer: whose weights it shares.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer
        padding = (layer.padding, layer.output_padding) if isinstance(layer, nn.ConvTranspose2d) else (layer.padding,)
        self.settings: tuple[Any, ...] = (*padding, layer.stride, layer.dilation, layer.groups, "relu", [], "")

    def forward(self, x: Tensor) -> Tensor:
        """Output [N, out, H, W] for an input [N, in, H, W], which is converted to the weights' precision."""
        layer, fused = self.layer, torch.ops.mkldnn
        kind = fused._convolution_transpose_pointwise if isinstance(layer, nn.ConvTranspose2d) else None
        result: Tensor = (kind or fused._convolution_pointwise)(
            x.to(layer.weight.dtype), layer.weight, layer.bias, *self.settings
        )
        return result


def with_fused_relus(layers: nn.Sequential) -> nn.Sequential:
    """The same layers; a convolution and the ReLU after it are one."""
    merged: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.ReLU) and isinstance(merged[-1], nn.Conv2d | nn.ConvTranspose2d):
            merged[-1] = FusedConvolution(merged[-1])
        else:
            merged.append(layer)
    return nn.Sequential(*merged)


class OneChannelConvolution(nn.Module):
    """A float32 convolution to one channel, as a matrix product and a sum of shifted maps.

    oneDNN computes 16 or 32 channels at once, and wastes them on one.

    Args:
        layer: whose weights it shares: a square kernel of odd size, with padding that keeps the image's size.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Output float32 [N, 1, H, W] for an input [N, in, H, W] of any precision, channels last in memory."""
        size = self.layer.kernel_size[0]
        margin = size // 2
        batch, channels, height, width = x.shape
        with torch.autocast(x.device.type, enabled=False):
            pixels = x.permute(0, 2, 3, 1).reshape(-1, channels).float()
            taps = torch.mm(self.layer.weight.view(channels, size * size).t(), pixels.t())
            maps = functional.pad(taps.view(-1, batch, height, width), [margin] * 4)
            result: Tensor = self.layer.bias + maps[0, :, :height, :width]
            for tap in range(1, size * size):
                y, x0 = divmod(tap, size)
                result += maps[tap, :, y : y + height, x0 : x0 + width]
        return result[:, None]
