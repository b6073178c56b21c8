"""Paintings of a policy: contact sheets at fixed noise, an animated painting, samples for metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actors.rollout import Rollout
from cluster.evaluation.contact_sheets import animate, contact_sheet
from cluster.painter.data import Split, run_data
from cluster.painter.recordings import Recording, paint_again
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from envs.paint import PaintConfig
from envs.worlds import make_world
from learners.networks.build import build_discriminator, build_policy
from learners.networks.discriminator import to_image

CANVASES = 64
#: Images on a sheet of a training run; as many paintings have their scores after each stroke recorded.
ON_SHEET = 120
PIECE = 50
ANIMATION_SIZE, ANIMATION_FRAMES = 256, 101


@dataclass
class Paintings:
    """Finished paintings.

    Attributes:
        observed: uint8 [N, h, w, C], at the size of the networks' observations.
        full: uint8 [N, H, W, C], the canvases.
        actions: int16 [T, N, K].
        noise: float32 [N, Z].
        target: uint8 [N, h, w, C], the images to reproduce; None if the painter was free.
        label: int64 [N], class of the target, if the data set has classes.
        scores: float32 [T + 1, M], the discriminator's scores of the first M paintings (see `Recording`).
    """

    observed: NDArray[np.uint8]
    full: NDArray[np.uint8]
    actions: NDArray[np.int16]
    noise: NDArray[np.float32]
    target: NDArray[np.uint8] | None = None
    label: NDArray[np.int64] | None = None
    scores: NDArray[np.float32] | None = None

    @property
    def shown(self) -> NDArray[np.uint8]:
        """uint8 [N, H, W, C], or [2N, H, W, C] with each painting after its target, as large."""
        if self.target is None:
            return self.full
        factor = self.full.shape[1] // self.target.shape[1]
        target = self.target.repeat(factor, 1).repeat(factor, 2)
        return np.stack([target, self.full], 1).reshape(-1, *self.full.shape[1:])


class Sampler:
    """Paints with a policy on canvases in this process: the same noise and random numbers each time.

    Attributes:
        policy: The network; `load` weights into it before painting.
    """

    def __init__(self, settings: PainterSettings, seed: int = 0) -> None:
        world = settings.world
        self.settings = settings
        self.seed = seed
        self.world = make_world(CANVASES, world, render_mode="rgb_array")
        self.policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
        self.discriminator = build_discriminator(
            settings.discriminator, settings.discriminator_shape, settings.joint
        ).eval()
        self.rollout = Rollout(self.world, self.policy, precision=settings.policy.precision)

    def load(self, policy: dict[str, Any], discriminator: dict[str, Any] | None = None) -> None:
        """Load weights by name, NumPy arrays or tensors; the discriminator's are needed for scores."""
        self.policy.load_state_dict(tensors(policy))
        if discriminator is not None:
            self.discriminator.load_state_dict(tensors(discriminator))

    def paint(self, count: int, scored: int = 0, split: Split = "test") -> Paintings:
        """Paint episodes, the same each time for the same weights.

        Args:
            count: Number of episodes.
            scored: Number of episodes, the first ones, that the discriminator scores after each stroke; none of them if
                `can_record` is False.
            split: Of the data set, from which a conditional policy gets targets, drawn by the seed.
        """
        actions, full, observed, noise = [], [], [], []
        scores: list[NDArray[np.float32]] = []
        scored = min(count, scored) if self.can_record else 0
        batches = -(-count // CANVASES)
        chosen, data = None, None
        if self.policy.conditional:
            data = run_data(self.settings, split)
            chosen = np.random.default_rng(self.seed).permutation(len(data.images))
            chosen = np.resize(chosen, batches * CANVASES)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.rollout.generator.manual_seed(self.seed)
            for batch in range(batches):
                rows = None if chosen is None else chosen[batch * CANVASES : (batch + 1) * CANVASES]
                self.rollout.begin(target=None if data is None else data.images[rows])
                pieces = []
                batch_scores: list[NDArray[np.float32]] = []
                left = min(CANVASES, max(0, scored - batch * CANVASES))
                while self.rollout.step < self.rollout.length:  # in pieces: canvases of long episodes fill the memory
                    piece = self.rollout.unroll(PIECE)
                    pieces.append(piece.action)
                    if left:  # a piece begins with the canvas that the one before it ended with
                        batch_scores.append(self.score(piece.canvas[int(bool(batch_scores)) :, :left]))
                actions.append(np.concatenate(pieces))
                scores += [np.concatenate(batch_scores)] if batch_scores else []
                observed.append(piece.canvas[-1].copy())
                noise.append(piece.noise)
                full.append(self.world.canvas.copy())
        chosen = None if chosen is None else chosen[:count]
        return Paintings(
            np.concatenate(observed)[:count],
            np.concatenate(full)[:count],
            np.concatenate(actions, 1)[:, :count],
            np.concatenate(noise)[:count],
            None if data is None else data.images[chosen],
            None if data is None or data.labels is None else data.labels[chosen],
            np.concatenate(scores, 1) if scores else None,
        )

    @property
    def can_record(self) -> bool:
        """True if paintings can be scored and recorded for the dashboard's stroke theatre.

        Scenes can not, nor reproductions, which a discriminator sees beside their targets, nor paintings with brushes
        that remember earlier episodes.
        """
        world = self.settings.world
        return isinstance(world, PaintConfig) and not world.history and not self.policy.conditional

    @torch.inference_mode()
    def score(self, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute discriminator scores float32 [T, N] of canvases uint8 [T, N, H, W, C], step by step."""
        scores = [self.discriminator(to_image(torch.from_numpy(canvas))).float().numpy() for canvas in canvases]
        return np.stack(scores)

    def write(self, paintings: Paintings, folder: Path, name: str, count: int = ON_SHEET) -> Path:
        """Write the first paintings as a contact sheet `NAME.png`, each after its target if it has one.

        Also writes `painting.gif` of the first and, if they were scored, a recording `NAME.npz`.

        Args:
            paintings: Finished paintings.
            folder: Made if it is missing.
            name: Of the files.
            count: Images on the sheet.

        Returns:
            The sheet's path.
        """
        folder.mkdir(parents=True, exist_ok=True)
        sheet = folder / f"{name}.png"
        if paintings.scores is not None:
            scored = min(count, paintings.scores.shape[1])
            parts = paintings.actions[:, :scored], paintings.noise[:scored], paintings.scores[:, :scored]
            Recording(*parts).save(folder / f"{name}.npz")
        shown = paintings.shown[:count]
        contact_sheet(shown, sheet)
        scale = max(1, ANIMATION_SIZE // self.settings.world.canvas_size)
        frames = paint_again(self.settings, paintings.actions[:, :1], scale=scale, most=ANIMATION_FRAMES)
        animate(frames[:, 0], folder / "painting.gif")
        return sheet

    def close(self) -> None:
        """Free the canvases."""
        self.world.close()


def tensors(weights: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Convert weights for `load_state_dict`; arrays from Ray's object store are copied."""
    return {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in weights.items()}


def paint_untrained_and_trained(
    settings: PainterSettings, checkpoint: Checkpoint, count: int
) -> Iterator[tuple[str, Paintings]]:
    """Paint with the policy that a run started from and with its trained one.

    Yields:
        `untrained` and its `count` paintings, then `trained` and its paintings.
    """
    world = settings.world
    sampler = Sampler(settings, seed=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.system.seed)  # as in the run
        untrained = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    for name, weights in (("untrained", untrained.state_dict()), ("trained", checkpoint.tensors["policy"])):
        sampler.load(dict(weights))
        yield name, sampler.paint(count)
    sampler.close()
