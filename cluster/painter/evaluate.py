"""``impasto evaluate``: an independent judge's view of a run's paintings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cluster.evaluation.contact_sheets import contact_sheet, side_by_side
from cluster.evaluation.image_metrics import evaluate_images
from cluster.evaluation.judge import load_judge
from cluster.evaluation.reconstruction import as_row, measure_reconstruction
from cluster.painter.both_policies import paint_with_both
from cluster.painter.data import run_images
from cluster.painter.row_measures import judge_of_lines, measure_paintings
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import about_run
from envs.datasets import load_dataset


def evaluate_run(
    folder: RunFolder, settings: PainterSettings, checkpoint: Checkpoint, count: int = 2000, data_dir: str = ""
) -> dict[str, Any]:
    """Paint with the trained and with an untrained policy, and measure both and real digits.

    The judge never sees a painting in training and plays no part in the reward. A sheet of paintings beside real digits
    is written into the run's samples.

    Args:
        folder, settings, checkpoint: of the run.
        count: paintings of each policy, and test digits.
        data_dir: where MNIST is, if not where the run found it.

    Returns:
        What :func:`cluster.evaluation.image_metrics.evaluate_images` returns, and ``run``, ``updates``,
        ``env_steps``, ``minutes``,
        ``sheet``; of a run that reproduces targets also ``reconstruction``, see
        :func:`cluster.evaluation.reconstruction.measure_reconstruction`, under ``untrained`` and ``trained``.
    """
    settings = settings.replace(data_dir=data_dir or settings.system.data_dir)
    data = Path(settings.system.data_dir) if settings.system.data_dir else None
    judge = load_judge(data_dir=data)
    test = run_images(settings, "test")
    paint = settings.paint
    images, reconstruction = {}, {}
    for name, paintings in paint_with_both(settings, checkpoint, count):
        images[name] = paintings.observed
        if paintings.target is not None:
            reconstruction[name] = measure_reconstruction(paintings.observed, paintings.target, judge, paintings.label)
    result = evaluate_images(images, judge, test, samples=count)
    path = folder.samples / f"evaluation-{checkpoint.update:08d}.png"
    if paintings.target is not None:
        sheet = contact_sheet(paintings.shown[:120], path)
        result["reconstruction"] = reconstruction
    else:
        chosen = np.random.default_rng(0).permutation(len(test))
        big = load_dataset("mnist", split="test", size=paint.canvas_size, data_dir=data).images
        sheet = side_by_side(paintings.full[:120], big[chosen[:120]], path)
    return result | about_run(folder, checkpoint, sheet)


def evaluate_unjudged(
    folder: RunFolder, settings: PainterSettings, checkpoint: Checkpoint, count: int = 1000, data_dir: str = ""
) -> dict[str, Any]:
    """The same for data whose classes the judge does not know; of drawings it sees the lines.

    Returns:
        ``sets`` with what :func:`cluster.painter.row_measures.measure_paintings` gives under ``untrained``
        and ``trained``, ``samples``, ``run``, ``updates``, ``env_steps``, ``minutes``, ``sheet``.
    """
    settings = settings.replace(data_dir=data_dir or settings.system.data_dir)
    count = min(count, len(run_images(settings, "test")))
    judge = judge_of_lines(settings)
    sets = {}
    for name, paintings in paint_with_both(settings, checkpoint, count):
        sets[name] = measure_paintings(settings, paintings, judge)
    path, shown = folder.samples / f"evaluation-{checkpoint.update:08d}.png", paintings.shown[:120]
    sheet = contact_sheet(shown, path)
    return {"sets": sets, "samples": count} | about_run(folder, checkpoint, sheet)


def unjudged_table(result: dict[str, Any]) -> str:
    """The result of :func:`evaluate_unjudged` as aligned text."""
    columns = {"pixel_fid": "pixel FD", "fid": "FD", "l2": "L2", "blank_l2": "L2 of blank", "perceptual": "perceptual"}
    shown = [name for name in columns if any(values.get(name) is not None for values in result["sets"].values())]
    lines = [f"{'':10}" + "".join(f"{columns[name]:>12}" for name in shown)]
    for name, values in result["sets"].items():
        lines.append(f"{name:10}" + "".join(f"{values[column]:>12.4f}" for column in shown))
    lines.append(
        f"{result['samples']} samples each; {result['updates']} updates, {result['env_steps']} steps, "
        f"{result['minutes']:.1f} minutes"
    )
    return "\n".join([*lines, f"sheet: {result['sheet']}"])


def table(result: dict[str, Any]) -> str:
    """The result as aligned text."""
    columns = {
        "frechet_distance": "FD",
        "frechet_ratio": "FD ratio",
        "pixel_frechet_distance": "pixel FD",
        "precision": "precision",
        "recall": "recall",
        "mean_confidence": "confidence",
        "share_confident": "> 0.9",
        "classes_covered": "classes",
    }
    lines = [f"{'':10}" + "".join(f"{name:>12}" for name in columns.values())]
    for name, values in result["sets"].items():
        cells = (values[column] for column in columns)
        lines.append(f"{name:10}" + "".join(f"{'-' if cell is None else f'{cell:.3f}':>12}" for cell in cells))
    lines.append(
        f"{result['samples']} samples each; {result['updates']} updates, {result['env_steps']} steps, "
        f"{result['minutes']:.1f} minutes; judge accuracy {100 * result['judge']['accuracy']:.2f} %"
    )
    for name, figures in result.get("reconstruction", {}).items():
        lines.append(f"{name} against its targets: {as_row(figures)}")
    lines.append(f"sheet: {result['sheet']}")
    return "\n".join(lines)
