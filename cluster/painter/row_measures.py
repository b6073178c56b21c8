"""What a row of a table is measured by."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from cluster.evaluation.contact_sheets import contact_sheet
from cluster.evaluation.frechet import frechet_distance
from cluster.evaluation.image_metrics import pixel_features
from cluster.evaluation.judge import Judge, load_judge
from cluster.evaluation.reconstruction import measure_reconstruction
from cluster.painter.data import run_images
from cluster.painter.evaluate_scenes import measure_scenes
from cluster.painter.sampler import Paintings, Sampler
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from envs.data_files import DataError

#: Data sets of lines on white, in which the judge of digits sees what it was trained on: lines.
DRAWINGS = ("mnist", "omniglot")


def measure_row(settings: PainterSettings, checkpoint: Checkpoint, picture: Path, count: int = 1000) -> dict[str, Any]:
    """Paint with a run's policy, write a picture, and measure against images that it never saw.

    Args:
        settings, checkpoint: of the run.
        picture: path of the PNG: paintings, each after its target if it has one.
        count: paintings, and as many images of the test split (fewer where it has fewer).

    Returns:
        What :func:`measure_paintings` gives, and ``steps``, ``minutes``, ``updates``, ``count``.
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
    """The judge of digits, where a run's data are drawings; None for other data.

    None too, with a warning, where MNIST can not be had.
    """
    system = settings.system
    if system.data not in DRAWINGS:
        return None
    try:
        return load_judge(data_dir=Path(system.data_dir) if system.data_dir else None)
    except DataError as error:
        print(f"warning: measured by pixels alone: {error}", file=sys.stderr)
        return None


def measure_paintings(settings: PainterSettings, paintings: Paintings, judge: Judge | None) -> dict[str, Any]:
    """Paintings of a run's policy against as many randomly drawn images of the test split.

    Returns:
        JSON-able: ``pixel_fid`` of 8x8 pixels and, with a judge, ``fid`` in its features; for reproductions
        ``l2``, ``blank_l2``, ``perceptual``, ``judge_accuracy``, see
        :func:`cluster.evaluation.reconstruction.measure_reconstruction`; for scenes what
        :func:`cluster.painter.evaluate_scenes.measure_scenes`
        gives. What can not be measured is None.
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
