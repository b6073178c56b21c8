"""Pages without a browser: all that there is, and all that may be missing."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from cluster.dashboard.readers.site import Site
from tests.cluster.dashboard.client import page
from tests.cluster.dashboard.made_up import make_run, settings


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs/alpha/",
        "/runs/group~with%20space/",
        "/runs/alpha/sheets/00000000/",
        "/runs/alpha/sheets/00000000/3/",
        "/populations/people/",
        "/populations/people/samples/",
        "/populations/people/drift/",
        "/populations/people/audit/",
        "/populations/people/audit/2/",
        "/populations/people/events/",
        "/runs/people~members~00/",
        "/compare/",
        "/compare/?run=alpha",
        "/compare/?run=alpha&run=finished&run=people~members~00",
    ],
)
def test_pages_are_well_formed(runs: Path, path: str) -> None:
    assert "</html>" in page(runs, path)


@pytest.mark.parametrize(
    "path",
    [
        "/runs/none/",
        "/runs/people/",
        "/populations/alpha/",
        "/runs/alpha/sheets/none/",
        "/runs/alpha/sheets/00000000/40/",
        "/populations/people/audit/99/",
        "/populations/people/events/99/",
        "/populations/people/samples/1/",
        "/populations/people/none/",
        "/none/",
    ],
)
def test_what_is_not_there_says_so(runs: Path, path: str) -> None:
    assert "Not here" in page(runs, path, 404)


def test_what_the_runs_page_says(runs: Path) -> None:
    os.utime(runs / "alpha" / "metrics.jsonl")  # as if it had just written
    text = page(runs, "/")
    assert f"impasto resume {runs}/alpha<" in text
    assert f"impasto resume {runs}/finished --minutes 30<" in text
    assert f"impasto resume &#39;{runs}/group/with space&#39;" in text
    assert text.count("data-row data-name") == 3  # a population's members are on its page
    states = [text.split(f'data-name="{name}" data-state="')[1].split('"')[0] for name in ("alpha", "finished")]
    assert states == ["training", "finished"]


def test_a_run_that_went_silent_has_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "silent", seconds=10, sheets=1)
    assert 'data-state="training"' in page(tmp_path, "/")
    later = time.time() + 600
    monkeypatch.setattr("time.time", lambda: later)
    assert 'data-state="stopped"' in page(tmp_path, "/")


def test_nothing_yet(tmp_path: Path) -> None:
    assert "No run here yet" in page(tmp_path, "/")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "config.json").write_text(json.dumps(settings().to_json()))
    assert "No contact sheet yet" in page(tmp_path, "/runs/new/")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "config.json").write_text('{"system": ')
    assert "can not be read" in page(tmp_path, "/runs/torn/")
    people = tmp_path / "people"
    (people / "members").mkdir(parents=True)
    (people / "config.json").write_text('{"population": {}, "settings": {}}')
    for tab in ("", "samples/", "drift/", "audit/", "events/"):
        page(tmp_path, f"/populations/people/{tab}")
    assert "No member has been born yet" in page(tmp_path, "/populations/people/")


def test_another_worlds_run_has_its_numbers_and_pictures(tmp_path: Path) -> None:
    run = make_run(tmp_path / "latent", seconds=10, sheets=1)
    (run / "config.json").write_text('{"latent": {"steps": 20}, "system": {"minutes": 5}, "note": "other"}')
    text = page(tmp_path, "/runs/latent/")
    assert "world/unheard_of" in text
    assert "latent" in text
    assert "another world" in page(tmp_path, "/runs/latent/sheets/00000000/")
    page(tmp_path, "/runs/latent/sheets/00000000/0/", 404)


def test_a_latent_run_tells_its_task(tmp_path: Path) -> None:
    run = make_run(tmp_path / "add", seconds=10, sheets=1)
    (run / "config.json").write_text('{"world": {"task": "add:3"}, "system": {"data": "mnist", "seed": 4}}')
    assert "mnist · task add:3 · seed 4" in page(tmp_path, "/")


def test_live_updates_tell_when_a_page_changed(runs: Path) -> None:

    site = Site(runs)
    pages = ("", "runs/alpha/", "runs/alpha/sheets/00000000/", "populations/people/events/")
    before = {each: site.fingerprint(each) for each in pages}
    assert before == {each: site.fingerprint(each) for each in pages}
    lineage = runs / "people" / "lineage.jsonl"
    with lineage.open("a") as file:
        file.write("\n")
    after = {each: site.fingerprint(each) for each in pages}
    assert [each for each in pages if before[each] != after[each]] == ["", "populations/people/events/"]
