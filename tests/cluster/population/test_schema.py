"""The types of a record's fields: of every event that is written, none is unknown, and none is taken wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.population.ledger import Ledger
from cluster.population.lineage.events import Event
from cluster.population.lineage.schema import NESTED, fault
from tests.cluster.population.records import SETTINGS, born, carry_out, opened, report, scored

#: Kinds of events that docs/population.md names.
KINDS = {
    "birth", "score", "comparison", "skipped", "exploit", "explore", "checkpoint", "crash", "rescue", "restart",
    "silence", "evaluation", "stop",
}  # fmt: skip


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """One event of each kind, at least, as the ledger writes them for what members and the driver say."""
    path = tmp_path_factory.mktemp("people") / "lineage.jsonl"
    population = replace(SETTINGS, member_divergences=1)
    with opened(path, population) as ledger:
        born(ledger)
        for member, score in enumerate((-1.0, -30.0, -2.0)):
            ledger.score(member, report(ledger, member, 1, score, score_error=0.5))
        carry_out(ledger, 1)
        known = ledger.state.members[0]
        saved = {"branch": 0, "env_steps": 200, "update": 7, "checkpoint": "members/00/checkpoints/1"}
        ledger.saved(0, saved | {"checkpoint_sha256": "s", "values": known.values})
        ledger.crashed(2, 150, "NonFiniteLoss: NaN", diverged=True, ticket="crash")
        silent: Any = [(0, 301.0, True)]
        ledger.contacts.silent = lambda: silent  # type: ignore[method-assign]
        ledger.notice_silence()
        about = {"member": 0, "branch": 0, "env_steps": 200, "checkpoint": "c", "checkpoint_sha256": "s", "score": -1.0}
        more = {"score_error": 0.5, "judge": "0123", "episodes": 64, "sample": "sheet.png", "seconds": 2.5}
        ledger.evaluated(about | more | {"measures": {"fid": 24.5}})
        ledger.finished(0, 400, "finished")
    ledger = Ledger(str(path), population, seed=0, steps=400)
    ledger.begin("driver")
    ledger.join(1, None, ticket="again")
    ledger.close("finished")
    return ledger.file.events


def fields(event: Event) -> Iterator[tuple[Event, str]]:
    """Every field of an event with the object that holds it, also those inside."""
    for name, value in event.items():
        yield event, name
        for inner in value if name in NESTED else [value] if name == "decision" else []:
            yield from fields(inner)


def test_every_event_that_is_written_is_right(events: list[Event]) -> None:
    assert {event["event"] for event in events} == KINDS
    assert [fault(event) for event in events] == [""] * len(events)


def test_every_field_that_is_written_has_a_type(events: list[Event]) -> None:
    """What none of them can be is refused under each name, in the event itself or inside it."""
    passed = {
        (event["event"], name)
        for event in events
        for holder, name in fields(event)
        if not fault({**holder, name: ["?"]})
    }
    assert not passed


@pytest.mark.parametrize("name", ["score_error", "donor_score_error", "seconds", "milestone", "judge_seed", "decay"])
@pytest.mark.parametrize("value", ["many", float("nan"), []])
def test_a_strangers_field_of_another_type_is_named(name: str, value: Any) -> None:
    assert fault({"event": "score", name: value}) == name
    assert fault({"event": "comparison", "standings": [{name: value}]}) == f"standings: {name}"


def test_a_record_that_is_read_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0})
    path.write_text(path.read_text().replace('"milestone": 100', '"milestone": "soon"'))
    with pytest.raises(ValueError, match="line 4: score has no right milestone"), opened(path):
        pass
