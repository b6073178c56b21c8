"""All settings of a run: what is painted, how it is learned, and on what."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from envs.paint import PaintConfig
from envs.scenes.config import SceneConfig
from envs.spec import ActionSpec
from envs.worlds import WorldConfig
from learners.settings import Conditioning, DiscriminatorSettings, PolicySettings

PresetName = Literal["laptop", "paper"]

#: Named data sets without colour.
GREY = ("mnist", "omniglot")


@dataclass(frozen=True)
class SystemSettings:
    """Where a run gets its data, on what it runs, and how long.

    Attributes:
        data: ``mnist``, ``omniglot``, ``celeba``, ``scenes``, or the path of a folder or zip of images.
        data_dir: folder with data sets that are there already (torchvision's layout); looked into first.
        seed: seeds networks, noise, action sampling and batches. Asynchronous runs still differ in timing.
        minutes: training time after which the run ends, in minutes; decays are stretched over it. 0 for no such limit;
            then ``steps`` is needed. In a population: wall time of the whole, and decays follow ``steps`` alone.
        steps: environment steps after which the run ends; 0 for no such limit.
        actors: Ray actors that paint. More keep a faster learner fed and raise the policy lag.
        canvases: canvases that an actor paints in lock-step, an episode each; its batch.
        random_canvases: further canvases of an actor, with random actions, for hindsight to learn from. A policy's own
            paintings teach it little besides what it paints already; random ones teach everything, most of it
            irrelevant where good pictures are rare among them.
        batches_per_update: batches, of any actors, that a learner takes for one update. With many actors, more and
            smaller batches keep the lag low: an actor's weights are as old as the updates made while it painted.
        policy_learners: processes of the policy learner; 0 learns in the driver.
        discriminator_learners: processes of the discriminator learner; 0 learns in the driver.
        learner_gpus: GPUs of each learner process (or, with 0 processes, of the driver).
        publish_interval: policy updates between two publications of weights to the actors.
        max_lag: policy updates that an acting policy should lie behind at most, beyond those between two
            publications. Actors are not asked for more while the batches on their way would exceed it; what a slow
            actor, overtaken by others, brings with twice that lag is left out. Give several actors 3 each or more.
        replay_batches: capacity of the shared replay in batches of 64 final canvases.
        redis: URL of a shared Redis (``redis://`` or ``rediss://``); empty takes $IMPASTO_REDIS of the driver, where a
            password is seen by nobody, and without it starts one for this run.
        checkpoint_minutes: training time between checkpoints.
        keep_checkpoints: newest checkpoints that are kept, besides the best.
        sample_minutes: training time between contact sheets.
        torch_threads: threads that torch computes with in each learner process.
    """

    data: str = "mnist"
    data_dir: str = ""
    seed: int = 0
    minutes: float = 15.0
    steps: int = 0
    actors: int = 1
    canvases: int = 64
    random_canvases: int = 0
    batches_per_update: int = 1
    policy_learners: int = 0
    discriminator_learners: int = 0
    learner_gpus: float = 0.0
    publish_interval: int = 1
    max_lag: int = 8
    replay_batches: int = 20
    redis: str = ""
    checkpoint_minutes: float = 2.0
    keep_checkpoints: int = 3
    sample_minutes: float = 2.0
    torch_threads: int = 1

    def __post_init__(self) -> None:
        ones = ("actors", "canvases", "batches_per_update", "publish_interval", "max_lag", "replay_batches")
        check_bounds(
            self,
            at_least_one=(*ones, "keep_checkpoints"),
            minutes=("checkpoint_minutes", "sample_minutes"),
            not_negative=("steps", "random_canvases", "policy_learners", "discriminator_learners", "learner_gpus"),
        )

    @property
    def replay_capacity(self) -> int:
        """Final canvases that the shared replay holds."""
        return 64 * self.replay_batches


def check_bounds(
    settings: Any, at_least_one: Sequence[str], minutes: Sequence[str], not_negative: Sequence[str]
) -> None:
    """Check fields by name: counts, durations that may not be 0, numbers that may be; and that something ends the run.

    Raises:
        ValueError: one line that names the field, what was expected, and its value.
    """
    for name in at_least_one:
        if getattr(settings, name) < 1:
            raise ValueError(f"{name}: expected at least 1, got {getattr(settings, name)}")
    for name in minutes:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name}: expected more than 0 minutes, got {getattr(settings, name)}")
    for name in ("minutes", *not_negative):
        if not getattr(settings, name) >= 0:
            raise ValueError(f"{name}: expected 0 or more, got {getattr(settings, name)}")
    if not settings.minutes and not settings.steps:
        raise ValueError(f"minutes: expected more than 0 where steps do not end the run, got {settings.minutes}")


@dataclass(frozen=True)
class SettingsParts:
    """Settings in parts, each a frozen dataclass; the names of their fields are unique, so that a setting can be given
    by its bare name. Subclasses add the parts.

    Attributes:
        kind: of run, in ``config.json``.
    """

    kind: ClassVar[str]

    def replace(self, **values: Any) -> Self:
        """A copy with some settings changed, each by its bare name.

        Raises:
            ValueError: a name that no part has; the message lists the valid ones.
        """
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        owner = {setting.name: name for name, part in parts.items() for setting in dataclasses.fields(part)}
        for name in values:
            if name not in owner:
                raise ValueError(f"{name}: no such setting; valid are {', '.join(sorted(owner))}")
        changed = {
            name: dataclasses.replace(part, **{key: value for key, value in values.items() if owner[key] == name})
            for name, part in parts.items()
        }
        return type(self)(**changed)

    def flat(self) -> dict[str, Any]:
        """All settings by their bare names."""
        parts = (getattr(self, part.name) for part in dataclasses.fields(self))
        return {setting.name: getattr(part, setting.name) for part in parts for setting in dataclasses.fields(part)}

    def to_json(self) -> dict[str, Any]:
        """Nested plain values, as written to ``config.json``, and the kind of run."""
        return {"kind": self.kind} | dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what :meth:`to_json` gave (JSON turns tuples into lists; they are turned back)."""
        flat = {
            key: tuple(value) if isinstance(value, list) else value
            for name, part in values.items()
            if name != "kind"
            for key, value in part.items()
        }
        return cls().replace(**flat)


@dataclass(frozen=True)
class RunSettings(SettingsParts):
    """Everything that decides a run; written to ``config.json`` of its folder.

    Attributes:
        paint: the painting world.
        scene: the scene world, which a run on ``scenes`` acts in.
        policy: the policy and its learner.
        discriminator: the discriminator and its learner.
        system: data, seed, limits, processes.
    """

    kind: ClassVar[str] = "painter"

    paint: PaintConfig = field(default_factory=PaintConfig)
    scene: SceneConfig = field(default_factory=SceneConfig)
    policy: PolicySettings = field(default_factory=PolicySettings)
    discriminator: DiscriminatorSettings = field(default_factory=DiscriminatorSettings)
    system: SystemSettings = field(default_factory=SystemSettings)

    def __post_init__(self) -> None:
        unroll, actions = self.policy.unroll_length, self.world.num_actions
        if self.system.random_canvases and not self.policy.hindsight_weight:
            raise ValueError(
                "random_canvases: only hindsight learns from them; give a hindsight_weight above 0, or none of them"
            )
        if unroll and actions % unroll:
            raise ValueError(f"unroll_length: expected a divisor of the episode's {actions} actions, got {unroll}")
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

    @property
    def world(self) -> WorldConfig:
        """What the run acts in: the scene world for the data set ``scenes``, else the painting world."""
        return self.scene if self.system.data == "scenes" else self.paint

    @property
    def record_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of what the replay keeps of a painting: the canvas, beside its target if it has one, and, for a
        joint discriminator, its actions."""
        height, width, channels = self.world.canvas_shape
        return height, width, channels * (2 if self.policy.conditional else 1) + (self.conditioning == "joint")

    @property
    def discriminator_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of what the discriminator sees: a pair's channels, or one image."""
        return self.record_shape if self.conditioning == "pair" else self.world.canvas_shape

    @property
    def conditioning(self) -> Conditioning | None:
        """What the discriminator sees of a conditional painter; None for a free one."""
        return self.discriminator.conditioning if self.policy.conditional else None

    @property
    def joint(self) -> tuple[ActionSpec, int] | None:
        """Action spec and number of actions for a joint discriminator; None for others."""
        return (self.world.action_spec, self.world.num_actions) if self.conditioning == "joint" else None


def preset(name: PresetName, data: str = "mnist") -> RunSettings:
    """The settings that a preset starts from.

    ``paper``: SPIRAL as published (unconditional, 19 strokes, 64x64, the published policy, WGAN-GP).
    ``laptop``: five actions, up to four strokes of a pen, 32x32 observations, networks for CPUs, spectral norm with
    hinge loss.
    """
    grey = data in GREY
    if name == "paper":
        return RunSettings(paint=PaintConfig(color=not grey), policy=PolicySettings(), system=SystemSettings(data=data))
    return RunSettings(
        paint=PaintConfig(
            observation_size=32,
            grid=16,
            episode_length=6,
            brush="classic/pen",
            brush_sizes=(1.0, 2.0),
            pressure_levels=1,
            color=not grey,
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
        system=SystemSettings(data=data, canvases=128, max_lag=4),
    )
