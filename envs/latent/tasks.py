"""Tasks: what an agent is asked to do, as a score of the outcome. A new task is a new score, nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.latent.features import Outcome, Source
from envs.latent.scoring import Scorer

KINDS: dict[str, Callable[[int, int], int]] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
_ADVICE = (
    "give add:K, sub:K or mul:K (K 0 to 9; with :clip to saturate instead of wrapping), all, all:clip, or FILE.py:CLASS"
)


@runtime_checkable
class Task(Protocol):
    """A task of a user's own; its constructor takes no arguments.

    Example:
        A task that asks for as little ink as the classifier still reads as the same digit.

        >>> class Thrifty:
        ...     name = "thrifty"
        ...
        ...     def score(self, outcome, source, scorer):
        ...         ink = outcome.measures[:, 1] / source.measures[:, 1].clamp(min=1)
        ...         return scorer.shown_as(outcome, source.label) - 0.5 * ink
        >>> isinstance(Thrifty(), Task)
        True

        Saved in `own.py` it is trained by `impasto train latent --task own.py:Thrifty`.
    """

    @property
    def name(self) -> str:
        """Name on the command line and in reports; a plain attribute will do."""
        ...

    def score(self, outcome: Outcome, source: Source, scorer: Scorer) -> Tensor:
        """Score N outcomes, float32 [N] of order one; higher is better. The baselines need it differentiable."""
        ...


@dataclass(frozen=True)
class ArithmeticTask:
    """A task that asks for the class that arithmetic on the input's class gives, in the input's hand.

    Attributes:
        kind: one of `KINDS`.
        operand: K.
        clip: saturate at the first and last class instead of wrapping around.
        classes: number of classes; results wrap modulo this.
    """

    kind: str
    operand: int
    clip: bool = False
    classes: int = 10

    @property
    def name(self) -> str:
        """Name as on the command line."""
        return f"{self.kind}:{self.operand}" + (":clip" if self.clip else "")

    @property
    def targets(self) -> tuple[int, ...]:
        """Class asked for, by the input's class."""
        results = (KINDS[self.kind](label, self.operand) for label in range(self.classes))
        return tuple(min(max(r, 0), self.classes - 1) if self.clip else r % self.classes for r in results)

    def score(self, outcome: Outcome, source: Source, scorer: Scorer) -> Tensor:
        """Score N outcomes: p(target) + realism + similarity to the input, float32 [N]."""
        target = torch.tensor(self.targets)[source.label]
        return scorer.shown_as(outcome, target) + scorer.realism(outcome) + scorer.kept(outcome, source, target)


class TaskSet:
    """The tasks that a policy can be told, and those of them that a world asks for.

    An arithmetic task brings its whole family (all operands), because any outcome is then right for one of them: this
    makes hindsight relabeling possible (Andrychowicz et al. 2017).
    """

    def __init__(self, tasks: Sequence[Task], asked: Sequence[int], classes: int) -> None:
        self.tasks = tuple(tasks)
        self.asked: NDArray[np.int64] = np.array(asked, np.int64)
        self.encoding: NDArray[np.float32] = np.eye(len(tasks), dtype=np.float32)
        targets = [t.targets if isinstance(t, ArithmeticTask) else (-1,) * classes for t in tasks]
        self.targets: NDArray[np.int64] = np.array(targets, np.int64).reshape(len(tasks), classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all tasks that can be told, in the order of the encoding."""
        return tuple(task.name for task in self.tasks)

    def index(self, name: str) -> int:
        """Number of a task.

        Raises:
            ValueError: the policy can not be told this task; the message lists the valid names.
        """
        if name not in self.names:
            raise ValueError(f"task {name!r}: not among those that were trained: {', '.join(self.names)}")
        return self.names.index(name)

    def score(self, outcome: Outcome, source: Source, task: NDArray[np.int64], scorer: Scorer) -> Tensor:
        """Score each row by its own task (int64 [N], numbers of tasks): float32 [N]."""
        total = torch.zeros_like(outcome.realism)
        for number in np.unique(task):
            rows = torch.from_numpy(np.flatnonzero(task == number))
            part = Outcome(*(getattr(outcome, name)[rows] for name in Outcome.__dataclass_fields__))
            given = Source(*(getattr(source, name)[rows] for name in Source.__dataclass_fields__))
            total = total.index_copy(0, rows, self.tasks[number].score(part, given, scorer))
        return total

    def relabel(
        self, shown: NDArray[np.int64], label: NDArray[np.int64], task: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Choose tasks that the outputs would have been right for.

        Args:
            shown: int64 [N], the class of the output.
            label: int64 [N], the class of the input.
            task: int64 [N], the task that was asked; kept if no task asks for the class of the output.
            rng: chooses among several tasks that do.

        Returns:
            int64 [N], numbers of tasks.
        """
        if not self.targets.size:
            return task
        right = shown[:, None] == self.targets[:, label].T
        choice = np.where(right, rng.random(right.shape), -1.0).argmax(axis=1)
        return np.where(right.any(axis=1), choice, task)


def parse_tasks(specification: str, classes: int) -> TaskSet:
    """Parse tasks of the command line.

    Args:
        specification: `add:K`, `sub:K`, `mul:K`, with `:clip` to saturate; `all` or `all:clip` for every add task;
            `FILE.py:CLASS` or `MODULE:CLASS` for a user's own `Task`; several separated by commas.
        classes: number of classes of the data; arithmetic wraps modulo this.

    Raises:
        ValueError: one line that says what was wrong.

    Example:
        >>> tasks = parse_tasks("add:1,sub:2", classes=10)
        >>> [tasks.names[number] for number in tasks.asked]
        ['add:1', 'sub:2']
        >>> tasks.tasks[1].targets  # of add:1, by the input's class
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 0)
    """
    tasks: list[Task] = []
    asked: list[int] = []
    for part in (piece.strip() for piece in specification.split(",")):
        words = part.split(":")
        clip = words[-1] == "clip"
        head = words[:-1] if clip else words
        if head == ["all"] or head[0] in KINDS:
            kind = "add" if head == ["all"] else head[0]
            if not classes:
                raise ValueError(f"task {part!r}: needs data with labels; give a task of your own, FILE.py:CLASS")
            operands = range(classes) if head == ["all"] else [_operand(part, head, classes)]
            wanted = {ArithmeticTask(kind, operand, clip, classes).name for operand in operands}
            family: list[Task] = [ArithmeticTask(kind, operand, clip, classes) for operand in range(classes)]
        else:
            family = [load_task(part)]
            wanted = {family[0].name}
        known = {task.name for task in tasks}
        tasks += [task for task in family if task.name not in known]
        asked += [i for i, task in enumerate(tasks) if task.name in wanted]
    return TaskSet(tasks, sorted(set(asked)), classes)


def _operand(part: str, words: list[str], classes: int) -> int:
    if len(words) != 2 or not words[1].isdecimal() or int(words[1]) >= classes:
        raise ValueError(f"task {part!r}: expected an operand from 0 to {classes - 1}; {_ADVICE}")
    return int(words[1])


def load_task(specification: str) -> Task:
    """Load a user's task, `FILE.py:CLASS` or `MODULE:CLASS`, which runs the user's code.

    Raises:
        ValueError: there is none; one line that says why.
    """
    where, _, name = specification.rpartition(":")
    if not where or not name.isidentifier():
        raise ValueError(f"unknown task {specification!r}; {_ADVICE}")
    try:
        if where.endswith(".py"):
            found = importlib.util.spec_from_file_location(Path(where).stem, Path(where).resolve())
            if found is None or found.loader is None:
                raise ImportError("not a Python file")
            module = importlib.util.module_from_spec(found)
            found.loader.exec_module(module)
        else:
            module = importlib.import_module(where)
    except Exception as error:  # whatever the user's file raises
        raise ValueError(f"task {specification!r}: {where} can not be imported: {error!r}") from error
    kind = getattr(module, name, None)
    if not inspect.isclass(kind):
        raise ValueError(f"task {specification!r}: {where} has no class {name}")
    try:
        task = kind()
    except Exception as error:
        raise ValueError(f"task {specification!r}: {name}() failed: {error!r}") from error
    if not isinstance(task, Task):
        raise ValueError(f"task {specification!r}: {name} needs `name` and `score(outcome, source, scorer)`")
    return task
