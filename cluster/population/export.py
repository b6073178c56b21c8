"""The winner of a population as a run of its own: what `impasto sample`, `evaluate` and `resume` take."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from cluster.errors import UserError
from cluster.metrics.log import MetricsWriter
from cluster.population.hyperparameters import settings_with
from cluster.population.lineage.report import BestMember
from cluster.population.member_config import own_settings
from cluster.runs import checkpoints, own_files
from cluster.runs.best import score
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.runs.manifests import CheckpointDamaged
from cluster.runs.redaction import HIDDEN
from cluster.training.launch import check_free, create
from envs.data_files import write_atomically


def export_winner(best: BestMember, out: str) -> Path:
    """Write the best member, as it was compared last, to a new run folder.

    The run has the settings that the member ended with, its checkpoint, its contact sheet with the actions, the figures
    of that comparison, and the ancestry in `lineage.json`. It ends where the population did: more steps go on with it.

    Args:
        best: the member.
        out: the new folder.

    Returns:
        The folder.

    Raises:
        UserError: there is a run already, or the checkpoint that was compared is gone.
    """
    place = RunPlace.find(out)
    if place.remote is not None:
        raise UserError(f"--export: expected a folder of this machine, got {out}")
    check_free(place, out)
    standing = best.standing
    source = best.place.path / standing["checkpoint"]
    try:
        checkpoint = checkpoints.load(source)
    except CheckpointDamaged as error:
        raise UserError(f"the checkpoint of the best member can not be exported: {error}") from error
    _, shared = best.place.read_settings()
    documents = {name: value for name, value in checkpoint.documents.items() if name != "population"}
    settings = settings_with(own_settings(shared, standing["member"]), checkpoint.documents["population"]["values"])
    if HIDDEN in settings.system.redis:
        settings = settings.replace(redis="")
    arrays = {name: value for name, value in checkpoint.arrays.items() if name != "paintings"}  # were for comparisons
    with create(place.path, settings) as folder, folder.start():
        own_files.keep_in(folder, settings)
        copy_sheet(best.place.path / standing["sample"], folder, checkpoint.update)
        with MetricsWriter(folder.metrics, None) as writer:
            measures = {f"sample/{name}": value for name, value in standing["measures"].items()}
            seconds = checkpoint.documents["counters"].get("trained_seconds")
            writer.write(checkpoint.update, {"env_steps": standing["env_steps"], "elapsed_s": seconds} | measures)
        write_atomically(folder.path / "lineage.json", json.dumps(best.as_json(), indent=1) + "\n")
        # Scored as a run's, which a resumed one goes on with, and not by the population's fitness.
        alone = replace(checkpoint, documents=documents, arrays=arrays, score=score(measures))
        checkpoints.save(folder.checkpoints, alone)
    return place.path


def copy_sheet(sheet: Path, folder: RunFolder, update: int) -> None:
    """Copy a contact sheet and its actions, as far as they are there."""
    for suffix in (".png", ".npz"):
        if sheet.with_suffix(suffix).is_file():
            shutil.copyfile(sheet.with_suffix(suffix), folder.samples / f"{update:08d}{suffix}")
