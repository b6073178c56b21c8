"""TD3 as an RLlib algorithm: actors fill the shared replay, a learner group learns from it, the driver paces them."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from typing import Any

import numpy as np

from cluster.latent.learners import publish_actor
from cluster.latent.td3_config import LatentTD3Config
from cluster.latent.warm_start import old_layout, scored_again, transplanted
from cluster.painter.algorithm_state import first_result
from cluster.painter.learners import export_state, restore_state
from cluster.replay.buffer import ReplayUnavailable
from cluster.replay.host import ReplayHost
from cluster.replay.rate_limiter import SampleToInsertLimiter
from cluster.runs.checkpoints import Checkpoint
from cluster.training.algorithm import IDLE_SECONDS, RunAlgorithm
from cluster.training.learner_client import LearnerLink
from envs.latent.rules import LatentRules

#: Episodes whose mean return is reported.
EPISODES = 100


class LatentTD3(RunAlgorithm):
    """TD3 (Fujimoto et al. 2018) with a replay that many actors share; works on any world of a bounded Box.

    An iteration is a second of training. Transitions go from actors through Redis to the learner; the driver only
    orders blocks and updates, in the proportion that ``samples_per_insert`` sets, and passes references of weights on.

    Attributes:
        limiter: who may go on, actors or learner.
        returns: of the last episodes that ended, with the actors' noise.
    """

    result_key = "td3"

    @classmethod
    def get_default_config(cls) -> LatentTD3Config:
        """The latent world's."""
        return LatentTD3Config()

    def start(self, config: LatentTD3Config) -> None:
        """Start Redis, actors and the learner group."""
        settings = config.settings
        td3, system = settings.td3, settings.system
        config.layout = self.layout = config.find_layout()
        self.replay_host = ReplayHost(
            system.redis,
            (self.layout.block_bytes(system.block),),
            max(2, td3.replay_capacity // system.block),
            config.replay,
        )
        config.replay = self.replay_host.spec
        self.limiter = SampleToInsertLimiter(td3.samples_per_insert, td3.insert_slack, td3.warmup_steps)
        self.returns: deque[float] = deque(maxlen=EPISODES)
        self.episodes = 0
        self.turn = 0
        self.start_rllib(config)
        self.policy_link = LearnerLink(self.policy_group)
        self.links.append(self.policy_link)
        self.drawn_at_once = td3.batch * td3.updates_per_order * self.policy_link.width
        self.publish()

    @property
    def td3_config(self) -> LatentTD3Config:
        """The configuration, by its type."""
        assert isinstance(self.config, LatentTD3Config)
        return self.config

    def publish(self) -> None:
        """Publish the weights that the learner holds now (at the start, and after a restore)."""
        (self.weights,) = first_result(self.policy_group, publish_actor)

    def settle(self) -> None:
        """Let the updates on their way end, and publish the weights that they lead to."""
        self.collect(everything=True)
        self.publish()

    def advance(self) -> None:
        """Order blocks and updates, and take in what has come."""
        waits = not self.request_blocks()
        may_learn = self.limiter.may_sample(self.drawn_at_once)
        if may_learn and self.policy_link.has_room:
            self.limiter.sampled += self.drawn_at_once
            self.policy_link.submit([], progress=self.progress)
        self.meters.note("limiter/actors_wait", float(waits))
        self.meters.note("limiter/learner_waits", float(not may_learn and not self.policy_link.outstanding))
        self.fetch_blocks()
        self.collect()

    def request_blocks(self) -> bool:
        """Ask actors in turn for blocks, as far as the limiter allows; returns whether it did allow."""
        group, block = self.runners, self.td3_config.settings.system.block
        actors = self.roster.working
        self.turn += 1
        for place in range(len(actors)):
            on_their_way = block * group.num_in_flight_async_reqs("sample")
            if not self.limiter.may_insert(block, on_their_way):
                return False
            group.foreach_env_runner_async(
                "sample_refs",
                tag="sample",
                kwargs={
                    "weights": self.weights,
                    "version": self.policy_updates,
                    "epoch": self.epoch,
                    "noise_share": self.td3_config.settings.td3.noise_share(self.progress),
                    "warmup": self.limiter.inserted + on_their_way < self.limiter.warmup,
                },
                remote_worker_ids=[actors[(self.turn + place) % len(actors)]],
            )
        return True

    def fetch_blocks(self) -> None:
        """Count what actors have pushed; waits a moment for it, or for the learner."""
        with self.meters.time("wait"):
            if self.policy_link.outstanding:
                self.policy_link.wait_for_room(IDLE_SECONDS)
            ready: Any = self.runners.fetch_ready_async_reqs(
                tags="sample", timeout_seconds=0.0 if self.policy_link.outstanding else IDLE_SECONDS
            )
        for _, done in ready:
            self.limiter.inserted += done["steps"]
            self.sampled_steps += done["steps"]
            self.meters.learned(done["steps"], 0)
            self.returns.extend(done["returns"])
            self.episodes += len(done["returns"])
            if done["version"] >= 0 and done["epoch"] == self.epoch:
                self.meters.note("policy/lag", float(self.policy_updates - done["version"]))
            self.meters.note(f"noise/actor_{done['actor']}", done["noise"])
            for activity, seconds in done["seconds"].items():
                self.meters.seconds[activity] += seconds

    def collect(self, *, everything: bool = False) -> None:
        """Take in the learner's results.

        Raises:
            ReplayUnavailable: the learner found no Redis.
        """
        results = self.policy_link.results()
        while everything and self.policy_link.outstanding:
            results += self.policy_link.results(wait=True)
        for result in results:
            self.meters.learner("policy", result)
            learned = result["updates"] - self.policy_updates
            self.policy_updates = result["updates"]
            if "weights" in result:
                (self.weights,) = result["weights"]
                self.trained_steps = self.sampled_steps
                self.meters.learned(0, learned)
            if "unavailable" in result:
                raise ReplayUnavailable(result["unavailable"])

    def report(self) -> None:
        """Write the iteration's metrics to ``latest`` and to RLlib's logger."""
        self.meters.seconds["learn"] += self.policy_link.seconds
        self.policy_link.seconds = 0.0
        self.latest = self.base_metrics() | {
            "limiter/samples_per_insert": self.limiter.sampled / max(1, self.limiter.inserted),
            "limiter/ahead": self.limiter.ahead,
            "episodes": self.episodes,
        }
        if self.returns:
            self.latest["policy/return"] = sum(self.returns) / len(self.returns)
        self.log()

    def make_checkpoint(self, *, replay: bool = True) -> Checkpoint:
        """Everything that a later process needs to go on: the learner, the replay, the counters."""
        if replay:
            self.collect(everything=True)
        while self.policy_link.outstanding:
            with contextlib.suppress(ReplayUnavailable):
                self.collect(everything=True)
        policy = first_result(self.policy_group, export_state)
        blocks, total = self.replay.dump() if replay else self.replay.empty()
        return Checkpoint(
            update=self.policy_updates,
            tensors={"policy": policy["weights"], "policy_optimizer": policy["optimizer"]},
            arrays={"replay": {"blocks": blocks}},
            documents={
                "counters": {
                    "trained_seconds": self.trained_seconds,
                    "trained_steps": self.trained_steps,
                    "replay_total": total,
                    "restarts": self.td3_config.restarts,
                    "policy": policy["counters"],
                    "inserted": self.limiter.inserted,
                    "sampled": self.limiter.sampled,
                    "episodes": self.episodes,
                },
                "optimizers": {"policy": policy["groups"]},
                "layout": self.layout.columns,
            },
        )

    def restore_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``: weights, optimiser, replay, counters."""
        self.collect(everything=True)
        self.epoch += 1
        counters = checkpoint.documents["counters"]
        blocks = checkpoint.arrays["replay"]["blocks"]
        if len(blocks):
            self.replay.load(blocks, int(counters["replay_total"]))
        state = {
            "weights": checkpoint.tensors["policy"],
            "optimizer": checkpoint.tensors["policy_optimizer"],
            "groups": checkpoint.documents["optimizers"]["policy"],
            "counters": counters["policy"],
        }
        first_result(self.policy_group, functools.partial(restore_state, state=state))
        self.policy_updates = int(counters["policy"]["updates"])
        self.trained_seconds = float(counters["trained_seconds"])
        self.trained_steps = self.sampled_steps = int(counters["trained_steps"])
        # An empty ring (Redis was away) is warmed up as at the start.
        self.limiter.inserted = int(counters["inserted"]) if len(blocks) else 0
        self.limiter.sampled = int(counters["sampled"]) if len(blocks) else 0
        self.episodes = int(counters["episodes"])
        self.returns.clear()
        self.telemetry.begin_at({"env_steps": self.trained_steps, "updates": self.policy_updates})
        self.publish()

    def warm_start(self, checkpoint: Checkpoint, rules: LatentRules) -> None:
        """Begin with another run's networks and replay, see :mod:`cluster.latent.warm_start`.

        Raises:
            ValueError: that run does not fit this one.
        """
        settings = self.td3_config.settings
        old = old_layout(checkpoint)
        blocks = checkpoint.arrays["replay"]["blocks"]
        if blocks.shape[1] != old.block_bytes(settings.system.block):
            raise ValueError("warm start: the other run had blocks of another size; give the same --block")
        rng = np.random.default_rng(settings.system.seed)
        blocks = scored_again(blocks[-self.replay.spec.capacity :], old, self.layout, rules, rng)
        self.replay.load(blocks, len(blocks))
        state = first_result(self.policy_group, export_state)
        shape = rules.parts.shape
        state["weights"] = transplanted(checkpoint.tensors["policy"], state["weights"], shape.latent, shape.z)
        first_result(self.policy_group, functools.partial(restore_state, state=state))
        self.limiter.inserted = len(blocks) * settings.system.block
        learned = max(0, self.limiter.inserted - self.limiter.warmup)
        self.limiter.sampled = round(learned * self.limiter.ratio)  # neither ahead nor behind
        self.publish()
