"""The events that follow from scores: comparisons, decisions, reasons. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cluster.population.exploit import decide, ranking
from cluster.population.hyperparameters import draw, explore
from cluster.population.lineage.events import Event
from cluster.population.lineage.state import PopulationState
from cluster.population.settings import PopulationSettings

# Fields of a `score` event that a standing repeats.
STANDING = (
    "member",
    "branch",
    "env_steps",
    "score",
    "score_error",
    "measures",
    "episodes",
    "checkpoint",
    "checkpoint_sha256",
    "sample",
    "values",
)


def comparison_events(
    state: PopulationState, number: int, waiting: list[int], population: PopulationSettings, *, seed: int, steps: int
) -> list[Event]:
    """The `comparison` event with its decisions, then a `skipped` one for each member that goes on as it is.

    The same scores give the same decisions.

    Args:
        state: of the population; it holds the scores of comparison `number`.
        number: of the comparison.
        waiting: members to decide about; all who have a score are compared.
        population: settings.
        seed: of all draws.
        steps: environment steps at which the run is over.
    """
    scores = state.scores[number]
    by_member = {member: report["score"] for member, report in scores.items()}
    errors = {member: error for member, report in scores.items() if (error := report.get("score_error")) is not None}
    milestone = int(next(iter(scores.values()))["milestone"])
    decisions: list[Event] = []
    skipped: list[Event] = []
    for member in sorted(waiting):
        rng = np.random.default_rng([seed, number, member])
        over = milestone >= steps or state.members[member].finished
        verdict = decide(member, by_member, errors, milestone, over, population, rng)
        if verdict.donor is None:
            skipped.append(skipped_event(scores[member], verdict.reason))
        else:
            branch = state.next_branch + len(decisions)
            decisions.append(copy_decision(scores[member], scores[verdict.donor], branch, population, rng))
    comparison = {
        "event": "comparison",
        "member": None,
        "comparison": number,
        "env_steps": milestone,
        "fitness": population.fitness,
        "judge_seed": population.judge_seed,
        "standings": [{name: scores[member].get(name) for name in STANDING} for member in ranking(by_member)],
        "decided": sorted(waiting),
        "decisions": decisions,
    }
    return [comparison, *skipped]


def skipped_event(about: Mapping[str, Any], reason: str) -> Event:
    """A member goes on as it is: `about` has its member, branch, env_steps, comparison, score, episodes."""
    names = ("member", "branch", "env_steps", "comparison", "score", "episodes")
    return {"event": "skipped", **{name: about[name] for name in names}, "reason": reason}


def copy_decision(
    mine: Mapping[str, Any],
    donor: Mapping[str, Any],
    branch: int,
    population: PopulationSettings,
    rng: np.random.Generator,
) -> Event:
    """A request to copy `donor`, with values changed already, so that a restart does not draw others."""
    values, operations = explore(donor["values"], population, rng)
    return {
        "member": mine["member"],
        "comparison": mine["comparison"],
        "donor": donor["member"],
        "donor_branch": donor["branch"],
        "branch": branch,
        "checkpoint": donor["checkpoint"],
        "checkpoint_sha256": donor["checkpoint_sha256"],
        "score": mine["score"],
        "donor_score": donor["score"],
        "score_error": mine.get("score_error"),
        "donor_score_error": donor.get("score_error"),
        "episodes": mine["episodes"],
        "donor_episodes": donor["episodes"],
        "donor_values": donor["values"],
        "values": values,
        "operations": operations,
    }


def rescue_decision(state: PopulationState, member: int, population: PopulationSettings, seed: int) -> Event | None:
    """The decision for a member whose branch can not go on: copy the best of the last comparison.

    Before any comparison it goes on from its own last checkpoint with newly drawn values. None if it has none, and in
    a population whose members do not copy each other: there it starts again as it was.
    """
    if population.exploit == "none":
        return None
    rng = np.random.default_rng([seed, 1_000_003, state.next_branch])
    known = state.members[member]
    mine = {
        "member": member,
        "branch": known.branch,
        "comparison": max(state.lineage.comparisons, default=0),
        "score": None,
        "episodes": 0,
        "checkpoint": known.checkpoint,
        "checkpoint_sha256": known.checkpoint_sha256,
        "values": known.values,
    }
    others = [each for each in state.lineage.standings if each["member"] != member and each["score"] is not None]
    if others:
        return copy_decision(mine, others[0], state.next_branch, population, rng)
    if known.checkpoint is None:
        return None
    chosen = copy_decision(mine, mine, state.next_branch, population, rng)
    chosen["values"] = draw(population, rng)
    chosen["operations"] = dict.fromkeys(chosen["values"], "resample")
    return chosen


def applied_events(decision: Mapping[str, Any], record: Mapping[str, Any]) -> list[Event]:
    """The `exploit` and `explore` events of a decision that was carried out, with the values that were read back."""
    about = {"member": decision["member"], "branch": decision["branch"], "env_steps": record["env_steps"]}
    about["comparison"] = decision["comparison"]
    copied = ("donor", "donor_branch", "score", "donor_score", "episodes", "donor_episodes")
    exploit = {
        "event": "exploit",
        **about,
        "previous_branch": record["previous_branch"],
        **{name: decision[name] for name in (*copied, "checkpoint", "checkpoint_sha256")},
        "env_steps_before": record["env_steps_before"],
        "values_before": record["values_before"],
        "values": decision["donor_values"],
        "seconds": record["seconds"],
        "applied": True,
    }
    change = {
        "event": "explore",
        **about,
        "operations": decision["operations"],
        "values_before": decision["donor_values"],
        "values": decision["values"],
        "applied": record["applied"],
        "decay": record["decay"],
    }
    return [exploit, change]
