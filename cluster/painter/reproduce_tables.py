"""The rows of the tables that ``impasto reproduce`` makes: which experiment, with which changes.

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
        name: of the row, unique over all tables; names its files.
        experiment: see :mod:`cluster.painter.experiments`.
        conditional: whether to reproduce targets; None as the experiment does.
        changes: settings that differ from the experiment's.
        published_steps: environment steps that the paper trained for, where it says so.
    """

    name: str
    experiment: str
    conditional: bool | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    published_steps: int | None = None

    def settings(self, preset: PresetName) -> PainterSettings:
        """Settings of the run."""
        return experiment_settings(self.experiment, preset, self.conditional).replace(**self.changes)


def rewards(experiment: str) -> tuple[Row, ...]:
    """The comparison of the paper's reconstruction figures: paid by the discriminator, by L2, by both."""
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
    "scenes": rewards("scenes"),
    "long": (
        Row("celeba-long-free", "celeba-long", False),
        Row("celeba-long-final-score", "celeba-long", False, {"reward": "final"}),
    ),
}


def table_rows(name: str) -> tuple[Row, ...]:
    """The rows of a table, or of all of them for ``all``.

    Raises:
        UserError: there is no such table.
    """
    if name == "all":
        return tuple(row for rows in TABLES.values() for row in rows)
    if name not in TABLES:
        raise UserError(f"reproduce: unknown table {name!r}; valid are {', '.join((*TABLES, 'all'))}")
    return TABLES[name]
