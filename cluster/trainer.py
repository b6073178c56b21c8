"""A training run from start to end: the algorithm, its folder, its checkpoints, its pictures, and what may go wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import ray
import torch
from ray.exceptions import ObjectLostError

from cluster import checkpoints
from cluster.algorithm import Spiral
from cluster.checkpoints import Checkpoint
from cluster.config import SpiralConfig
from cluster.errors import UserError
from cluster.learner_link import LearnerDied
from cluster.live import make_view
from cluster.metrics import MetricsWriter
from cluster.quality import PixelQuality
from cluster.replay import ReplayUnavailable
from cluster.run_folder import RunFolder
from cluster.sampler import Sampler
from cluster.settings import RunSettings
from learners.policy_learner import NonFiniteLoss

LEARNER_RESTARTS = 3


@dataclass
class Outcome:
    """How a run ended: ``reason`` is ``finished`` or ``interrupted``."""

    reason: str
    updates: int
    env_steps: int
    seconds: float


def start_ray(address: str = "", cpus: int = 0) -> None:
    """Join the Ray cluster at ``address`` (or $RAY_ADDRESS), or start a private one with at least ``cpus`` CPUs.

    Ray picks free ports for a private cluster; Redis's 6379 stays free.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    root = str(Path(__file__).parents[1])
    environment: dict[str, Any] = {"env_vars": {"PYTHONPATH": root}}
    if address or os.environ.get("RAY_ADDRESS"):
        # Inside `ray job submit` the job has its working directory already.
        environment = {} if os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR") else {"working_dir": root}
        ray.init(address=address or None, logging_level=logging.ERROR, runtime_env=environment)
        return
    ray.init(
        address="local",  # without it, Ray joins whatever cluster `ray start` left on this machine
        num_cpus=max(cpus, os.cpu_count() or 1),
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=True,
        runtime_env=environment,
    )


@contextlib.contextmanager
def standard_error_to(path: Path) -> Iterator[None]:
    """Append what this process and its native parts write to standard error to ``path``: Ray and RLlib greet with a
    page of hints there. Exceptions are printed by whoever catches them, on the real one."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


class Trainer:
    """Runs :class:`Spiral` in a run folder until its time or steps are over, or someone presses Ctrl-C.

    Attributes:
        folder: of the run, once it runs.
    """

    folder: RunFolder

    def __init__(self, settings: RunSettings, *, restarts: int = 0) -> None:
        """Reads the data set and the brush, so that a wrong name is known before there is a folder.

        Raises:
            ValueError: one of them can not be had.
        """
        system = settings.system
        in_driver = min(system.policy_learners, system.discriminator_learners) == 0
        if system.learner_gpus and in_driver and not torch.cuda.is_available():
            raise UserError(f"learner_gpus: {system.learner_gpus:g} asked for, but torch finds no GPU on this machine")
        self.settings = settings
        self.restarts = restarts
        self.stop_signal: int | None = None
        torch.set_num_threads(settings.system.torch_threads)
        self.sampler = Sampler(settings)
        self.quality = PixelQuality(settings)
        self.last: dict[str, Any] = {}
        self.measured = (-1, 0.0)  # update and score of the last look

    def run(self, folder: RunFolder, resume: Checkpoint | None = None) -> Outcome:
        """Train in ``folder``; goes on from ``resume`` if given.

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
            self.sampler.close()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal ends the run after this iteration, with a checkpoint; the second ends it now."""
        if self.stop_signal is not None:
            raise KeyboardInterrupt
        self.stop_signal = number

    def attempt(self, resume: Checkpoint | None, writer: MetricsWriter, view: Any) -> Outcome:
        """Build the algorithm and train until the end, a signal, or a learner's death."""
        config = SpiralConfig().use(self.settings)
        config.restarts = self.restarts
        with standard_error_to(self.folder.path / "ray.log"):
            algorithm = config.build_algo()
        assert isinstance(algorithm, Spiral)
        try:
            if resume is not None:
                algorithm.restore_checkpoint(resume)
            else:
                self.look(algorithm, writer)
                self.save(algorithm)
            system = self.settings.system
            sampled = saved = algorithm.trained_seconds
            while algorithm.progress < 1 and self.stop_signal is None:
                self.before_iteration(algorithm)
                algorithm.train()  # type: ignore[no-untyped-call]
                self.last |= {"note": None} | algorithm.latest
                writer.write(algorithm.policy_updates, algorithm.latest)
                view.update(self.last)
                if "note" in algorithm.latest:  # no Redis: nothing was trained, and no checkpoint can be made
                    continue
                with contextlib.suppress(ReplayUnavailable):  # then after the next iteration
                    if algorithm.trained_seconds - sampled >= 60 * system.sample_minutes:
                        self.look(algorithm, writer)
                        sampled = algorithm.trained_seconds
                    if algorithm.trained_seconds - saved >= 60 * system.checkpoint_minutes:
                        self.save(algorithm)
                        saved = algorithm.trained_seconds
            self.look(algorithm, writer)
            self.save(algorithm)
            view.update(self.last)
            reason = "finished" if algorithm.progress >= 1 else "interrupted"
            return Outcome(reason, algorithm.policy_updates, algorithm.trained_steps, algorithm.trained_seconds)
        finally:
            algorithm.stop()  # type: ignore[no-untyped-call]

    def before_iteration(self, algorithm: Spiral) -> None:
        """Nothing; a trainer that changes settings during a run does so here."""

    def look(self, algorithm: Spiral, writer: MetricsWriter) -> None:
        """Write a contact sheet at fixed noise, and measure how far the pixels are from real images.

        Raises:
            LearnerDied: the process that held the weights is gone.
        """
        algorithm.settle()
        try:
            self.sampler.load(ray.get(algorithm.weights))
        except ObjectLostError as error:
            raise LearnerDied("the policy's learner died, and its weights with it") from error
        paintings = self.sampler.paint(self.quality.count)
        sheet = self.sampler.write(paintings, self.folder.samples, f"{algorithm.policy_updates:08d}")
        distance = self.quality.distance(paintings.observed)
        self.measured = algorithm.policy_updates, -distance
        self.last |= {"sample/last": str(sheet), "sample/pixel_frechet": distance}
        writer.write(
            algorithm.policy_updates,
            {
                "sample/pixel_frechet": distance,
                "elapsed_s": algorithm.trained_seconds,
                "env_steps": algorithm.trained_steps,
            },
        )

    def save(self, algorithm: Spiral) -> Path:
        """Write a checkpoint; its score is minus the pixel Frechet distance, if that was measured at this update."""
        checkpoint = algorithm.make_checkpoint()
        update, score = self.measured
        checkpoint = dataclasses.replace(checkpoint, score=score if update == checkpoint.update else None)
        path = checkpoints.save(self.folder.checkpoints, checkpoint, keep_last=self.settings.system.keep_checkpoints)
        self.last["checkpoint/last"] = str(path)
        return path
