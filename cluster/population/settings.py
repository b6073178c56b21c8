"""Settings of a population, and the defaults of each preset."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval

from cluster.painter.settings import PresetName
from cluster.population.false_copies import significance_of
from envs.ranges import Count, Natural, NotNegative, Positive, check_ranges

Range = tuple[Positive, Positive]
FitnessName = Literal["judge", "pixel", "discriminator"]


@dataclass(frozen=True)
class PopulationSettings:
    """Settings of a population's comparisons and changes (population based training, Jaderberg et al. 2017).

    Attributes:
        members: systems that train side by side, each with actors, a replay and two learners of its own. More explore
            more and need more CPUs; usual: 4 to 32.
        interval_steps: environment steps between two comparisons. Shorter makes more generations, compared on less
            progress; usual: a twentieth to a fifth of `steps`.
        burn_in_steps: environment steps before which nobody copies anybody: early scores say little. Longer keeps more
            variety; usual: one or two intervals.
        fitness: score that ranks members. `judge`: Fréchet distance in the features of a digit classifier that plays no
            part in training (mnist only); `pixel`: the same of 8x8 pixels, for any data; `discriminator`: the mean
            score under the member's own discriminator, as the paper does, which assumes that these scores compare.
        judge_seed: seed of the judge that ranks. 0 is the judge whose figures `impasto evaluate` publishes: members
            that it ranks are selected for its errors too, and their published figures look better than they are.
        fitness_samples: paintings behind a score. More give less noise and a longer pause at each comparison; usual:
            256 to 2 048.
        critic_samples: paintings of each member that every member's discriminator scores, and as many real images. More
            give less noise in the audit; usual: 32 to 256.
        exploit: `truncation` (the worst copy one of the best), `tournament` (each against one drawn at random), or
            `none`: fixed settings, for comparison.
        truncation_share: share of the members that count as worst and as best; at least one each. Higher converges
            sooner; usual: 0.1 to 0.3.
        tournament_margin: share of the loser's score by which the winner of a tournament must be better. Higher copies
            less upon noise; usual: 0 to 0.2.
        exploit_significance: share of comparisons in which noise alone may make a copy, if all members are equally
            good. A donor must be better by more standard errors of the difference the more members there are. Higher
            copies sooner, and more upon noise; 1 copies upon any difference, as the paper does; usual: 0.01 to 0.2.
        winner_samples: paintings for the evaluation of the winner at the end, from other noise and by the published
            judge; 0 for none. More tell smaller differences and take longer; usual: 1 000 to 5 000.
        explore: change of each value of a copy: `perturb` multiplies or divides it by `perturbation_factor`, `resample`
            draws it anew.
        perturbation_factor: factor of that change. Higher explores more and disturbs more; usual: 1.1 to 1.5.
        entropy_cost_range: least and largest weight of the entropy bonus; first values are drawn from it, evenly in the
            logarithm. The preset's decay goes on: a value stands for its start. Wider explores more; usual: 1e-3 to
            1e-1.
        policy_learning_rate_range: the same for the policy's step size; usual: 1e-5 to 2e-3.
        discriminator_learning_rate_range: the same for the discriminator's step size; usual: 1e-5 to 2e-3.
        evolve_discriminator: evolve the discriminator's step size too; else it is the setting's.
        share_discriminator: one discriminator for all members, which learns from all their paintings (SPIRAL++). An
            exploit then copies the policy alone.
        driver_cpus: CPUs that Ray books for a member's own process, in which local learners compute; may be a fraction.
            Less puts more members on a machine, which then share its cores; usual: 0.5 to 2.
        actor_cpus: CPUs that Ray books for each of its actors. Less puts more actors on a machine; usual: 0.5 to 1.
        learner_cpus: CPUs that Ray books for each of its learner processes, if it has any. Less puts more of them on a
            machine; usual: 0.5 to 2.
        member_failures: crashes of a member after which it is given up until the population is resumed. More outlast
            worse machines; usual: 3 to 100.
        member_divergences: crashes by a loss that is not finite, on one branch, after which a member copies another.
            More try the same values again more often; usual: 1 to 3.
    """

    members: Annotated[int, Interval(ge=1, le=256)] = 4
    interval_steps: Count = 2_000_000
    burn_in_steps: Natural = 4_000_000
    fitness: FitnessName = "judge"
    judge_seed: Natural = 1
    fitness_samples: Annotated[int, Ge(4)] = 512
    critic_samples: Annotated[int, Ge(2)] = 64
    exploit: Literal["truncation", "tournament", "none"] = "truncation"
    truncation_share: Annotated[float, Interval(gt=0, le=0.5)] = 0.25
    tournament_margin: NotNegative = 0.1
    exploit_significance: Annotated[float, Interval(gt=0, le=1)] = 0.05
    winner_samples: Natural = 2000
    explore: Literal["perturb", "resample"] = "perturb"
    perturbation_factor: Annotated[float, Gt(1)] = 1.2
    entropy_cost_range: Range = (2e-3, 1e-1)
    policy_learning_rate_range: Range = (1e-5, 3e-4)
    discriminator_learning_rate_range: Range = (1e-5, 3e-4)
    evolve_discriminator: bool = False
    share_discriminator: bool = False
    driver_cpus: NotNegative = 1.0
    actor_cpus: NotNegative = 1.0
    learner_cpus: NotNegative = 1.0
    member_failures: Natural = 20
    member_divergences: Count = 2

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.share_discriminator and self.evolve_discriminator:
            raise ValueError("share_discriminator: with evolve_discriminator each member needs one of its own")
        for name, (low, high) in self.ranges().items():
            if not low < high:
                raise ValueError(f"{name}_range: expected two numbers above 0, the smaller first, got {low} {high}")

    def ranges(self) -> dict[str, Range]:
        """The evolved settings' names and ranges."""
        names = ["entropy_cost", "policy_learning_rate"]
        names += ["discriminator_learning_rate"] if self.evolve_discriminator else []
        return {name: getattr(self, f"{name}_range") for name in names}

    def to_json(self) -> dict[str, Any]:
        """Plain values, as written to `config.json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PopulationSettings:
        """Read back what `to_json` gave.

        A population from before there was a second judge goes on as it began: its scores have to compare. One whose
        margin was a fixed number of standard errors (`exploit_margin`) goes on with about that margin.
        """
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        margin = float(plain.pop("exploit_margin", 0.0))
        settings = dataclasses.replace(cls(), **({"judge_seed": 0, "exploit_significance": 1.0} | plain))
        if not margin:
            return settings
        significance = significance_of(margin, settings.members, settings.exploit, settings.truncation_share)
        return dataclasses.replace(settings, exploit_significance=significance)


# Environment steps of each member if the user gives none.
DEFAULT_STEPS: dict[PresetName, int] = {"laptop": 1_000_000, "paper": 200_000_000, "search": 1_000_000}


def population_preset(name: PresetName, data: str = "mnist") -> PopulationSettings:
    """The defaults of a population, by the members' preset.

    `paper`: ranges 2e-3 to 1e-1 and 1e-5 to 3e-4, a comparison each 2 M steps, one CPU for each process. `laptop`:
    step sizes around that preset's 6e-4, a comparison each 100 000 steps, half a CPU for each process.
    """
    fitness: FitnessName = "judge" if data == "mnist" else "pixel"
    if name == "paper":
        return PopulationSettings(fitness=fitness)
    return PopulationSettings(
        interval_steps=100_000,
        burn_in_steps=200_000,
        fitness=fitness,
        policy_learning_rate_range=(5e-5, 2e-3),
        discriminator_learning_rate_range=(5e-5, 2e-3),
        driver_cpus=0.5,
        actor_cpus=0.5,
        learner_cpus=0.5,
    )
