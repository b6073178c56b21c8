"""What is read off a population's record: ancestry, schedules, curves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cluster.painter.settings import preset
from cluster.population import folder
from cluster.population.lineage.ancestry import Lineage, curve, schedule, values_at
from cluster.population.lineage.compare import compare, median_curve, write_svg
from cluster.population.lineage.events import read_events
from cluster.population.lineage.report import BestMember
from tests.cluster.population.records import SETTINGS, born, carry_out, opened, report, scored


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


def test_the_winners_fresh_evaluation_is_told_until_there_is_another_winner(tmp_path: Path) -> None:
    config = {"population": SETTINGS.to_json(), "settings": preset("laptop").storable()}
    with folder.create(tmp_path / "people", config):
        pass
    fields = {"member": 0, "branch": 0, "env_steps": 100, "checkpoint": "c", "checkpoint_sha256": "s", "episodes": 2000}
    with opened(tmp_path / "people" / "lineage.jsonl") as ledger:
        born(ledger)
        for member, score in enumerate((-20.0, -26.0, -21.0)):
            ledger.score(member, report(ledger, member, 1, score, score_error=2.4))
        for _ in range(2):  # its answer was lost, it is said again
            ledger.evaluated(fields | {"measures": {"fid": 24.5, "pixel_fid": 0.25, "l2": float("nan")}})
        assert [event["measures"] for event in ledger.file.events if event["event"] == "evaluation"] == [
            {"fid": 24.5, "pixel_fid": 0.25, "l2": None}
        ]
        text = BestMember.read(str(tmp_path / "people")).as_text()
        assert "member 00, branch 0, score -20 ± 2.4 (64 paintings)" in text
        assert "evaluated anew, by 2000 paintings of other noise: FD 24.5, pixel FD 0.25" in text
        scored(ledger, 2, {0: -1.0, 1: -3.0, 2: -2.0})
        assert BestMember.read(str(tmp_path / "people")).evaluation is None


def test_populations_that_other_judges_ranked_do_not_compare(tmp_path: Path) -> None:
    records = []
    for seed in (0, 1):
        with opened(tmp_path / f"{seed}.jsonl", replace(SETTINGS, judge_seed=seed)) as ledger:
            born(ledger)
            scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
            records.append(list(ledger.file.events))
    with pytest.raises(ValueError, match="one is ranked by the judge of seed 0, the other by that of seed 1"):
        compare(*records)


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
