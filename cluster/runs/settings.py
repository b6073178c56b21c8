"""Settings that every kind of run has, and how `config.json` holds them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from cluster.runs.redaction import without_password
from envs.ranges import Count, Natural, NotNegative, Positive, check_ranges

#: Settings that may be paths.
PATHS = ("data", "data_dir", "brush")


@dataclass(frozen=True)
class SystemSettings:
    """Data, limits and processes of a run.

    Attributes:
        data: Data set by name, or the path of a folder or zip of images.
        data_dir: Folder with data sets that are there already (torchvision's layout); looked into first.
        seed: Seeds networks, noise, action sampling and batches. Asynchronous runs still differ in timing.
        minutes: Training time after which the run ends, in minutes; decays are stretched over it. 0 sets no such limit;
            then `steps` is needed. In a population it is the wall time of the whole, and decays follow `steps` alone.
        steps: Environment steps after which the run ends; 0 sets no such limit.
        actors: Ray actors. More keep a faster learner fed, need more CPUs, and raise the policy lag; usual: a CPU each,
            up to those of the cluster.
        policy_learners: Processes of the policy's learner; 0 learns in the driver. More share each update and cost
            transfers; usual: 0 or 1, more only on several GPUs.
        learner_gpus: GPUs of each learner process (or, with 0 processes, of the driver). A fraction lets learners share
            one; usual: 0, 0.5 or 1.
        tf32: Let GPUs multiply float32 in TF32, with 10 bits of fraction. Faster where learners compute in float32, and
            less exact; bfloat16 is not touched, nor are CPUs.
        cudnn_benchmark: Let cuDNN try its ways to convolve at the first update, and keep the fastest. The first update
            takes longer, and two runs may round differently; without effect on CPUs.
        redis: URL of a shared Redis (`redis://` or `rediss://`); empty takes $IMPASTO_REDIS of the driver, which keeps
            a password out of sight, and without it starts a Redis for this run.
        checkpoint_minutes: Training time between checkpoints, in minutes. Less loses less in a crash and writes more;
            usual: 1 to 30.
        keep_checkpoints: Newest checkpoints that are kept, besides the best. More take more disk; usual: 2 to 5.
        sample_minutes: Training time between evaluations of the policy (contact sheets, score), in minutes. Less shows
            more and trains less; usual: 1 to 30.
        torch_threads: Threads that torch computes with in each learner process. More than 1 is slower if other
            processes use the same cores; usual: 1, or the cores that are left.
        wandb: Project at Weights & Biases that the run's numbers are sent to as well; with WANDB_MODE=offline they stay
            here.
        mlflow: Experiment of MLflow that the run's numbers are sent to as well, at $MLFLOW_TRACKING_URI.
    """

    data: str = "mnist"
    data_dir: str = ""
    seed: Natural = 0
    minutes: NotNegative = 15.0
    steps: Natural = 0
    actors: Count = 1
    policy_learners: Natural = 0
    learner_gpus: NotNegative = 0.0
    tf32: bool = False
    cudnn_benchmark: bool = True
    redis: str = ""
    checkpoint_minutes: Positive = 2.0
    keep_checkpoints: Count = 3
    sample_minutes: Positive = 2.0
    torch_threads: Count = 1
    wandb: str = ""
    mlflow: str = ""

    @property
    def data_folder(self) -> Path | None:
        """`data_dir` as a path; None if none is given."""
        return Path(self.data_dir) if self.data_dir else None

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.redis and not self.redis.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("redis: expected redis://HOST:PORT/DB or rediss://...")  # it may hold a password
        if self.learner_gpus > 1 and self.learner_gpus % 1:
            raise ValueError(f"learner_gpus: expected a share of one GPU or a whole number, got {self.learner_gpus:g}")
        learners = max(self.policy_learners, getattr(self, "discriminator_learners", 0))
        if 0 < self.learner_gpus < 1 and learners > 1:
            raise ValueError(
                f"learner_gpus: {learners} learners of one network average gradients by NCCL, which wants a whole GPU "
                f"for each, got {self.learner_gpus:g}; give 1, or one learner"
            )
        if not self.minutes and not self.steps:
            raise ValueError("minutes: expected more than 0 if steps do not end the run, got 0")


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run in parts, each a frozen dataclass; subclasses add the parts.

    The names of the parts' fields are unique, so that a setting can be given by its bare name.

    Attributes:
        kind: Kind of run, in `config.json`.
        kind_phrase: The same in an error, after "not".
        named_data: Names of data sets, which a file of the same name in the working directory does not replace.
    """

    kind: ClassVar[str]
    kind_phrase: ClassVar[str]
    named_data: ClassVar[frozenset[str]]

    def replace(self, **values: Any) -> Self:
        """Return a copy with some settings changed, each by its bare name.

        Raises:
            ValueError: A name that no part has; the message lists the valid ones.
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
        """Return all settings by their bare names."""
        parts = (getattr(self, part.name) for part in dataclasses.fields(self))
        return {setting.name: getattr(part, setting.name) for part in parts for setting in dataclasses.fields(part)}

    def to_json(self) -> dict[str, Any]:
        """Return nested plain values, as written to `config.json`, and the kind of run."""
        return {"kind": self.kind} | dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read the settings that `to_json` returned (JSON turns tuples into lists; they become tuples again)."""
        flat = {
            key: tuple(value) if isinstance(value, list) else value
            for name, part in values.items()
            if name != "kind"
            for key, value in part.items()
        }
        return cls().replace(**flat)

    def storable(self) -> dict[str, Any]:
        """Return the settings as `config.json` holds them: paths that work from any folder, and no password."""
        given = self.flat()
        changes = {"redis": without_password(given["redis"])}
        for name in PATHS:
            value = given.get(name)
            if value and not (name == "data" and value in self.named_data) and Path(value).exists():
                changes[name] = str(Path(value).resolve())
        if task := given.get("task"):
            changes["task"] = ",".join(absolute_task(part.strip()) for part in task.split(","))
        return self.replace(**changes).to_json()


def absolute_task(task: str) -> str:
    """Return a task of the latent world; the file of `FILE.py:CLASS` gets its whole path."""
    file, _, name = task.rpartition(":")
    return f"{Path(file).resolve()}:{name}" if file.endswith(".py") else task
