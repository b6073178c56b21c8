"""What we need of RLlib beyond its public API, in one place; Ray is pinned because of this module.

RLlib carries the processes: actors, learner groups, placement, restarts. What happens in an update is ours: the
learners in :mod:`learners` are wrapped as RLlib Learners whose ``update`` calls them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.actor_manager import FaultTolerantActorManager
from torch import nn

from learners.memory import keep_large_blocks


def keep_runner_states_to_ourselves(config: AlgorithmConfig) -> None:
    """Stop RLlib from sending connector states to the actors after each iteration: ours have none."""
    config._dont_auto_sync_env_runner_states = True


def actor_manager(group: EnvRunnerGroup) -> FaultTolerantActorManager:
    """What RLlib keeps the actors of a group in."""
    return group._worker_manager


def first_free_id(manager: FaultTolerantActorManager, number: int) -> None:
    """Give ``number`` to the next actor that is added: RLlib never uses an id again, which has no reason here."""
    manager._next_id = number


def orders_of(manager: FaultTolerantActorManager, actor: int, tag: str) -> int:
    """Asynchronous requests with this tag on their way to or from one actor."""
    return int(manager._remote_actor_states[actor].get_num_in_flight_requests(tag))


def average(values: torch.Tensor) -> None:
    """Average a tensor over all learner processes of its group, in place."""
    torch.distributed.all_reduce(values)
    values /= torch.distributed.get_world_size()


def average_gradients(module: nn.Module) -> None:
    """Average the gradients of ``module`` over all learner processes of its group, in one message."""
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    average(flat)
    for gradient, part in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


class PlainLearner(TorchLearner):
    """An RLlib Learner that hands everything to a learner of ours.

    Subclasses implement :meth:`make` and :meth:`work`. Several processes average their gradients themselves: RLlib's
    DistributedDataParallel wrapper would hide the policy's methods, and dislikes parameters that a batch left idle.
    """

    inner: Any

    @property
    def run(self) -> Any:
        """The configuration, with what :class:`cluster.painter.config.SpiralConfig` adds to RLlib's."""
        return self.config

    @abstractmethod
    def make(self, network: Any) -> Any:
        """Build the inner learner around ``network``; it must have ``optimizer``."""

    @abstractmethod
    def work(self, training_data: Any, **order: Any) -> dict[str, Any]:
        """Do one update and return its result."""

    @property
    def reduce_gradients(self) -> Any:
        """Gradient averaging for the inner learner; None where it is alone."""
        return average_gradients if self.distributed else None

    @property
    def average(self) -> Any:
        """Averaging of other numbers over the group's learners; None where it is alone."""
        return average if self.distributed else None

    def all_have(self, mine: bool) -> bool:
        """Whether every learner of the group has what it needs for an update: none may average gradients alone."""
        if not self.distributed:
            return mine
        have = torch.tensor(float(mine), device=self.device)
        torch.distributed.all_reduce(have, torch.distributed.ReduceOp.MIN)
        return bool(have)

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """RLlib's hook at build time. The optimiser is registered without a schedule, so that nothing but us sets
        its learning rate."""
        keep_large_blocks()
        torch.set_num_threads(self.run.settings.system.torch_threads)
        self.inner = self.make(self.network)
        parameters = [p for group in self.inner.optimizer.param_groups for p in group["params"]]
        self.register_optimizer(module_id=module_id, optimizer=self.inner.optimizer, params=parameters)

    def _make_modules_ddp_if_necessary(self) -> None:
        """Instead of wrapping the module: start all processes from the first one's weights."""
        if self.distributed:
            for value in self.inner_state():
                torch.distributed.broadcast(value.detach(), 0)

    def inner_state(self) -> list[torch.Tensor]:
        """Parameters and buffers of the network that learns."""
        return [*self.network.parameters(), *self.network.buffers()]

    @property
    def network(self) -> nn.Module:
        """The network that learns."""
        network: nn.Module = self.module[DEFAULT_MODULE_ID].network  # type: ignore[attr-defined]
        return network

    def update(self, *args: Any, training_data: Any = None, timesteps: Any = None, **order: Any) -> Any:
        """One update of the inner learner; keywords of :meth:`ray.rllib...LearnerGroup.update` arrive here."""
        order.pop("return_state", None)
        return self.work(training_data, **order)

    def compute_loss_for_module(self, *args: Any, **kwargs: Any) -> Any:
        """Not used: the loss is the inner learner's."""
        raise RuntimeError("this learner computes its loss in update()")
