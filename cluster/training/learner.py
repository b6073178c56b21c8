"""Learners of ours in RLlib's learner groups: one update, the state for a checkpoint, averages over processes.

RLlib carries the processes. An update itself belongs to the learners in `learners`, which `GroupLearner` wraps.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import ray
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from torch import Tensor, nn

from cluster.runs.optimizer_state import flatten_optimizer, unflatten_optimizer
from learners.device_settings import prepare_device
from learners.memory import keep_large_blocks
from learners.networks.weights import FlatWeights


def copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors to the CPU, so that later updates do not change them."""
    return {name: value.detach().cpu().clone() for name, value in tensors.items()}


def average(values: torch.Tensor) -> None:
    """Average a tensor over all learner processes of its group, in place."""
    torch.distributed.all_reduce(values)
    values /= torch.distributed.get_world_size()


def average_gradients(module: nn.Module) -> None:
    """Average the gradients of `module` over all learner processes of its group, in one message."""
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    average(flat)
    for gradient, part in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


class GroupLearner(TorchLearner):
    """An RLlib Learner that wraps a learner of ours.

    Subclasses implement `make`, `work` and `publish`. Several processes average their gradients themselves: RLlib's
    DistributedDataParallel wrapper would hide the policy's methods, and fails on parameters that a batch left unused.

    Attributes:
        inner: The wrapped learner. It has `optimizer`, `counters()` and `set_counters(counters)`.
        role: Name of the process in Ray's dashboard, after the member's name.
    """

    inner: Any
    role = "policy-learner"

    def __repr__(self) -> str:
        """Name the process as Ray's dashboard shows it."""
        return f"{self.run_config.member}/{self.role}-{self.rank}"

    @property
    def run_config(self) -> Any:
        """The configuration of the algorithm, a `RunConfig`."""
        return self.config

    @abstractmethod
    def make(self, network: Any) -> Any:
        """Build the inner learner around `network`."""

    @abstractmethod
    def work(self, training_data: Any, **request: Any) -> dict[str, Any]:
        """Do one update and return its result."""

    @property
    def rank(self) -> int:
        """Number of this process in its group; 0 before the group has met."""
        return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0

    def make_generator(self, stream: int) -> np.random.Generator:
        """Make a generator of random numbers that differs between processes and restarts, and seed torch from it.

        Args:
            stream: Number of the purpose, different for each kind of learner.
        """
        rank = self.rank if self.distributed else 0
        rng = np.random.default_rng([self.run_config.settings.system.seed, self.run_config.restarts, stream, rank])
        torch.manual_seed(int(rng.integers(2**62)))
        return rng

    @property
    def reduce_gradients(self) -> Any:
        """Function that averages gradients over the group; None if this learner is alone."""
        return average_gradients if self.distributed else None

    @property
    def average(self) -> Any:
        """Function that averages other numbers over the group; None if this learner is alone."""
        return average if self.distributed else None

    def all_have(self, mine: bool) -> bool:
        """Tell whether every learner of the group has the data of an update: none may average gradients alone."""
        if not self.distributed:
            return mine
        have = torch.tensor(float(mine), device=self.device)
        torch.distributed.all_reduce(have, torch.distributed.ReduceOp.MIN)
        return bool(have)

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Build the inner learner; RLlib's hook.

        Its optimizer is registered without a schedule, so that RLlib never sets its learning rate.
        """
        keep_large_blocks()
        system = self.run_config.settings.system
        torch.set_num_threads(system.torch_threads)
        prepare_device(torch.device(self.device), tf32=system.tf32, cudnn_benchmark=system.cudnn_benchmark)
        self.inner = self.make(self.network)
        parameters = [p for group in self.inner.optimizer.param_groups for p in group["params"]]
        self.register_optimizer(module_id=module_id, optimizer=self.inner.optimizer, params=parameters)

    def _make_modules_ddp_if_necessary(self) -> None:
        """Start all processes from the first one's weights, instead of wrapping the module."""
        if self.distributed:
            for value in [*self.network.parameters(), *self.network.buffers()]:
                torch.distributed.broadcast(value.detach(), 0)

    @property
    def network(self) -> nn.Module:
        """The network that learns."""
        network: nn.Module = self.module[DEFAULT_MODULE_ID].network  # type: ignore[attr-defined]
        return network

    def update(self, *args: Any, training_data: Any = None, timesteps: Any = None, **request: Any) -> Any:
        """Do one update of the inner learner; extra keywords of RLlib's `LearnerGroup.update` arrive here."""
        request.pop("return_state", None)
        return self.work(training_data, **request)

    def compute_loss_for_module(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: the inner learner computes the loss.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("this learner computes its loss in update()")

    def publish(self) -> ray.ObjectRef[FlatWeights]:
        """Put the present weights into the object store."""
        return ray.put(FlatWeights.of(self.network))

    def export(self) -> dict[str, Any]:
        """Return the state for a checkpoint.

        Returns:
            `weights` and `optimizer`, tensors by name; `groups`, the optimizer's settings; `counters`, plain values.
        """
        tensors, groups = flatten_optimizer(self.inner.optimizer.state_dict())
        return {
            "weights": copies(self.network.state_dict()),
            "optimizer": copies(tensors),
            "groups": groups,
            "counters": self.inner.counters(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `export` returned. The optimizer keeps its present settings, not the exported ones."""
        self.network.load_state_dict(state["weights"])
        present = [
            {key: value for key, value in group.items() if key != "params"}
            for group in self.inner.optimizer.param_groups
        ]
        self.inner.optimizer.load_state_dict(unflatten_optimizer(state["optimizer"], state["groups"]))
        for group, values in zip(self.inner.optimizer.param_groups, present, strict=True):
            group.update(values)
        self.inner.set_counters(state["counters"])


def export_state(learner: GroupLearner) -> dict[str, Any]:
    """Return a learner's state for a checkpoint; for `LearnerGroup.foreach_learner`."""
    return learner.export()


def restore_state(learner: GroupLearner, state: dict[str, Any]) -> None:
    """Restore a learner's state; for `LearnerGroup.foreach_learner`."""
    learner.restore(copy.deepcopy(state))


def load_weights(learner: GroupLearner, weights: Mapping[str, Tensor]) -> None:
    """Begin with these weights, of any floating-point type; for `LearnerGroup.foreach_learner`."""
    learner.network.load_state_dict(dict(weights))


def publish_weights(learner: GroupLearner) -> list[Any]:
    """Return a list with a reference of a learner's present weights; for `LearnerGroup.foreach_learner`."""
    return [learner.publish()]
