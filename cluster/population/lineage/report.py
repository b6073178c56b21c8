"""The best member of a population: its ancestry and schedule, as text and as JSON."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from cluster.errors import UserError
from cluster.evaluation.text_tables import number, text_table
from cluster.population.folder import PopulationFolder
from cluster.population.lineage.ancestry import Branch, Lineage, Schedule, curve, schedule
from cluster.population.lineage.events import Event, read_events

STANDING = ("member", "branch", "score", "episodes", "env_steps")


@dataclass(frozen=True)
class BestMember:
    """The best member of a population.

    Attributes:
        place: folder of the population.
        events: its record.
        standing: in the last comparison.
        path: its ancestry, founder first.
        evaluation: the fresh evaluation of it; None if there was none.
    """

    place: PopulationFolder
    events: list[Event]
    standing: Event
    path: list[Branch]
    evaluation: Event | None

    @classmethod
    def read(cls, run: str) -> BestMember:
        """Read a population's record.

        Raises:
            UserError: there is no population, or no comparison yet.
        """
        place = PopulationFolder(run)
        place.read_settings()
        events = read_events(place.lineage)
        lineage = Lineage(events)
        if lineage.best is None:
            raise UserError(f"{run}: no comparison yet, so nobody is best")
        if missing := [name for name in STANDING if name not in lineage.best]:
            raise UserError(f"{place.lineage}: the best standing lacks its {missing[0]}")
        return cls(place, events, lineage.best, lineage.ancestry(lineage.best["branch"]), lineage.evaluation)

    @property
    def schedule(self) -> Schedule:
        """The values that its weights lived through."""
        return schedule(self.path)

    def as_json(self) -> dict[str, Any]:
        """The ancestry, the schedule and the scores along it as plain values."""
        return {
            "best": self.standing,
            "evaluation": self.evaluation,
            "ancestry": [{"branch": each.number, "member": each.member, "env_steps": each.start} for each in self.path],
            "schedule": [{"env_steps": steps, "values": values} for steps, values in self.schedule],
            "curve": curve(self.events, self.path),
        }

    def as_text(self) -> str:
        """A line about the member, and a table with a row for each branch that led to it."""
        best, scores, names = self.standing, curve(self.events, self.path), list(self.path[0].values)
        ends = [branch.start for branch in self.path[1:]] + [sys.maxsize]
        rows = []
        for branch, end in zip(self.path, ends, strict=True):
            reached = [score for steps, score in scores if branch.start < steps <= end]
            place = [str(value) for value in (branch.start, branch.number, branch.member)]
            values = [number(branch.values[name]) for name in names]
            rows.append([*place, *values, number(reached[-1] if reached else None)])
        return (
            f"best: member {best['member']:02d}, branch {best['branch']}, score {with_error(best)} "
            f"({best['episodes']} paintings) at {best['env_steps']} steps\n"
            + (f"{evaluation_line(self.evaluation)}\n" if self.evaluation else "")
            + text_table(["from step", "branch", "member", *names, "score"], rows)
        )


def with_error(standing: Event) -> str:
    """The score of a standing, with its standard error if it has one."""
    error = standing.get("score_error")
    return number(standing["score"]) + ("" if error is None else f" ± {number(error)}")


def evaluation_line(evaluation: Event) -> str:
    """Tell an `evaluation` event in a line."""
    figures = evaluation["measures"]
    named = {"FD": figures.get("fid"), "pixel FD": figures.get("pixel_fid"), "L2": figures.get("l2")}
    shown = ", ".join(f"{name} {number(value)}" for name, value in named.items() if value is not None)
    return f"evaluated anew, by {evaluation['episodes']} paintings of other noise: {shown}"
