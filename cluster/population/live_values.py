"""Changes of evolved values in a live member, and the check that its learners hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cluster.painter.live_settings import read_live_values
from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral
from cluster.population.hyperparameters import decay, settings_with
from cluster.population.lineage.ancestry import Values


class NotApplied(RuntimeError):
    """A live learner does not hold the value that it was given. One line that names both."""


def apply_values(algorithm: Spiral, base: PainterSettings, values: Mapping[str, float]) -> tuple[Values, Values]:
    """Have a live member train with these values from its next update on, and read them back.

    Restoring a checkpoint brings back what was saved with the optimizer; so this comes after it, and does not believe
    what it wrote: the numbers are read from the optimizers themselves, wherever their processes are.

    Args:
        algorithm: of the member; no update of it may be needed from before.
        base: the member's settings before its values.
        values: by name.

    Returns:
        By name: the numbers read back, and the decay by which they differ from `values` at this point of the run.

    Raises:
        NotApplied: they differ from `values` times the decay.
        ValueError: the change would need another algorithm.
    """
    if not algorithm.reset_config({"settings": settings_with(base, values)}):
        raise ValueError("only evolved hyper-parameters can change in a live member")
    live = read_live_values(algorithm.learner_groups, algorithm.progress)
    updates = algorithm.policy_updates
    decays = {name: decay(base, name, algorithm.progress, updates) for name in values}
    for name, value in values.items():
        if not math.isclose(live[name], value * decays[name], rel_tol=1e-6):
            raise NotApplied(f"{name}: the learner holds {live[name]:.6g}, not {value:.6g} * {decays[name]:.6g}")
    return {name: live[name] for name in values}, decays
