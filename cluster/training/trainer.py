"""A training run of any kind from start to end: its folder, checkpoints, signals and failures."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

import ray
import torch
from ray.exceptions import ObjectLostError

from cluster.errors import UserError
from cluster.metrics.log import MetricsWriter
from cluster.metrics.terminal import make_view
from cluster.replay.buffer import ReplayUnavailable
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.remote import Mirror
from cluster.training.algorithm import RunAlgorithm
from cluster.training.learner_client import LearnerDied
from cluster.training.ray_session import standard_error_to
from cluster.training.scale_requests import ResizeInbox
from learners.optimization import NonFiniteLoss

LEARNER_RESTARTS = 3


@dataclass
class Outcome:
    """End of a run: `reason` is `finished` or `interrupted`."""

    reason: str
    updates: int
    env_steps: int
    seconds: float


@dataclass
class Evaluation:
    """Measurements of a policy while it trains.

    Attributes:
        score: Higher is better; picks the best checkpoint.
        picture: The contact sheet that was written.
        metrics: Further measurements, by name.
    """

    score: float | None
    picture: Path
    metrics: dict[str, float]


class RunTrainer(ABC):
    """Runs an algorithm in a run folder until its time or steps are over, or someone presses Ctrl-C.

    Attributes:
        folder: of the run, once it runs.
        settings: of the run; `settings.system` holds its limits.
        restarts: how often this run was started again.
        cpus: that the run takes, for a private Ray.
        introduction: a line or two about the data, to print before the run starts.
        inboxes: Where requests to resize the run come from.
        mirror: copies the folder to shared storage, if it has a place there.
    """

    folder: RunFolder
    cpus: int
    introduction: str = ""

    def __init__(self, settings: Any, *, restarts: int = 0) -> None:
        self.settings = settings
        self.restarts = restarts
        self.stop_signal: int | None = None
        self.inboxes: list[ResizeInbox] = []
        self.mirror: Mirror | None = None
        self.last_warning = ""  # the mirror's trouble that was printed last
        torch.set_num_threads(settings.system.torch_threads)
        self.last: dict[str, Any] = {}
        self.measured: tuple[int, float | None] = (-1, None)  # update and score of the last look

    @classmethod
    def of_run(cls, folder: RunFolder, settings: Any, restarts: int) -> Self:
        """The trainer that goes on with the run in `folder`."""
        return cls(settings, restarts=restarts)

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
            UserError: the loss became NaN or infinite, or learner processes kept dying; the run folder holds the last
                good checkpoint.
        """
        self.folder = folder
        previous = {number: signal.signal(number, self.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        view = make_view(sys.stdout, title=str(self.folder.path))
        try:
            for attempt in range(LEARNER_RESTARTS + 1):
                try:
                    update = resume.update if resume else None
                    with MetricsWriter(self.folder.metrics, self.folder.tensorboard, update) as writer:
                        return self.attempt(resume, writer, view)
                except LearnerDied as error:
                    if attempt == LEARNER_RESTARTS:
                        raise UserError(f"{error}; gave up after {LEARNER_RESTARTS} restarts") from error
                    path, _ = checkpoints.latest_good(self.folder.checkpoints)
                    resume = checkpoints.load(path) if path else None
                    self.restarts += 1
            raise AssertionError("unreachable")
        except (NonFiniteLoss, ReplayUnavailable) as error:
            path, _ = checkpoints.latest_good(self.folder.checkpoints)
            good = f"the last good checkpoint is {path}" if path else "there is no checkpoint yet"
            raise UserError(f"training stopped: {error}; {good}") from error
        finally:
            view.close()
            self.close()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal ends the run after this iteration, with a checkpoint; the second ends it now."""
        if self.stop_signal is not None:
            raise KeyboardInterrupt
        self.stop_signal = number

    def attempt(self, resume: Checkpoint | None, writer: MetricsWriter, view: Any) -> Outcome:
        """Build the algorithm and train until the end, a signal, or a learner's death."""
        with standard_error_to(self.folder.path / "ray.log"):
            algorithm = self.build()
        try:
            if resume is not None:
                algorithm.restore_checkpoint(resume)
            else:
                self.begin(algorithm)
                self.evaluate(algorithm, writer)
                self.save(algorithm)
            system = self.settings.system
            sampled = saved = algorithm.trained_seconds
            while algorithm.progress < 1 and self.stop_signal is None:
                self.handle_requests(algorithm)
                algorithm.train()  # type: ignore[no-untyped-call]
                self.last |= algorithm.latest | {"note": self.note(algorithm.latest)}
                writer.write(algorithm.policy_updates, algorithm.latest)
                view.update(self.last)
                if "note" in algorithm.latest:  # no Redis: nothing was trained, and no checkpoint can be made
                    continue
                with contextlib.suppress(ReplayUnavailable):  # then after the next iteration
                    if algorithm.trained_seconds - sampled >= 60 * system.sample_minutes:
                        self.evaluate(algorithm, writer)
                        sampled = algorithm.trained_seconds
                    if algorithm.trained_seconds - saved >= 60 * system.checkpoint_minutes:
                        self.save(algorithm)
                        saved = algorithm.trained_seconds
            self.end(algorithm, writer)
            view.update(self.last)
            reason = "finished" if algorithm.progress >= 1 else "interrupted"
            return Outcome(reason, algorithm.policy_updates, algorithm.trained_steps, algorithm.trained_seconds)
        finally:
            algorithm.stop()  # type: ignore[no-untyped-call]

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
        return latest.get("note") or trouble or None

    def handle_requests(self, algorithm: RunAlgorithm) -> None:
        """Carry out what was ordered since the last iteration, and remember it for a resume."""
        for inbox in self.inboxes:
            request = inbox.take()
            if request is None:
                continue
            try:
                algorithm.pool.resize(request.actors)
            except ValueError as error:
                inbox.answer(request, str(error))
                continue
            self.settings = self.settings.replace(actors=request.actors)
            config = self.folder.read_config()
            config["system"]["actors"] = request.actors
            self.folder.write_config(config)
            most = algorithm.max_requests_in_flight
            idle = most is not None and request.actors > most
            note = f"; only {most} can have work at a time: raise max_lag at the next resume" if idle else ""
            inbox.answer(request, f"{request.actors} actors from now on{note}")

    def evaluate(self, algorithm: RunAlgorithm, writer: MetricsWriter) -> None:
        """Look at the policy as it is, and record what is seen.

        Raises:
            LearnerDied: the process that held the weights is gone.
        """
        algorithm.settle()
        update = algorithm.policy_updates
        try:
            seen = self.evaluate_weights(ray.get(algorithm.weights), update)
        except ObjectLostError as error:
            raise LearnerDied("the policy's learner died, and its weights with it") from error
        self.measured = update, seen.score
        self.last |= {"sample/last": str(seen.picture)} | seen.metrics
        times = {"elapsed_s": algorithm.trained_seconds, "env_steps": algorithm.trained_steps}
        writer.write(update, seen.metrics | times)

    def end(self, algorithm: RunAlgorithm, writer: MetricsWriter) -> None:
        """Look and save a last time. A Redis that is away costs the replay, not the training."""
        try:
            algorithm.replay_host.keep_alive()
            self.evaluate(algorithm, writer)
            self.save(algorithm)
        except ReplayUnavailable as error:
            path = self.save(algorithm, replay=False)
            print(f"warning: {error}; {path} holds everything but the replay, which fills again", file=sys.stderr)

    def save(self, algorithm: RunAlgorithm, *, replay: bool = True) -> Path:
        """Write a checkpoint, with the score of the last look if that was at this update; `replay`: with its ring."""
        checkpoint = algorithm.make_checkpoint(replay=replay)
        update, score = self.measured
        checkpoint = dataclasses.replace(checkpoint, score=score if update == checkpoint.update else None)
        path = checkpoints.save(self.folder.checkpoints, checkpoint, keep_last=self.settings.system.keep_checkpoints)
        self.last["checkpoint/last"] = str(path)
        if self.mirror is not None:
            self.mirror.request()
        return path
