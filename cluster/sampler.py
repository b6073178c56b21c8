"""Looking at what a policy paints: contact sheets at fixed noise, one animated painting, samples for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actors.rollout import Rollout
from cluster.paintings import Recording, paint_again
from cluster.settings import RunSettings
from cluster.sheets import animate, contact_sheet
from envs.paint import PaintVectorEnv
from learners.networks.build import build_discriminator, build_policy
from learners.networks.discriminator import to_image
from learners.trajectory import Trajectory

CANVASES = 64
#: Paintings on a sheet, whose scores after each stroke are recorded.
ON_SHEET = 120


@dataclass
class Paintings:
    """Finished paintings.

    Attributes:
        observed: uint8 [N, h, w, C], at the size that the networks see.
        full: uint8 [N, H, W, C], the canvases.
        actions: int16 [T, N, K].
        noise: float32 [N, Z].
        scores: float32 [T + 1, M], the discriminator's scores of the first M paintings (see `Recording`).
    """

    observed: NDArray[np.uint8]
    full: NDArray[np.uint8]
    actions: NDArray[np.int16]
    noise: NDArray[np.float32]
    scores: NDArray[np.float32]


class Sampler:
    """A policy and canvases of its own, in the driver; paints the same noise with the same random numbers each time.

    Attributes:
        policy, discriminator: the networks; load weights into them before painting.
    """

    def __init__(self, settings: RunSettings, seed: int = 0) -> None:
        paint = settings.paint
        self.settings = settings
        self.seed = seed
        self.world = PaintVectorEnv(CANVASES, paint, render_mode="rgb_array")
        self.policy = build_policy(settings.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
        self.discriminator = build_discriminator(settings.discriminator, paint.canvas_shape).eval()
        self.rollout = Rollout(self.world, self.policy, precision=settings.policy.precision)

    def load(self, policy: dict[str, Any], discriminator: dict[str, Any] | None = None) -> None:
        """Take weights by name, NumPy arrays or tensors; the discriminator's are needed to judge."""
        self.policy.load_state_dict(tensors(policy))
        if discriminator is not None:
            self.discriminator.load_state_dict(tensors(discriminator))

    def paint(self, count: int, judged: int = 0) -> Paintings:
        """Paint ``count`` episodes, the same each time for the same weights; score the first ``judged`` of them."""
        batches: list[Trajectory] = []
        full = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.rollout.generator.manual_seed(self.seed)
            for _ in range(-(-count // CANVASES)):
                batches.append(self.rollout.episodes())
                full.append(self.world.canvas.copy())
        joined = Trajectory.join(batches)
        judged = min(count, judged)
        return Paintings(
            joined.canvas[-1, :count],
            np.concatenate(full)[:count],
            joined.action[:, :count],
            joined.noise[:count],
            self.judge(joined.canvas[:, :judged]),
        )

    @torch.inference_mode()
    def judge(self, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Discriminator scores float32 [T + 1, N] of uint8 [T + 1, N, H, W, C], one step of the episodes at a time."""
        scores = [self.discriminator(to_image(torch.from_numpy(canvas))).float().numpy() for canvas in canvases]
        return np.stack(scores)

    def write(self, paintings: Paintings, folder: Path, name: str, count: int = ON_SHEET) -> Path:
        """Write a contact sheet ``name.png`` of the first paintings, a recording ``name.npz`` of those of them that
        were judged, and ``painting.gif``; returns the sheet's path."""
        folder.mkdir(parents=True, exist_ok=True)
        sheet = folder / f"{name}.png"
        judged = min(count, paintings.scores.shape[1])
        recording = Recording(paintings.actions[:, :judged], paintings.noise[:judged], paintings.scores[:, :judged])
        recording.save(folder / f"{name}.npz")
        contact_sheet(paintings.full[:count], sheet, columns=20)
        frames = paint_again(self.settings, paintings.actions[:, :1], scale=4)
        animate(frames[:, 0], folder / "painting.gif", scale=1)
        return sheet

    def close(self) -> None:
        """Free the canvases."""
        self.world.close()


def tensors(weights: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Weights as ``load_state_dict`` wants them; arrays from Ray's object store are copied."""
    return {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in weights.items()}
