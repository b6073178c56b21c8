"""Prometheus's file and the Grafana dashboard: their form, and that every metric in them is one of ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.metrics.catalogue import CATALOGUE
from cluster.metrics.prometheus import TAGS

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-impasto.json").read_text())
#: By the name in Prometheus's text format.
PUBLISHED = {
    f"ray_impasto_{metric.exported}{'_total' if metric.kind == 'counter' else ''}": metric
    for metric in CATALOGUE.values()
    if metric.exported
}


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_every_metric_of_the_dashboard_is_published_and_every_published_one_shown() -> None:
    named = {name for expression in expressions() for name in re.findall(r"ray_\w+", expression)}
    assert named <= PUBLISHED.keys()
    left_out = {"ray_impasto_env_steps_total", "ray_impasto_updates_per_second"}  # the other form of one that is shown
    assert PUBLISHED.keys() - named == left_out
    variables = DASHBOARD["templating"]["list"]
    for variable in variables:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            assert metric in PUBLISHED
            assert label in (*TAGS, "SessionName")


def test_shares_are_drawn_in_percent_and_nothing_else() -> None:
    for panel in DASHBOARD["panels"]:
        names = [name for target in panel["targets"] for name in re.findall(r"ray_\w+", target["expr"])]
        shares = {PUBLISHED[name].unit == "share" for name in names}
        assert shares == {panel["fieldConfig"]["defaults"]["unit"] == "percentunit"}, panel["title"]


def test_the_dashboard_has_the_form_that_grafana_reads() -> None:
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert {"datasource", "SessionName"} <= variables, "what Ray's frames pass"
    assert DASHBOARD["uid"]
    assert isinstance(DASHBOARD["schemaVersion"], int)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["type"] == "timeseries"
        assert panel["title"]
        assert panel["description"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies on another panel"
        assert max(x for x, _ in cells) < 24
        taken |= cells
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
    used = {name for expression in expressions() for name in re.findall(r"\$(\w+)", expression)}
    assert used <= variables


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here: apt install prometheus")
def test_promtool_accepts_prometheus_file_and_every_expression(tmp_path: Path) -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", str(FOLDER / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$\w+", ".*", expression)}
        for number, expression in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here: apt install prometheus")
def test_promtool_accepts_the_file_with_a_token(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    assert "# authorization:" in text
    (tmp_path / "ray-token").write_text("secret")
    (tmp_path / "prometheus.yml").write_text(text.replace("# authorization:", "authorization:"))
    checked = subprocess.run(
        ["promtool", "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
