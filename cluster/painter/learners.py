"""The painter's two learners in learner groups: the policy's and the discriminator's."""

from __future__ import annotations

import functools
from abc import abstractmethod
from typing import Any

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.exceptions import ObjectLostError
from torch import Tensor

from cluster.painter.data import run_images
from cluster.painter.settings import PainterSettings
from cluster.replay.buffer import Replay, ReplayEmpty, ReplayUnavailable
from cluster.training.learner import GroupLearner
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.networks.weights import FlatWeights
from learners.policy_learner import PolicyLearner
from learners.search_learner import SearchLearner
from learners.staging import Staging
from learners.trajectory import Trajectory
from learners.trajectory_tensors import TrajectoryTensors


def fetch(references: list[Any]) -> Trajectory:
    """Fetch the batches of an update and join them."""
    return Trajectory.join(ray.get(references))


class PainterGroupLearner(GroupLearner):
    """Base of both: a painter's settings, some of which may change while it trains."""

    @property
    def settings(self) -> PainterSettings:
        """Settings of the run."""
        settings: PainterSettings = self.run_config.settings
        return settings

    @abstractmethod
    def adopt(self, settings: PainterSettings, progress: float) -> None:
        """Go on under other settings; `progress` of the run in [0, 1] decides where decays stand."""

    @abstractmethod
    def live_values(self, progress: float) -> dict[str, float]:
        """Return the values that the next update will use, the step size as the optimizer holds it now."""

    @property
    def step_size(self) -> float:
        """The optimizer's learning rate."""
        (rate,) = {float(group["lr"]) for group in self.inner.optimizer.param_groups}
        return rate


class PolicyGroupLearner(PainterGroupLearner):
    """The policy's learner in a learner group."""

    inner: PolicyLearner

    def adopt(self, settings: PainterSettings, progress: float) -> None:
        """Go on under other settings of the policy."""
        self.inner.adopt(settings.policy, progress)

    def live_values(self, progress: float) -> dict[str, float]:
        """Return `policy_learning_rate` and `entropy_cost` as the next update will use them."""
        return {"policy_learning_rate": self.step_size, "entropy_cost": self.inner.entropy_cost(progress)}

    def make(self, network: Any) -> PolicyLearner:
        """Build the inner learner, with a copy of the discriminator that gets its weights with the first update."""
        settings = self.settings
        discriminator = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
        kind: Any = PolicyLearner
        if settings.search.candidates:
            kind = functools.partial(SearchLearner, search=settings.search, seed=settings.system.seed)
        device = torch.device(self.device)
        ahead = device.type == "cuda" and kind is PolicyLearner
        self.staging = Staging(device, network.spec) if ahead else None
        learner: PolicyLearner = kind(
            network,
            discriminator,
            settings.policy,
            device,
            self.reduce_gradients,
            settings.discriminator.conditioning,
            self.average,
        )
        return learner

    def work(self, training_data: Any, **request: Any) -> dict[str, Any]:
        """Do one update with the batches of episodes that this learner was sent.

        Args:
            training_data: `batch_refs` holds references of trajectories.
            request: `upcoming`, references of the next update's trajectories, if they are known; `progress` of the run
                in [0, 1]; `discriminator`, a list with a reference of newer discriminator weights, or empty;
                `discriminator_version`; `publish_interval`, updates between those that return weights.

        Returns:
            `metrics`, `updates`, `steps` learned from, and, when published, `weights`: a list with one reference. If
            the batch of any of the group's learners was lost with the actor that held it, `updates` alone: then all of
            them skip this update.
        """
        for weights in request["discriminator"]:
            try:
                newer: FlatWeights = ray.get(weights)
            except ObjectLostError:  # with the process that held them: the present ones stay
                continue
            self.inner.set_discriminator(newer.tensors(self.inner.device), request["discriminator_version"])
        references, upcoming = list(training_data.batch_refs), request.get("upcoming")
        trajectory: Trajectory | None
        batch: TrajectoryTensors | None = None
        try:
            if self.staging is None:
                trajectory = fetch(references)
            else:
                trajectory, batch = self.staging.take(references, functools.partial(fetch, references))
        except ObjectLostError:
            trajectory = None
        if self.staging is not None and upcoming:
            self.staging.begin(upcoming, functools.partial(fetch, upcoming))
        if not self.all_have(trajectory is not None) or trajectory is None:
            return {"updates": self.inner.updates}
        if batch is None:
            metrics = self.inner.update(trajectory, request["progress"])
        else:
            metrics = self.inner.update_from(trajectory, batch, request["progress"])
        result: dict[str, Any] = {"metrics": metrics, "updates": self.inner.updates, "steps": trajectory.steps}
        if self.inner.updates % request["publish_interval"] == 0:
            result["weights"] = [self.publish()]
        return result


class DiscriminatorGroupLearner(PainterGroupLearner):
    """The discriminator's learner in a learner group: holds the real images, samples fakes from the shared replay."""

    role = "discriminator-learner"
    inner: DiscriminatorLearner

    def adopt(self, settings: PainterSettings, progress: float) -> None:
        """Go on under other settings of the discriminator; they do not depend on progress."""
        self.inner.adopt(settings.discriminator)

    def live_values(self, progress: float) -> dict[str, float]:
        """Return `discriminator_learning_rate` as the next update will use it."""
        return {"discriminator_learning_rate": self.step_size}

    def make(self, network: Any) -> DiscriminatorLearner:
        """Build the inner learner; load its data set and open the replay."""
        settings = self.settings
        self.real = torch.tensor(run_images(settings), device=self.device)  # bytes, once; only indices travel
        self.rng = self.make_generator(7)  # the mix of the gradient penalty differs between processes
        self.replay = Replay(self.run_config.replay)
        return DiscriminatorLearner(
            network,
            settings.discriminator,
            torch.device(self.device),
            settings.policy.precision,
            self.reduce_gradients,
            settings.conditioning,
        )

    def work(self, training_data: Any, **request: Any) -> dict[str, Any]:
        """Do one update; `training_data` carries nothing.

        Returns:
            `metrics`, `updates`, and, when published, `weights` (a list with one reference, for the policy's learner).
            As long as the replay is empty, `updates` alone; without Redis, also `unavailable`, one line that says so.
        """
        batch = self.settings.discriminator.discriminator_batch
        records: tuple[Tensor | NDArray[np.uint8], NDArray[np.uint8]] | None = None
        missing: dict[str, str] = {}
        try:
            fake = self.replay.sample(batch, self.rng)
            # For a joint discriminator the targets in the replay are the real images, paired with the policy's actions.
            joint = self.settings.conditioning == "joint"
            records = self.replay.sample(batch, self.rng) if joint else self.real_records(batch), fake
        except ReplayEmpty:
            pass
        except ReplayUnavailable as error:
            missing = {"unavailable": str(error)}
        if not self.all_have(records is not None) or records is None:
            return {"updates": self.inner.updates} | missing
        result: dict[str, Any] = {"metrics": self.inner.update(*records), "updates": self.inner.updates}
        if self.inner.updates % self.settings.system.discriminator_publish_interval == 0:
            result["weights"] = [self.publish()]
        return result

    def real_records(self, count: int) -> Tensor:
        """Draw `count` images of the data set; for a conditional painter each is paired with itself."""
        chosen = torch.from_numpy(self.rng.integers(len(self.real), size=count))
        real = self.real.index_select(0, chosen.to(self.real.device))
        return torch.cat([real, real], -1) if self.settings.policy.conditional else real


def adopt_settings(learner: PainterGroupLearner, settings: PainterSettings, progress: float) -> None:
    """Have a learner go on under other settings of the same networks; for `LearnerGroup.foreach_learner`."""
    learner.adopt(settings, progress)


def live_values(learner: PainterGroupLearner, progress: float) -> dict[str, float]:
    """Return step sizes and weights of losses, read from the live learner; for `LearnerGroup.foreach_learner`."""
    return learner.live_values(progress)
