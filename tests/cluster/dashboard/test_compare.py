"""The page that compares runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cluster.dashboard.pages.charts import chart_data
from cluster.dashboard.readers.site import Site
from tests.cluster.dashboard.client import page
from tests.cluster.dashboard.made_up import make_run


def test_what_a_comparison_says(tmp_path: Path) -> None:
    make_run(tmp_path / "a", seconds=100)
    run = make_run(tmp_path / "b", seconds=100)
    config = json.loads((run / "config.json").read_text())
    config["policy"]["entropy_cost"] = 0.125
    config["system"]["data"] = "<b>my</b> pictures"
    (run / "config.json").write_text(json.dumps(config))
    text = page(tmp_path, "/compare/?run=a&run=b&run=gone&run=a")
    assert "2 runs compared" in text
    assert "Not there: gone." in text
    told = text[text.index("Settings that differ") : text.index("Curves")]
    assert "policy.entropy_cost" in told
    assert "0.125" in told
    assert "&lt;b&gt;my" in told
    assert "policy.network" not in told  # the same in both
    assert "update" in text[text.index("Best checkpoint") :]
    first = chart_data(Site(tmp_path).run("a").history)["series"]["policy/entropy"]["mean"]
    data = json.loads(re.search(r'id="data" data-live>(.*?)</script>', text)[1])  # type: ignore[index]
    assert [each["name"] for each in data] == ["a", "b"]
    assert data[0]["series"]["policy/entropy"]["mean"] == first
    assert page(tmp_path, "/compare/?run=a&run=b", 200).count("<figure") > 10
