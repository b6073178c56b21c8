"""Agents that ship with the package: run folders with one checkpoint and a card, found by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.errors import UserError, one_line
from cluster.runs.folder import CARD
from envs.untrusted import read_json

SHIPPED = Path(__file__).parent / "shipped"
"""A folder for each agent: `config.json` and `checkpoints/` as of a run, and `card.json`."""
FIELDS = ("about", "data", "data_license", "license", "command", "commit")
"""Texts that a card must have."""
FIGURE = {"what", "value", "command"}
"""Each of a card's figures has these."""


def agent_names() -> list[str]:
    """Names of the agents that ship with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CARD}"))


def find_agent(name: str) -> Path | None:
    """Folder of the agent of this name; None if there is none, or a file or folder of that name is here."""
    return SHIPPED / name if name in agent_names() and not Path(name).exists() else None


def read_card(name: str) -> dict[str, Any]:
    """Card of an agent: `about`, `data`, `license`, `command`, `commit`, `figures`, ...

    Raises:
        UserError: It can not be read.
    """
    path = SHIPPED / name / CARD
    try:
        card = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: can not be read: {one_line(error)}") from error
    if not isinstance(card, dict) or not isinstance(card.get("about"), str):
        raise UserError(f"{path}: not an agent's card: it has no text about it")
    return card


def check_card(card: Any, name: str) -> dict[str, Any]:
    """Return a card that has all that it must have.

    Args:
        card: Texts `about`, `data`, `data_license`, `license`, `command`, `commit`, and `figures`, a list of `what` was
            measured, its `value` and the `command` that measures it.
        name: Of its file, for the message.

    Raises:
        UserError: Something is missing.
    """
    if not isinstance(card, dict):
        raise UserError(f"{name}: a card is a JSON object with {', '.join(FIELDS)} and figures")
    missing = [field for field in FIELDS if not isinstance(card.get(field), str) or not card[field]]
    if missing:
        raise UserError(f"{name}: the card lacks {', '.join(missing)}")
    figures = card.get("figures")
    if not isinstance(figures, list) or not all(isinstance(each, dict) and set(each) >= FIGURE for each in figures):
        raise UserError(f"{name}: figures: expected a list of objects with {', '.join(sorted(FIGURE))}")
    return card
