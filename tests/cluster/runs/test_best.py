"""The best of a run: one rule for training, `impasto sample --best` and the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.dashboard.readers.library import Library
from cluster.dashboard.readers.runs import Run
from cluster.runs import best, checkpoints, manifests
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import last_checkpoint
from tests.cluster.dashboard.made_up import make_run


@pytest.mark.parametrize(
    ("evaluation", "score"),
    [
        ({"sample/pixel_frechet": 0.5}, -0.5),
        ({"sample/pixel_frechet": 0.5, "sample/l2": 0.02}, -0.02),
        ({"sample/score": 0.7, "sample/accuracy": 0.9}, 0.7),
        ({"sample/accuracy": 0.9, "env_steps": 3}, None),
        ({"sample/pixel_frechet": None}, None),
    ],
)
def test_an_evaluation_is_scored_by_its_most_telling_measure(
    evaluation: dict[str, float | None], score: float | None
) -> None:
    assert best.score(evaluation) == score


# Evaluations by update in which the measures disagree, and the update of the best one.
EVALUATIONS = {
    "targets": (
        {100: {"sample/pixel_frechet": 0.1, "sample/l2": 0.09}, 200: {"sample/pixel_frechet": 0.4, "sample/l2": 0.01}},
        200,
    ),
    "data set": ({100: {"sample/pixel_frechet": 0.1}, 200: {"sample/pixel_frechet": 0.4}}, 100),
    "latent": (
        {100: {"sample/score": 0.9, "sample/accuracy": 0.1}, 200: {"sample/score": 0.2, "sample/accuracy": 0.8}},
        100,
    ),
    "equals": ({100: {"sample/score": 0.9}, 200: {"sample/score": 0.9}}, 200),
}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_the_dashboard_marks_what_best_paints_with(name: str, tmp_path: Path) -> None:
    evaluations, update = EVALUATIONS[name]
    path = make_run(tmp_path / "run", seconds=2, sheets=0)
    for folder in (path / "checkpoints").iterdir():
        (folder / manifests.MANIFEST).unlink()
        folder.rmdir()
    rows = [
        {"update": at, "time": 1.79e9 + at, "env_steps": 10 * at, **evaluation}
        for at, evaluation in evaluations.items()
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for at, evaluation in evaluations.items():
        (path / "samples" / f"{at:08d}.png").write_bytes(b"")
        checkpoints.save(path / "checkpoints", Checkpoint(at, score=best.score(evaluation)))
    checkpoints.save(path / "checkpoints", Checkpoint(300))  # newer, and not evaluated
    painted = last_checkpoint(RunFolder.open(path, write=False), best=True)
    library = Library(tmp_path)
    run = Run(library.entries()[0], library)
    run.refresh()
    shown = run.best_sheet(run.sheets())
    assert painted is not None
    assert shown is not None
    assert painted.update == shown.update == update
    assert shown.score == best.score(evaluations[update])


def test_without_a_scored_checkpoint_nothing_is_called_best(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run", seconds=20, sheets=2)
    checkpoints.save(path / "checkpoints", Checkpoint(100), keep_last=1)
    library = Library(tmp_path)
    run = Run(library.entries()[0], library)
    run.refresh()
    assert run.best_sheet(run.sheets()) is not None
    (scored,) = (each.path for each in run.checkpoints() if each.score is not None)
    (scored / manifests.MANIFEST).write_text("{}")
    assert run.best_sheet(run.sheets()) is None


def test_best_takes_the_checkpoint_of_the_highest_score(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", {})
    for update, score in ((1, -3.0), (2, -1.0), (3, -2.0), (4, None)):
        checkpoints.save(folder.checkpoints, checkpoints.Checkpoint(update, score=score), keep_last=4)
    newest, best = last_checkpoint(folder), last_checkpoint(folder, best=True)
    folder.close()
    assert newest is not None
    assert best is not None
    assert (newest.update, best.update) == (4, 2)
