"""Rows of the tables that `impasto reproduce` makes: an experiment with changes.

To add a row, put it into its table; to add a table, add a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.errors import UserError
from cluster.painter.experiments import experiment_settings
from cluster.painter.settings import PainterSettings, PresetName


@dataclass(frozen=True)
class Row:
    """One run of a table.

    Attributes:
        name: Of the row, unique over all tables; names its files.
        experiment: See `cluster.painter.experiments`.
        conditional: Whether to reproduce targets; None as the experiment does.
        changes: Settings that differ from the experiment's.
        published_steps: Environment steps that the paper trained for, if it states them.
        evaluations: Likelihoods for each scene of the Metropolis-Hastings baseline, which is not trained; None for rows
            that are.
    """

    name: str
    experiment: str
    conditional: bool | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    published_steps: int | None = None
    evaluations: int | None = None

    def settings(self, preset: PresetName) -> PainterSettings:
        """Return the settings of the run."""
        return experiment_settings(self.experiment, preset, self.conditional).replace(**self.changes)


def rewards(experiment: str) -> tuple[Row, ...]:
    """Make the rows of the paper's comparison: reward by the discriminator, by L2, by both."""
    return tuple(
        Row(f"{experiment}-{source}", experiment, True, {"reward_source": source})
        for source in ("discriminator", "l2", "both")
    )


TABLES: dict[str, tuple[Row, ...]] = {
    "mnist": (
        Row("mnist-free", "mnist", False, published_steps=25_000_000),
        *rewards("mnist"),
        Row("mnist-complement", "mnist", True, {"conditioning": "complement"}),
        Row("mnist-blind", "mnist", True, {"blind": True}),
    ),
    "omniglot": rewards("omniglot"),
    "celeba": rewards("celeba"),
    "scenes": (*rewards("scenes"), Row("scenes-metropolis", "scenes", True, evaluations=5000)),
    "long": (
        Row("celeba-long-free", "celeba-long", False),
        Row("celeba-long-final-score", "celeba-long", False, {"reward": "final"}),
    ),
}


def table_rows(name: str) -> tuple[Row, ...]:
    """Return the rows of a table, or of all tables for `all`.

    Raises:
        UserError: There is no such table.
    """
    if name == "all":
        return tuple(row for rows in TABLES.values() for row in rows)
    if name not in TABLES:
        raise UserError(f"reproduce: unknown table {name!r}; valid are {', '.join((*TABLES, 'all'))}")
    return TABLES[name]
