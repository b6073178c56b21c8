"""The page that shows several runs over each other has the charts of a run's own page, and reads each run once."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cluster.dashboard.readers.runs import Run
from cluster.dashboard.server import make_app
from tests.cluster.dashboard.client import Client
from tests.cluster.dashboard.made_up import make_run


def groups(folder: Path, address: str) -> dict[str, list[dict[str, Any]]]:
    """The charts of each group of a page, as its script reads them."""
    text = Client(make_app(folder)).get(address).text
    parts = re.findall(r'<details class="group"(.*?)</details>', text, re.DOTALL)
    return {
        re.search(r"<h3>(.*?)</h3>", part)[1]: [  # type: ignore[index]
            json.loads(html.unescape(each)) for each in re.findall(r'data-chart="(.*?)"', part)
        ]
        for part in parts
    }


def test_metrics_of_no_group_come_last_as_on_a_runs_page(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(tmp_path / name, seconds=10)
    alone, compared = groups(tmp_path, "/runs/a/"), groups(tmp_path, "/compare/?run=a&run=b")
    assert list(alone) == list(compared) == ["Quality", "System", "Learning", "Everything else"]
    for title, charts in alone.items():
        names = [name for chart in charts for name, _ in chart["series"]]
        assert [chart["metric"] for chart in compared[title]] == names
    assert "world/unheard_of" in [chart["metric"] for chart in compared["Everything else"]]


def test_the_same_charts_are_logarithmic(tmp_path: Path) -> None:
    make_run(tmp_path / "a", seconds=10)
    alone = [chart for charts in groups(tmp_path, "/runs/a/").values() for chart in charts]
    compared = [chart for charts in groups(tmp_path, "/compare/?run=a").values() for chart in charts]
    wanted = {"sample/pixel_frechet", "policy/gradient_norm", "policy/learning_rate", "policy/entropy_cost"}
    assert {name for chart in alone if chart["logarithmic"] for name, _ in chart["series"]} == wanted
    assert {chart["metric"] for chart in compared if chart["logarithmic"]} == wanted


@pytest.mark.parametrize("address", ["/compare/?run=a", "/runs/a/"])
def test_checkpoints_are_read_once_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    make_run(tmp_path / "a", seconds=10)
    read, asked = Run.checkpoints, []
    monkeypatch.setattr(Run, "checkpoints", lambda run: asked.append(run) or read(run))
    assert Client(make_app(tmp_path)).get(address).status_code == 200
    assert len(asked) == 1
