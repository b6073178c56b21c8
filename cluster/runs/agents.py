"""Agents that ship with the package: run folders with one checkpoint and a card, found by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from cluster.errors import UserError, one_line
from cluster.runs import checkpoints, own_files
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import CARD
from envs.data_files import replace_folder
from envs.untrusted import read_json

SHIPPED = Path(__file__).parent / "shipped"
"""A folder for each agent: `config.json` and `checkpoints/` as of a run, and `card.json`."""
FIELDS = ("about", "data", "data_license", "license", "command", "commit")
"""Texts that a card must have."""
FIGURE = {"what", "value", "command"}
"""Each of a card's figures has these."""
NETWORKS = ("policy", "discriminator")
"""An agent's: acting takes the first, `impasto search` the second too."""


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


def pack(run: Path, checkpoint: Checkpoint, card: dict[str, Any], folder: Path, *, replace: bool = False) -> Path:
    """Write an agent's folder: the networks of a run's checkpoint, in half precision, without what training needs.

    Args:
        run: Folder of the run, whose configuration and own files the agent gets.
        checkpoint: One of the run's.
        card: What users should know of the agent, see `check_card`; length of the training and number of parameters are
            added.
        folder: Of the agent.
        replace: Write over an agent that is there already, which may be the run itself.

    Raises:
        UserError: The folder is there already, and is no agent's, or not to be replaced.
    """
    if folder.exists() and not (replace and (folder / CARD).is_file()):
        raise UserError(f"{folder}: is there already; give another folder, or --replace for an agent's")
    place = folder.resolve()  # a link stays, and leads to the new agent
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as temporary:
        new = Path(temporary) / place.name
        new.mkdir()
        write_agent(new, run, checkpoint, card)
        replace_folder(new, place)
    return folder


def write_agent(folder: Path, run: Path, checkpoint: Checkpoint, card: dict[str, Any]) -> None:
    """Write the files of `pack` into an empty folder."""
    networks = {name: halved(checkpoint.tensors[name]) for name in NETWORKS if name in checkpoint.tensors}
    counters = checkpoint.documents["counters"]
    small = Checkpoint(checkpoint.update, networks, documents={"counters": counters})
    known = {
        "minutes": round(counters["trained_seconds"] / 60, 1),
        "updates": checkpoint.update,
        "env_steps": counters["trained_steps"],
        "parameters": sum(tensor.numel() for tensor in networks["policy"].values()),
    }
    config = json.loads((run / "config.json").read_text())
    system = config["system"] | {"data_dir": "", "redis": "", "data": Path(config["system"]["data"]).name}
    system |= {name: "" for name in ("wandb", "mlflow") if name in system}
    if (run / own_files.FOLDER).is_dir():  # a brush of the user's own
        shutil.copytree(run / own_files.FOLDER, folder / own_files.FOLDER)
    (folder / "config.json").write_text(json.dumps(config | {"system": system}, indent=2) + "\n")
    checkpoints.save(folder / "checkpoints", small)
    (folder / CARD).write_text(json.dumps(card | known, indent=2) + "\n")


def halved(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies with 16 bits a float; a network's `load_state_dict` makes 32 of them again."""
    return {name: tensor.half() if tensor.is_floating_point() else tensor.clone() for name, tensor in tensors.items()}
