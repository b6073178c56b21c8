"""Looking at what a policy paints: contact sheets at fixed noise, one animated painting, samples for metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actors.rollout import Rollout
from cluster.data import run_data
from cluster.settings import RunSettings
from cluster.sheets import animate, contact_sheet
from envs.paint import StrokeDecoder
from envs.scenes.config import SceneConfig
from envs.worlds import make_world
from learners.networks.build import build_policy

CANVASES = 64
PIECE = 50
ANIMATION_SIZE, ANIMATION_FRAMES = 256, 101


@dataclass
class Paintings:
    """Finished paintings.

    Attributes:
        observed: uint8 [N, h, w, C], at the size that the networks see.
        full: uint8 [N, H, W, C], the canvases.
        actions: int16 [T, N, K].
        noise: float32 [N, Z].
        target: uint8 [N, h, w, C], what they were to reproduce; None where they were free.
        label: int64 [N], class of the target, where the data set has classes.
    """

    observed: NDArray[np.uint8]
    full: NDArray[np.uint8]
    actions: NDArray[np.int16]
    noise: NDArray[np.float32]
    target: NDArray[np.uint8] | None = None
    label: NDArray[np.int64] | None = None

    @property
    def shown(self) -> NDArray[np.uint8]:
        """uint8 [N, H, W, C], or [2N, H, W, C] with each painting after its target, as large."""
        if self.target is None:
            return self.full
        factor = self.full.shape[1] // self.target.shape[1]
        target = self.target.repeat(factor, 1).repeat(factor, 2)
        return np.stack([target, self.full], 1).reshape(-1, *self.full.shape[1:])


class Sampler:
    """A policy and canvases of its own, in the driver; paints the same noise with the same random numbers each time.

    Attributes:
        policy: the network; load weights into it before painting.
    """

    def __init__(self, settings: RunSettings, seed: int = 0) -> None:
        world = settings.world
        self.settings = settings
        self.seed = seed
        self.world = make_world(CANVASES, world, render_mode="rgb_array")
        self.policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
        self.rollout = Rollout(self.world, self.policy, precision=settings.policy.precision)

    def load(self, weights: dict[str, Any]) -> None:
        """Take weights by name, NumPy arrays or tensors."""
        self.policy.load_state_dict(
            {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in weights.items()}
        )

    def paint(self, count: int) -> Paintings:
        """Paint ``count`` episodes, the same each time for the same weights.

        A conditional policy gets targets from the data set's test split, drawn by the seed.
        """
        actions, full, observed, noise = [], [], [], []
        batches = -(-count // CANVASES)
        chosen, data = None, None
        if self.policy.conditional:
            data = run_data(self.settings, "test")
            chosen = np.random.default_rng(self.seed).permutation(len(data.images))
            chosen = np.resize(chosen, batches * CANVASES)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.rollout.generator.manual_seed(self.seed)
            for batch in range(batches):
                rows = None if chosen is None else chosen[batch * CANVASES : (batch + 1) * CANVASES]
                self.rollout.begin(target=None if data is None else data.images[rows])
                pieces = []
                while self.rollout.step < self.rollout.length:  # in pieces: canvases of long episodes fill the memory
                    piece = self.rollout.unroll(PIECE)
                    pieces.append(piece.action)
                actions.append(np.concatenate(pieces))
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
        )

    def write(self, paintings: Paintings, folder: Path, name: str, count: int = 120) -> Path:
        """Write a contact sheet ``name.png`` of ``count`` images, the first paintings, each after its target if it has
        one, and ``painting.gif`` of the first; returns the sheet's path."""
        folder.mkdir(parents=True, exist_ok=True)
        sheet = folder / f"{name}.png"
        shown = paintings.shown[:count]
        contact_sheet(shown, sheet, columns=20, scale=2 if shown.shape[1] <= 64 else 1)
        scale = max(1, ANIMATION_SIZE // self.settings.world.canvas_size)
        frames = paint_again(self.settings, paintings.actions[:, :1], scale=scale, most=ANIMATION_FRAMES)
        animate(frames[:, 0], folder / "painting.gif", scale=1)
        return sheet

    def close(self) -> None:
        """Free the canvases."""
        self.world.close()


def paint_again(
    settings: RunSettings, actions: NDArray[np.integer[Any]], scale: int = 1, most: int = 0
) -> NDArray[np.uint8]:
    """Paint recorded actions on canvases ``scale`` times as large: a painting is a program.

    Args:
        settings: of the run that recorded them.
        actions: integers [T, B, K].
        scale: size of the canvas in units of the training canvas.
        most: keep every second, third, ... canvas, and the last, so that no more than these are kept; 0 keeps all.

    Returns:
        uint8 [T + 1, B, H * scale, W * scale, C], the blank canvas and the canvas after each action, or fewer.
    """
    from pymypaint import BatchPainter

    size, count = settings.world.canvas_size * scale, actions.shape[1]
    every = -(-len(actions) // (most - 1)) if most else 1
    frames = np.empty((1 + -(-len(actions) // every), count, size, size, settings.world.channels), np.uint8)
    if isinstance(settings.world, SceneConfig):
        env = make_world(count, replace(settings.world, scene_size=size))
        frames[0] = env.reset()[0]["canvas"]
        for step, action in enumerate(actions):
            frames[1 + step // every] = env.step(action.astype(np.int64))[0]["canvas"]
        env.close()
        return frames
    paint = settings.paint
    decoder = StrokeDecoder(paint)
    with BatchPainter(count, paint.brush, height=size, width=size, legacy_move=paint.legacy_move) as painter:
        painter.reset(frames[0], log_radius=decoder.smallest_log_radius(scale))
        for step, action in enumerate(actions):
            decoder(action.astype(np.int64), scale).paint_on(painter, frames[1 + step // every])
    return frames
