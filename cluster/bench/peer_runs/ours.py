"""Ours: `python -m cluster.bench.peer_runs.ours whole|policy`.

`whole` is a run of the `laptop` preset as `impasto train` does it, without its looks at itself. `policy` is the same
without discriminator, scores and replay: actors, V-trace and the policy's optimizer, as the peers have.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from cluster.bench.peer_runs.world import settings
from cluster.painter.learners import PolicyGroupLearner
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.training.ray_session import start_ray
from learners.policy_learner import PolicyLearner


class UnpaidPolicyLearner(PolicyLearner):
    """A policy's learner to which every painting is worth nothing, so that no discriminator is asked."""

    def discriminator_scores(self, records: Tensor) -> Tensor:
        """Return zeros float32 [N]."""
        return torch.zeros(len(records), device=self.device)


class UnpaidGroupLearner(PolicyGroupLearner):
    """It in a learner group."""

    def make(self, network: Any) -> PolicyLearner:
        """Build the inner learner."""
        learner = super().make(network)
        learner.__class__ = UnpaidPolicyLearner
        return learner


class UnpaidConfig(SpiralConfig):
    """Configuration of a run in which only a policy learns; for measuring, as it learns nothing of use."""

    def get_default_learner_class(self) -> type:
        """Return the learner without a discriminator."""
        return UnpaidGroupLearner

    def sink(self) -> None:
        """Final canvases go nowhere."""


def main(what: str, data_dir: str = "") -> None:
    """Train until the process is ended."""
    given = settings().replace(data_dir=data_dir, minutes=24 * 60.0)
    config: SpiralConfig = SpiralConfig()
    if what == "policy":
        given = given.replace(discriminator_updates=0)
        config = UnpaidConfig()
    start_ray(cpus=2 + given.system.actors)
    torch.set_num_threads(given.system.torch_threads)
    algorithm = config.use(given).build_algo()
    assert isinstance(algorithm, Spiral)
    while True:
        algorithm.train()
        print(algorithm.trained_steps, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
