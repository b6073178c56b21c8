"""A copy of a policy that acts only: weights in the precision that computes, layers that do several things in one pass.

Under autocast a policy converts its weights anew in each step, and a convolution, the sum after it and its ReLU pass
over memory three times. The copy is prepared once for each set of weights.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from learners.networks.fused import Prepared, has_onednn
from learners.networks.heads import FullConv2d, FullLinear
from learners.networks.policy import PaintPolicy, PolicyInputs, PolicyStep
from learners.precision import autocast, resolve
from learners.settings import Precision

#: Layers whose weights autocast would convert, and subclasses of them that compute in float32.
CONVERTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.LSTM)
FULL = (FullLinear, FullConv2d)


class ActingCopy:
    """A policy's `act`, faster, for weights that may be replaced.

    Log-probabilities differ from the policy's by less than 0.002 a step ("Actors" in docs/performance.md).

    Args:
        policy: the original, on any device.
        precision: of the forward passes.

    Example:
        >>> from envs import PaintConfig
        >>> from learners import PolicySettings, build_policy
        >>> config = PaintConfig(observation_size=16, grid=8, episode_length=4)
        >>> settings = PolicySettings(network="laptop")
        >>> policy = build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)
        >>> acting = ActingCopy(policy)
        >>> acting.refresh()  # after each change of the policy's weights
    """

    def __init__(self, policy: PaintPolicy, precision: Precision = "auto") -> None:
        self.precision = precision
        self.device = next(policy.parameters()).device
        self.copy = copy.deepcopy(policy).eval().requires_grad_(False)
        if resolve(precision, self.device) == "bfloat16":
            for layer in self.copy.modules():
                if isinstance(layer, CONVERTED) and not isinstance(layer, FULL):
                    layer.to(torch.bfloat16)
        self.originals, self.own = (
            {**dict(network.named_parameters()), **dict(network.named_buffers())} for network in (policy, self.copy)
        )
        if self.device.type == "cpu" and has_onednn():
            self.copy.fuse()
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the policy's weights."""
        for name, weight in self.own.items():
            weight.copy_(self.originals[name])
        for layer in self.copy.modules():
            if isinstance(layer, Prepared):
                layer.prepare()

    def act(self, inputs: PolicyInputs, state: Tensor) -> PolicyStep:
        """Sample one action for each of B canvases, see `PaintPolicy.act`."""
        with autocast(self.precision, self.device):
            return self.copy.act(inputs, state)
