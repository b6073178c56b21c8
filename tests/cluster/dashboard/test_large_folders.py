"""Large folders: many events, long runs, many runs."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path

import numpy as np
import pytest

from cluster.dashboard.readers.library import Entry
from cluster.dashboard.readers.site import Site
from cluster.dashboard.server import make_app
from tests.cluster.dashboard.client import Client, well_formed
from tests.cluster.dashboard.made_population import MadePopulation
from tests.cluster.dashboard.made_up import make_run, metrics_row

SLOW = 1.0
"""CPU-seconds that a page may take: neighbors on the machine do not count."""


def first_looks(root: Path, *paths: str) -> dict[str, tuple[float, str]]:
    """CPU seconds for pages, one after the other, of a server that has read nothing, and the pages: the better of two
    servers, as the first one in a process also compiles templates. What other tests left in memory is kept from the
    garbage collector."""
    gc.collect()
    gc.freeze()
    found: dict[str, tuple[float, str]] = {}
    try:
        for _ in range(2):
            client = Client(make_app(root))
            for path in paths:
                start = time.process_time()
                answer = client.get(path)
                spent = time.process_time() - start
                assert answer.status_code == 200, path
                text = well_formed(answer.text)
                found[path] = min(spent, found.get(path, (spent, ""))[0]), text
    finally:
        gc.unfreeze()
    return found


def test_ten_thousand_events_in_less_than_a_second(tmp_path: Path) -> None:
    people = MadePopulation(tmp_path / "people", members=4, comparisons=1000, pictures=False, rows=2)
    assert len(people.events) > 9_000
    pages = ("", "events/2/", "drift/")
    for path, (seconds, text) in first_looks(tmp_path, "/", *(f"/populations/people/{page}" for page in pages)).items():
        assert seconds < SLOW, path
        assert "people" in text, path
        assert len(text) < 4_000_000


def test_a_hundred_thousand_rows_in_less_than_a_second(tmp_path: Path) -> None:
    run = make_run(tmp_path / "long", seconds=2, sheets=1)
    body = json.dumps(metrics_row(1, np.random.default_rng(0)))
    with (run / "metrics.jsonl").open("a") as file:
        for start in range(0, 100_000, 1000):
            file.write(
                "".join(body.replace('"update": 5', f'"update": {n}', 1) + "\n" for n in range(start, start + 1000))
            )
    looks = first_looks(tmp_path, "/", "/runs/long/")
    for path, (seconds, _) in looks.items():
        assert seconds < SLOW, path
    text = looks["/runs/long/"][1]
    assert "curves show every" in text
    assert len(text) < 600_000


def test_thousands_of_runs_are_scanned_once_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster.dashboard.pages.run_pages import runs_page

    for number in range(5):
        make_run(tmp_path / str(number), seconds=2, sheets=1)
    monkeypatch.setattr("cluster.dashboard.readers.site.SCAN_LASTS", 0.0)  # as if each took longer than that
    site, scans = Site(tmp_path), 0
    entries = site.library.entries

    def counted() -> list[Entry]:
        nonlocal scans
        scans += 1
        return entries()

    monkeypatch.setattr(site.library, "entries", counted)
    assert len(runs_page(site)["rows"]) == 5
    assert 1 <= scans <= 3, "not one for each run"
