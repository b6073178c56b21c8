"""Who copies whom: pure functions of a comparison's scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cluster.population.settings import PopulationSettings

Scores = Mapping[int, float | None]


@dataclass(frozen=True)
class Verdict:
    """What a comparison means for one member: a donor to copy, or the reason to go on as it is."""

    donor: int | None
    reason: str


def ranking(scores: Scores) -> list[int]:
    """Members, best first; those without a score last, equals by number."""
    return sorted(scores, key=lambda member: (-_value(scores[member]), member))


def decide(
    member: int, scores: Scores, milestone: int, last: bool, population: PopulationSettings, rng: np.random.Generator
) -> Verdict:
    """What ``member`` does after a comparison.

    Args:
        member: number of the member; must be among ``scores``.
        scores: by member, higher is better; None where nothing could be measured, which counts as worst.
        milestone: environment steps at which the scores were taken.
        last: whether this comparison is at the end of the run, where copying serves nothing.
        population: settings.
        rng: draws the donor or the opponent.
    """
    if population.exploit == "none":
        return Verdict(None, "settings are fixed: exploit is none")
    if milestone < population.burn_in_steps:
        return Verdict(None, f"burn-in until {population.burn_in_steps} steps")
    if last:
        return Verdict(None, "the run is over")
    if len(scores) < 2:
        return Verdict(None, "nobody to compare with")
    choose = truncation if population.exploit == "truncation" else tournament
    return choose(member, scores, population, rng)


def truncation(member: int, scores: Scores, population: PopulationSettings, rng: np.random.Generator) -> Verdict:
    """The worst share copies a member of the best share, drawn at random (Jaderberg et al. 2017, section 4.1)."""
    order = ranking(scores)
    count = max(1, int(population.truncation_share * len(order)))
    place = order.index(member)
    if place < len(order) - count:
        return Verdict(None, f"rank {place + 1} of {len(order)}: not among the worst {count}")
    donor = order[int(rng.integers(count))]
    if not _value(scores[donor]) > _value(scores[member]):
        return Verdict(None, f"member {donor} is no better")
    return Verdict(donor, f"rank {place + 1} of {len(order)}")


def tournament(member: int, scores: Scores, population: PopulationSettings, rng: np.random.Generator) -> Verdict:
    """Each meets one opponent drawn at random, and copies it if that is better by the margin.

    Binary tournament (Jaderberg et al. 2017, section 4.1); the margin, a share of the loser's score, keeps noise from
    deciding.
    """
    others = [other for other in sorted(scores) if other != member]
    opponent = others[int(rng.integers(len(others)))]
    mine, theirs = _value(scores[member]), _value(scores[opponent])
    needed = mine if mine == -np.inf else mine + population.tournament_margin * abs(mine)
    if not theirs > needed:
        return Verdict(None, f"member {opponent} is not better by {100 * population.tournament_margin:g} %")
    return Verdict(opponent, f"lost to member {opponent}")


def _value(score: float | None) -> float:
    return -np.inf if score is None or not np.isfinite(score) else score
