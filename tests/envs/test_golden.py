"""PaintVectorEnv, from integer actions to observations, against recordings of the published environment."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.paint import PaintConfig, PaintVectorEnv
from tests.helpers.shared_data import shared_path

BRUSHES = ("2B_pencil", "charcoal", "dry_brush", "pen")
NAMES = [f"{brush}_{mode}" for brush in BRUSHES for mode in ("paint", "moves", "history")]
NAMES += ["dry_brush_256", "dry_brush_grey_small_sizes", "smudge_paint_history"]


def load(name: str) -> tuple[PaintConfig, NDArray[np.int16], NDArray[np.uint8]]:
    """The configuration of a recording, its actions [E, T, K] and its canvases [E, T or 1, H, W, C]."""
    path: Path = shared_path(f"golden/deepmind_libmypaint/{name}.npz")
    with np.load(path) as arrays:
        meta: dict[str, Any] = json.loads(str(arrays["meta"]))
        actions, canvases = arrays["actions"], arrays["canvases"]
    config = PaintConfig(
        canvas_size=meta["canvas_width"],
        observation_size=meta["canvas_width"],
        grid=meta["grid_width"],
        episode_length=meta["episode_length"],
        brush=meta["brush"],
        brush_sizes=tuple(map(float, meta["brush_sizes"])),
        pressure_levels=10 if meta["use_pressure"] else 1,
        color=meta["use_color"],
        history=meta["mode"] == "history",
        legacy_move=True,
    )
    assert config.action_spec.names == tuple(meta["action_names"])
    return config, actions, canvases


def replay(config: PaintConfig, actions: NDArray[np.int16]) -> NDArray[np.uint8]:
    """uint8 [E, T, H, W, C]; with `history` all episodes on one canvas, else each on its own."""
    batches = [actions[e : e + 1] for e in range(len(actions))] if config.history else [actions]
    env = PaintVectorEnv(len(batches[0]), config)
    painted = []
    for batch in batches:
        env.reset()
        painted.append(np.stack([env.step(batch[:, t])[0]["canvas"] for t in range(actions.shape[1])], 1))
    return np.concatenate(painted)


@pytest.mark.parametrize("name", NAMES)
def test_observations_equal_the_recording(name: str) -> None:
    config, actions, canvases = load(name)
    painted = replay(config, actions)
    np.testing.assert_array_equal(painted[:, -canvases.shape[1] :], canvases)


def test_the_recordings_need_their_switches() -> None:
    config, actions, canvases = load("dry_brush_moves")
    assert (replay(dataclasses.replace(config, legacy_move=False), actions) != canvases).any()
    config, actions, canvases = load("dry_brush_history")
    assert (replay(dataclasses.replace(config, history=False), actions) != canvases).any()


def test_a_smaller_observation_is_the_recording_pooled() -> None:
    config, actions, canvases = load("pen_paint")
    painted = replay(dataclasses.replace(config, observation_size=32), actions)
    total = canvases.reshape(*canvases.shape[:2], 32, 2, 32, 2, 3).sum((3, 5), dtype=int)
    np.testing.assert_array_equal(painted, (total + 2) // 4)
