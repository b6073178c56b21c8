"""The device that a benchmark is told to measure is the one that it measures and names."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cluster.bench import train
from cluster.bench.learners import bench as bench_learners
from cluster.bench.measure import chosen_device
from cluster.bench.options import BenchOptions
from cluster.errors import UserError


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose torch finds a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "some GPU")


def test_a_gpu_that_is_not_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device(BenchOptions()).type == "cpu"
    asked = BenchOptions(device="cuda")
    for measure in (chosen_device, train.bench_settings, lambda options: next(iter(bench_learners(options)))):
        with pytest.raises(UserError, match="no GPU"):
            measure(asked)


@pytest.mark.usefixtures("with_gpu")
@pytest.mark.parametrize(("device", "name", "gpus"), [("cpu", "cpu", 0.0), ("auto", "some GPU", 1.0)])
def test_a_whole_run_names_the_device_of_its_learners(device: Any, name: str, gpus: float) -> None:
    settings = train.bench_settings(BenchOptions(device=device))
    assert settings.system.learner_gpus == gpus
    assert train.described(settings)["device"] == name


@pytest.mark.usefixtures("with_gpu")
def test_learners_are_measured_on_the_device_that_was_asked_for() -> None:
    figures = bench_learners(BenchOptions(device="cpu", quick=True, preset="laptop"))
    assert next(iter(figures))["detail"]["device"] == "cpu"
