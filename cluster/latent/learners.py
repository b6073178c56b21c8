"""TD3's learner in a learner group: fetches transitions from the shared replay, makes many updates per request."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ray
import torch
from torch import Tensor

from cluster.replay.buffer import Replay, ReplayEmpty, ReplayUnavailable
from cluster.replay.transitions import TransitionReplay
from cluster.training.learner import GroupLearner
from learners.hindsight import learner_columns
from learners.networks.weights import FlatWeights
from learners.td3 import TD3Learner


class TD3GroupLearner(GroupLearner):
    """TD3's learner; a thread prepares the next request's batches while it learns from the present ones."""

    inner: TD3Learner

    def make(self, network: Any) -> TD3Learner:
        """Build the inner learner; open the replay, and get the world's rules if it has any."""
        config = self.run_config
        settings = config.settings
        self.td3 = settings.td3
        self.rng = self.make_generator(8)  # the targets' noise differs between processes
        self.transitions = TransitionReplay(
            Replay(self.run_config.replay), self.run_config.layout, settings.system.block
        )
        self.rules = config.rules()
        self.thread = ThreadPoolExecutor(1)
        self.prepared: Future[tuple[dict[str, Tensor], float]] | None = None
        return TD3Learner(network, self.td3, torch.device(self.device), self.reduce_gradients)

    def work(self, training_data: Any, **request: Any) -> dict[str, Any]:
        """Do `updates_per_order` updates; `training_data` carries nothing.

        Args:
            training_data: Not used.
            request: `progress` of the run in [0, 1].

        Returns:
            `metrics`, `updates`, `steps` (transitions learned from), `weights` (a list with one reference,
            of the actor). As long as the replay is empty, `updates` alone; without Redis, also
            `unavailable`, one line that says so.
        """
        start = time.perf_counter()
        batches, missing = None, {}
        preparation, self.prepared = self.prepared or self.thread.submit(self.prepare), None
        try:
            batches, took = preparation.result()
        except ReplayEmpty:
            pass
        except ReplayUnavailable as error:
            missing = {"unavailable": str(error)}
        if not self.all_have(batches is not None) or batches is None:
            return {"updates": self.inner.updates} | missing
        self.prepared = self.thread.submit(self.prepare)
        waited = time.perf_counter() - start
        metrics = self.inner.update(batches, request["progress"])
        return {
            "metrics": metrics | {"sample_seconds": took, "sample_wait_seconds": waited},
            "updates": self.inner.updates,
            "steps": batches["reward"].numel(),
            "weights": [self.publish()],
        }

    def prepare(self) -> tuple[dict[str, Tensor], float]:
        """Fetch new blocks, draw and relabel a request's batches: tensors [K, B, ...], and the seconds it took."""
        start = time.perf_counter()
        self.transitions.refresh()
        count, batch = self.td3.updates_per_order, self.td3.batch
        records = self.transitions.sample(count * batch, self.rng)
        columns = learner_columns(records, self.rules, self.td3.relabel_share, self.rng)
        batches = {
            name: torch.from_numpy(values).view(count, batch, *values.shape[1:]) for name, values in columns.items()
        }
        return batches, time.perf_counter() - start

    def restore(self, state: dict[str, Any]) -> None:
        """Restore an exported state; batches prepared before belong to another replay."""
        preparation, self.prepared = self.prepared, None
        if preparation is not None:
            preparation.exception()  # let it end; it is not used
        super().restore(state)

    def publish(self) -> ray.ObjectRef[FlatWeights]:
        """Put the actor's weights into the object store."""
        return ray.put(FlatWeights.of(self.inner.networks.actor))
