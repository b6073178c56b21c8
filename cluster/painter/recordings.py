"""Recordings: the actions behind a contact sheet and the scores after each, from which paintings are painted again.

With fresh brushes a painting is a pure function of its actions, so only actions are stored; a later reader can paint
them at any size, without the policy and without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.painter.settings import PainterSettings
from envs.data_files import write_atomically
from envs.paint import StrokeDecoder
from envs.scenes.config import SceneConfig
from envs.untrusted import read_arrays
from envs.worlds import make_world
from pymypaint import BatchPainter


class RecordingDamaged(UserError, RuntimeError):
    """A file of recorded paintings is damaged: one line that names the file and the fault."""


@dataclass(frozen=True)
class Recording:
    """The episodes behind a contact sheet, in its order.

    Attributes:
        actions: int16 [T, N, K] in spec order.
        noise: float32 [N, Z], the policy's noise for each.
        scores: float32 [T + 1, N], scores of the blank canvas and of the canvas after each action, by the discriminator
            of the time of recording.
    """

    actions: NDArray[np.int16]
    noise: NDArray[np.float32]
    scores: NDArray[np.float32]

    def save(self, path: Path) -> Path:
        """Write a compressed .npz under a temporary name, then rename it; returns `path`."""
        file = BytesIO()
        np.savez_compressed(file, actions=self.actions, noise=self.noise, scores=self.scores)
        write_atomically(path, file.getvalue())
        return path

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read a recording that `save` wrote; nothing is unpickled.

        Raises:
            RecordingDamaged: It is missing, damaged, or its arrays do not fit together.
        """
        try:
            arrays = read_arrays(path)
            recording = cls(arrays["actions"], arrays["noise"], arrays["scores"])
        except (OSError, ValueError, KeyError) as error:
            raise RecordingDamaged(f"{path} can not be read: {type(error).__name__} {error}") from None
        steps, count = recording.actions.shape[:2] if recording.actions.ndim == 3 else (0, 0)
        fits = recording.noise.ndim == 2 and len(recording.noise) == count
        kinds = "".join(array.dtype.kind for array in (recording.actions, recording.noise, recording.scores))
        if not steps or not count or not fits or recording.scores.shape != (steps + 1, count) or kinds != "iff":
            raise RecordingDamaged(
                f"{path}: expected actions [T, N, K], noise [N, Z], scores [T + 1, N], got shapes "
                f"{recording.actions.shape}, {recording.noise.shape}, {recording.scores.shape} of kinds {kinds!r}"
            )
        return recording


def paint_again(
    settings: PainterSettings, actions: NDArray[np.integer[Any]], scale: int = 1, most: int = 0
) -> NDArray[np.uint8]:
    """Paint recorded actions again, on canvases `scale` times as large.

    The brush sees the speed that it had, so that strokes keep their shape and ink; those of a few pixels, which
    libmypaint's antialiasing makes heavier at a scale of 1, are 5 to 18 % lighter.

    Args:
        settings: Of the run that recorded them.
        actions: Integers [T, B, K].
        scale: Size of the canvas in units of the training canvas.
        most: Maximum number of canvases returned: every second, third, ... and the last; 0 returns all.

    Returns:
        uint8 [T + 1, B, H * scale, W * scale, C], the blank canvas and the canvas after each action, or fewer.
    """
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
    with BatchPainter(
        count,
        paint.brush,
        height=size,
        width=size,
        legacy_move=paint.legacy_move,
        fresh_strokes=paint.fresh_strokes,
        defaults=paint.brush_defaults,
        scale=scale,
    ) as painter:
        painter.reset(frames[0], log_radius=decoder.smallest_log_radius(scale))
        for step, action in enumerate(actions):
            if step % every == 0:
                frames[1 + step // every] = frames[step // every]  # free strokes that are left out write nothing
            decoder(action.astype(np.int64), scale).paint_on(painter, frames[1 + step // every])
    return frames
