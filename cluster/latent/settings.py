"""All settings of a run in the latent world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cluster.painter.settings import SettingsParts, check_bounds
from envs.latent import LatentConfig
from learners.latent_parts.settings import PartsSettings
from learners.settings import TD3Settings


@dataclass(frozen=True)
class LatentSystemSettings:
    """On what a run goes on, and how long.

    Attributes:
        data: ``mnist``, ``fashion-mnist``, ``kmnist``, or the path of a folder of images.
        data_dir: folder with data sets that are there already (torchvision's layout); looked into first.
        image_size: side that a folder's images are brought to; data sets known by name keep theirs.
        image_channels: of a folder's images, 1 (grey) or 3 (colour).
        seed: seeds networks, noise and batches. Asynchronous runs still differ in timing.
        minutes: training time after which the run ends, in minutes; decays are stretched over it. 0 for no such limit.
        steps: environment steps stored after which the run ends; 0 for no such limit.
        actors: Ray actors that act. More feed a faster learner, and need more CPUs.
        worlds: worlds that an actor steps at once.
        block: transitions that an actor sends to the replay at once, a multiple of ``worlds``. Larger blocks cost less
            to move and come from weights of a greater age.
        policy_learners: processes of the learner; 0 learns in the driver.
        learner_gpus: GPUs of each learner process (or, with 0 processes, of the driver).
        redis: URL of a shared Redis (``redis://`` or ``rediss://``); empty takes $IMPASTO_REDIS of the
            driver, and where that is not set starts one for this run.
        checkpoint_minutes: training time between checkpoints.
        keep_checkpoints: newest checkpoints that are kept, besides the best.
        sample_minutes: training time between looks at what the policy does without noise.
        torch_threads: threads that torch computes with in each learner process.
    """

    data: str = "mnist"
    data_dir: str = ""
    image_size: int = 32
    image_channels: Literal[1, 3] = 1
    seed: int = 0
    minutes: float = 8.0
    steps: int = 0
    actors: int = 1
    worlds: int = 256
    block: int = 256
    policy_learners: int = 0
    learner_gpus: float = 0.0
    redis: str = ""
    checkpoint_minutes: float = 2.0
    keep_checkpoints: int = 2
    sample_minutes: float = 1.0
    torch_threads: int = 1

    def __post_init__(self) -> None:
        check_bounds(
            self,
            at_least_one=("image_size", "actors", "worlds", "block", "keep_checkpoints"),
            minutes=("checkpoint_minutes", "sample_minutes"),
            not_negative=("steps", "policy_learners", "learner_gpus"),
        )
        if self.block % self.worlds:
            raise ValueError(f"block: expected a multiple of worlds ({self.worlds}), got {self.block}")


@dataclass(frozen=True)
class LatentSettings(SettingsParts):
    """Everything that decides a run; written to ``config.json`` of its folder.

    Attributes:
        world: tasks and rewards.
        td3: the agent and its learner.
        parts: the frozen parts' training.
        system: data, seed, limits, processes.
    """

    kind: ClassVar[str] = "latent"

    world: LatentConfig = field(default_factory=LatentConfig)
    td3: TD3Settings = field(default_factory=TD3Settings)
    parts: PartsSettings = field(default_factory=PartsSettings)
    system: LatentSystemSettings = field(default_factory=LatentSystemSettings)
