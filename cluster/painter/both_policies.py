"""What evaluations of painters share: paintings of the untrained policy and of the trained one."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from cluster.painter.sampler import Paintings, Sampler
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from learners.networks.build import build_policy


def paint_with_both(settings: PainterSettings, checkpoint: Checkpoint, count: int) -> Iterator[tuple[str, Paintings]]:
    """``count`` paintings of the policy that the run started from, ``untrained``, and then of the ``trained`` one."""
    world = settings.world
    sampler = Sampler(settings, seed=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.system.seed)  # as in the run
        untrained = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    for name, weights in (("untrained", untrained.state_dict()), ("trained", checkpoint.tensors["policy"])):
        sampler.load(dict(weights))
        yield name, sampler.paint(count)
    sampler.close()
