"""A member of a population as a Tune trial: a whole system that trains, is compared, and copies others in place."""

from __future__ import annotations

import dataclasses
import time
import uuid
from contextlib import suppress
from typing import Any

import ray
import torch
from ray.tune import Trainable

from cluster.metrics.log import MetricsWriter
from cluster.metrics.tracking import Tracking
from cluster.painter.discriminator_client import Share
from cluster.painter.sampler import Sampler
from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral
from cluster.population.fitness import Fitness
from cluster.population.folder import PopulationFolder, open_when_free
from cluster.population.hyperparameters import settings_with
from cluster.population.lineage.ancestry import Values
from cluster.population.live_values import apply_values
from cluster.population.member_config import comparison_due, member_config, own_settings
from cluster.population.settings import PopulationSettings
from cluster.replay.buffer import ReplayUnavailable
from cluster.runs import checkpoints, own_files
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.manifests import CheckpointDamaged
from cluster.training.stall_watch import StallWatch, silence
from learners.optimization import NonFiniteLoss

KEPT_FOR_OTHERS = 3  # comparisons whose checkpoints a member keeps


class Member(Trainable):
    """One system of a population; `config["member"]` is its number. Never paused; restarted from its own folder.

    An iteration is a second of training (`Spiral.training_step`). Between two, the ledger is asked for requests;
    at a milestone the member is measured, offers a checkpoint to others, and trains on while the ledger waits for
    them.
    """

    kept: tuple[int, int] | None = None  # branch and update of the last checkpoint written to go on from

    def setup(self, config: dict[str, Any], **shared: Any) -> None:
        """Start, from the newest checkpoint in the member's folder if there is one.

        Args:
            config: `member`.
            shared: `ledger` (an actor), `folder`, `population`, `settings`, `fitness`, `share` (what all
                learn from, or None).
        """
        self.number: int = config["member"]
        self.ledger = shared["ledger"]
        self.population: PopulationSettings = shared["population"]
        self.place: PopulationFolder = shared["folder"]
        self.fitness: Fitness = shared["fitness"]
        self.share: Share | None = shared["share"]
        self.base = own_settings(shared["settings"], self.number)
        self.total = self.base.system.steps
        self.done = False
        self.watch = StallWatch(self.on_note)
        torch.set_num_threads(self.base.system.torch_threads)
        if not self.place.path.is_dir():
            raise UserWarning(f"{self.place.path} is not there: all nodes must reach the population's folder")
        path = self.place.member(self.number)
        self.folder = open_when_free(path) if (path / "config.json").is_file() else None
        found, _ = checkpoints.latest_good(path / "checkpoints")
        checkpoint = checkpoints.load(found) if found else None
        back = None
        if found and checkpoint:
            known = checkpoint.documents["population"]
            back = known | self.place.named(found) | {"env_steps": checkpoint.documents["counters"]["trained_steps"]}
        start = self.ask("join", back, ticket=uuid.uuid4().hex)
        self.branch: int = start["branch"]
        self.previous_branch: int = back["previous_branch"] if back else self.branch
        self.values: Values = start["values"]
        self.compared: int = back["compared"] if back else 0
        self.restarts: int = start["restarts"]
        self.handle = ray.get_runtime_context().current_actor
        self.scored: tuple[int, float | None] = (-1, None)  # update and score of the last measurement
        settings = settings_with(self.base, self.values)
        if self.folder is None:
            self.folder = RunFolder.create(path, settings.storable())
            own_files.keep_in(self.folder, settings)
        self.sampler = Sampler(self.base)
        update = checkpoint.update if checkpoint else None
        about = {"population/branch": self.branch}
        tracking = Tracking.of_run(path, self.folder.read_config())
        self.writer = MetricsWriter(self.folder.metrics, self.folder.tensorboard, update, about, tracking)
        with self.watch.watching("starting its actors and learners"):
            self.algorithm = self.build(settings)
        if checkpoint is not None:
            self.algorithm.restore_checkpoint(checkpoint)
            apply_values(self.algorithm, self.base, self.values)
            self.saved_at = self.algorithm.trained_seconds
        else:
            self.keep()

    def build(self, settings: PainterSettings) -> Spiral:
        """The system: actors, replay, two learners."""
        config = member_config(settings, self.population)
        config.restarts, config.shared = self.restarts, self.share
        config.run_name, config.member = self.place.path.name, f"painter-{self.number:02d}"
        algorithm = config.build_algo()
        assert isinstance(algorithm, Spiral)
        return algorithm

    def ask(self, question: str, *arguments: Any, **named: Any) -> Any:
        """Call the ledger and wait for its answer, also while it restarts."""
        with self.watch.watching("a question to the population's ledger"):
            return ray.get(getattr(self.ledger, question).remote(self.number, *arguments, **named))

    def on_note(self, note: str, seconds: float) -> None:
        """Record that this member makes no progress, and why; the ledger hears that its process lives."""
        row = {"note": note, "stalled_s": seconds, "population/branch": self.branch}
        algorithm: Spiral | None = getattr(self, "algorithm", None)
        self.writer.write(algorithm.policy_updates if algorithm else 0, row)
        if algorithm is not None:  # it has started
            self.ledger.requests.remote(self.number, algorithm.trained_steps)
            algorithm.telemetry.report(row)

    def step(self) -> dict[str, Any]:
        """An iteration: requests, training, and what is due after it. Returns what Tune's `ResultGrid` has of it."""
        try:
            with self.watch.watching("measuring, copying or saving"):
                if not self.done:  # Tune may ask once more before it hears that this is over
                    self.iterate()
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            steps, diverged = self.algorithm.trained_steps, isinstance(error, NonFiniteLoss)
            self.ask("crashed", steps, reason, diverged=diverged, ticket=uuid.uuid4().hex)
            raise
        known = {"score": self.scored[1], "folder": str(self.place.member(self.number))} | self.values
        return known | {"env_steps": self.algorithm.trained_steps, "branch": self.branch, "done": self.done}

    def iterate(self) -> None:
        """Do what `step` says."""
        algorithm = self.algorithm
        requests = self.ask("requests", algorithm.trained_steps, self.handle)
        if requests["stop"]:
            return self.finish(requests["stop"])
        if requests["exploit"]:
            try:
                algorithm.replay_host.keep_alive()
                self.exploit(requests["exploit"])
            except ReplayUnavailable:
                return None  # the decision stays: it is carried out from its beginning at the next iteration
        clock = algorithm.clock
        clock.resume()
        with self.watch.watching("training", algorithm.waits_for, lambda: clock.idle, lambda: silence(clock.usual_gap)):
            algorithm.train()  # type: ignore[no-untyped-call]
            note = {"note": self.watch.note} if self.watch.note else {}
        self.writer.write(algorithm.policy_updates, algorithm.latest | note | {"population/branch": self.branch})
        if "updates" not in algorithm.latest:  # no Redis: nothing was trained, and nothing can be saved
            return None
        with suppress(ReplayUnavailable):  # what is due then is due again after the next iteration
            if due := comparison_due(algorithm.trained_steps, self.compared, self.population, self.total):
                self.compare(*due)
            if algorithm.progress >= 1:
                self.finish("finished")
            elif algorithm.trained_seconds - self.saved_at >= 60 * self.base.system.checkpoint_minutes:
                self.keep()
        return None

    def checkpoint(self, *, replay: bool = True) -> Checkpoint:
        """The system's checkpoint, with what a population needs to go on from it."""
        checkpoint = self.algorithm.make_checkpoint(replay=replay)
        checkpoint.documents["population"] = {
            "branch": self.branch,
            "previous_branch": self.previous_branch,
            "compared": self.compared,
            "values": self.values,
        }
        checkpoint.documents["counters"]["restarts"] = self.restarts
        update, score = self.scored
        return dataclasses.replace(checkpoint, score=score if update == checkpoint.update else None)

    def keep(self, checkpoint: Checkpoint | None = None) -> None:
        """Write a checkpoint to go on from, by default one of this moment, and have it recorded."""
        self.ask("saved", self.write_checkpoint(checkpoint))

    def write_anyway(self) -> dict[str, Any]:
        """Write a checkpoint, without the replay if Redis is away. Returns its record."""
        try:
            self.algorithm.replay_host.keep_alive()
            return self.write_checkpoint()
        except ReplayUnavailable:
            return self.write_checkpoint(self.checkpoint(replay=False))

    def write_checkpoint(self, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
        """Write a checkpoint to go on from, by default one of this moment; returns its record."""
        assert self.folder is not None
        checkpoint = checkpoint or self.checkpoint()
        path = checkpoints.save(self.folder.checkpoints, checkpoint, keep_last=self.base.system.keep_checkpoints)
        self.saved_at, self.kept = self.algorithm.trained_seconds, (self.branch, checkpoint.update)
        about = {"branch": self.branch, "env_steps": self.algorithm.trained_steps, "update": checkpoint.update}
        return about | self.place.named(path) | {"values": self.values}

    def compare(self, number: int, milestone: int) -> None:
        """Be measured at a milestone, and offer a checkpoint to others."""
        assert self.folder is not None
        begin, algorithm = time.perf_counter(), self.algorithm
        before, self.compared = self.compared, number
        try:
            checkpoint = self.checkpoint()
        except ReplayUnavailable:  # then after a later iteration
            self.compared = before
            raise
        paintings, records, measured = self.fitness.examine(
            self.sampler, self.base, checkpoint, self.population.critic_samples
        )
        self.scored = checkpoint.update, measured.score
        checkpoint = dataclasses.replace(checkpoint, score=measured.score)
        name = f"{algorithm.policy_updates:08d}-branch-{self.branch:03d}"
        sheet = self.sampler.write(paintings, self.folder.samples, name)
        painted = {"paintings": {"records": records[: self.population.critic_samples]}}
        offer = dataclasses.replace(checkpoint, arrays=checkpoint.arrays | painted)
        path = checkpoints.save(self.place.exchange(self.number), offer, keep_last=KEPT_FOR_OTHERS)
        self.writer.write(
            algorithm.policy_updates,
            {f"sample/{key}": value for key, value in measured.measures.items()}
            | {"sample/score": measured.score, "sample/score_error": measured.error}
            | {"env_steps": algorithm.trained_steps, "population/branch": self.branch},
        )
        report = {
            "comparison": number,
            "milestone": milestone,
            "branch": self.branch,
            "env_steps": algorithm.trained_steps,
            "score": measured.score,
            "score_error": measured.error,
            "measures": measured.measures,
            "episodes": self.fitness.episodes,
            "sample": self.place.relative(sheet),
            "values": self.values,
            "seconds": round(time.perf_counter() - begin, 3),
        }
        self.ask("score", report | self.place.named(path))
        self.keep(checkpoint)  # with its score, for `--best`; only now, so that a restart before does not leave it out

    def exploit(self, decision: dict[str, Any]) -> None:
        """Become a copy of the donor, with changed values. No process ends or begins.

        Weights, optimizers, discriminator, replay and counters come from the donor's checkpoint; then the values are
        set, read back from the live learners, saved, and only then recorded.
        """
        begin, algorithm = time.perf_counter(), self.algorithm
        try:
            checkpoint = checkpoints.load(self.place.path / decision["checkpoint"])
        except CheckpointDamaged as error:
            self.ask("refused", f"the donor's checkpoint can not be copied: {error}")
            return
        before, values_before, seconds = algorithm.trained_steps, self.values, algorithm.trained_seconds
        try:
            algorithm.restore_checkpoint(checkpoint)
        except ReplayUnavailable:  # this is done again
            algorithm.trained_steps = before
            raise
        finally:
            algorithm.trained_seconds = seconds  # this member's own time goes on
        algorithm.meters.summary()  # updates that ended on the way are no part of the new branch's metrics
        applied, decays = apply_values(algorithm, self.base, decision["values"])
        if self.branch != decision["branch"]:  # equal when a kill came between the checkpoint and the record
            self.previous_branch, self.branch = self.branch, decision["branch"]
        self.values = decision["values"]
        self.scored = checkpoint.update, checkpoint.score  # the same policy
        self.compared = checkpoint.documents["population"]["compared"]
        saved = self.write_anyway()
        record = {
            "branch": self.branch,
            "previous_branch": self.previous_branch,
            "env_steps_before": before,
            "env_steps": algorithm.trained_steps,
            "values_before": values_before,
            "seconds": round(time.perf_counter() - begin, 3),
            "applied": applied,
            "decay": decays,
        }
        self.ask("exploited", record)
        self.ask("saved", saved)

    def finish(self, reason: str) -> None:
        """End with a checkpoint, if it has trained since the last one, and tell the ledger."""
        if self.kept != (self.branch, self.algorithm.policy_updates):
            self.ask("saved", self.write_anyway())
        self.ask("finished", self.algorithm.trained_steps, reason)
        self.done = True

    def cleanup(self) -> None:
        """Stop the system and give the folder back."""
        for name in ("watch", "algorithm", "writer", "sampler", "folder"):
            part: Any = getattr(self, name, None)
            if part is not None:
                part.stop() if name == "algorithm" else part.close()
