"""Records of made-up populations, for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.population.ledger import Ledger
from cluster.population.settings import PopulationSettings

SETTINGS = PopulationSettings(members=3, interval_steps=100, burn_in_steps=100)


@contextmanager
def opened(path: Path, population: PopulationSettings = SETTINGS, **changes: Any) -> Iterator[Ledger]:
    ledger = Ledger(str(path), population, **({"seed": 0, "steps": 400, "lock_seconds": 0.0} | changes))
    try:
        yield ledger
    finally:
        ledger.file.close()


def report(ledger: Ledger, member: int, number: int, score: float | None, **changes: Any) -> dict[str, Any]:
    """What a member says at a milestone."""
    known = ledger.state.members[member]
    return {
        "comparison": number,
        "milestone": 100 * number,
        "branch": known.branch,
        "env_steps": 100 * number + member,
        "score": score,
        "measures": {"pixel_frechet": 1.0},
        "episodes": 64,
        "checkpoint": f"members/{member:02d}/exchange/{number:06d}-update-{number}",
        "checkpoint_sha256": f"{member}-{number}-{known.branch}",
        "sample": "sheet.png",
        "values": known.values,
        "seconds": 0.5,
    } | changes


def scored(ledger: Ledger, number: int, scores: dict[int, float | None]) -> None:
    for member, score in scores.items():
        ledger.score(member, report(ledger, member, number, score))


def born(ledger: Ledger) -> None:
    for member in range(3):
        ledger.join(member, None)


def carry_out(ledger: Ledger, member: int) -> dict[str, Any]:
    """What a member says after its exploit."""
    known = ledger.state.members[member]
    decision = ledger.requests(member, known.env_steps)["exploit"]
    donor = ledger.state.scores[decision["comparison"]][decision["donor"]]
    record = {
        "branch": decision["branch"],
        "previous_branch": known.branch,
        "env_steps_before": known.env_steps,
        "env_steps": donor["env_steps"],
        "values_before": known.values,
        "seconds": 0.5,
        "applied": decision["values"],
        "decay": dict.fromkeys(decision["values"], 1.0),
    }
    ledger.exploited(member, record)
    return record


def kinds(ledger: Ledger) -> list[str]:
    return [event["event"] for event in ledger.file.events]
