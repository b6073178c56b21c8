"""The parts that learn: networks, losses as pure functions of tensors, and the learners that apply them on a device.

Code in here may import torch and, of Impasto, only the action specs (`envs.spec`), ranges (`envs.ranges`), lazy names
(`envs.lazy_names`) and the latent world (`envs.latent`). Start reading at `learners.policy_learner` with
`learners.vtrace` and `learners.rewards` and `learners.discriminator_learner`; `learners.td3` is another algorithm. The
command line's help comes from `learners.settings`. Public names are imported when they are used, so that settings do
not load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envs.lazy_names import lazy_names

if TYPE_CHECKING:
    from learners.discriminator_learner import DiscriminatorLearner as DiscriminatorLearner
    from learners.networks.build import build_discriminator as build_discriminator
    from learners.networks.build import build_policy as build_policy
    from learners.networks.policy import PaintPolicy as PaintPolicy
    from learners.networks.policy import PolicyInputs as PolicyInputs
    from learners.optimization import NonFiniteLoss as NonFiniteLoss
    from learners.policy_learner import PolicyLearner as PolicyLearner
    from learners.settings import DiscriminatorSettings as DiscriminatorSettings
    from learners.settings import PolicySettings as PolicySettings
    from learners.settings import TD3Settings as TD3Settings
    from learners.td3 import TD3Learner as TD3Learner
    from learners.trajectory import Trajectory as Trajectory
    from learners.transitions import TransitionLayout as TransitionLayout

_HOMES = {
    "DiscriminatorLearner": "discriminator_learner",
    "DiscriminatorSettings": "settings",
    "NonFiniteLoss": "optimization",
    "PaintPolicy": "networks.policy",
    "PolicyInputs": "networks.policy",
    "PolicyLearner": "policy_learner",
    "PolicySettings": "settings",
    "TD3Learner": "td3",
    "TD3Settings": "settings",
    "Trajectory": "trajectory",
    "TransitionLayout": "transitions",
    "build_discriminator": "networks.build",
    "build_policy": "networks.build",
}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
