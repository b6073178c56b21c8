"""Training run in the latent world, evaluated on held-out training images while it trains."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.evaluation.contact_sheets import contact_sheet
from cluster.latent.assets import LatentAssets, introduce
from cluster.latent.parts_cache import PARTS, keep_in_run, parts_of_run, parts_path
from cluster.latent.settings import LatentSettings
from cluster.latent.td3 import TD3, TD3Config
from cluster.runs.best import score
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.training.algorithm import RunAlgorithm
from cluster.training.origin import load_origin
from cluster.training.outcome import Evaluation
from cluster.training.trainer import RunTrainer
from envs.latent import FrozenParts, LatentVectorEnv
from learners.networks.td3 import Actor

#: Held-out images that are shown, in each direction.
SHOWN = 10


class LatentTrainer(RunTrainer):
    """Runs `TD3` in a run folder, on the run's own frozen parts, from the cache or trained now."""

    settings: LatentSettings

    def __init__(
        self,
        settings: LatentSettings,
        *,
        restarts: int = 0,
        parts: FrozenParts | None = None,
        warm_start: Checkpoint | None = None,
    ) -> None:
        """Read the data and the frozen parts, so that their faults are known before there is a folder.

        Args:
            settings: Of the run.
            restarts: Number of times that it was started again.
            parts: Of the run that goes on, or of the one that this one begins from.
            warm_start: A checkpoint of another run, to begin from.

        Raises:
            ValueError: Data or parts can not be loaded.
            UserError: `warm_start` had other parts than these settings and data would make.
        """
        system = settings.system
        if system.learner_gpus and not system.policy_learners and not torch.cuda.is_available():
            raise UserError(f"learner_gpus: {system.learner_gpus:g} asked for, but torch finds no GPU on this machine")
        super().__init__(settings, restarts=restarts)
        self.warm_start = warm_start
        self.introduction = introduce(settings)
        self.assets = LatentAssets.load(settings, parts=parts)
        if warm_start is not None:
            made_of = parts_path(settings.parts, self.assets.data).stem
            if self.assets.parts.report.get("made_of") != made_of:
                raise UserError(
                    "warm start: the other run's frozen parts were made of other data, by other settings or by an "
                    "older Impasto"
                )
        held_out = self.assets.held_out
        clean = dataclasses.replace(settings.world, noise=0.0)
        count = len(held_out.images)
        self.world = LatentVectorEnv(count, clean, self.assets.parts, held_out.images, held_out.labels)
        size = (self.world.single_observation_space.shape or (0,))[0]
        self.actor = Actor(size, self.assets.parts.shape.z, settings.td3.hidden)

    @classmethod
    def of_run(cls, folder: RunFolder, settings: Any, restarts: int) -> Self:
        """Make the trainer that goes on with a run, on the parts in its folder."""
        parts = parts_of_run(folder.path) if (folder.path / PARTS).exists() else None
        return cls(settings, restarts=restarts, parts=parts, warm_start=load_origin(folder))

    def build(self) -> TD3:
        """Build the running algorithm, and put its parts into the folder."""
        if not (self.folder.path / PARTS).exists():
            keep_in_run(self.assets.parts, self.folder.path)
        config = TD3Config().use(self.settings)
        config.restarts = self.restarts
        config.run_name = self.folder.path.name
        config.assets = self.assets.share()
        algorithm = config.build_algo()
        assert isinstance(algorithm, TD3)
        return algorithm

    def begin(self, algorithm: RunAlgorithm) -> None:
        """Begin with another run's networks and replay, if one was given."""
        if self.warm_start is not None:
            assert isinstance(algorithm, TD3)
            algorithm.warm_start(self.warm_start, self.world.rules)

    def evaluate_weights(self, weights: dict[str, Any], update: int) -> Evaluation:
        """Translate held-out training images without noise; the score is the mean reward of the episodes' last steps.

        The accuracy is by the reward's own classifier: the judge of `impasto evaluate` is another one.
        """
        self.actor.load_state_dict(weights)
        observation, _ = self.world.reset(seed=0)
        for _ in range(self.settings.world.horizon):
            with torch.inference_mode():
                action = self.actor(torch.from_numpy(observation)).numpy()
            observation, reward, _, _, info = self.world.step(action)
        metrics = {"sample/score": float(reward.mean())}
        layout = self.assets.parts.shape.layout
        label, task = info["source"][:, 0].astype(np.int64), info["task"]
        if layout.classes and (target := self.world.rules.tasks.targets[task, label]).min() >= 0:
            shown = info["features"][:, : layout.classes].argmax(1)
            metrics["sample/accuracy"] = float((shown == target).mean())
        picture = self.folder.samples / f"{update:08d}.png"
        self.folder.samples.mkdir(parents=True, exist_ok=True)
        contact_sheet(self.pictures(info), picture, columns=2 * SHOWN)
        return Evaluation(score(metrics), picture, metrics)

    def pictures(self, info: dict[str, Any]) -> NDArray[np.uint8]:
        """Decode inputs, each followed by its output: uint8 [N, H, W, C]."""
        layout = self.assets.parts.shape.layout
        outcome = layout.unpack_outcome(torch.from_numpy(info["features"][: SHOWN * SHOWN]))
        source = layout.unpack_source(torch.from_numpy(info["source"][: SHOWN * SHOWN]))
        both = torch.stack([source.latent, outcome.latent], 1).flatten(0, 1)
        with torch.inference_mode():
            images = self.assets.parts.decode(both)
        return (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()

    def close(self) -> None:
        """Free the worlds."""
        self.world.close()
