"""What is read off a population's record: ancestry, schedules, curves."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cluster.population.lineage.ancestry import Lineage, curve, schedule, values_at
from cluster.population.lineage.compare import compare, median_curve, write_svg
from cluster.population.lineage.events import read_events
from tests.cluster.population.records import born, carry_out, opened, scored


def test_ancestry_and_schedule(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        carry_out(ledger, 1)  # branch 3 of member 1 forks off branch 0
        scored(ledger, 2, {1: -0.5, 0: -1.0, 2: -2.0})
        carry_out(ledger, 2)  # branch 4 of member 2 forks off branch 3
        scored(ledger, 3, {0: -1.0, 1: -0.5, 2: -0.25})
        events = ledger.file.events
        lineage = Lineage(events)
        standing = lineage.best
        assert standing is not None
        assert (standing["member"], standing["branch"]) == (2, 4)
        path = lineage.ancestry(4)
        assert [(each.number, each.member, each.start) for each in path] == [(0, 0, 0), (3, 1, 100), (4, 2, 201)]
        plan = schedule(path)
        known = lineage.branches
        assert [values for _, values in plan] == [known[number].values for number in (0, 3, 4)]
        assert values_at(0, plan) == values_at(99, plan) == known[0].values
        assert values_at(100, plan) == values_at(200, plan) == known[3].values
        assert values_at(10**9, plan) == known[4].values
        assert curve(events, path) == [(100, -1.0), (201, -0.5), (302, -0.25)]
    with pytest.raises(ValueError, match="no branch 9"):
        lineage.ancestry(9)
    assert Lineage().best is None


def test_a_population_against_another(tmp_path: Path) -> None:
    for name, worst in (("one", -3.0), ("other", -9.0)):
        with opened(tmp_path / name) as ledger:
            born(ledger)
            for number in (1, 2):
                scored(ledger, number, {0: -1.0 / number, 1: worst, 2: -2.0})
                if name == "one":
                    carry_out(ledger, 1)
    one, other = (read_events(tmp_path / name) for name in ("one", "other"))
    result = compare(one, other)
    assert (result["best"], result["median_of_others"], result["best_of_others"]) == (-0.5, -2.0, -0.5)
    assert result["env_steps"] == 200
    assert result["discarded_steps"] == 2
    assert median_curve(other) == [(100, -2.0), (200, -2.0)]
    write_svg(tmp_path / "curves.svg", one, other, "pixel")
    curves = {each.get("id") for each in ElementTree.parse(tmp_path / "curves.svg").iter()}
    assert {"best", "median", "other-0", "other-1", "other-2"} <= curves
    with pytest.raises(ValueError, match="no comparison at the same steps"):
        compare(one, one[:3])
