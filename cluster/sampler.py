"""Looking at what a policy paints: contact sheets at fixed noise, one animated painting, samples for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actors.rollout import Rollout
from cluster.settings import RunSettings
from cluster.sheets import animate, contact_sheet
from envs.paint import PaintVectorEnv, StrokeDecoder
from learners.networks.build import build_policy
from learners.trajectory import Trajectory

CANVASES = 64


@dataclass
class Paintings:
    """Finished paintings.

    Attributes:
        observed: uint8 [N, h, w, C], at the size that the networks see.
        full: uint8 [N, H, W, C], the canvases.
        actions: int16 [T, N, K].
        noise: float32 [N, Z].
    """

    observed: NDArray[np.uint8]
    full: NDArray[np.uint8]
    actions: NDArray[np.int16]
    noise: NDArray[np.float32]


class Sampler:
    """A policy and canvases of its own, in the driver; paints the same noise with the same random numbers each time.

    Attributes:
        policy: the network; load weights into it before painting.
    """

    def __init__(self, settings: RunSettings, seed: int = 0) -> None:
        paint = settings.paint
        self.settings = settings
        self.seed = seed
        self.world = PaintVectorEnv(CANVASES, paint, render_mode="rgb_array")
        self.policy = build_policy(settings.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
        self.rollout = Rollout(self.world, self.policy, precision=settings.policy.precision)

    def load(self, weights: dict[str, Any]) -> None:
        """Take weights by name, NumPy arrays or tensors."""
        self.policy.load_state_dict(
            {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in weights.items()}
        )

    def paint(self, count: int) -> Paintings:
        """Paint ``count`` episodes, the same each time for the same weights."""
        batches: list[Trajectory] = []
        full = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.rollout.generator.manual_seed(self.seed)
            for _ in range(-(-count // CANVASES)):
                batches.append(self.rollout.episodes())
                full.append(self.world.canvas.copy())
        joined = Trajectory.join(batches)
        return Paintings(
            joined.canvas[-1, :count], np.concatenate(full)[:count], joined.action[:, :count], joined.noise[:count]
        )

    def write(self, paintings: Paintings, folder: Path, name: str, count: int = 120) -> Path:
        """Write a contact sheet ``name.png`` of the first paintings and ``painting.gif``; returns the sheet's path."""
        folder.mkdir(parents=True, exist_ok=True)
        sheet = folder / f"{name}.png"
        contact_sheet(paintings.full[:count], sheet, columns=20)
        frames = paint_again(self.settings, paintings.actions[:, :1], scale=4)
        animate(frames[:, 0], folder / "painting.gif", scale=1)
        return sheet

    def close(self) -> None:
        """Free the canvases."""
        self.world.close()


def paint_again(settings: RunSettings, actions: NDArray[np.integer[Any]], scale: int = 1) -> NDArray[np.uint8]:
    """Paint recorded actions on canvases ``scale`` times as large: a painting is a program.

    Args:
        settings: of the run that recorded them.
        actions: integers [T, B, K].
        scale: size of the canvas in units of the training canvas.

    Returns:
        uint8 [T + 1, B, H * scale, W * scale, C], the blank canvas and the canvas after each action.
    """
    from pymypaint import BatchPainter

    paint = settings.paint
    decoder = StrokeDecoder(paint)
    size, count = paint.canvas_size * scale, actions.shape[1]
    frames = np.empty((len(actions) + 1, count, size, size, paint.channels), np.uint8)
    with BatchPainter(count, paint.brush, height=size, width=size, legacy_move=paint.legacy_move) as painter:
        painter.reset(frames[0], log_radius=decoder.smallest_log_radius(scale))
        for step, action in enumerate(actions):
            decoder(action.astype(np.int64), scale).paint_on(painter, frames[step + 1])
    return frames
