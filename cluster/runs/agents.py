"""Agents that ship with the package: run folders with one checkpoint and a card, found by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint

SHIPPED = Path(__file__).parent / "shipped"
"""A folder for each agent: `config.json` and `checkpoints/` as of a run, and `card.json`."""
CARD = "card.json"


def agent_names() -> list[str]:
    """Names of the agents that ship with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CARD}"))


def find_agent(name: str) -> Path | None:
    """Folder of the agent of this name; None if there is none, or a file or folder of that name is here."""
    return SHIPPED / name if name in agent_names() and not Path(name).exists() else None


def read_card(name: str) -> dict[str, Any]:
    """Card of an agent: `about`, `data`, `license`, `command`, `commit`, `figures`, ..."""
    card: dict[str, Any] = json.loads((SHIPPED / name / CARD).read_text())
    return card


def pack(config: dict[str, Any], checkpoint: Checkpoint, card: dict[str, Any], folder: Path) -> Path:
    """Write an agent's folder: of a run's checkpoint the policy's weights alone, which is what acting takes.

    Args:
        config: The run's `config.json`.
        checkpoint: One of the run's.
        card: What users should know of the agent.
        folder: Of the agent; there must be none yet.

    Raises:
        UserError: The folder is there already.
    """
    if folder.exists():
        raise UserError(f"{folder}: is there already; give another folder")
    weights = {name: tensor.clone() for name, tensor in checkpoint.tensors["policy"].items()}
    small = Checkpoint(checkpoint.update, {"policy": weights}, documents={"counters": checkpoint.documents["counters"]})
    folder.mkdir(parents=True)
    system = config["system"] | {"data_dir": "", "redis": ""}
    (folder / "config.json").write_text(json.dumps(config | {"system": system}, indent=2) + "\n")
    checkpoints.save(folder / "checkpoints", small)
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
    return folder
