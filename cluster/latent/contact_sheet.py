"""The contact sheet of a translating policy: inputs, outputs for each task, noisy inputs and their outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cluster.evaluation.contact_sheets import contact_sheet
from cluster.latent.policy_evaluation import LatentEvaluation
from cluster.latent.translation import Policy, to_bytes, translate

SIGMAS = (0.3, 0.5)


def sheet_rows(evaluation: LatentEvaluation, policy: Policy, columns: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Make the images of the sheet, row by row.

    Args:
        evaluation: Of the policy's world.
        policy: Maps observations to actions.
        columns: Number of inputs, or all if there are fewer: the first test image of each class, then the second of
            each, and so on.

    Returns:
        uint8 [rows * columns, H, W, C] dark on white, and a label for each row.
    """
    tasks = evaluation.rules.tasks
    labels = evaluation.labels
    before = np.zeros(len(labels), np.int64)  # images of the same class before each
    for kind in np.unique(labels):
        before[labels == kind] = np.arange((labels == kind).sum())
    picks = np.lexsort((labels, before))[:columns]
    clean = evaluation.images[picks]
    rows, names = [to_bytes(clean)], ["input"]

    def show(images: Tensor, number: int) -> None:
        made = translate(evaluation.rules, policy, images, np.full(len(picks), number, np.int64))
        rows.append(to_bytes(made.images))
        names.append(tasks.names[number])

    for number in tasks.asked:
        show(clean, int(number))
    for sigma in SIGMAS:
        noisy = evaluation.noisy(sigma)[picks]
        rows.append(to_bytes(noisy))
        names.append(f"sigma {sigma}")
        show(noisy, int(tasks.asked[min(1, len(tasks.asked) - 1)]))
    return 255 - np.concatenate(rows), names


def write_sheet(evaluation: LatentEvaluation, policy: Policy, path: Path, *, columns: int = 20) -> Path:
    """Write the sheet as a PNG file and return `path`."""
    images, names = sheet_rows(evaluation, policy, columns)
    return contact_sheet(images, path, columns=len(images) // len(names), row_labels=names)
