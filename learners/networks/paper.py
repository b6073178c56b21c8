"""The policy of SPIRAL (Ganin et al. 2018, appendix A; details from SPIRAL++, Mellor et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionComponent, ActionSpec
from learners.networks.autoregressive import ComponentPolicy
from learners.networks.flattening import flattened
from learners.networks.fused import FusedLook, LookFunction, OneChannelConvolution, has_onednn, with_fused_relus
from learners.networks.heads import FullConv2d, FullLinear
from learners.networks.one_hot import one_hot
from learners.networks.policy import PolicyInputs
from learners.networks.situation import coordinate_planes, unit_location
from learners.networks.td3 import mlp

CHANNELS = 32
HIDDEN = 256
EMBEDDING = 16


class Look(nn.Conv2d):
    """The first convolution, 5x5, of canvas and coordinates, with the conditioning added before its ReLU.

    Args:
        size: (H, W).
        channels: of the images, without the coordinates.
    """

    def __init__(self, size: tuple[int, int], channels: int) -> None:
        super().__init__(channels + 2, CHANNELS, 5, padding=2)
        self.planes: Tensor
        self.register_buffer("planes", coordinate_planes(*size), persistent=False)

    def forward(self, image: Tensor, conditioning: Tensor | None = None) -> Tensor:
        """Output [N, 32, H, W] for images uint8 [N, H, W, C] and conditioning [N, 32]."""
        assert conditioning is not None
        if image.device.type == "cpu" and torch.is_autocast_enabled("cpu") and has_onednn():
            folded: Tensor = LookFunction.apply(image, self.weight, self.bias, self.planes, conditioning)  # type: ignore[no-untyped-call]
            return folded
        seen = image.permute(0, 3, 1, 2).float() / 255
        seen = torch.cat([seen, self.planes.expand(len(seen), -1, -1, -1)], 1)
        pixels = super().forward(seen.contiguous(memory_format=torch.channels_last))
        # Additions and ReLUs are bound by memory, so they change the tensors that a convolution has just made.
        return functional.relu_(pixels.add_(conditioning[:, :, None, None]))


class ResidualBlock(nn.Module):
    """ReLU, convolution 3x3, ReLU, convolution 1x1, added to the input [N, 32, H, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.conv1 = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Output [N, 32, H, W] for an input of the same shape."""
        # Additions and ReLUs are bound by memory, so they change the tensors that a convolution has just made.
        inner = functional.relu_(self.conv3(functional.relu(x)))
        result: Tensor = self.conv1(inner).add_(x)
        return result


class LocationHead(nn.Module):
    """Location logits from the decoding state, which is seen as [16, 4, 4] and enlarged by transposed convolutions.

    Args:
        grid: cells along each side: 4, 8, 16, 32, ...

    Raises:
        ValueError: `grid` is another number.
    """

    def __init__(self, grid: int) -> None:
        super().__init__()
        doublings = (grid // 4).bit_length() - 1
        if grid != 4 << doublings:
            raise ValueError(f"grid: the paper's location head expects 4, 8, 16, 32, ..., got {grid}")
        layers: list[nn.Module] = [nn.Conv2d(HIDDEN // 16, CHANNELS, 3, padding=1)]
        layers += [ResidualBlock() for _ in range(8)]
        for _ in range(doublings):
            layers += [nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
        layers.append(FullConv2d(CHANNELS, 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits [N, grid * grid], row major in (y, x), from the decoding state [N, 256]."""
        image = hidden.view(-1, HIDDEN // 16, 4, 4).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.layers(image).flatten(1)
        return logits


class ComponentEmbedding(nn.Module):
    """A component's value as 16 numbers, linear in the location in [-1, 1] or in the one-hot vector."""

    def __init__(self, component: ActionComponent, grid: int) -> None:
        super().__init__()
        self.size, self.location, self.grid = component.size, component.location, grid
        self.linear = nn.Linear(2 if component.location else component.size, EMBEDDING)

    def forward(self, value: Tensor) -> Tensor:
        """Embeddings float [N, 16] of values int64 [N]."""
        encoded = unit_location(value, self.grid) if self.location else one_hot(value, self.size)
        embedding: Tensor = self.linear(encoded)
        return embedding


class PaperPolicy(ComponentPolicy):
    """The published policy: convolutions, eight residual blocks, LSTM 256, an MLP of its own after each component.

    The paper states neither how the target of a conditional painter enters nor the padding of the 5x5 and 3x3
    convolutions. Here the target is put beside the canvas, on channels of its own, and the padding is "same".

    Raises:
        ValueError: H or W is not a multiple of 8, or the grid is not 4, 8, 16, 32, ...
    """

    state_size = 2 * HIDDEN

    def __init__(
        self,
        spec: ActionSpec,
        canvas_shape: tuple[int, int, int],
        noise_size: int = 10,
        *,
        conditional: bool = False,
        blind: bool = False,
    ) -> None:
        super().__init__(spec, noise_size, conditional=conditional, blind=blind)
        height, width, channels = canvas_shape
        channels *= 2 if conditional else 1
        if height % 8 or width % 8:
            raise ValueError(f"observation_size: the paper's policy expects a multiple of 8, got {height}x{width}")
        self.look: Look | FusedLook = Look((height, width), channels)
        self.previous = nn.ModuleList(ComponentEmbedding(component, spec.grid) for component in spec.components)
        self.action_mlp = mlp([EMBEDDING * len(spec.components), 64, 32, CHANNELS])
        self.noise_mlp = mlp([noise_size, 64, 32, CHANNELS])
        down: list[nn.Module] = []
        for _ in range(3):
            down += [nn.Conv2d(CHANNELS, CHANNELS, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
        self.down: nn.Sequential = nn.Sequential(*down, nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1))
        self.blocks = nn.Sequential(*(ResidualBlock() for _ in range(8)))
        self.flat = nn.Linear(CHANNELS * (height // 8) * (width // 8), HIDDEN)
        self.lstm = nn.LSTM(HIDDEN, HIDDEN)
        self.value = FullLinear(HIDDEN, 1)
        self.heads = nn.ModuleList(
            LocationHead(spec.grid) if component.location else FullLinear(HIDDEN, component.size)
            for component in spec.components
        )
        # The last decoded component conditions nothing and has no embedding or MLP: DDP wants no idle parameters.
        deciding = spec.decode_order[:-1]
        self.embeddings = nn.ModuleDict(
            {str(column): ComponentEmbedding(spec.components[column], spec.grid) for column in deciding}
        )
        self.residuals = nn.ModuleDict({str(column): mlp([HIDDEN + EMBEDDING, 16, 32, HIDDEN]) for column in deciding})
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def fuse(self) -> None:
        """Fold the coordinates into a constant, keep what is as large as the canvas in the cache, and fuse ReLUs."""
        super().fuse()
        self.look = FusedLook(self.look, self.down[0])
        self.down = with_fused_relus(nn.Sequential(*[*self.down.children()][2:]))
        for head in self.heads:
            if isinstance(head, LocationHead):
                head.layers[-1] = OneChannelConvolution(head.layers[-1])
                head.layers = with_fused_relus(head.layers)

    def features(self, inputs: PolicyInputs) -> Tensor:
        """Features [N, 256] of canvas, previous action and noise."""
        mask = self.spec.mask(inputs.previous_action)
        parts = [
            embed(inputs.previous_action[:, column]) * mask[:, column, None]
            for column, embed in enumerate(self.previous)
        ]
        conditioning = self.action_mlp(torch.cat(parts, 1)) + self.noise_mlp(inputs.noise)
        grid = self.blocks(self.down(self.look(self.seen(inputs), conditioning)))
        features: Tensor = self.flat(flattened(functional.relu(grid)))
        return features

    def core(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Output [T, B, 256] of the LSTM, and its state float32 [B, 512], which is (h, c) side by side."""
        h, c = (part.contiguous()[None].to(features.dtype) for part in state.chunk(2, 1))
        output, (h, c) = self.lstm(features, (h, c))
        return output, torch.cat([h[0], c[0]], 1).float()

    def state_value(self, core: Tensor) -> Tensor:
        """Linear value of the LSTM's output."""
        value: Tensor = self.value(core)[:, 0]
        return value

    def logits(self, column: int, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Logits of the component's own head."""
        logits: Tensor = self.heads[column](hidden)
        return logits

    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """`ReLU(hidden + MLP([hidden, embedding]))` with the component's own MLP."""
        embedding = self.embeddings[str(column)](value)
        update = self.residuals[str(column)](torch.cat([hidden, embedding], 1))
        return functional.relu(hidden.float() + update)  # the state stays in float32, see `learners.networks.heads`
