"""Populations whose drivers are processes of their own: started, ended, and what their records hold so far."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.population.lineage.events import Event, read_events
from tests.helpers.tiny_run import SMALL_POPULATION, end, launch

START = 300.0  # seconds within which all members must train, on a busy machine
SMALL = SMALL_POPULATION | {"policy_warmup_updates": 10, "checkpoint_minutes": 0.03}


def events_of(run: Path, kind: str = "", member: int | None = None) -> list[Event]:
    return [
        event
        for event in read_events(run / "lineage.jsonl")
        if kind in ("", event["event"]) and member in (None, event["member"])
    ]


@contextmanager
def tuning(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    driver = launch(arguments, log)
    try:
        yield driver
    finally:
        end(driver)


def finish(arguments: list[str], log: Path) -> str:
    """Run to the end; returns what was printed."""
    with tuning(arguments, log) as driver:
        assert driver.wait(2 * START) == 0, log.read_text()
    return log.read_text()
