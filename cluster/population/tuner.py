"""A population from start to end: Tune runs the members, and restarts those that crash."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.errors import UserError
from cluster.painter.discriminator_client import Share
from cluster.painter.sampler import Sampler
from cluster.painter.settings import PainterSettings
from cluster.painter.shared_discriminator import sharing
from cluster.population.critic_matrix import CriticMatrix
from cluster.population.fitness import Fitness
from cluster.population.folder import PopulationFolder
from cluster.population.ledger import Ledger
from cluster.population.lineage.events import read_events
from cluster.population.lineage.state import PopulationState
from cluster.population.member import Member
from cluster.population.member_config import resources
from cluster.population.settings import PopulationSettings
from cluster.population.watcher import Watcher
from cluster.population.winner import evaluate_winner
from cluster.runs.folder import RunFolder
from cluster.training.stopping import Stopped, StopSignals
from envs.brush_trial import require_marks
from envs.strokes import PaintConfig

# Tune's own record, its terminal output and its handling of Ctrl-C are switched off: the population has its own.
TUNE_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "600",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


class PopulationTuner:
    """A driver that runs members until they are done, the time is over, or Ctrl-C is pressed.

    Attributes:
        results: Tune's results of the members, once they have ended; `Member.step` says what they hold.
    """

    results: tune.ResultGrid | None = None

    def __init__(self, settings: PainterSettings, population: PopulationSettings) -> None:
        """Read data set, brush and judge, so that errors in them are known before there is a folder.

        Raises:
            ValueError: one of them can not be had, or the brush paints nothing.
        """
        self.settings, self.population = settings, population
        if isinstance(settings.world, PaintConfig):
            require_marks(settings.world)
        Sampler(settings).close()
        self.fitness = Fitness(settings, population)

    @property
    def members_settings(self) -> PainterSettings:
        """The settings of a member, without the processes that are shared."""
        return self.settings.replace(discriminator_learners=0) if self.population.share_discriminator else self.settings

    def cpus(self) -> int:
        """CPUs that Ray must have for all members at once, and for what they share."""
        each = resources(self.members_settings, self.population)
        needed = sum(bundle.get("CPU", 0) for bundle in each.bundles) * self.population.members
        return int(needed + self.shared_resources()["CPU"]) + 1

    def shared_resources(self) -> dict[str, float]:
        """Resources of the processes that all members share."""
        system = self.settings.system
        if not self.population.share_discriminator:
            return {"CPU": 0, "GPU": 0}
        learners, gpus = system.discriminator_learners, system.learner_gpus
        return {"CPU": 0 if gpus else learners, "GPU": gpus * max(1, learners)}

    def check_room(self, *, joined: bool) -> None:
        """Warn if not all members can train at once: those that wait would be compared with nobody.

        Args:
            joined: Ray is a cluster that was there before: it may add nodes, so that it only looks too small.

        Raises:
            UserError: not even one fits, on a Ray that we started.
        """
        each = resources(self.members_settings, self.population)
        there = ray.cluster_resources()  # type: ignore[no-untyped-call]
        for name in ("CPU", "GPU"):
            one = sum(bundle.get(name, 0) for bundle in each.bundles)
            have = max(0, there.get(name, 0) - self.shared_resources()[name])
            if one > have:
                small = f"a member takes {one:g} {name}s, this Ray cluster has {have:g} for it: see --driver-cpus"
                if not joined:
                    raise UserError(small)
                print(f"warning: {small}; waiting for more nodes")
            elif one * self.population.members > have:
                print(f"warning: room for {int(have / one)} of {self.population.members} members: {have:g} {name}s")

    def run(self, folder: RunFolder, *, joined: bool = False) -> str:
        """Train until the end; returns why it ended: `finished`, `time`, `interrupted`.

        Args:
            folder: of the population.
            joined: see `check_room`.

        Raises:
            UserError: a member was given up; the others have gone on to their end.
        """
        self.check_room(joined=joined)
        place = PopulationFolder(folder.path)
        system = self.settings.system
        matrix = CriticMatrix(place, self.settings, self.population.critic_samples)
        members = unfinished(place, self.population, system.steps)
        ledger: Any = (
            ray.remote(Ledger)
            .options(
                name=f"ledger-{os.getpid()}-{time.time_ns()}",
                num_cpus=0,
                max_restarts=-1,
                max_task_retries=-1,
                scheduling_strategy=NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False),
            )
            .remote(str(place.lineage), self.population, seed=system.seed, steps=system.steps, minutes=system.minutes)
        )
        try:
            ray.get(ledger.begin.remote(uuid.uuid4().hex))  # answered once it has the record open
        except RayActorError as error:
            raise UserError(
                f"the population's record can not be used: {str(error).strip().splitlines()[-1]}"
            ) from error
        stop = StopSignals()
        watcher = Watcher(place, matrix, stop, ledger.request_stop.remote, ledger.notice_silence.remote)
        watcher.members = members
        try:
            with stop.handled(), ExitStack() as stack:
                with stop.ending_at_once():
                    share = stack.enter_context(self.shared(place, watcher))
                with suppress_own_end(watcher):
                    self.results = self.fit(place, ledger, members, share)
                stack.close()
                known = read_state(place).members
                lost = [n for n in members if n not in known or known[n].running or known[n].last_crash]
                over = "finished" if all(each.finished for each in known.values()) else "time"
                if not stop.came and not lost:
                    self.evaluate_winner(place, ledger, stop)
            reason = "interrupted" if stop.came else over
            if reason == "interrupted" and lost:
                names = ", ".join(f"{number:02d}" for number in lost)
                print(f"warning: member {names} ended without a last checkpoint of its own", file=sys.stderr)
                lost = []
            ray.get(ledger.close.remote("failed" if lost else reason))
        finally:
            watcher.close()
        if lost:
            errors = [str(error).strip().splitlines()[-1] for error in self.results.errors] if self.results else []
            raise UserError(
                f"member {', '.join(f'{number:02d}' for number in lost)} was given up after "
                f"{self.population.member_failures} crashes: {errors[0] if errors else 'Tune names no error'}"
            )
        return reason

    def evaluate_winner(self, place: PopulationFolder, ledger: Any, stop: StopSignals) -> None:
        """Have the last comparison's winner evaluated anew, and recorded; a signal, or a fault, leaves that out."""
        ray.get(ledger.settle_all.remote(over=True))  # what is open may change who that is
        best = read_state(place).lineage.best
        if best is None or not self.population.winner_samples:
            return
        with contextlib.suppress(Stopped), stop.ending_at_once():
            try:
                found = evaluate_winner(place, self.settings, best, self.population.winner_samples)
            except (OSError, ValueError, RuntimeError) as error:
                print(f"warning: the winner was not evaluated: {error}", file=sys.stderr)
                return
            ray.get(ledger.evaluated.remote(found))

    @contextmanager
    def shared(self, place: PopulationFolder, watcher: Watcher) -> Iterator[Share | None]:
        """Run the discriminator that all members share; None if the settings do not ask for one."""
        if not self.population.share_discriminator:
            yield None
            return
        with sharing(self.settings, self.population.members, place.path / "discriminator") as (share, host):
            watcher.upkeep = host.keep_alive
            try:
                yield share
            finally:
                watcher.upkeep = None

    def fit(self, place: PopulationFolder, ledger: Any, members: list[int], share: Share | None) -> tune.ResultGrid:
        """Have Tune run `members`, each a trial that is restarted when it crashes."""
        os.environ.update(TUNE_ENVIRONMENT)
        trials = place.path / ".tune"
        shutil.rmtree(trials, ignore_errors=True)  # Tune schedules; it does not remember
        trainable = tune.with_resources(
            tune.with_parameters(
                Member,
                ledger=ledger,
                folder=place,
                population=self.population,
                settings=self.members_settings,
                fitness=self.fitness,
                share=share,
            ),
            resources(self.members_settings, self.population),
        )
        tuner = tune.Tuner(
            trainable,
            param_space={"member": tune.grid_search(members)},
            tune_config=tune.TuneConfig(
                reuse_actors=False,
                trial_name_creator=lambda trial: f"member-{trial.config['member']:02d}",
                trial_dirname_creator=lambda trial: f"member-{trial.config['member']:02d}",
            ),
            run_config=tune.RunConfig(
                name="trials",
                storage_path=str(trials),
                failure_config=tune.FailureConfig(max_failures=self.population.member_failures),
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
                verbose=0,
            ),
        )
        try:
            return tuner.fit()
        finally:
            shutil.rmtree(trials, ignore_errors=True)


def read_state(place: PopulationFolder) -> PopulationState:
    """The fold of a population's record as it is now."""
    return PopulationState.of(read_events(place.lineage))


def unfinished(place: PopulationFolder, population: PopulationSettings, steps: int) -> list[int]:
    """Members that have not reached `steps`, as far as the record says."""
    members = read_state(place).members
    done = [number for number, each in members.items() if each.finished and each.env_steps >= steps]
    return [number for number in range(population.members) if number not in done]


@contextmanager
def suppress_own_end(watcher: Watcher) -> Iterator[None]:
    """Go on after the interrupt that the watcher sends if there is nobody to wait for."""
    try:
        yield
    except KeyboardInterrupt:
        if not watcher.gave_up:
            raise
