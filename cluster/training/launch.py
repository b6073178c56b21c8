"""Starts and resumes of a run of any kind, at its place: new folder or stored one, Ray, connections, last words."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ray

from cluster.errors import UserError
from cluster.metrics.tracking import require
from cluster.runs import own_files
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.kinds import trainer_class
from cluster.runs.lease import Lease
from cluster.runs.location import RunPlace
from cluster.runs.redaction import HIDDEN
from cluster.runs.remote import ORDER, Mirror
from cluster.runs.settings import RunSettings
from cluster.runs.stored import counters_of, last_checkpoint
from cluster.runs.stored_settings import read_settings
from cluster.training.ray_session import is_joined, standard_error_to, start_ray
from cluster.training.scale_requests import ClusterInbox, FolderInbox
from cluster.training.trainer import RunTrainer

#: Makes the trainer of a stored run from its folder, settings and number of restarts; None for the kind's own.
MakeTrainer = Callable[[RunFolder, RunSettings, int], RunTrainer | None]


def place_of_new(run: str, name: str) -> RunPlace:
    """Return the place of a new run.

    Args:
        run: Folder or address; if empty, a new folder under `runs/`, called after `name`.
        name: Of the data.

    Raises:
        UserError: Another run is there. Checked before anything is trained.
    """
    place = RunPlace.find(run or f"{name}-{time.strftime('%Y%m%d-%H%M%S')}", new=not run)
    check_free(place, run)
    return place


def check_free(place: RunPlace, name: str) -> None:
    """Refuse a place that holds a run.

    Raises:
        UserError: A run is there already.
    """
    if place.holds_run:
        resume = shlex.join(["impasto", "resume", name])
        raise UserError(f"{name} holds another run: continue it with `{resume}` or choose another --run")


def train(settings: RunSettings, run: str, address: str = "") -> int:
    """Train from the start in folder `run` (a new one under `runs/` if empty). Returns the exit status."""
    data: str = settings.flat()["data"]
    place = place_of_new(run, "images" if "/" in data else data)
    return start(trainer_class(settings.kind)(settings), place, address)


def start(
    trainer: RunTrainer,
    place: RunPlace,
    address: str = "",
    prepare: Callable[[RunFolder], None] = lambda folder: None,
) -> int:
    """Start a run of any kind at its place; `prepare` may add to its folder first. Returns the exit status.

    If it fails before its first checkpoint, its folder is removed.
    """
    require(wandb=trainer.settings.system.wandb, mlflow=trainer.settings.system.mlflow)
    with contextlib.ExitStack() as held:
        if place.remote is not None:
            uri = place.remote.uri
            place = held.enter_context(place.claimed())
            check_free(place, uri)  # another driver may have begun it while this one waited
        folder = held.enter_context(RunFolder.create(place.path, trainer.settings.storable()))
        held.enter_context(folder.start())
        place.mark()
        trainer.settings = own_files.keep_in(folder, trainer.settings)
        prepare(folder)
        return train_in(folder, trainer, None, address, place.lease)


def create(path: Path, settings: RunSettings) -> RunFolder:
    """Make a new run folder.

    Raises:
        UserError: It can not be made.
    """
    return RunFolder.create(path, settings.storable())


def resume(place: RunPlace, address: str, changes: dict[str, Any], make_trainer: MakeTrainer = lambda *_: None) -> int:
    """Go on with a run from its last intact checkpoint.

    Args:
        place: Of the run, claimed if it is on shared storage; its folder is here.
        address: Ray cluster to join; empty for a private Ray.
        changes: Settings that change, by name.
        make_trainer: Makes another trainer than the kind's own, or returns None.

    Returns:
        The exit status.

    Raises:
        UserError: The folder holds no run, it is in use, or its Redis needs a password.
    """
    assert place.remote is None or place.lease is not None
    with RunFolder.open(place.path) as folder:
        settings = read_settings(folder).replace(**changes)
        if HIDDEN in settings.flat()["redis"]:
            raise UserError("resume: this run used a Redis with a password, which is not kept; give --redis its URL")
        folder.write_config(own_files.storable(folder.path, settings))
        checkpoint = last_checkpoint(folder, required=False)
        restarts = 1 + int(counters_of(checkpoint, "restarts")["restarts"]) if checkpoint else 0
        kind = trainer_class(settings.kind)
        if checkpoint:
            kind.check_weights(settings, checkpoint)
        trainer = make_trainer(folder, settings, restarts)
        trainer = trainer or kind.of_run(folder, settings, restarts)
        return train_in(folder, trainer, checkpoint, address, place.lease)


def train_in(
    folder: RunFolder,
    trainer: RunTrainer,
    checkpoint: Checkpoint | None,
    address: str,
    lease: Lease | None = None,
) -> int:
    """Train in `folder`; print the data, the result and the next command. Returns the exit status."""
    if trainer.introduction:
        print(trainer.introduction, flush=True)
    with standard_error_to(folder.path / "ray.log"):
        start_ray(address, cpus=trainer.cpus)
    trainer.joined = is_joined(address)
    try:
        with run_connections(trainer, folder, lease, cluster=trainer.joined):
            outcome = trainer.run(folder, checkpoint)
    finally:
        ray.shutdown()
    print(
        f"{outcome.reason} after {outcome.seconds / 60:.1f} minutes of training, {outcome.updates} updates, "
        f"{outcome.env_steps} steps"
    )
    print(f"pictures: {folder.samples}")
    verb = "resume" if outcome.reason == "interrupted" else "evaluate"
    print("next:", shlex.join(["impasto", verb, lease.remote.uri if lease and verb == "resume" else str(folder.path)]))
    return 0


@contextlib.contextmanager
def run_connections(trainer: RunTrainer, folder: RunFolder, lease: Lease | None, *, cluster: bool) -> Iterator[None]:
    """Open a run's inboxes for requests and its mirror; at the end the mirror is brought up to date.

    Args:
        trainer: Gets them.
        folder: Of the run.
        lease: On its folder on shared storage, if it has one.
        cluster: Whether the run is on a Ray cluster that others reach.

    Raises:
        UserError: The copy on shared storage could not be brought up to date.
        ValueError: The cluster has a run of this name.
    """
    inbox = FolderInbox(folder.path)
    inbox.close()  # a request to an earlier driver is not one to this
    trainer.inboxes = [inbox]
    if lease is not None:
        with contextlib.suppress(OSError):  # the mirror will say what is wrong there
            lease.remote.delete(ORDER)
    if cluster:
        trainer.inboxes.append(ClusterInbox(folder.path.name))
    trainer.mirror = None if lease is None else Mirror(folder.path, lease.remote, lease)
    try:
        yield
    finally:
        for each in trainer.inboxes:
            each.close()
        if trainer.mirror is not None:
            trainer.mirror.close(trainer.stop.left, copy=folder.has_checkpoint)
