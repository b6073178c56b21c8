"""A minute of the latent world on real digits, from nothing to a judged run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster import cli
from cluster.metrics import read_metrics
from tests.shared_data import shared_path


@pytest.mark.slow
def test_one_minute_on_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], private_ray: None
) -> None:
    """Frozen parts of two passes over the data; what is learned on them must beat guessing by far."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    run, data = tmp_path / "run", shared_path("data")
    parts = ["--autoencoder-epochs", "2", "--classifier-epochs", "1", "--gan-updates", "1500"]
    words = ["train", "latent", "--task", "add:1", "--minutes", "1", *parts, "--data-dir", str(data), "--run", str(run)]
    assert cli.main(words) == 0
    scores = [row["sample/score"] for row in read_metrics(run / "metrics.jsonl") if "sample/score" in row]
    assert scores[-1] > scores[0]
    capsys.readouterr()
    assert cli.main(["evaluate", str(run), "--json", "--data-dir", str(data)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["images"] == 10_000
    assert result["mean"]["accuracy"] > 0.6
    assert result["noise"]["0.3"] > 0.5
