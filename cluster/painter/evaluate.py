"""`impasto evaluate`: a run's paintings measured by an independent classifier, the judge."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from cluster.evaluation.contact_sheets import contact_sheet, side_by_side
from cluster.evaluation.frechet import frechet_distance
from cluster.evaluation.image_metrics import evaluate_images, pixel_features
from cluster.evaluation.judge import Judge, load_judge
from cluster.evaluation.reconstruction import as_row, measure_reconstruction
from cluster.evaluation.text_tables import figures_table
from cluster.painter.data import run_images
from cluster.painter.evaluate_scenes import measure_scenes
from cluster.painter.sampler import Paintings, Sampler, paint_untrained_and_trained
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import about_run
from envs.data_files import DataError
from envs.datasets import load_dataset

#: Data sets of lines on white, in which the judge of digits sees what it was trained on: lines.
DRAWINGS = ("mnist", "omniglot")


def evaluate_run(
    folder: RunFolder, settings: PainterSettings, checkpoint: Checkpoint, count: int = 2000
) -> dict[str, Any]:
    """Paint with the trained and with an untrained policy, and measure both and real digits.

    The judge never sees a painting in training and plays no part in the reward. A sheet of paintings beside real digits
    is written into the run's samples.

    Args:
        folder: Folder of the run.
        settings: Settings of the run.
        checkpoint: Checkpoint of the run.
        count: Paintings of each policy, and test digits.

    Returns:
        The figures of `evaluate_images`, and `run`, `updates`, `env_steps`, `minutes`, `sheet`; for a run that
        reproduces targets also `reconstruction`, with the figures of `measure_reconstruction` under `untrained` and
        `trained`.
    """
    data = settings.system.data_folder
    judge = load_judge(data_dir=data)
    test = run_images(settings, "test")
    paint = settings.paint
    images, reconstruction = {}, {}
    for name, paintings in paint_untrained_and_trained(settings, checkpoint, count):
        images[name] = paintings.observed
        if paintings.target is not None:
            reconstruction[name] = measure_reconstruction(paintings.observed, paintings.target, judge, paintings.label)
    result = evaluate_images(images, judge, test, samples=count)
    path = folder.picture_folder() / f"evaluation-{checkpoint.update:08d}.png"
    if paintings.target is not None:
        sheet = contact_sheet(paintings.shown[:120], path)
        result["reconstruction"] = reconstruction
    else:
        chosen = np.random.default_rng(0).permutation(len(test))
        big = load_dataset("mnist", split="test", size=paint.canvas_size, data_dir=data).images
        sheet = side_by_side(paintings.full[:120], big[chosen[:120]], path)
    return result | about_run(folder, checkpoint, sheet)


def evaluate_unjudged(
    folder: RunFolder, settings: PainterSettings, checkpoint: Checkpoint, count: int = 1000
) -> dict[str, Any]:
    """Evaluate a run on other data than MNIST.

    Line drawings are still compared in the judge's features, other images by pixels only.

    Returns:
        `sets` with the figures of `measure_paintings` under `untrained` and `trained`, `samples`, `run`, `updates`,
        `env_steps`, `minutes`, `sheet`.
    """
    count = min(count, len(run_images(settings, "test")))
    judge = judge_of_lines(settings)
    sets = {}
    for name, paintings in paint_untrained_and_trained(settings, checkpoint, count):
        sets[name] = measure_paintings(settings, paintings, judge)
    path, shown = folder.picture_folder() / f"evaluation-{checkpoint.update:08d}.png", paintings.shown[:120]
    sheet = contact_sheet(shown, path)
    return {"sets": sets, "samples": count} | about_run(folder, checkpoint, sheet)


def unjudged_table(result: dict[str, Any]) -> str:
    """Format the result of `evaluate_unjudged` as aligned text."""
    columns = {"pixel_fid": "pixel FD", "fid": "FD", "l2": "L2", "blank_l2": "L2 of blank", "perceptual": "perceptual"}
    return "\n".join([figures_table(result["sets"], columns, ".4f"), extent(result), f"sheet: {result['sheet']}"])


def table(result: dict[str, Any]) -> str:
    """Format the result of `evaluate_run` as aligned text."""
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
    lines = [figures_table(result["sets"], columns)]
    lines.append(f"{extent(result)}; judge accuracy {100 * result['judge']['accuracy']:.2f} %")
    for name, figures in result.get("reconstruction", {}).items():
        lines.append(f"{name} against its targets: {as_row(figures)}")
    return "\n".join([*lines, f"sheet: {result['sheet']}"])


def extent(result: dict[str, Any]) -> str:
    """Tell the size of an evaluation and the length of the training before it."""
    return (
        f"{result['samples']} samples each; {result['updates']} updates, {result['env_steps']} steps, "
        f"{result['minutes']:.1f} minutes"
    )


def measure_row(settings: PainterSettings, checkpoint: Checkpoint, picture: Path, count: int = 1000) -> dict[str, Any]:
    """Paint with a run's policy, write a picture, and measure against images of the test split.

    Args:
        settings: Settings of the run.
        checkpoint: Checkpoint of the run.
        picture: Path of the PNG: paintings, each after its target if it has one.
        count: Paintings, and as many images of the test split (fewer if it has fewer).

    Returns:
        The figures of `measure_paintings`, and `steps`, `minutes`, `updates`, `count`.
    """
    judge = judge_of_lines(settings)
    sampler = Sampler(settings, seed=1)
    sampler.load(checkpoint.tensors["policy"])
    paintings = sampler.paint(min(count, len(run_images(settings, "test"))))
    sampler.close()
    shown = paintings.shown[:40]
    contact_sheet(shown, picture)
    counters = checkpoint.documents["counters"]
    return measure_paintings(settings, paintings, judge) | {
        "count": len(paintings.observed),
        "updates": checkpoint.update,
        "steps": counters["trained_steps"],
        "minutes": counters["trained_seconds"] / 60,
    }


def judge_of_lines(settings: PainterSettings) -> Judge | None:
    """Load the judge of digits for a run on line drawings.

    Returns:
        None for other data; None too, with a warning, if MNIST can not be loaded.
    """
    if settings.system.data not in DRAWINGS:
        return None
    try:
        return load_judge(data_dir=settings.system.data_folder)
    except DataError as error:
        print(f"warning: measured by pixels alone: {error}", file=sys.stderr)
        return None


def measure_paintings(settings: PainterSettings, paintings: Paintings, judge: Judge | None) -> dict[str, Any]:
    """Compare paintings of a run's policy with as many randomly drawn images of the test split.

    Returns:
        JSON-able: `pixel_fid` of 8x8 pixels and, with a judge, `fid` in its features; for reproductions the figures of
        `measure_reconstruction` (`l2`, `blank_l2`, `perceptual`, `judge_accuracy`); for scenes those of
        `measure_scenes`. A figure that can not be measured is None.
    """
    system = settings.system
    real = run_images(settings, "test")
    chosen = np.random.default_rng(0).permutation(len(real))[: len(paintings.observed)]
    result: dict[str, Any] = {
        "pixel_fid": frechet_distance(pixel_features(paintings.observed), pixel_features(real[chosen])),
        "fid": None,
    }
    if judge is not None:
        made, _ = judge.features_and_probabilities(paintings.observed)
        reference, _ = judge.features_and_probabilities(real[chosen])
        result["fid"] = frechet_distance(made, reference)
    if paintings.target is not None:
        label = paintings.label if system.data == "mnist" else None
        result |= measure_reconstruction(paintings.observed, paintings.target, judge, label)
    if system.data == "scenes" and paintings.target is not None:
        result |= measure_scenes(settings, paintings)
    return result
