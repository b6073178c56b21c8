"""Populations as a user runs them, in processes of their own: they are compared, and they exploit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster import cli
from cluster.metrics.log import read_metrics
from cluster.population.folder import PopulationFolder
from cluster.population.hyperparameters import decay
from cluster.population.lineage.ancestry import Lineage, schedule, values_at
from cluster.population.member_config import own_settings
from cluster.runs import checkpoints, manifests
from tests.cluster.population.driven import SMALL, START, events_of, finish, tuning
from tests.helpers.tiny_run import assert_catalogued, family, options, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A population that ended by itself, and what it printed."""
    folder = tmp_path_factory.mktemp("population")
    run = folder / "run"
    given = options(**SMALL, steps=9000)
    return run, finish(["tune", str(images), "--run", str(run), *given], folder / "log")


def test_every_decision_is_carried_out_and_read_back(finished: tuple[Path, str]) -> None:
    run, output = finished
    _, settings = PopulationFolder(run).read_settings()
    events = events_of(run)
    decisions = [each for event in events_of(run, "comparison") for each in event["decisions"]]
    exploits, changes = events_of(run, "exploit"), events_of(run, "explore")
    assert exploits, output
    answered = {event["branch"] for event in exploits}
    refused = {(event["member"], event["comparison"]) for event in events_of(run, "skipped")}
    assert all(d["branch"] in answered or (d["member"], d["comparison"]) in refused for d in decisions)
    for exploit, change in zip(exploits, changes, strict=True):
        assert exploit["applied"] is True
        assert exploit["donor_score"] > exploit["score"]
        assert change["branch"] == exploit["branch"]
        for name, value in change["values"].items():
            assert change["applied"][name] == pytest.approx(value * change["decay"][name], rel=1e-6)
            assert change["decay"][name] <= 1.0
        # What the live optimizer used in the updates after it, as the learner itself reports.
        rows = [
            row
            for row in read_metrics(run / "members" / f"{change['member']:02d}" / "metrics.jsonl")
            if row.get("population/branch") == change["branch"] and row.get("policy/learning_rate") is not None
        ]
        if rows:  # none where the end came first
            base = own_settings(settings, change["member"])
            for name in ("policy_learning_rate", "entropy_cost"):
                used = rows[0][name.replace("policy_", "policy/") if "rate" in name else f"policy/{name}"]
                late = decay(base, name, rows[0]["progress"], 10**6)
                early = decay(base, name, exploit["env_steps"] / settings.system.steps, 10**6)
                assert late * change["values"][name] * 0.999 <= used <= early * change["values"][name] * 1.001
    assert min(event["seconds"] for event in exploits) < 3.0  # the least: tests may run on a machine that is full
    assert [event["n"] for event in events] == list(range(len(events)))
    assert events[-1]["event"] == "stop"
    assert events[-1]["reason"] == "finished"


def test_the_winner_is_evaluated_anew_and_members_have_a_best_checkpoint(finished: tuple[Path, str]) -> None:
    run, output = finished
    best = Lineage(events_of(run)).best
    (evaluation,) = events_of(run, "evaluation")
    assert best is not None
    assert (evaluation["member"], evaluation["checkpoint_sha256"]) == (best["member"], best["checkpoint_sha256"])
    assert evaluation["measures"]["pixel_fid"] > 0.0
    assert evaluation["episodes"] == 2  # as many as there are images to compare with
    assert (run / evaluation["sample"]).is_file()
    assert "evaluated anew, by 2 paintings of other noise: pixel FD" in output
    for member in (run / "members").iterdir():
        rows = [row for row in read_metrics(member / "metrics.jsonl") if "sample/score" in row]
        assert all(row["sample/score_error"] > 0.0 for row in rows)
        chosen = checkpoints.best(member / "checkpoints")
        assert chosen is not None
        assert manifests.read_manifest(chosen)["score"] >= max(row["sample/score"] for row in rows)


def test_members_share_a_discriminator_also_when_it_is_killed(images: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    given = options(**SMALL, steps=9000, share_discriminator=True)
    with tuning(["tune", str(images), "--run", str(run), *given], tmp_path / "log") as driver:
        wait_until(lambda: events_of(run, "comparison"), START, "a comparison")
        shared = next(each for each in family(driver.pid) if "SharedDiscriminator" in " ".join(each.cmdline()))
        shared.kill()
        assert driver.wait(2 * START) == 0, (tmp_path / "log").read_text()
    assert not events_of(run, "crash")
    assert [event["reason"] for event in events_of(run, "stop")] == ["finished"] * 3
    found, damaged = checkpoints.latest_good(run / "discriminator")
    assert found is not None, damaged
    updates = manifests.read_manifest(found)["update"]
    assert updates > max(row.get("updates", 0) for row in read_metrics(run / "members" / "00" / "metrics.jsonl")), (
        "of both"
    )


def test_members_write_catalogued_metrics(finished: tuple[Path, str]) -> None:
    run, _ = finished
    for member in (run / "members").iterdir():
        assert_catalogued(read_metrics(member / "metrics.jsonl"))


def test_members_are_compared_at_equal_steps(finished: tuple[Path, str]) -> None:
    run, _ = finished
    comparisons = events_of(run, "comparison")
    assert {event["env_steps"] for event in comparisons} == {2000, 4000, 6000, 8000, 9000}
    for event in comparisons:
        for each in event["standings"]:
            assert event["env_steps"] <= each["env_steps"] < event["env_steps"] + 2000
            assert each["episodes"] == 64
            assert (run / each["sample"]).is_file()
    matrices = [json.loads(line) for line in (run / "critics.jsonl").read_text().splitlines()]
    assert {row["comparison"] for row in matrices} == {event["comparison"] for event in comparisons}
    assert all(len(row["scores"]) == len(row["scores"][0]) == len(row["real"]) for row in matrices)


def test_the_terminal_says_what_happens(finished: tuple[Path, str]) -> None:
    run, output = finished
    assert "copies member" in output
    assert f"next: impasto lineage {run}" in output
    assert "Traceback" not in output
    assert "WARNING" not in output


def test_lineage_and_retrace(finished: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = finished
    events = events_of(run)
    lineage = Lineage(events)
    standing = lineage.best
    assert standing is not None
    path = lineage.ancestry(standing["branch"])
    assert cli.main(["lineage", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["branch"] for each in told["ancestry"]] == [each.number for each in path]
    assert cli.main(["lineage", str(run)]) == 0
    assert f"best: member {standing['member']:02d}" in capsys.readouterr().out

    again = tmp_path / "again"
    finish(["retrace", str(run), "--run", str(again)], tmp_path / "log")
    _, settings = PopulationFolder(run).read_settings()
    rows = [row for row in read_metrics(again / "metrics.jsonl") if row.get("policy/entropy_cost") is not None]
    assert rows[-1]["env_steps"] >= settings.system.steps
    plan = schedule(path)
    for before, row in zip([{"env_steps": 0, "progress": 0.0}, *rows[:-1]], rows, strict=True):
        held = values_at(before["env_steps"], plan)["entropy_cost"]
        early, late = (decay(settings, "entropy_cost", each["progress"], 0) for each in (before, row))
        assert held * late * 0.97 <= row["policy/entropy_cost"] <= held * early * 1.03
