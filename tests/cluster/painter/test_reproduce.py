"""Tables: what a row says, when it goes on, what is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster import cli
from cluster.errors import UserError
from cluster.metrics.curves import plot_curves, read_curve
from cluster.painter import reproduce
from cluster.painter.experiments import EXPERIMENTS
from cluster.painter.reproduce import Reproduction
from cluster.painter.reproduce_tables import TABLES, Row, table_rows
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from tests.helpers.command_line import read
from tests.helpers.tiny_run import TINY, make_images


def metrics(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"update": 0, "time": 0.0} | row) + "\n" for row in rows))
    return path


class Pretended(Reproduction):
    """Training that only counts minutes; ``speed`` rows stop early."""

    def __init__(self, *arguments: Any, stops: dict[str, float], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.stops = stops
        self.asked: list[str] = []

    def train_row(self, row: Row) -> bool:
        self.asked.append(row.name)
        if row.experiment == "broken":
            raise UserError("no such data;\nput it somewhere")
        metrics(self.runs / row.name / "metrics.jsonl", [{"env_steps": 10, "policy/l2": 0.5}])
        return row.name not in self.stops

    def measure(self, row: Row) -> dict[str, Any]:
        if row.experiment == "broken" and row.name not in self.stops:
            raise UserError("no checkpoint")
        return {
            "l2": 0.0123456, "fid": None, "steps": 250_000, "minutes": self.stops.get(row.name, self.minutes),
            "updates": 7, "conditional": True, "preset": self.preset, "curve": [[10, 20], [0.5, 0.4]],
        }  # fmt: skip


ROWS = (Row("one", "mnist", published_steps=25_000_000), Row("two", "broken"), Row("three", "mnist"), Row("four", "x"))


def make(tmp_path: Path, **keywords: Any) -> Pretended:
    return Pretended(
        "some", ROWS, preset="laptop", minutes=2.0, out=tmp_path / "out", runs=tmp_path / "runs", **keywords
    )


def test_a_table_says_how_far_each_row_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make(tmp_path, stops={"three": 0.5})
    assert not table.run()
    assert table.asked == ["one", "two", "three"]  # stopped there
    lines = (tmp_path / "out" / "some.md").read_text().splitlines()
    cells = {line.split("|")[1].strip(): line for line in lines if line.startswith("|")}
    assert cells["`one`"].endswith(
        "| 0.01235 | 250,000 | 2.0 | to the end of its minutes, 1.0 % of the paper's steps |"
    )
    assert "failed: no such data; put it somewhere" in cells["`two`"]
    assert cells["`three`"].endswith("| 0.5 | 0.5 of 2 minutes |")
    assert cells["`four`"].endswith("| - | - | - | - | not run |")
    assert "FID" not in lines[2]  # nothing measured it
    assert (tmp_path / "out" / "pictures" / "mnist-curves.png").stat().st_size > 5000
    printed = capsys.readouterr().out
    assert "three: stopped; the same command goes on from here" in printed


def test_another_call_keeps_what_is_known(tmp_path: Path) -> None:
    make(tmp_path, stops={"three": 0.5}).run()
    again = make(tmp_path, stops={}, only=["three"])
    assert again.run()
    assert again.asked == ["three"]
    saved = json.loads((tmp_path / "out" / "some.json").read_text())["rows"]
    assert set(saved) == {"one", "two", "three"}
    assert saved["three"]["minutes"] == 2.0


def test_what_went_wrong_does_not_hide_how_far_a_row_went(tmp_path: Path) -> None:
    assert not make(tmp_path, stops={"two": 1.5}, only=["two"]).run()
    table = (tmp_path / "out" / "some.md").read_text()
    assert "| laptop | 0.01235 | 250,000 | 1.5 | 1.5 of 2 minutes, then: no such data; put it somewhere |" in table


def test_a_run_of_other_settings_leaves_the_row_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path, stops={}, only=["one"]).run()
    before = (tmp_path / "out" / "some.json").read_text()
    RunFolder.create(tmp_path / "runs" / "one", ROWS[0].settings("laptop").replace(seed=0).to_json()).close()
    other = make(tmp_path, stops={}, only=["one"], seed=1)
    assert not other.run()
    assert not other.asked
    assert "trained with another seed: choose another --runs" in capsys.readouterr().out
    assert (tmp_path / "out" / "some.json").read_text() == before


def test_a_table_goes_on_where_its_old_runs_are_not(tmp_path: Path) -> None:
    """Tables are worth keeping with the code; runs are not."""
    make(tmp_path, stops={"two": 1.0}, only=["one", "two", "three"]).run()
    shutil.rmtree(tmp_path / "runs")
    (tmp_path / "out" / "pictures" / "mnist-curves.png").unlink()
    again = make(tmp_path, stops={}, only=["two", "three"])
    again.minutes = 60.0
    assert not again.run()
    table = (tmp_path / "out" / "some.md").read_text()
    assert "`one`" in table
    assert "![mnist-curves]" in table
    assert "| 1.0 | 1.0 of 60 minutes, then: no such data; put it somewhere |" in table


def test_curves_leave_out_what_a_restart_undid(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"env_steps": step, "policy/l2": step / 100} for step in range(0, 50, 10)]
    rows += [{"event": "resume"}, {"env_steps": 20, "policy/l2": 7.0}, {"env_steps": 30}, {"policy/l2": 8.0}]
    steps, values = read_curve(metrics(tmp_path / "m.jsonl", rows), "policy/l2")
    assert (steps, values) == ([0, 10, 20, 20, 30], [0.0, 0.1, 0.2, 7.0, 8.0])
    many = [{"env_steps": step, "policy/l2": 1.0} for step in range(1000)]
    steps, values = read_curve(metrics(tmp_path / "n.jsonl", many), "policy/l2")
    assert len(steps) == 200
    assert steps[0] == 2.0
    picture = plot_curves({"a": (steps, values)}, tmp_path / "p" / "curve.png", title="t", measure="L2")
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_rows_are_of_known_experiments_and_have_names_of_their_own() -> None:
    rows = table_rows("all")
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.experiment in EXPERIMENTS
        for preset in ("laptop", "paper"):
            row.settings(preset)  # type: ignore[arg-type]
    assert table_rows("mnist") == TABLES["mnist"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reproduce", "nothing"], "reproduce: unknown table 'nothing'; valid are mnist, omniglot"),
        (["reproduce", "mnist", "--rows", "mnist-free,x"], "--rows: mnist has no row 'x'; valid are mnist-free"),
        (["reproduce", "mnist", "--minutes-per-row", "0"], "--minutes-per-row: expected more than 0, got 0"),
        (["reproduce", "mnist", "--out", "s3://b/t"], "--out: expected a folder of this machine, got s3://b/t"),
        (["search", "nowhere"], "nowhere holds no run"),
        (["search", "x", "--k", "1,a"], "--k: expected numbers with commas between them, such as 1,4,16, got '1,a'"),
        (["search", "x", "--methods", "beams"], "--methods: unknown 'beams'; valid are best, drawn, beam"),
        (["search", "x", "--k", "3"], "--k: expected 1 or even numbers"),
        (["search", "x", "--count", "0"], "--count: expected at least 1, got 0"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_table_is_trained_measured_and_gone_on_with(tmp_path: Path) -> None:
    images = str(make_images(tmp_path / "images", 60))
    rows = [Row(name, images, True, {"reward_source": name}) for name in ("discriminator", "l2")]

    def table(minutes: float) -> Reproduction:
        return Reproduction(
            "tiny", rows, preset="laptop", minutes=minutes, out=tmp_path / "out", runs=tmp_path / "runs", changes=TINY
        )

    assert table(0.1).run()
    first = json.loads((tmp_path / "out" / "tiny.json").read_text())["rows"]
    assert first["l2"]["l2"] > 0
    assert first["l2"]["steps"] > 0
    assert (tmp_path / "out" / first["l2"]["picture"]).stat().st_size > 0
    assert table(0.2).run()
    second = json.loads((tmp_path / "out" / "tiny.json").read_text())["rows"]
    assert second["discriminator"]["minutes"] > first["discriminator"]["minutes"] + 0.05
    assert second["discriminator"]["steps"] > first["discriminator"]["steps"]


def test_inside_a_job_runs_and_table_outlive_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are where ``train`` puts runs there, not in the job's folder, which goes away with it."""
    asked: list[Reproduction] = []

    def run(table: Reproduction) -> bool:
        asked.append(table)
        return True

    monkeypatch.setattr(Reproduction, "run", run)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    monkeypatch.setenv("IMPASTO_RUNS", str(tmp_path))
    assert cli.main(["reproduce", "mnist"]) == 0
    assert asked[0].runs == tmp_path / "runs" / "reproduce"
    assert asked[0].out == tmp_path / "results"
    assert RunPlace.find(str(asked[0].runs / "row")).path == asked[0].runs / "row"


def test_the_row_of_metropolis_hastings_is_inferred_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def infer(folder: Path, *, count: int, evaluations: list[int]) -> dict[str, Any]:
        calls.append((count, evaluations))
        folder.mkdir(parents=True)
        (folder / "metropolis.png").write_bytes(b"picture")
        figures = {"count_and_color": 0.01, "object_place": 0.8, "l2": 0.002}
        return {"sets": {"5000": figures}, "samples": count, "sheet": str(folder / "metropolis.png")}

    monkeypatch.setattr(reproduce, "run_metropolis", infer)
    (row,) = (row for row in TABLES["scenes"] if row.evaluations)
    for _ in range(2):  # the second call keeps the figures
        table = Pretended(
            "scenes", [row], preset="laptop", minutes=2.0, out=tmp_path / "out", runs=tmp_path / "runs", stops={}
        )
        assert table.run()
        assert not table.asked
    assert calls == [(100, [5000])]
    text = (tmp_path / "out" / "scenes.md").read_text()
    assert "| `scenes-metropolis` | - | 0.002 |" in text
    assert "Metropolis-Hastings: 5,000 evaluations of each of 100 scenes |" in text
    assert "targets, and the likeliest scenes below them" in text
    assert (tmp_path / "out" / "pictures" / "scenes-metropolis.png").read_bytes() == b"picture"


def test_every_setting_of_a_run_can_be_given_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["mnist", "--entropy-cost", "0.125", "--seed=3", "--no-blind", "--rows", "mnist-l2"]
    chosen = read(["reproduce", *given], monkeypatch)
    assert chosen.changes == {"entropy_cost": 0.125, "seed": 3, "blind": False}
    table = Reproduction(
        "mnist",
        table_rows("mnist"),
        preset="laptop",
        minutes=2.0,
        out=Path("x"),
        runs=Path("y"),
        changes=dict(chosen.changes),
    )
    row = next(row for row in table.rows if row.name == "mnist-l2")
    settings = table.settings(row)
    assert (settings.policy.entropy_cost, settings.system.seed, settings.system.minutes) == (0.125, 3, 2.0)
    assert settings.policy.reward_source == "l2"  # the row's own


def test_minutes_of_a_table_are_those_of_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", "mnist", "--minutes", "3"]) == 2
    assert "--minutes: each row trains as long as the others; give --minutes-per-row" in capsys.readouterr().err
