"""The latent world from nothing to a judged run: a minute of real digits, and worlds of other shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster import cli
from cluster.metrics.log import read_metrics
from tests.cluster.latent.bars_run import options, write_bars
from tests.helpers.shared_data import shared_path


@pytest.mark.slow
def test_one_minute_on_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], private_ray: None
) -> None:
    """Frozen parts of two passes over the data; what is learned on them must beat guessing by far."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    run, data = tmp_path / "run", shared_path("data")
    parts = ["--autoencoder-epochs", "2", "--classifier-epochs", "1", "--gan-updates", "6000"]
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"horizon": 3},
        {"task": "envs/latent/examples/strokes.py:Thicker", "horizon": 1},
        {"task": "envs/latent/examples/strokes.py:Rotated", "image_channels": 3},
    ],
    ids=["refinement", "a user's task", "color"],
)
def test_other_worlds_are_learned_in_and_judged(
    changes: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    private_ray: None,
) -> None:
    """Seconds of training on bars, end to end; how well is not the question."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    data, run = write_bars(tmp_path / "bars"), tmp_path / "run"
    assert cli.main(options(data, run, minutes=5 / 60, **{"task": "add:1"} | changes)) == 0
    assert [row for row in read_metrics(run / "metrics.jsonl") if row.get("policy/critic_loss") is not None]
    capsys.readouterr()
    assert cli.main(["evaluate", str(run), "--json"]) == 0
    (figures,) = json.loads(capsys.readouterr().out)["tasks"].values()
    assert figures["score"] > -5
    assert (figures["accuracy"] is None) == ("task" in changes)
    out, image = tmp_path / "out", next((data / "test").rglob("*.png"))
    assert cli.main(["translate", str(image), "--run", str(run), "--out", str(out)]) == ("image_channels" in changes)
    assert len(list(out.glob("*.png"))) == ("image_channels" not in changes)
