"""The state of a population's members, as the events of its record add up to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cluster.population.lineage.ancestry import Lineage, Values, explained
from cluster.population.lineage.events import Event


@dataclass
class MemberState:
    """One member, as far as the record says.

    Attributes:
        branch, values, env_steps: present branch, evolved values, and steps in the count of that branch.
        running: a process of it began and has not said that it ends.
        finished: it reached the end of its steps.
        restarts: starts after the first.
        crashes: since the population was started or resumed.
        divergences: crashes by a loss that was not finite since the branch began.
        last_crash: the reason of its last end; empty if it did not crash.
        checkpoint, checkpoint_sha256: its last checkpoint; None before the first.
    """

    branch: int
    values: Values
    env_steps: int = 0
    running: bool = True
    finished: bool = False
    restarts: int = 0
    crashes: int = 0
    divergences: int = 0
    last_crash: str = ""
    checkpoint: str | None = None
    checkpoint_sha256: str | None = None


@dataclass
class PopulationState:
    """The fold over all events; `take` adds one.

    Attributes:
        lineage: branches and comparisons.
        members: by number, those that were born.
        scores: by comparison and member, the newest `score` event.
        decided: by comparison, the members that were decided.
        pending: by member, the decision that is to be carried out.
        next_branch: the lowest number that no branch has.
        elapsed_s: of the last event.
        tickets: of the calls that wrote something.
    """

    lineage: Lineage = field(default_factory=Lineage)
    members: dict[int, MemberState] = field(default_factory=dict)
    scores: dict[int, dict[int, Event]] = field(default_factory=dict)
    decided: dict[int, set[int]] = field(default_factory=dict)
    pending: dict[int, Event] = field(default_factory=dict)
    next_branch: int = 0
    elapsed_s: float = 0.0
    tickets: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, events: Iterable[Event]) -> PopulationState:
        """The fold over these events.

        Raises:
            ValueError: one of them lacks something, as one of another version may.
        """
        state = cls()
        for event in events:
            with explained(event):
                state.take(event)
        return state

    def take(self, event: Event) -> None:
        """Add one event; kinds that are not known change nothing."""
        self.lineage.take(event)
        self.elapsed_s = event["elapsed_s"]
        if event.get("ticket"):
            self.tickets.add(event["ticket"])
        handler: Any = getattr(self, f"take_{event['event']}", None)
        if handler is not None:
            handler(event, event.get("member"))

    def take_birth(self, event: Event, member: int) -> None:
        """A member begins."""
        self.members[member] = MemberState(event["branch"], event["values"])
        self.next_branch = max(self.next_branch, event["branch"] + 1)

    def take_restart(self, event: Event, member: int | None) -> None:
        """A member begins again; without a member the ledger does, or the population with a new driver."""
        if member is None:
            for each in self.members.values():
                if event["driver"]:
                    each.running, each.crashes = False, 0
            return
        state = self.members[member]
        if state.branch != event["branch"]:
            state.divergences = 0
        state.branch, state.values, state.env_steps = event["branch"], event["values"], event["env_steps"]
        state.restarts, state.last_crash = event["restarts"], ""
        state.running, state.finished = True, False

    def take_score(self, event: Event, member: int) -> None:
        """A member was measured at a milestone."""
        self.scores.setdefault(event["comparison"], {})[member] = event
        self.members[member].env_steps = event["env_steps"]
        self.members[member].divergences = 0

    def take_comparison(self, event: Event, member: None) -> None:
        """Members were compared."""
        self.decided.setdefault(event["comparison"], set()).update(event["decided"])
        for decision in event["decisions"]:
            self.decide(decision)

    def take_rescue(self, event: Event, member: int) -> None:
        """A member that can not go on has to copy."""
        self.decide(event["decision"])

    def decide(self, decision: Event) -> None:
        """Keep a decision until it is carried out or refused."""
        self.pending[decision["member"]] = decision
        self.next_branch = max(self.next_branch, decision["branch"] + 1)

    def take_skipped(self, event: Event, member: int) -> None:
        """A member goes on as it is."""
        if self.pending.get(member, {}).get("comparison") == event["comparison"]:
            del self.pending[member]

    def take_exploit(self, event: Event, member: int) -> None:
        """A member copied another; its scores at later steps than the donor's are void."""
        self.pending.pop(member, None)
        state = self.members[member]
        state.branch, state.env_steps, state.divergences = event["branch"], event["env_steps"], 0
        for number, scores in self.scores.items():
            mine = scores.get(member)
            beyond = number > event["comparison"] and mine is not None and mine["env_steps"] > event["env_steps"]
            if beyond and member not in self.decided.get(number, set()):
                del scores[member]

    def take_explore(self, event: Event, member: int) -> None:
        """A member's values changed."""
        self.members[member].values = event["values"]

    def take_checkpoint(self, event: Event, member: int) -> None:
        """A member can go on from here."""
        state = self.members[member]
        state.checkpoint, state.checkpoint_sha256 = event["checkpoint"], event["checkpoint_sha256"]
        state.env_steps = event["env_steps"]

    def take_crash(self, event: Event, member: int) -> None:
        """A member's process ended by an error."""
        state = self.members[member]
        state.running, state.last_crash = False, event["reason"]
        state.crashes += 1
        state.divergences += bool(event.get("diverged"))

    def take_stop(self, event: Event, member: int | None) -> None:
        """A member, or everything, ended as it should."""
        if member is not None:
            state = self.members[member]
            state.running, state.last_crash = False, ""
            state.finished = event["reason"] == "finished"
            state.env_steps = event["env_steps"]
