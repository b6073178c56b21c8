"""Evaluation on scenes: a trained policy, and the Metropolis-Hastings baseline beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.metropolis import LikeliestScenes, metropolis
from cluster.errors import UserError
from cluster.evaluation.contact_sheets import contact_sheet
from cluster.evaluation.reconstruction import pixel_l2
from cluster.evaluation.text_tables import number, text_table
from cluster.painter.data import run_scenes
from cluster.painter.sampler import Paintings, paint_untrained_and_trained
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import about_run
from envs.data_files import write_atomically
from envs.scenes.config import SceneConfig
from envs.scenes.generator import SceneSet, load_scenes
from envs.scenes.matching import accuracy
from envs.scenes.world import scenes_made

SHOWN = 40


def figures(
    scenes: SceneSet, made: NDArray[Any], counts: NDArray[Any], images: NDArray[np.uint8], config: SceneConfig
) -> dict[str, float]:
    """Compute `envs.scenes.matching.accuracy` and `l2`, the mean squared difference of pixels in [0, 1].

    Args:
        scenes: N targets.
        made: Objects [N, L, 6] of the reproductions.
        counts: Number of valid objects in each row.
        images: Pictures of the reproductions, uint8 [N, H, W, 3].
        config: The world that they stand in.
    """
    found = accuracy(scenes.objects, scenes.counts, made, counts, config)
    return found | {"l2": pixel_l2(images, scenes.images)}


def measure_scenes(settings: PainterSettings, paintings: Paintings) -> dict[str, float]:
    """Compute `figures` of held-out scenes that a run's policy reproduced.

    Raises:
        UserError: It was given no targets.
    """
    if paintings.label is None:
        raise UserError("scenes are compared with targets, and this run has none: train with --conditional True")
    held_out, rows = run_scenes(settings, "test"), paintings.label
    targets = SceneSet(held_out.images[rows], held_out.objects[rows], held_out.counts[rows])
    made = scenes_made(paintings.actions, settings.scene)
    return figures(targets, made.objects, made.counts, paintings.full, settings.scene)


def evaluate(folder: RunFolder, settings: PainterSettings, checkpoint: Checkpoint, count: int = 1000) -> dict[str, Any]:
    """Have the trained and an untrained policy reproduce held-out scenes.

    Args:
        folder: Folder of the run.
        settings: Settings of the run.
        checkpoint: Checkpoint of the run.
        count: Scenes; there are 1 000 at most.

    Returns:
        `sets` with `figures` under `untrained` and `trained`, `seconds_per_scene`, `samples`, `run`,
        `updates`, `env_steps`, `minutes`, `sheet`.
    """
    count = min(count, len(run_scenes(settings, "test").images))
    sets = {}
    start = time.perf_counter()
    for name, paintings in paint_untrained_and_trained(settings, checkpoint, count):
        seconds = time.perf_counter() - start
        sets[name] = measure_scenes(settings, paintings)
        start = time.perf_counter()
    path = folder.picture_folder() / f"evaluation-{checkpoint.update:08d}.png"
    sheet = contact_sheet(paintings.shown[: 2 * SHOWN], path, columns=16)
    found = {"sets": sets, "samples": count, "seconds_per_scene": seconds / count}
    return found | about_run(folder, checkpoint, sheet)


def run_metropolis(
    folder: Path,
    *,
    count: int = 100,
    evaluations: Sequence[int] = (10, 100, 1000, 5000),
    variance: float = 0.25,
    seed: int = 0,
    config: SceneConfig | None = None,
) -> dict[str, Any]:
    """Run blocked Metropolis-Hastings on the first `count` held-out scenes; see `actors.metropolis`.

    Writes `metropolis.json` and `metropolis.png` (rows: targets, then the likeliest scene after each number of
    evaluations) into `folder`.

    Returns:
        `sets` with `figures`, `acceptance` and `log_likelihood` under each number of evaluations,
        `samples`, `seconds_per_evaluation`, `variance`, `seed`, `sheet`.
    """
    config = config or SceneConfig()
    scenes = load_scenes("test", config=config)
    scenes = SceneSet(scenes.images[:count], scenes.objects[:count], scenes.counts[:count])
    start = time.perf_counter()
    found: list[LikeliestScenes] = []
    for each in metropolis(scenes.images, config, evaluations, variance=variance, seed=seed):
        found.append(each)
    seconds = time.perf_counter() - start
    shown = [scenes.images[:16], *(each.images[:16] for each in found)]
    folder.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(
        np.concatenate(shown),
        folder / "metropolis.png",
        columns=len(shown[0]),
        row_labels=["target", *(str(each.evaluations) for each in found)],
    )
    result = {
        "sets": {
            str(each.evaluations): figures(scenes, each.objects, each.counts, each.images, config)
            | {"acceptance": each.acceptance, "log_likelihood": float(each.log_likelihood.mean())}
            for each in found
        },
        "samples": len(scenes.images),
        "seconds_per_evaluation": seconds / (len(scenes.images) * found[-1].evaluations),
        "variance": variance,
        "seed": seed,
        "sheet": str(sheet),
    }
    write_atomically(folder / "metropolis.json", (json.dumps(result, indent=1) + "\n").encode())
    return result


def table(result: dict[str, Any]) -> str:
    """Format a result as aligned text: shares of scenes and of objects that are right, and the L2."""
    columns = {
        "count": "count",
        "count_and_color": "count, color",
        "count_and_color_near": "count, near color",
        "everything": "all",
        "object_color": "object color",
        "object_color_near": "near color",
        "object_type": "type",
        "object_size": "size",
        "object_place": "place",
    }
    rows = (
        [name, *(number(values[column], ".1%") for column in columns), number(values["l2"], ".5f")]
        for name, values in result["sets"].items()
    )
    text = text_table(["", *columns.values(), "L2"], rows)
    return f"{text}\n{result['samples']} held-out scenes; sheet: {result['sheet']}"
