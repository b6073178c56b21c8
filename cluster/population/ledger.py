"""The ledger: takes every member's scores, decides which member copies which, and records it before anyone acts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cluster.population.hyperparameters import draw
from cluster.population.lineage.ancestry import Branch
from cluster.population.lineage.comparison_events import (
    applied_events,
    comparison_events,
    rescue_decision,
    skipped_event,
)
from cluster.population.lineage.events import LOCK_SECONDS, Event, EventFile, finite
from cluster.population.lineage.state import PopulationState
from cluster.population.settings import PopulationSettings
from cluster.population.silence import Contacts


class Ledger:
    """The object that all members call (a Ray actor in a running population).

    Its state is the fold of the events in the file, nothing else: a ledger that is opened again goes on from the moment
    in which the last one was killed. Ray repeats a call if its answer was lost with a ledger that died; the events of
    the lost call are then not written a second time: births, restarts and crashes are known by their caller's ticket,
    the others by their content. Only `close` writes its end again, behind the reopening.

    Attributes:
        state: see `PopulationState`.
    """

    def __init__(
        self,
        path: str,
        population: PopulationSettings,
        *,
        seed: int,
        steps: int,
        minutes: float = 0.0,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        """Open the record of a population.

        Args:
            path: `lineage.jsonl`.
            population: settings.
            seed: of all draws.
            steps: environment steps at which a member is done.
            minutes: wall minutes, over all restarts, after which the population ends; 0 for no limit.
            lock_seconds: how long to wait for another process that still has the record open.
        """
        self.population = population
        self.seed, self.steps, self.minutes = seed, steps, minutes
        self.stop_reason: str | None = None
        self.contacts = Contacts()
        self.opened = time.monotonic()
        self.file = EventFile(Path(path), lock_seconds=lock_seconds)
        self.state = PopulationState.of(self.file.events)
        self.elapsed_before = self.state.elapsed_s
        if self.file.events:
            opened = {"event": "restart", "member": None, "driver": False}
            self.write({**opened, "reason": "the record was opened again"})

    @property
    def elapsed_s(self) -> float:
        """Wall seconds that the population has run, over all restarts."""
        return self.elapsed_before + time.monotonic() - self.opened

    def write(self, *events: Event) -> None:
        """Append events and take them into the state."""
        stamp = {"time": time.time(), "elapsed_s": round(self.elapsed_s, 3)}
        before = len(self.file.events)
        self.file.append(*({**stamp, **event} for event in events))
        for event in self.file.events[before:]:
            self.state.take(event)

    def begin(self, ticket: str = "") -> None:
        """A driver begins, and no member has a process yet; a ledger that Ray restarts finds them running."""
        if self.state.members and ticket not in self.state.tickets:
            begun = {"event": "restart", "member": None, "driver": True, "ticket": ticket}
            self.write({**begun, "reason": "the population was resumed"})

    def join(self, member: int, checkpoint: Mapping[str, Any] | None, *, ticket: str = "") -> dict[str, Any]:
        """A member's process begins, for the first time or again.

        Args:
            member: its number.
            checkpoint: the one that it goes on from: `branch`, `values`, `env_steps`, `checkpoint`,
                `checkpoint_sha256`; None if it has none yet.
            ticket: names this call, so that a repetition of it is known.

        Returns:
            `values` and `branch` to train with, `restarts` so far, `seed`.
        """
        self.contacts.forget(member)
        known = self.state.members.get(member)
        seed = self.seed + member
        if known is not None and ticket in self.state.tickets:
            return {"values": known.values, "branch": known.branch, "restarts": known.restarts, "seed": seed}
        if known is None:
            values = draw(self.population, np.random.default_rng([self.seed, member]))
            self.write(
                {
                    "event": "birth",
                    "member": member,
                    "branch": self.state.next_branch,
                    "env_steps": 0,
                    "values": values,
                    "seed": seed,
                    "ticket": ticket,
                }
            )
            born = self.state.members[member]
            return {"values": born.values, "branch": born.branch, "restarts": 0, "seed": seed}
        if known.running:
            ended = {"event": "crash", "member": member, "branch": known.branch, "env_steps": known.env_steps}
            self.write({**ended, "reason": "its process ended without a word"})
        start = self.founder(member)
        back = checkpoint or {"branch": start.number, "values": start.values, "env_steps": 0}
        self.write(
            {
                "event": "restart",
                "member": member,
                "branch": back["branch"],
                "env_steps": back["env_steps"],
                "values": dict(back["values"]),
                "checkpoint": back.get("checkpoint"),
                "checkpoint_sha256": back.get("checkpoint_sha256"),
                "restarts": known.restarts + 1,
                "reason": known.last_crash or "the population was resumed",
                "ticket": ticket,
            }
        )
        again = self.state.members[member]
        return {"values": again.values, "branch": again.branch, "restarts": again.restarts, "seed": seed}

    def founder(self, member: int) -> Branch:
        """The branch that a member was born with."""
        return next(branch for branch in self.state.lineage.founders if branch.member == member)

    def requests(self, member: int, env_steps: int, handle: Any = None) -> dict[str, Any]:
        """Requests to `member` at this iteration boundary.

        Args:
            member: its number.
            env_steps: its steps.
            handle: of its Ray actor, with which it is ended if it falls silent.

        Returns:
            `stop`, a reason or None; `exploit`, a decision or None.
        """
        self.contacts.hear(member, handle)
        if member in self.state.members:
            self.state.members[member].env_steps = env_steps
        stop = self.stop_reason
        if stop is None and self.minutes and self.elapsed_s >= 60 * self.minutes:
            stop = "time"
        return {"stop": stop, "exploit": self.state.pending.get(member)}

    def notice_silence(self) -> None:
        """Record the members that have not been heard of, and end those that were silent for too long."""
        for member, seconds, ended in self.contacts.silent():
            known = self.state.members[member]
            about = {"member": member, "branch": known.branch, "env_steps": known.env_steps, "ended": ended}
            reason = f"no word from it for {seconds:.0f} s{'; its process is ended' if ended else ''}"
            self.write({"event": "silence", **about, "reason": reason})

    def score(self, member: int, report: Mapping[str, Any]) -> None:
        """Take in a member's score at a milestone, and decide what can be decided.

        Args:
            member: its number.
            report: `comparison`, `milestone`, `branch`, `env_steps`, `score`, `score_error`, `measures`, `episodes`,
                `checkpoint`, `checkpoint_sha256`, `sample`, `values`.
        """
        number = int(report["comparison"])
        known = self.state.scores.get(number, {}).get(member)
        if known is None or known["checkpoint_sha256"] != report["checkpoint_sha256"]:
            measures = {name: finite(value) for name, value in report["measures"].items()}
            scored = {name: finite(report.get(name)) for name in ("score", "score_error")}
            cleaned = {**report, **scored, "measures": measures}
            self.write({"event": "score", "member": member, **cleaned})
        self.settle_all()

    def settle_all(self, *, over: bool = False) -> None:
        """Decide all comparisons that can be decided; `over`: no other member comes."""
        for number in sorted(self.state.scores):
            self.settle(number, over=over)

    def settle(self, number: int, *, over: bool = False) -> None:
        """Decide comparison `number` for members that are not decided yet, if all are there (or it is `over`).

        A member that was given up or lags by a whole interval is not waited for; it is decided when it comes.
        """
        state = self.state
        scores = state.scores[number]
        decided = state.decided.get(number, set())
        waiting = [member for member in scores if member not in decided]
        everybody = all(member in scores or self.given_up(member) for member in range(self.population.members))
        ahead = any(scored for later, scored in state.scores.items() if later > number) and len(scores) > 1
        if waiting and (everybody or ahead or decided or over):
            self.write(*comparison_events(state, number, waiting, self.population, seed=self.seed, steps=self.steps))

    def given_up(self, member: int) -> bool:
        """Return whether a member crashed too often: Tune does not start it again before a resume."""
        known = self.state.members.get(member)
        return known is not None and not known.running and known.crashes > self.population.member_failures

    def exploited(self, member: int, record: Mapping[str, Any]) -> None:
        """A member has carried out its decision.

        Args:
            member: its number.
            record: `branch`, `previous_branch`, `env_steps_before`, `env_steps`, `values_before`,
                `seconds`, `applied` (read back, by name), `decay` (by name).
        """
        decision = self.state.pending.get(member)
        if decision is not None and decision["branch"] == record["branch"]:
            self.write(*applied_events(decision, record))

    def refused(self, member: int, reason: str) -> None:
        """A member can not carry out its decision and goes on as it is."""
        decision = self.state.pending.get(member)
        if decision is not None:
            known = self.state.members[member]
            about = {**decision, "branch": known.branch, "env_steps": known.env_steps}
            self.write(skipped_event(about, reason))

    def saved(self, member: int, record: Mapping[str, Any]) -> None:
        """A member has written a checkpoint.

        Args:
            member: its number.
            record: `branch`, `env_steps`, `update`, `checkpoint`, `checkpoint_sha256`, `values`.
        """
        self.contacts.hear(member)
        if self.state.members[member].checkpoint != record["checkpoint"]:
            self.write({"event": "checkpoint", "member": member, **record})

    def crashed(self, member: int, env_steps: int, reason: str, *, diverged: bool = False, ticket: str = "") -> None:
        """A member's process ends by an error.

        A branch that diverges again and again is given up: the member copies the best of the last comparison, or,
        before any, goes on from its own last checkpoint with other values; not if members do not copy each other.

        Args:
            member: its number.
            env_steps: its steps.
            reason: the error in a line.
            diverged: whether its loss was not finite.
            ticket: see `join`.
        """
        self.contacts.forget(member)
        known = self.state.members[member]
        event = {"event": "crash", "member": member, "branch": known.branch, "env_steps": env_steps}
        if ticket not in self.state.tickets:
            self.write({**event, "reason": reason, "diverged": diverged, "ticket": ticket})
        if self.given_up(member):
            self.settle_all()
        if self.state.members[member].divergences < self.population.member_divergences or member in self.state.pending:
            return
        decision = rescue_decision(self.state, member, self.population, self.seed)
        if decision is not None:
            reason = f"its loss was not finite {self.population.member_divergences} times"
            self.write({**event, "event": "rescue", "reason": reason, "decision": decision})

    def finished(self, member: int, env_steps: int, reason: str) -> None:
        """A member ends as it should."""
        self.contacts.forget(member)
        known = self.state.members[member]
        if reason == "finished":
            self.refused(member, "the run is over")
        if known.running:
            about = {"member": member, "branch": known.branch, "env_steps": env_steps}
            self.write({"event": "stop", **about, "reason": reason})

    def request_stop(self, reason: str) -> None:
        """Have all members end, each with a checkpoint, at their next iteration boundary."""
        self.stop_reason = reason

    def evaluated(self, record: Mapping[str, Any]) -> None:
        """The winner was evaluated anew; `record` has the fields of `winner.evaluate_winner`."""
        known = self.state.lineage.evaluation
        if known is None or known["checkpoint_sha256"] != record["checkpoint_sha256"]:
            measures = {name: finite(v) if isinstance(v, float) else v for name, v in record["measures"].items()}
            self.write({"event": "evaluation", **record, "measures": measures})

    def close(self, reason: str) -> None:
        """The population ends; unless it was interrupted, comparisons are decided among those who came."""
        if reason != "interrupted":
            self.settle_all(over=True)
        self.write({"event": "stop", "member": None, "reason": reason})
        self.file.close()
