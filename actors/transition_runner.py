"""Ray actor of an off-policy run, which sends blocks of transitions to the shared replay."""

from __future__ import annotations

from typing import Any

from actors.runner import BatchRunner
from actors.sink import RecordSink
from actors.stopwatch import Stopwatch
from actors.transition_rollout import ActionRange, TransitionRollout, ladder, observation_size
from learners.networks.td3 import Actor
from learners.networks.weights import FlatWeights
from learners.settings import TD3Settings


class TransitionRunner(BatchRunner):
    """Environment runner of an off-policy run.

    It acts in many worlds at once and pushes blocks of transitions to the shared replay; the driver gets counts only.

    Args:
        config: has `settings`, `layout`, `prior_spread`, `world(count, seed)` and `sink()`, as TD3's configuration has.
        kwargs: for RLlib's `EnvRunner`.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.td3: TD3Settings = config.settings.td3
        system = config.settings.system
        self.steps = system.block // system.worlds
        place = min(self.index, config.num_env_runners)  # an actor that was added later acts like the last
        self.ladder = ladder(place, config.num_env_runners, self.td3.noise_ladder)
        seed = int(self.identity.seeds.generate_state(1)[0])
        self.blocks = int(self.identity.seeds.generate_state(2)[1])  # the blocks' identities count up from here
        self.world = config.world(system.worlds, seed)
        size = observation_size(self.world.single_observation_space)
        self.policy = Actor(size, ActionRange(self.world.single_action_space).size, self.td3.hidden)
        self.rollout = TransitionRollout(
            self.world,
            self.policy,
            config.layout,
            discount=self.td3.discount,
            n_step=self.td3.n_step,
            prior_spread=config.prior_spread,
            seed=seed,
        )
        self.sink: RecordSink = config.sink()

    def sample_refs(
        self,
        weights: FlatWeights | None = None,
        version: int = -1,
        epoch: int = 0,
        noise_share: float = 1.0,
        warmup: bool = False,
    ) -> dict[str, Any]:
        """Act for one block and push it.

        Args:
            weights: see `BatchRunner.sample_refs`, as for `version` and `epoch`; not needed during the warm-up.
            version: updates behind `weights`.
            epoch: number of checkpoints that the algorithm has restored.
            noise_share: factor in [0, 1] that the schedule applies to the exploration noise now.
            warmup: draw all actions from the prior.

        Returns:
            The report of every runner, `returns` (of the episodes that ended) and `noise` (its standard deviation).
        """
        watch = self.rollout.watch = Stopwatch()
        self.rollout.finished.clear()
        self.take_weights(weights, version, epoch)
        if not warmup:
            self.require_weights()
        watch.lap("transfer")
        noise = self.td3.exploration_noise * self.ladder * noise_share
        columns = self.rollout.block(self.steps, noise, 1.0 if warmup else self.td3.prior_share)
        watch.start()
        self.blocks = (self.blocks + 1) % 2**32
        self.sink.push(self.rollout.layout.pack(columns, self.blocks)[None])
        watch.lap("transfer")
        return self.report(len(columns["action"]), watch.seconds, returns=list(self.rollout.finished), noise=noise)
