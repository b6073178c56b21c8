"""Process of one discriminator for several generators (SPIRAL++, Mellor et al. 2019).

All push their paintings into one ring; the discriminator learns from that mixture and rewards every generator. It makes
one update whenever any generator makes one: with N generators, N updates for each update of a single generator.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
import torch

from cluster.errors import UserError
from cluster.painter.discriminator_client import Share
from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import SpiralConfig
from cluster.replay.buffer import ReplaySpec
from cluster.replay.host import ReplayHost
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.training.learner_client import LearnerClient, LearnerDied, first_result
from cluster.training.learner_state import export_learners, restore_learners
from envs.worlds import make_world
from learners.optimization import NonFiniteLoss

KEPT = 2
#: For it to start: a node with a GPU may have to be started first.
START_SECONDS = 900.0
#: Between two words on what is waited for meanwhile.
SECONDS_BETWEEN_NOTES = 10.0
#: For it to write a checkpoint.
SAVE_SECONDS = 120.0


class SharedDiscriminator:
    """A Ray actor around the discriminator's learner group. Starts from its newest checkpoint, if it has one."""

    def __init__(self, settings: PainterSettings, replay: ReplaySpec, folder: str) -> None:
        """``folder`` is for its checkpoints."""
        torch.set_num_threads(settings.system.torch_threads)
        # Each run is given the weights of the updates that it asked for, so every update has to publish.
        settings = settings.replace(discriminator_publish_interval=1)
        config = SpiralConfig().use(settings)
        config.replay, config.member = replay, "shared"
        config.restarts = time.time_ns()  # other draws than before a crash
        with contextlib.closing(make_world(1, settings.world)) as world:
            spaces = world.single_observation_space, world.single_action_space
        self.group = config.build_discriminator_group(*spaces)
        self.client = LearnerClient(self.group)
        self.folder, self.seconds = Path(folder), 60 * settings.system.checkpoint_minutes
        self.saved_at = time.monotonic()
        found, _ = checkpoints.latest_good(self.folder)
        if found is not None:
            restore_learners({"discriminator": self.group}, checkpoints.load(found))

    def __repr__(self) -> str:
        """Ray shows this as the actor's name."""
        return "shared/discriminator"

    def update(self) -> dict[str, Any]:
        """One update; what a learner group's first learner answers.

        Raises:
            RuntimeError: the loss was not finite; the weights are as they were, and it is no fault of whoever asked.
        """
        with replaced_if_dead():
            self.client.submit([])
            try:
                (result,) = self.client.results(wait=True)
            except NonFiniteLoss as error:
                raise RuntimeError(f"the shared discriminator: {error}") from error
        if time.monotonic() - self.saved_at >= self.seconds:
            self.save()
        return result

    def ask(self, question: Any) -> Any:
        """Call ``question`` with each learner; the first one's answer."""
        with replaced_if_dead():
            return first_result(self.group, question)

    def save(self) -> None:
        """Write a checkpoint to start from after a crash, or when a population is resumed."""
        with replaced_if_dead():
            documents, tensors = export_learners({"discriminator": self.group})
        update = int(documents["counters"]["discriminator"]["updates"])
        checkpoints.save(self.folder, Checkpoint(update, tensors, documents=documents), keep_last=KEPT)
        self.saved_at = time.monotonic()


@contextlib.contextmanager
def replaced_if_dead() -> Iterator[None]:
    """End this process where one of its learner processes died: Ray starts another, with all, and asks again."""
    try:
        yield
    except LearnerDied:
        os._exit(1)


def wait_for_start(actor: Any) -> None:
    """Wait until the discriminator has started and written its first checkpoint, with a word every ten seconds.

    Raises:
        RayError: It fails, or has not started in a quarter of an hour.
    """
    begin = time.monotonic()
    saved = actor.save.remote()
    while not ray.wait([saved], timeout=SECONDS_BETWEEN_NOTES)[0]:
        waited = time.monotonic() - begin
        if waited > START_SECONDS:
            raise ray.exceptions.GetTimeoutError(f"it has not started in {waited:.0f} s")
        print(f"waiting for the shared discriminator to start, for {waited:.0f} s", file=sys.stderr)
    ray.get(saved)


@contextlib.contextmanager
def sharing(settings: PainterSettings, generators: int, folder: Path) -> Iterator[tuple[Share, ReplayHost]]:
    """A discriminator for ``generators`` runs of these settings, and its ring, until the block ends.

    Where its process dies Ray starts another, which goes on from the newest checkpoint in ``folder``; callers wait.

    Raises:
        UserError: its Redis can not be reached, or its process does not start.
    """
    system = settings.system
    host = ReplayHost(system.redis, settings.record_shape, system.replay_capacity * generators)
    try:
        actor: Any = (
            ray.remote(SharedDiscriminator)
            .options(
                num_cpus=0,
                num_gpus=system.learner_gpus if system.discriminator_learners == 0 else 0,
                max_restarts=-1,
                max_task_retries=-1,
            )
            .remote(settings, host.spec, str(folder))
        )
        try:
            try:
                wait_for_start(actor)
            except (ray.exceptions.RayError, OSError) as error:
                line = (str(error).strip() or type(error).__name__).splitlines()[-1]
                raise UserError(f"the shared discriminator does not start: {line}") from error
            yield Share(actor, host.spec), host
            try:
                ray.get(actor.save.remote(), timeout=SAVE_SECONDS)
            except (ray.exceptions.RayError, OSError) as error:
                print(f"warning: the shared discriminator's last checkpoint was not written: {error}", file=sys.stderr)
        finally:
            ray.kill(actor)
    finally:
        host.close()
