"""W&B and MLflow, without a server: its offline mode, and its database in a file."""

from __future__ import annotations

import importlib.util
import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.errors import UserError
from cluster.metrics import tracking
from cluster.metrics.log import MetricsWriter, read_metrics
from cluster.metrics.tracking import IDENTITIES, Tracker, Tracking, TrackResults, joined, require

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CONFIG = {"kind": "painter", "policy": {"entropy_cost": 0.125}}


def needs(package: str) -> Any:
    """Skips a test if a package is missing."""
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"needs {package}")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a machine with many neighbors takes."""
    monkeypatch.setattr(tracking, "LAST_SECONDS", 300.0)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An MLflow client of a database in a file."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    from mlflow.tracking import MlflowClient

    return MlflowClient()


@needs("mlflow")
def test_rows_and_settings_at_mlflow_and_a_run_that_goes_on(tmp_path: Path, client: Any) -> None:
    for update in (None, 1):
        record = Tracking(tmp_path, CONFIG, mlflow="strokes")
        with MetricsWriter(tmp_path / "metrics.jsonl", None, update, tracking=record) as writer:
            for step in (1, 2):
                writer.write(step, {"policy/entropy": 2.5 - step, "note": "no number", "replay/fill": float("nan")})
    (run,) = client.search_runs([client.get_experiment_by_name("strokes").experiment_id])
    assert run.data.params == {"kind": "painter", "policy.entropy_cost": "0.125"}
    assert run.info.status == "FINISHED"
    assert json.loads((tmp_path / IDENTITIES).read_text()) == {"mlflow": run.info.run_id}
    history = client.get_metric_history(run.info.run_id, "policy/entropy")
    assert sorted((each.step, each.value) for each in history) == [(1, 1.5), (1, 1.5), (2, 0.5), (2, 0.5)]
    assert set(run.data.metrics) == {"policy/entropy"}


@needs("wandb")
def test_rows_and_settings_at_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    record = Tracking(tmp_path, CONFIG, wandb="strokes")
    with MetricsWriter(tmp_path / "metrics.jsonl", None, tracking=record) as writer:
        writer.write(7, {"policy/entropy": 1.53125})
    (file,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    content = file.read_bytes()
    for part in (b"strokes", b"entropy_cost", b"0.125", b"policy/entropy", b"1.53125"):
        assert part in content
    assert json.loads((tmp_path / IDENTITIES).read_text())["wandb"] in file.name


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_named_before_the_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=rf"--{name}: .* not installed: pip install 'impasto\[{name}\]'"):
        require(**{name: "project"})
    require()


def test_trouble_with_a_server_costs_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Tracker):
        identity = "x"

        def __init__(self, *_: Any) -> None:
            pass

        def log(self, *_: Any) -> None:
            raise RuntimeError("503\nfrom the server")

        def close(self) -> None:
            raise AssertionError("it was given up")

    monkeypatch.setattr(tracking, "Mlflow", Broken)
    monkeypatch.setattr(tracking, "require", lambda **_: None)
    warned: list[str] = []
    monkeypatch.setattr(tracking.warnings, "warn", lambda text, **_: warned.append(text))
    record = Tracking(tmp_path, {}, mlflow="strokes")
    with MetricsWriter(tmp_path / "metrics.jsonl", None, tracking=record) as writer:
        for step in range(5):
            writer.write(step, {"a": 1.0})
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 5
    assert warned == ["mlflow: 503 from the server; the run goes on without it"]


@pytest.mark.parametrize("content", ['{"mlflow": ', "[]"])
def test_names_that_can_not_be_read_are_warned_of(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str | None] = []

    class Quiet(Tracker):
        identity = "new"

        def __init__(self, project: str, folder: Path, config: object, identity: str | None) -> None:
            told.append(identity)

        def log(self, *_: Any) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr(tracking, "Mlflow", Quiet)
    monkeypatch.setattr(tracking, "require", lambda **_: None)
    warned: list[str] = []
    monkeypatch.setattr(tracking.warnings, "warn", lambda text, **_: warned.append(text))
    (tmp_path / IDENTITIES).write_text(content)
    for _ in range(2):
        Tracking(tmp_path, {}, mlflow="strokes").close()
    assert told == [None, "new"]
    (text,) = warned
    assert text.startswith(f"{tmp_path / IDENTITIES}: ")
    assert text.endswith("; the run begins anew at mlflow")
    assert [path.name for path in tmp_path.iterdir()] == [IDENTITIES]


@needs("mlflow")
def test_as_a_callback_of_any_rllib_algorithm(tmp_path: Path, client: Any) -> None:
    callback = pickle.loads(pickle.dumps(TrackResults(tmp_path / "run", mlflow="elsewhere")))
    ours = SimpleNamespace(config=SimpleNamespace(), latest={"updates": 30, "policy/return": 0.5}, iteration=3)
    theirs = SimpleNamespace(config=SimpleNamespace(), iteration=4)
    callback(algorithm=ours, result={}, metrics_logger=None)
    callback(algorithm=theirs, result={"env_runners": {"episode_return_mean": 7.0}, "config": {"lr": 1}})
    pickle.dumps(callback)
    callback.close()
    (run,) = client.search_runs([client.get_experiment_by_name("elsewhere").experiment_id])
    assert run.data.metrics == {"updates": 30.0, "policy/return": 0.5, "env_runners/episode_return_mean": 7.0}
    assert client.get_metric_history(run.info.run_id, "policy/return")[0].step == 30


def test_nested_results_become_flat() -> None:
    assert joined({"a": {"b": 1, "c": {"d": 2}}, "config": {"x": 1}}) == {"a/b": 1, "a/c/d": 2}
