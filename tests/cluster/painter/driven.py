"""What runs whose drivers are processes of their own have written so far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.metrics.log import read_metrics
from cluster.runs import checkpoints, manifests

START = 600.0  # seconds within which a driver must train, on a busy machine


def trained_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of iterations that learned something, so far."""
    metrics = path / "metrics.jsonl"
    return [row for row in read_metrics(metrics) if row.get("policy/loss") is not None] if metrics.exists() else []


def saved(path: Path) -> list[int]:
    """Updates of the checkpoints there, oldest first."""
    return [manifests.read_manifest(folder)["update"] for folder in checkpoints.checkpoints(path / "checkpoints")]
