"""Recordings of the published environment: how its actions read, and how to replay them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pymypaint import BatchPainter

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = Path(__file__).parent / "data"


def published_folder() -> Path:
    shared = os.environ.get("IMPASTO_SHARED")
    return (Path(shared) if shared else REPOSITORY.parent / "shared") / "golden" / "deepmind_libmypaint"


class Recording:
    """actions int16 [E, T, components]; canvases uint8 [E, T or 1, H, W, C]; final_fix15 uint16 [E, H, W, 4]."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.actions: NDArray[np.int16] = arrays["actions"]
        self.canvases: NDArray[np.uint8] = arrays["canvases"]
        self.final_fix15: NDArray[np.uint16] = arrays["final_fix15"]
        self.meta: dict[str, Any] = json.loads(str(arrays["meta"]))
        self.history = self.meta["mode"] == "history"
        self.log_sizes = np.array([np.log(float(size)) for size in self.meta["brush_sizes"]])

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as arrays:
            return cls(dict(arrays))

    def painter(self, num_canvases: int, threads: int = 1) -> BatchPainter:
        size = self.meta["canvas_width"]
        return BatchPainter(
            num_canvases,
            self.meta["brush"],
            height=size,
            width=size,
            history=self.history,
            legacy_move=True,
            threads=threads,
        )

    def strokes(self, step: int) -> dict[str, NDArray[Any]]:
        """The arguments of `BatchPainter.stroke` for one step of all episodes."""
        columns = dict(zip(self.meta["action_names"], self.actions[:, step].T.astype(np.int64), strict=True))
        scale = self.meta["canvas_width"] / self.meta["grid_width"]
        levels = np.linspace(0.0, 1.0, 20)

        def position(name: str) -> NDArray[np.float64]:
            cell: NDArray[np.int64] = np.stack(np.divmod(columns[name], self.meta["grid_width"]), axis=-1)
            place: NDArray[np.float64] = cell * np.float64(scale)
            return place

        if self.meta["use_color"]:
            color = np.stack([levels[columns[name]] for name in ("red", "green", "blue")], axis=-1)
        else:
            color = np.zeros((len(self.actions), 3))
        return {
            "end": position("end"),
            "control": position("control"),
            "pressure": np.linspace(0.1, 1.0, 10)[columns["pressure"]],
            "log_radius": self.log_sizes[columns["size"]],
            "color": color,
            "paint": columns["flag"] == 1,
        }

    def replay(self, painter: BatchPainter) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """Paints all episodes; returns arrays like `canvases` (all steps) and `final_fix15`."""
        episodes, steps = self.actions.shape[:2]
        seen = np.empty((steps, *self.canvases.shape[:1], *self.canvases.shape[2:]), np.uint8)
        if not self.history:  # one canvas an episode, side by side
            painter.reset(log_radius=float(self.log_sizes[0]))
            for step in range(steps):
                painter.stroke(**self.strokes(step), observation=seen[step])
            return seen.swapaxes(0, 1), painter.canvas_fix15()
        finals = []
        for episode in range(episodes):  # one canvas and one brush live through all episodes
            painter.reset(log_radius=float(self.log_sizes[0]))
            for step in range(steps):
                one = {name: values[episode : episode + 1] for name, values in self.strokes(step).items()}
                painter.stroke(**one, observation=seen[step, episode : episode + 1])
            finals.append(painter.canvas_fix15()[0])
        return seen.swapaxes(0, 1), np.stack(finals)
