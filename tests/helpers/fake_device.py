"""Whole updates on a device that is not there: `python -m tests.helpers.fake_device` prints a line for each.

torch's fake tensors have a shape, a dtype and a device, and refuse to mix devices. The device is torch's place for
other people's accelerators (PrivateUse1), because a torch without CUDA can not take parts of CUDA's tensors. Nothing is
computed, so this holds placement, not numbers. It needs a process of its own: autograd counts devices when it starts.
"""

import dataclasses
import itertools
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils import backend_registration

from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.policy_learner import PolicyLearner
from learners.settings import DiscriminatorSettings, PolicySettings
from tests.learners.examples import NETWORKS, SMALL, make_policy, paint_batch

NAME = "fakegpu"
POLICY_CASES = list(itertools.product(NETWORKS, ("final", "difference"), (False, True)))
DISCRIMINATOR_CASES = [("wgan-gp", False), ("hinge", True), ("logistic", True)]


class Backend(backend_registration._DummyBackendModule):  # type: ignore[misc]
    """torch asks it which precisions autocast could have."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def moved(network: Any, device: torch.device) -> Any:
    """A network of real tensors with all parameters and buffers on the device, as `to` would move them.

    What it holds besides stays a real tensor, with which the fake ones refuse to compute.
    """
    for module in network.modules():
        for tensors in (module._parameters, module._buffers):
            for name, value in tensors.items():
                if value is not None:
                    there = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=device)
                    tensors[name] = nn.Parameter(there) if isinstance(value, nn.Parameter) else there
    return network


def policy_update(device: torch.device, network: Any, reward: Any, normalize: bool) -> None:
    policy = make_policy(network)
    trajectory = dataclasses.replace(paint_batch(policy), precision="float32")
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
    settings = PolicySettings(
        network=network, noise_size=3, normalize_reward=normalize, reward=reward, precision="float32"
    )
    with FakeTensorMode(allow_non_fake_inputs=False):
        learner = PolicyLearner(moved(policy, device), moved(discriminator, device), settings, device)
        metrics = learner.update(trajectory, 0.0)
    assert len(metrics) > 12
    assert {weight.device for weight in policy.parameters()} == {device}
    assert {buffer.device for buffer in policy.buffers()} <= {device}
    assert all(each.device == device for state in learner.optimizer.state.values() for each in state.values())


def discriminator_update(device: torch.device, adversary: Any, spectral_norm: bool) -> None:
    settings = DiscriminatorSettings(adversary=adversary, spectral_norm=spectral_norm, discriminator_width=4)
    network = build_discriminator(settings, (16, 16, 3))
    with FakeTensorMode(allow_non_fake_inputs=False):
        learner = DiscriminatorLearner(moved(network, device), settings, device, "float32")
        real, fake = np.zeros((2, 4, 16, 16, 3), np.uint8)
        learner.update(torch.from_numpy(real).to(device), fake)
        learner.update(real, fake)
    assert {weight.device for weight in network.parameters()} == {device}


def main() -> None:
    backend_registration._setup_privateuseone_for_python_backend(NAME, Backend())
    device = torch.device(NAME, 0)
    # Where an update waits for numbers it is given some; `tests/learners/test_waiting.py` holds that they are three.
    FakeTensor.tolist = lambda tensor: [0.5] * tensor.numel()  # type: ignore[method-assign,assignment]
    FakeTensor.__bool__ = lambda tensor: True  # type: ignore[method-assign]
    try:
        with FakeTensorMode():
            torch.zeros(2, device=device) + torch.zeros(2)
    except RuntimeError as error:
        print(error)
    nn.Module.to = lambda network, *_, **__: network  # type: ignore[method-assign,assignment]  # `moved` has done it
    for case in POLICY_CASES:
        policy_update(device, *case)
        print("policy", *case, flush=True)
    for adversary in DISCRIMINATOR_CASES:
        discriminator_update(device, *adversary)
        print("discriminator", *adversary, flush=True)


if __name__ == "__main__":
    main()
