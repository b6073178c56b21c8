"""The Ray actor that paints with a search, beside `actors.paint_runner`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actors.delivery import deliver
from actors.runner import BatchRunner
from actors.search_rollout import SearchRollout
from actors.sink import RecordSink
from actors.stroke_search import Objective, Score
from envs.worlds import make_world
from learners.conditioning import score_records
from learners.networks.build import build_discriminator, build_policy
from learners.networks.weights import FlatWeights
from learners.precision import autocast
from learners.records import make_records


class SearchRunner(BatchRunner):
    """Paints batches of episodes with a search.

    It pushes final canvases to the shared replay and keeps trajectories in the object store.

    The configuration must have what `actors.paint_runner.PaintRunner` needs, with search settings whose
    `candidates` are not 0.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.settings = settings = config.settings
        self.world = make_world(1, settings.world)  # for its spaces; the rollout has canvases of its own
        self.policy = build_policy(
            settings.policy, self.world.spec_actions, settings.world.canvas_shape, settings.world.num_actions
        )
        (seed,) = map(int, self.identity.seeds.generate_state(1))
        self.rollout = SearchRollout(
            settings.paint,
            settings.system.canvases,
            self.policy,
            settings.search,
            seed=seed,
            precision=settings.policy.precision,
        )
        self.discriminator = build_discriminator(
            settings.discriminator, settings.discriminator_shape, settings.joint
        ).eval()
        self.sink: RecordSink | None = config.sink()

    def sample_refs(
        self,
        weights: FlatWeights | None = None,
        version: int = -1,
        epoch: int = 0,
        targets: NDArray[np.uint8] | None = None,
        progress: float = 0.0,
        discriminator: FlatWeights | None = None,
    ) -> dict[str, Any]:
        """Paint one batch of episodes, or the next piece of them if `unroll_length` cuts episodes.

        Args:
            weights: see `BatchRunner.sample_refs`, as `version` and `epoch`.
            version: policy updates behind `weights`.
            epoch: how often the algorithm took back a checkpoint.
            targets: uint8 [M, H, W, C], images; all actors of a node share one copy.
            progress: of the run, in [0, 1].
            discriminator: the discriminator's weights, if the search scores with them.

        Returns:
            As `actors.paint_runner.PaintRunner.sample_refs`.
        """
        clock = time.perf_counter()
        rollout = self.rollout
        rollout.seconds.clear()
        self.take_weights(weights, version, epoch)
        self.require_weights()
        if discriminator is not None:
            discriminator.load_into(self.discriminator)
        loaded = time.perf_counter()
        rollout.targets = targets
        wanted = self.settings.search.search_score
        if wanted != "pixels":
            weight = self.settings.policy.l2_weight if wanted == "both" else 0.0
            rollout.objective = Objective(weight, self.score)
        trajectory = rollout.next_unroll(self.settings.policy.unroll_length, self.version[1], self.index, progress)
        painted = time.perf_counter()
        delivered = deliver(trajectory, self.sink)
        seconds = rollout.seconds
        seconds["transfer"] = loaded - clock + time.perf_counter() - painted
        return self.report(trajectory.steps, seconds, trajectory=delivered)

    @property
    def score(self) -> Score:
        """The discriminator's score of canvases with their targets."""

        @torch.inference_mode()
        def score(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
            pictures, tried = canvas.shape[:2]
            target = self.rollout.target[:, None].repeat(tried, 1)
            records = make_records(canvas.reshape(-1, *canvas.shape[2:]), target.reshape(-1, *canvas.shape[2:]))
            with autocast(self.settings.policy.precision, torch.device("cpu")):
                found = score_records(self.discriminator, torch.from_numpy(records), self.settings.conditioning)
            scores: NDArray[np.float32] = found.float().numpy().reshape(pictures, tried)
            return scores

        return score

    def stop(self) -> None:
        """Free the canvases."""
        super().stop()
        self.rollout.close()
