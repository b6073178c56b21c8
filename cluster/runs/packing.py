"""Packing a run as an agent: its networks in half precision, its settings, and a card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from cluster.errors import UserError
from cluster.runs import checkpoints, own_files
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import CARD
from envs.data_files import replace_folder

NETWORKS = ("policy", "discriminator")
"""An agent's: acting takes the first, `impasto search` the second too."""


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
