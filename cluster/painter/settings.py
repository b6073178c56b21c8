"""Settings of a painter's run: world, learners, system; and the presets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from cluster.runs.settings import RunSettings, SystemSettings
from envs.datasets import NAMES as NAMED_DATA
from envs.paint import PaintConfig
from envs.ranges import Count, Natural
from envs.scenes.config import SceneConfig
from envs.spec import ActionSpec
from envs.worlds import WorldConfig
from learners.search_settings import SearchSettings
from learners.settings import Conditioning, DiscriminatorSettings, PolicySettings

PresetName = Literal["laptop", "paper", "search"]
Inference = Literal["actor", "server"]

#: Named data sets without color.
GRAY = ("mnist", "omniglot")


@dataclass(frozen=True)
class PainterSystemSettings(SystemSettings):
    """Data, limits and processes of a painter's run.

    Attributes:
        data: `mnist`, `omniglot`, `celeba`, `pictures`, `scenes`, or the path of a folder or zip of images.
        canvases: Canvases that an actor paints in lock-step, an episode each; its batch. More use the CPU better and
            make each batch older; usual: 8 to 128.
        random_canvases: Further canvases of an actor, with random actions, for hindsight to learn from. A policy's own
            paintings teach it little besides what it paints already; random ones teach everything, most of it
            irrelevant if good pictures are rare among them; usual: 0, or as many as `canvases`.
        batches_per_update: Batches, of any actors, that a learner takes for one update. With many actors, more and
            smaller batches keep the lag low: an actor's weights are as old as the updates made while it painted; usual:
            1 to 8.
        inference: `actor` computes the policy in each actor. `server` computes it in one process on each node, in
            batches of many actors' canvases: actors then take less memory, and weights change within an episode.
        inference_threads: Threads that each inference service computes with, if `inference` is `server`, and CPUs that
            it reserves. More are faster on free cores; usual: 1, or the cores that learners leave free.
        inference_batch: Canvases that an inference service takes at once, at most, unless one actor has more. More cost
            less each, take memory and answer the first that asked later; usual: 64 to 1024.
        discriminator_learners: Processes of the discriminator's learner; 0 learns in the driver. More share each update
            and cost transfers; usual: 0 or 1, more only on several GPUs.
        publish_interval: Policy updates between two publications of weights to the actors. More cost less and make the
            acting policy older; usual: 1.
        discriminator_publish_interval: Discriminator updates between two publications of its weights to the policy's
            learner. More cost less, on a GPU above all, and pay the policy by an older discriminator; usual: 1 to 10.
        max_lag: Policy updates that an acting policy should lie behind at most, beyond those between two publications.
            Actors are not asked for more while the batches in flight would exceed it; a batch of a slow actor that was
            overtaken by twice that lag is left out. Higher keeps actors busier and learns from older policies; usual:
            4, and 3 or more for each of several actors.
        replay_batches: Capacity of the shared replay in units of 64 final canvases, whatever `canvases` is. More shows
            the discriminator older paintings; usual: 2 to 50.
    """

    canvases: Count = 64
    random_canvases: Natural = 0
    batches_per_update: Count = 1
    inference: Inference = "actor"
    inference_threads: Count = 1
    inference_batch: Count = 256
    discriminator_learners: Natural = 0
    publish_interval: Count = 1
    discriminator_publish_interval: Count = 1
    max_lag: Count = 8
    replay_batches: Count = 20

    @property
    def replay_capacity(self) -> int:
        """Final canvases that the shared replay holds."""
        return 64 * self.replay_batches


@dataclass(frozen=True)
class PainterSettings(RunSettings):
    """All settings of a painter's run; written to `config.json` of its folder.

    Attributes:
        paint: The painting world.
        scene: The scene world, in which a run on `scenes` acts.
        policy: The policy and its learner.
        discriminator: The discriminator and its learner.
        search: The search inside the actors, if there is one, and how the policy learns from it.
        system: Data, seed, limits, processes.
    """

    kind: ClassVar[str] = "painter"
    kind_phrase: ClassVar[str] = "a painter's"
    named_data: ClassVar[frozenset[str]] = frozenset({*NAMED_DATA, "scenes"})

    paint: PaintConfig = field(default_factory=PaintConfig)
    scene: SceneConfig = field(default_factory=SceneConfig)
    policy: PolicySettings = field(default_factory=PolicySettings)
    discriminator: DiscriminatorSettings = field(default_factory=DiscriminatorSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    system: PainterSystemSettings = field(default_factory=PainterSystemSettings)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read the settings that `to_json` returned.

        Runs from before `brush_defaults` have painted with 0 for all that their brush's file leaves out.
        """
        return super().from_json(values | {"paint": {"brush_defaults": False} | values.get("paint", {})})

    def __post_init__(self) -> None:
        unroll, actions = self.policy.unroll_length, self.world.num_actions
        if self.system.random_canvases and not self.policy.hindsight_weight:
            raise ValueError(
                "random_canvases: only hindsight learns from them; give a hindsight_weight above 0, or none of them"
            )
        if unroll and actions % unroll:
            raise ValueError(f"unroll_length: expected a divisor of the episode's {actions} actions, got {unroll}")
        if self.search.candidates:
            self.check_search()
            if self.system.inference == "server":
                raise ValueError("inference: a search needs the policy in its actors; give actor, or candidates 0")
        if self.conditioning == "joint":
            size, _, _ = self.world.canvas_shape
            if self.policy.reward != "final" or unroll:
                raise ValueError(
                    "conditioning: joint judges finished paintings; it needs reward final, unroll_length 0"
                )
            if 2 * actions * len(self.world.action_spec.components) > size * size:
                raise ValueError(
                    f"conditioning: joint takes at most {size * size} bytes of actions; use shorter episodes"
                )

    def check_search(self) -> None:
        """Raises ValueError, one line, if actors can not search under these settings."""
        if not self.policy.conditional or self.system.data == "scenes":
            raise ValueError(
                "candidates: a search needs a target to come near to; give conditional True, or candidates 0"
            )
        if self.paint.strokes != "free" or self.paint.history:
            raise ValueError(
                "candidates: a search needs free strokes and no history; give strokes free, or candidates 0"
            )
        if self.policy.hindsight_weight or self.conditioning == "joint":
            raise ValueError("candidates: a search goes with hindsight_weight 0, and conditioning pair or complement")

    @property
    def discriminator_pays(self) -> bool:
        """True if the policy learns from the discriminator's score, or a search looks for it."""
        if self.search.candidates and not self.search.reinforcement:
            return self.search.search_score != "pixels"
        return self.policy.reward_source != "l2"

    @property
    def target_size(self) -> int:
        """Pixels each way of the images that targets are made of.

        A search wants them as large as the canvas, or as the largest one of which it enlarges parts.
        """
        if not self.search.candidates:
            return self.world.canvas_shape[0]
        return int(self.paint.canvas_size * 2**self.search.zoom_episodes)

    @property
    def world(self) -> WorldConfig:
        """The world that the run acts in: the scene world for the data set `scenes`, else the painting world."""
        return self.scene if self.system.data == "scenes" else self.paint

    @property
    def record_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of a painting's record in the replay.

        The record is the canvas, beside its target if it has one, and, for a joint discriminator, its actions.
        """
        height, width, channels = self.world.canvas_shape
        return height, width, channels * (2 if self.policy.conditional else 1) + (self.conditioning == "joint")

    @property
    def discriminator_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the discriminator's input: a pair's channels, or one image."""
        return self.record_shape if self.conditioning == "pair" else self.world.canvas_shape

    @property
    def conditioning(self) -> Conditioning | None:
        """Form in which the discriminator sees a conditional painter's work; None for a free painter."""
        return self.discriminator.conditioning if self.policy.conditional else None

    @property
    def joint(self) -> tuple[ActionSpec, int] | None:
        """Action spec and number of actions for a joint discriminator; None for others."""
        return (self.world.action_spec, self.world.num_actions) if self.conditioning == "joint" else None


def preset(name: PresetName, data: str = "mnist") -> PainterSettings:
    """Return the settings that a preset starts from.

    `paper`: SPIRAL as published (unconditional, 19 strokes, 64x64, the published policy, WGAN-GP).
    `laptop`: five actions, up to four strokes of a pen, 32x32 observations, networks for CPUs, spectral norm with
    hinge loss.
    `search`: reproduces with free strokes, 100 of a soft brush in color or up to eight
    of a pen (twelve for characters), which actors search.
    """
    if name == "search":
        return search_preset(data)
    gray = data in GRAY
    if name == "paper":
        return PainterSettings(
            paint=PaintConfig(color=not gray), policy=PolicySettings(), system=PainterSystemSettings(data=data)
        )
    return PainterSettings(
        paint=PaintConfig(
            observation_size=32,
            grid=16,
            episode_length=6,
            brush="classic/pen",
            brush_sizes=(1.0, 2.0),
            pressure_levels=1,
            fixed_pressure=0.5,
            color=not gray,
            first_is_move=True,
        ),
        policy=PolicySettings(
            network="laptop",
            policy_learning_rate=6e-4,
            policy_final_learning_rate=5e-5,
            policy_warmup_updates=200,
            policy_betas=(0.9, 0.99),
            policy_adam_epsilon=1e-6,
            gradient_clip=1.0,
            entropy_cost=1e-2,
            final_entropy_cost=7e-4,
            entropy_floor=2.5,
            normalize_reward=True,
            advantage_floor=0.2,
        ),
        discriminator=DiscriminatorSettings(
            adversary="hinge",
            spectral_norm=True,
            discriminator_width=32,
            discriminator_learning_rate=3e-4,
            discriminator_betas=(0.5, 0.999),
            centering_weight=0.0,
        ),
        system=PainterSystemSettings(data=data, canvases=128, max_lag=4),
    )


def search_preset(data: str) -> PainterSettings:
    """The preset `search`; the discriminator is as the laptop's."""
    gray = data in GRAY
    start = preset("laptop", data).replace(
        strokes="free",
        first_is_move=False,
        grid=64,
        conditional=True,
        network="line" if gray else "picture",
        reward="difference",
        reward_source="l2",
        policy_learning_rate=1e-3,
        policy_final_learning_rate=3e-5,
        policy_warmup_updates=10,
        gradient_clip=5.0,
        candidates=28,
        variations=10,
        canvases=64,
        max_lag=2,
    )
    if gray:
        # Characters have more and thinner lines than digits: with the digits' sizes the unlearned best of 128 is at
        # 0.245 of an empty canvas's L2 after eleven lines, with (0.6, 0.8, 1.0, 1.3) at 0.146.
        lines, sizes = (12, (0.45, 0.6, 0.8, 1.0, 1.3)) if data == "omniglot" else (8, (0.8, 1.1, 1.5, 2.1, 3.0))
        return start.replace(episode_length=lines + 1, brush_sizes=sizes, candidates=40, variations=16)
    return start.replace(
        observation_size=64,
        episode_length=101,
        brush="classic/dry_brush",
        brush_sizes=(1.0, 1.454, 2.115, 3.075, 4.472, 6.503, 9.457, 13.753, 20.0),
        color_levels=64,
        fixed_pressure=0.8,
        unroll_length=10,
        zoom_episodes=int(data == "pictures"),
        # An update finishes few paintings, as it sees a piece of each: more would be of policies long gone.
        replay_batches=4,
    )
