"""The two learners as RLlib Learners: what they are sent, what they send back, what a checkpoint takes of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.exceptions import ObjectLostError
from torch import Tensor, nn

from cluster.painter.data import run_images
from cluster.painter.settings import RunSettings
from cluster.replay.buffer import Replay, ReplayEmpty, ReplayUnavailable
from cluster.runs.optimizer_state import flatten_optimizer, unflatten_optimizer
from cluster.training.rllib_internals import PlainLearner
from learners.conditioning import make_records
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.policy_learner import PolicyLearner
from learners.trajectory import Trajectory


def to_arrays(network: nn.Module) -> dict[str, np.ndarray[Any, Any]]:
    """Weights as NumPy arrays, the form in which they travel."""
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors on the CPU that later updates leave alone."""
    return {name: value.detach().cpu().clone() for name, value in tensors.items()}


class GroupLearner(PlainLearner):
    """What all have in common: settings, and a state made of weights, optimiser and counters.

    Attributes:
        role: what its process is called in Ray's dashboard, after the member's name.
    """

    role = "policy-learner"

    def __repr__(self) -> str:
        """Ray shows this as the actor's name."""
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0  # Ray asks before it is
        return f"{self.run.member}/{self.role}-{rank}"

    @property
    def settings(self) -> RunSettings:
        """Settings of the run."""
        settings: RunSettings = self.run.settings
        return settings

    def export(self) -> dict[str, Any]:
        """State for a checkpoint: ``weights`` and ``optimizer`` tensors by name, plain ``counters``."""
        tensors, groups = flatten_optimizer(self.inner.optimizer.state_dict())
        return {
            "weights": copies(self.network.state_dict()),
            "optimizer": copies(tensors),
            "groups": groups,
            "counters": self.inner.counters(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`export` gave. Settings of the optimiser are the present ones, not the exported."""
        self.network.load_state_dict(state["weights"])
        present = [
            {key: value for key, value in group.items() if key != "params"}
            for group in self.inner.optimizer.param_groups
        ]
        self.inner.optimizer.load_state_dict(unflatten_optimizer(state["optimizer"], state["groups"]))
        for group, values in zip(self.inner.optimizer.param_groups, present, strict=True):
            group.update(values)
        self.inner.set_counters(state["counters"])


class PolicyGroupLearner(GroupLearner):
    """The policy's learner in a learner group."""

    inner: PolicyLearner

    def adopt(self, settings: RunSettings, progress: float) -> None:
        """Go on under other settings of the policy."""
        self.inner.adopt(settings.policy, progress)

    def live_values(self, progress: float) -> dict[str, float]:
        """What the next update will use, the step size as the optimiser holds it now."""
        (rate,) = {float(group["lr"]) for group in self.inner.optimizer.param_groups}
        return {"policy_learning_rate": rate, "entropy_cost": self.inner.entropy_cost(progress)}

    def make(self, network: Any) -> PolicyLearner:
        """The inner learner, with a discriminator copy that gets its weights with the first update."""
        settings = self.settings
        discriminator = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
        return PolicyLearner(
            network,
            discriminator,
            settings.policy,
            torch.device(self.device),
            self.reduce_gradients,
            settings.discriminator.conditioning,
            self.average,
        )

    def work(self, training_data: Any, **order: Any) -> dict[str, Any]:
        """One update from the batches of episodes that this learner was sent.

        Args:
            training_data: ``batch_refs`` holds references of trajectories.
            order: ``progress`` of the run in [0, 1]; ``judge``, a list with a reference of newer discriminator
                weights, or empty; ``judge_version``; ``publish_interval``, updates between those that return weights.

        Returns:
            ``metrics``, ``updates``, ``steps`` learned from, and, when published, ``weights``: a list with one
            reference. Where the batch of any of the group's learners was lost with the actor that held it,
            ``updates`` alone: then all of them leave this update out.
        """
        for weights in order["judge"]:
            try:
                arrays = ray.get(weights)
            except ObjectLostError:  # with the process that held them: the present ones stay
                continue
            self.inner.set_discriminator(
                {name: torch.tensor(value) for name, value in arrays.items()}, order["judge_version"]
            )
        try:
            trajectory = Trajectory.join(ray.get(list(training_data.batch_refs)))
        except ObjectLostError:
            trajectory = None
        if not self.all_have(trajectory is not None) or trajectory is None:
            return {"updates": self.inner.updates}
        metrics = self.inner.update(trajectory, order["progress"])
        result: dict[str, Any] = {"metrics": metrics, "updates": self.inner.updates, "steps": trajectory.steps}
        if self.inner.updates % order["publish_interval"] == 0:
            result["weights"] = [ray.put(to_arrays(self.inner.policy))]
        return result


class DiscriminatorGroupLearner(GroupLearner):
    """The discriminator's learner in a learner group: holds the real images, samples fakes from the shared replay."""

    role = "discriminator-learner"
    inner: DiscriminatorLearner

    def adopt(self, settings: RunSettings, progress: float) -> None:
        """Go on under other settings of the discriminator; they do not depend on progress."""
        self.inner.adopt(settings.discriminator)

    def live_values(self, progress: float) -> dict[str, float]:
        """What the next update will use, as the optimiser holds it now."""
        (rate,) = {float(group["lr"]) for group in self.inner.optimizer.param_groups}
        return {"discriminator_learning_rate": rate}

    def make(self, network: Any) -> DiscriminatorLearner:
        """The inner learner, its data set and its end of the replay."""
        settings = self.settings
        system = settings.system
        self.real = run_images(settings)
        rank = torch.distributed.get_rank() if self.distributed else 0
        self.rng = np.random.default_rng([system.seed, self.run.restarts, 7, rank])
        torch.manual_seed(int(self.rng.integers(2**62)))  # the mix of the gradient penalty differs between processes
        self.replay = Replay(self.run.replay)
        return DiscriminatorLearner(
            network,
            settings.discriminator,
            torch.device(self.device),
            settings.policy.precision,
            self.reduce_gradients,
            settings.conditioning,
        )

    def work(self, training_data: Any, **order: Any) -> dict[str, Any]:
        """One update; ``training_data`` carries nothing.

        Returns:
            ``metrics``, ``updates``, ``weights`` (a list with one reference, for the policy's learner). Without any
            canvas in the replay yet, ``updates`` alone; without Redis, also ``unavailable``, one line that says so.
        """
        batch = self.settings.discriminator.discriminator_batch
        records: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
        missing: dict[str, str] = {}
        try:
            fake = self.replay.sample(batch, self.rng)
            # Of a joint one the targets are real, with the policy's actions for them.
            joint = self.settings.conditioning == "joint"
            records = self.replay.sample(batch, self.rng) if joint else self.real_records(batch), fake
        except ReplayEmpty:
            pass
        except ReplayUnavailable as error:
            missing = {"unavailable": str(error)}
        if not self.all_have(records is not None) or records is None:
            return {"updates": self.inner.updates} | missing
        metrics = self.inner.update(*records)
        return {"metrics": metrics, "updates": self.inner.updates, "weights": [self.publish()]}

    def real_records(self, count: int) -> NDArray[np.uint8]:
        """Images of the data set, for a conditional painter each beside itself."""
        real = self.real[self.rng.integers(len(self.real), size=count)]
        return make_records(real, real if self.settings.policy.conditional else None)

    def publish(self) -> ray.ObjectRef[dict[str, Any]]:
        """Put the present weights into the object store."""
        return ray.put(to_arrays(self.inner.discriminator))


def export_state(learner: GroupLearner) -> dict[str, Any]:
    """For ``LearnerGroup.foreach_learner``: the state for a checkpoint."""
    return learner.export()


def restore_state(learner: GroupLearner, state: dict[str, Any]) -> None:
    """For ``LearnerGroup.foreach_learner``: take a state back."""
    learner.restore(copy.deepcopy(state))


def adopt_settings(
    learner: PolicyGroupLearner | DiscriminatorGroupLearner, settings: RunSettings, progress: float
) -> None:
    """For ``LearnerGroup.foreach_learner``: go on under other settings of the same networks."""
    learner.adopt(settings, progress)


def live_values(learner: PolicyGroupLearner | DiscriminatorGroupLearner, progress: float) -> dict[str, float]:
    """For ``LearnerGroup.foreach_learner``: step sizes and weights of losses, read from the live learner."""
    return learner.live_values(progress)


def publish_weights(learner: GroupLearner) -> list[Any]:
    """For ``LearnerGroup.foreach_learner``: a list with a reference of the present weights."""
    return [ray.put(to_arrays(learner.network))]
