"""A training run of any kind from start to end: its folder, checkpoints, signals and failures."""

from __future__ import annotations

import contextlib
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import ray
import torch
from ray.exceptions import ObjectLostError, RayError

from cluster.errors import UserError
from cluster.metrics.log import MetricsWriter
from cluster.metrics.terminal import make_view
from cluster.metrics.tracking import Tracking
from cluster.replay.buffer import ReplayUnavailable
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.remote import Mirror
from cluster.runs.settings import RunSettings
from cluster.training import resources
from cluster.training.algorithm import RunAlgorithm
from cluster.training.checkpoint_writer import CheckpointWriter, kept
from cluster.training.full_disk import DiskPatience
from cluster.training.learner_client import LearnerDied
from cluster.training.outcome import Evaluation, Outcome
from cluster.training.ray_session import standard_error_to
from cluster.training.restarts import RestartBudget
from cluster.training.scale_requests import ResizeInbox, carry_out
from cluster.training.stall_watch import SECONDS_BETWEEN_NOTES, StallWatch, silence
from cluster.training.stopping import Stopped, StopSignals
from learners.optimization import NonFiniteLoss

#: Seconds that an evaluation of unknown length is taken to last.
LONG_LOOK = 20.0


class RunTrainer(ABC):
    """Runs an algorithm in a run folder until its time or steps are over, or someone presses Ctrl-C.

    Attributes:
        folder: of the run, once it runs.
        settings: of the run; `settings.system` holds its limits.
        restarts: how often this run was started again.
        cpus: that the run takes, for a private Ray.
        introduction: a line or two about the data, to print before the run starts.
        inboxes: Where requests to resize the run come from.
        joined: Whether Ray is a cluster, which may get more nodes, and not a private one.
        stop: Signals that end the run.
        mirror: copies the folder to shared storage, if it has a place there.
    """

    folder: RunFolder
    checkpoint_writer: CheckpointWriter
    introduction: str = ""

    def __init__(self, settings: Any, *, restarts: int = 0) -> None:
        self.settings = settings
        self.restarts = restarts
        self.cpus = resources.SPARE_CPUS + int(resources.needed(settings.system)["CPU"])
        self.stop = StopSignals()
        self.joined = False
        self.watch: StallWatch | None = None
        self.disk = DiskPatience(Path())
        self.look_seconds = LONG_LOOK
        self.inboxes: list[ResizeInbox] = []
        self.mirror: Mirror | None = None
        self.last_warning = ""  # the mirror's trouble that was printed last
        torch.set_num_threads(settings.system.torch_threads)
        self.last: dict[str, Any] = {}

    @classmethod
    def of_run(cls, folder: RunFolder, settings: Any, restarts: int) -> Self:
        """The trainer that goes on with the run in `folder`."""
        return cls(settings, restarts=restarts)

    @classmethod
    def check_weights(cls, settings: RunSettings, checkpoint: Checkpoint) -> None:
        """Raise ValueError if a stored run's weights are not those of its settings' networks, before these are made."""
        return

    @abstractmethod
    def build(self) -> RunAlgorithm:
        """The algorithm, running."""

    def begin(self, algorithm: RunAlgorithm) -> None:
        """Called once, before a new run trains: most begin with nothing."""
        return

    @abstractmethod
    def evaluate_weights(self, weights: dict[str, Any], update: int) -> Evaluation:
        """Look at the policy with these weights; pictures go into `folder.samples`."""

    @abstractmethod
    def close(self) -> None:
        """Free what looking took."""

    def run(self, folder: RunFolder, resume: Checkpoint | None = None) -> Outcome:
        """Train in `folder`; goes on from `resume` if given.

        Raises:
            UserError: the loss became NaN or infinite, learners kept dying, or no last checkpoint could be written; the
                run folder holds the last good checkpoint.
        """
        self.folder, self.disk.folder = folder, folder.path
        keep = self.settings.system.keep_checkpoints
        self.checkpoint_writer = CheckpointWriter(folder, keep, self.disk, self.mirror)
        view = make_view(sys.stdout, title=str(self.folder.path))
        budget = RestartBudget()
        try:
            with self.stop.handled():
                while True:
                    try:
                        update = resume.update if resume else None
                        tracking = Tracking.of_run(self.folder.path, self.folder.read_config())
                        with MetricsWriter(folder.metrics, folder.tensorboard, update, tracking=tracking) as writer:
                            return self.attempt(resume, writer, view)
                    except Stopped:
                        return Outcome.interrupted_at(resume)
                    except (LearnerDied, RayError) as error:
                        resume = self.last_good(error, budget)
        except (NonFiniteLoss, ReplayUnavailable) as error:
            raise UserError(f"training stopped: {error}; {kept(self.folder)}") from error
        finally:
            view.close()
            self.close()

    def last_good(self, error: Exception, budget: RestartBudget) -> Checkpoint | None:
        """Return the checkpoint to go on from after the death of a learner, or of a part of Ray; None for none.

        Raises:
            UserError: The run was to end anyway, or there were too many deaths in the last hour.
        """
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if self.stop.came:
            raise UserError(f"stopped without a last checkpoint: {line}; {kept(self.folder)}") from error
        if not budget.allows():
            raise UserError(f"{line}; gave up after {budget.most} restarts in an hour; {kept(self.folder)}") from error
        print(f"warning: {line}; going on from the last checkpoint", file=sys.stderr)
        self.restarts += 1
        path, _ = checkpoints.latest_good(self.folder.checkpoints)
        return checkpoints.load(path) if path else None

    def attempt(self, resume: Checkpoint | None, writer: MetricsWriter, view: Any) -> Outcome:
        """Build the algorithm and train until the end, a signal, or a learner's death."""
        need = resources.needed(self.settings.system)
        if not self.joined:
            resources.require(need)
        update = resume.update if resume else 0

        def on_note(note: str, seconds: float) -> None:
            row = {"note": note, "stalled_s": seconds}
            view.update(self.last | row)
            writer.write(update if algorithm is None else algorithm.policy_updates, row)
            if algorithm is not None:
                algorithm.telemetry.report(row)

        algorithm: RunAlgorithm | None = None
        self.watch = StallWatch(on_note)
        try:
            building = self.watch.watching(
                "building", lambda: resources.waited_for(need), limit=lambda: SECONDS_BETWEEN_NOTES
            )
            with self.stop.ending_at_once(), building, standard_error_to(self.folder.path / "ray.log"):
                algorithm = self.build()
            return self.train(algorithm, resume, writer, view)
        finally:
            self.watch.close()
            if algorithm is not None:
                algorithm.stop()  # type: ignore[no-untyped-call]

    def train(self, algorithm: RunAlgorithm, resume: Checkpoint | None, writer: MetricsWriter, view: Any) -> Outcome:
        """Train until the end or a signal."""
        system = self.settings.system
        assert self.watch is not None
        watching = self.watch.watching
        with watching("starting", algorithm.waits_for):
            if resume is not None:
                algorithm.restore_checkpoint(resume)
            else:
                self.begin(algorithm)
                self.try_look(algorithm, writer)
                self.try_save(algorithm)
        clock = algorithm.clock
        sampled = saved = algorithm.trained_seconds
        while algorithm.progress < 1 and not self.stop.came:
            self.disk.tried("answer", lambda: self.handle_requests(algorithm))
            self.check_lease(algorithm)
            clock.resume()
            with watching("training", algorithm.waits_for, lambda: clock.idle, lambda: silence(clock.usual_gap)):
                algorithm.train()  # type: ignore[no-untyped-call]
                note = self.note(algorithm.latest)
            row = algorithm.latest | ({"note": note} if note else {})
            self.last |= row | {"note": note}
            writer.write(algorithm.policy_updates, row)
            view.update(self.last)
            if "updates" not in algorithm.latest:  # no Redis: nothing was trained, and no checkpoint can be made
                continue
            with contextlib.suppress(ReplayUnavailable), watching("saving", algorithm.waits_for):  # else later
                if algorithm.trained_seconds - sampled >= 60 * system.sample_minutes:
                    self.try_look(algorithm, writer)
                    sampled = algorithm.trained_seconds
                if algorithm.trained_seconds - saved >= 60 * system.checkpoint_minutes and self.try_save(algorithm):
                    saved = algorithm.trained_seconds
        with watching("ending", algorithm.waits_for):
            self.end(algorithm, writer)
        view.update(self.last)
        reason = "finished" if algorithm.progress >= 1 else "interrupted"
        return Outcome(reason, algorithm.policy_updates, algorithm.trained_steps, algorithm.trained_seconds)

    def note(self, latest: Mapping[str, Any]) -> str | None:
        """Return the present trouble in one line: of the training, or else of the copy on shared storage.

        The latter is also printed, once.
        """
        trouble = ""
        if self.mirror is not None and self.mirror.trouble:
            trouble = f"no copy on {self.mirror.remote.uri}: {self.mirror.trouble}"
        if trouble and trouble != self.last_warning:
            print(f"warning: {trouble}", file=sys.stderr)
        self.last_warning = trouble
        stall = self.watch.note if self.watch is not None else ""
        return latest.get("note") or stall or self.disk.trouble or trouble or None

    def handle_requests(self, algorithm: RunAlgorithm) -> None:
        """Carry out the resize requests that came since the last iteration, and remember them for a resume."""
        for actors in carry_out(self.inboxes, algorithm.pool, algorithm.max_requests_in_flight):
            self.settings = self.settings.replace(actors=actors)
            config = self.folder.read_config()
            config["system"]["actors"] = actors
            self.folder.write_config(config)

    def evaluate(self, algorithm: RunAlgorithm, writer: MetricsWriter) -> None:
        """Look at the policy as it is, and record what is seen.

        Raises:
            LearnerDied: the process that held the weights is gone.
        """
        algorithm.settle()
        update = algorithm.policy_updates
        try:
            seen = self.evaluate_weights(ray.get(algorithm.weights).tensors(), update)
        except ObjectLostError as error:
            raise LearnerDied("the policy's learner died, and its weights with it") from error
        self.checkpoint_writer.measured = update, seen.score
        self.last |= {"sample/last": str(seen.picture)} | seen.metrics
        times = {"elapsed_s": algorithm.trained_seconds, "env_steps": algorithm.trained_steps}
        writer.write(update, seen.metrics | times)

    def check_lease(self, algorithm: RunAlgorithm) -> None:
        """End the run, with a checkpoint here, if another driver has taken over its folder on shared storage.

        Raises:
            UserError: It has.
        """
        if self.mirror is not None and self.mirror.lost:
            self.try_save(algorithm)
            raise UserError(f"another driver has taken over {self.mirror.remote.uri}; {kept(self.folder)}")

    def try_look(self, algorithm: RunAlgorithm, writer: MetricsWriter) -> None:
        """Look at the policy, and remember how long that takes; without a picture if the disk is full."""
        begin = time.monotonic()
        if self.disk.tried("picture", lambda: self.evaluate(algorithm, writer)):
            self.look_seconds = time.monotonic() - begin

    def try_save(self, algorithm: RunAlgorithm) -> bool:
        """Write a checkpoint, unless the disk is full; returns True if it was written."""
        written = self.checkpoint_writer.try_save(algorithm)
        if written:
            self.last["checkpoint/last"] = str(self.checkpoint_writer.last)
        return written

    def end(self, algorithm: RunAlgorithm, writer: MetricsWriter) -> None:
        """Save, and look if there is time. A Redis that is away costs the replay, not the training.

        Raises:
            UserError: No checkpoint could be written as long as there was time.
        """
        for client in algorithm.clients:
            client.patience = min(client.patience, self.stop.seconds / 2)
        lost_replay = ""
        try:
            algorithm.replay_host.keep_alive()
            if not self.stop.came:
                self.try_look(algorithm, writer)
        except ReplayUnavailable as error:
            lost_replay = str(error)
        self.checkpoint_writer.save_last(algorithm, self.stop.left, lost_replay)
        self.last["checkpoint/last"] = str(self.checkpoint_writer.last)
        if self.stop.came and not lost_replay and self.stop.left > 2 * self.look_seconds:
            with contextlib.suppress(ReplayUnavailable):
                self.try_look(algorithm, writer)
                self.try_save(algorithm)  # with the score
