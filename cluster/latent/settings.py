"""All settings of a run in the latent world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from cluster.runs.settings import RunSettings, SystemSettings
from envs.latent import LatentConfig
from envs.latent.data import NAMES as NAMED_DATA
from envs.ranges import Count, NotNegative, Positive
from learners.latent_parts.settings import PartsSettings
from learners.settings import TD3Settings


@dataclass(frozen=True)
class TD3SystemSettings(SystemSettings):
    """Data, limits and processes of a run of TD3.

    Attributes:
        data: `mnist`, `fashion-mnist`, `kmnist`, or the path of a folder of images.
        image_size: Side in pixels to which a folder's images are scaled; data sets known by name keep theirs. Larger
            shows more and takes longer; usual: 28 to 64.
        image_channels: Channels of a folder's images, 1 (gray) or 3 (color).
        worlds: Worlds that an actor steps at once. More use the CPU better and act with older weights; usual: 32 to
            512.
        block: Transitions that an actor sends to the replay at once, a multiple of `worlds`. Larger blocks cost less to
            move and come from weights of a greater age; usual: 64 to 1 024.
    """

    minutes: NotNegative = 8.0
    keep_checkpoints: Count = 2
    sample_minutes: Positive = 1.0
    image_size: Annotated[int, Interval(ge=1, le=1024)] = 32
    image_channels: Literal[1, 3] = 1
    worlds: Count = 256
    block: Count = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block % self.worlds:
            raise ValueError(f"block: expected a multiple of worlds ({self.worlds}), got {self.block}")


@dataclass(frozen=True)
class LatentSettings(RunSettings):
    """Everything that decides a run; written to `config.json` of its folder.

    Attributes:
        world: Tasks and rewards.
        td3: The agent and its learner.
        parts: Training of the frozen parts.
        system: Data, seed, limits, processes.
    """

    kind: ClassVar[str] = "latent"
    kind_phrase: ClassVar[str] = "one of `impasto train latent`"
    named_data: ClassVar[frozenset[str]] = frozenset(NAMED_DATA)

    world: LatentConfig = field(default_factory=LatentConfig)
    td3: TD3Settings = field(default_factory=TD3Settings)
    parts: PartsSettings = field(default_factory=PartsSettings)
    system: TD3SystemSettings = field(default_factory=TD3SystemSettings)
