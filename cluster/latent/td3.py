"""TD3 as an RLlib algorithm: actors fill the shared replay, a learner group learns from it, the driver paces them."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from typing import Any, ClassVar

from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from actors.transition_runner import TransitionRunner
from cluster.latent.assets import LatentAssets, SharedAssets
from cluster.latent.learners import TD3GroupLearner
from cluster.latent.rl_modules import TD3Module
from cluster.latent.settings import LatentSettings
from cluster.latent.warm_start import blocks_for, transplanted
from cluster.latent.worlds import World, find_layout, make_gymnasium_worlds
from cluster.replay.buffer import Replay, ReplayUnavailable
from cluster.replay.connection import ACTOR_WAIT_SECONDS
from cluster.replay.host import ReplayHost
from cluster.replay.rate_limiter import SampleToInsertLimiter
from cluster.runs.checkpoints import Checkpoint
from cluster.training.algorithm import IDLE_SECONDS, RunAlgorithm
from cluster.training.config import RunConfig
from cluster.training.learner import export_state, publish_weights, restore_state
from cluster.training.learner_client import LearnerClient, first_result
from envs.latent.rules import LatentRules
from learners.hindsight import Rules
from learners.transitions import TransitionLayout

#: Episodes whose mean return is reported.
EPISODES = 100


class TD3Config(RunConfig[LatentSettings]):
    """Configuration of `TD3`: every setting of `LatentSettings` by its bare name, beside RLlib's own.

    Without `environment` the world is the latent one; any Gymnasium world with bounded Box actions will do.

    Example:
        >>> config = TD3Config().environment("Pendulum-v1").training(actors=2, samples_per_insert=256)
        >>> config.settings.td3.samples_per_insert, config.num_env_runners
        (256, 2)

    Attributes:
        assets: Images and frozen parts of the latent world; the algorithm loads them if they are not given.
        layout: Layout of a transition; the algorithm fills it in when it has seen the world.
    """

    renamed: ClassVar[dict[str, str]] = {
        "lr": "learning_rate",
        "gamma": "discount",
        "train_batch_size_per_learner": "batch",
        "tau": "polyak",
    }

    def __init__(self, algo_class: type | None = None) -> None:
        self.assets: SharedAssets | None = None
        self.layout: TransitionLayout | None = None
        super().__init__(algo_class or TD3, LatentSettings(), "latent-00")

    def use(self, settings: LatentSettings) -> TD3Config:
        """Take all settings of a run, and lay out its actors and learner processes."""
        self.settings = settings
        self.lay_out(settings.system, TransitionRunner, settings.system.worlds)
        return self

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """Return the networks' module."""
        config = {"td3": self.settings.td3, "seed": self.settings.system.seed}
        return RLModuleSpec(module_class=TD3Module, model_config=config)

    def get_default_learner_class(self) -> type:
        """Return the learner."""
        return TD3GroupLearner

    def sink(self) -> Replay:
        """Open the shared replay for an actor's blocks; it waits some minutes for a Redis that is away."""
        assert self.replay is not None
        return Replay(self.replay, wait_s=ACTOR_WAIT_SECONDS)

    def world(self, count: int, seed: int) -> World:
        """Make `count` worlds that reset themselves in the step that ends an episode.

        Args:
            count: Number of worlds.
            seed: Seeds the latent world's draws; other worlds are seeded by their first reset.
        """
        if self.env is None:
            return self.shared_assets().world(self.settings, count, seed)
        return make_gymnasium_worlds(str(self.env), count)

    def probe(self) -> World:
        """Make a single world, as cheap as can be, to ask for its spaces and rules."""
        if self.env is None:
            return self.shared_assets().world(self.settings, 1, 0, few=True)
        return self.world(1, 0)

    def shared_assets(self) -> SharedAssets:
        """Return images and frozen parts of latent worlds; loaded, or trained, at the first call."""
        if self.assets is None:
            self.assets = LatentAssets.load(self.settings).share()
        return self.assets

    def rules(self) -> Rules | None:
        """Return the world's rules, which score and relabel transitions without acting; None if it has none."""
        if self.env is None:
            return self.shared_assets().rules(self.settings)
        world = self.world(1, 0)
        return world if isinstance(world, Rules) else None

    @property
    def prior_spread(self) -> float | None:
        """The prior's standard deviation in units of half the action range; None if the prior is uniform."""
        return 1.0 / self.settings.world.action_range if self.env is None else None


class TD3(RunAlgorithm):
    """TD3 (Fujimoto et al. 2018) with a replay that many actors share; works on any world of a bounded Box.

    An iteration is a second of training. Transitions go from actors through Redis to the learner; the driver only
    requests blocks and updates, in the proportion that `samples_per_insert` sets, and passes references of weights on.

    Attributes:
        limiter: Decides who may go on, actors or learner.
        returns: Returns of the last episodes that ended, with the actors' noise.
    """

    result_key = "td3"
    records_name = "blocks"

    @classmethod
    def get_default_config(cls) -> TD3Config:
        """Return the latent world's configuration."""
        return TD3Config()

    def start(self, config: TD3Config) -> None:
        """Start Redis, actors and the learner group."""
        settings = config.settings
        td3, system = settings.td3, settings.system
        config.layout = self.layout = find_layout(config.probe(), td3.n_step)
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
        self.start_rllib(config)
        self.policy_client = LearnerClient(self.policy_group)
        self.clients.append(self.policy_client)
        self.samples_per_request = td3.batch * td3.updates_per_order * self.policy_client.batches_per_update
        self.publish()

    @property
    def td3_config(self) -> TD3Config:
        """The configuration, by its type."""
        assert isinstance(self.config, TD3Config)
        return self.config

    def publish(self) -> None:
        """Publish the actor's weights that the learner holds now (at the start, and after a restore)."""
        (self.weights,) = first_result(self.policy_group, publish_weights)

    def advance(self) -> None:
        """Request blocks and updates, and take in the results."""
        actors_wait = not self.request_blocks()
        may_learn = self.limiter.may_sample(self.samples_per_request)
        if may_learn and self.policy_client.has_room:
            self.limiter.sampled += self.samples_per_request
            self.policy_client.submit([], progress=self.progress)
        self.meters.note("limiter/actors_wait", float(actors_wait))
        self.meters.note("limiter/learner_waits", float(not may_learn and not self.policy_client.in_flight))
        self.fetch_blocks()
        self.collect()

    def request_blocks(self) -> bool:
        """Ask actors in turn for blocks, as far as the limiter allows; returns False if it stopped them."""
        settings = self.td3_config.settings
        block = settings.system.block
        for actor in self.pool.in_turn():
            in_flight = block * self.pool.in_flight
            if not self.limiter.may_insert(block, in_flight):
                return False
            self.pool.request(
                actor,
                weights=self.weights,
                version=self.policy_updates,
                epoch=self.epoch,
                noise_share=settings.td3.noise_share(self.progress),
                warmup=self.limiter.inserted + in_flight < self.limiter.warmup,
            )
        return True

    def fetch_blocks(self) -> None:
        """Count the blocks that actors have pushed; waits a moment for them, or for the learner."""
        learning = self.policy_client.in_flight > 0
        with self.meters.time("wait"):
            if learning:
                self.policy_client.wait_for_room(IDLE_SECONDS)
            ready = self.pool.fetch(0.0 if learning else IDLE_SECONDS)
        for done in ready:
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
            ReplayUnavailable: The learner found no Redis.
        """
        results = self.policy_client.results()
        while everything and self.policy_client.in_flight:
            results += self.policy_client.results(wait=True)
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

    def drain(self) -> None:
        """Wait for the updates in flight, also those that find no Redis."""
        while self.policy_client.in_flight:
            with contextlib.suppress(ReplayUnavailable):
                self.collect(everything=True)

    def report(self) -> None:
        """Write the iteration's metrics to `latest` and to RLlib's logger."""
        self.meters.take_seconds(learn=self.policy_client)
        self.latest = self.base_metrics() | {
            "limiter/samples_per_insert": self.limiter.sampled / max(1, self.limiter.inserted),
            "limiter/ahead": self.limiter.ahead,
            "episodes": self.episodes,
        }
        if self.returns:
            self.latest["policy/return"] = sum(self.returns) / len(self.returns)
        self.log()

    def make_checkpoint(self, *, replay: bool = True) -> Checkpoint:
        """Return everything that a later process needs to go on; see the base class."""
        checkpoint = super().make_checkpoint(replay=replay)
        checkpoint.documents["counters"] |= {
            "inserted": self.limiter.inserted,
            "sampled": self.limiter.sampled,
            "episodes": self.episodes,
        }
        checkpoint.documents["layout"] = self.layout.columns
        return checkpoint

    def restore_counters(self, counters: dict[str, Any], *, replay: bool) -> None:
        """Restore limiter and episodes. An empty ring (Redis was away) is warmed up as at the start."""
        self.limiter.inserted = int(counters["inserted"]) if replay else 0
        self.limiter.sampled = int(counters["sampled"]) if replay else 0
        self.episodes = int(counters["episodes"])
        self.returns.clear()

    def warm_start(self, checkpoint: Checkpoint, rules: LatentRules) -> None:
        """Begin with another run's networks and replay, see `cluster.latent.warm_start`.

        Raises:
            ValueError: That run does not fit this one.
        """
        system = self.td3_config.settings.system
        blocks = blocks_for(self.layout, checkpoint, rules, system.block, self.replay.spec.capacity, system.seed)
        self.replay.load(blocks, len(blocks))
        state = first_result(self.policy_group, export_state)
        shape = rules.parts.shape
        state["weights"] = transplanted(checkpoint.tensors["policy"], state["weights"], shape.latent, shape.z)
        first_result(self.policy_group, functools.partial(restore_state, state=state))
        self.limiter.inserted = len(blocks) * system.block
        learned = max(0, self.limiter.inserted - self.limiter.warmup)
        self.limiter.sampled = round(learned * self.limiter.ratio)  # neither ahead nor behind
        self.publish()


#: Names of releases before 0.2.
LatentTD3, LatentTD3Config = TD3, TD3Config
