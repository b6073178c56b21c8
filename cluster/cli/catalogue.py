"""Every command: its group, its line in the help, its arguments and its function."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Command:
    """One command. Arguments and function are imported when it is called, so that help does not wait for torch and Ray.

    Attributes:
        group: Heading in `impasto --help`; empty hides it.
        about: Line in `impasto --help`.
        arguments: Module in `cluster.cli.arguments` and dataclass.
        function: Module in `cluster.cli` and function; it takes the dataclass and returns an exit status.
    """

    group: str
    about: str
    arguments: str
    function: str

    def load_arguments(self) -> type[Any]:
        """Import the dataclass of its arguments."""
        kind: type[Any] = load(f"cluster.cli.arguments.{self.arguments}")
        return kind

    def load_function(self) -> Any:
        """Import its function."""
        return load(f"cluster.cli.{self.function}")


def load(path: str) -> Any:
    """Import the object that `MODULE:NAME` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


TRAIN, USE, WATCH, CLUSTER, PAPERS = (
    "Train",
    "Use what was trained",
    "Watch and compare",
    "On a cluster",
    "The papers' experiments, and measuring",
)

COMMANDS = {
    "train": Command(TRAIN, "train a painter of digits, faces, scenes or your images", "training:Train", "train:train"),
    "train latent": Command(TRAIN, "train an agent that steers a GAN", "latent:TrainLatent", "train:train_latent"),
    "tune": Command(TRAIN, "train a population whose settings evolve", "training:Tune", "population:tune"),
    "resume": Command(TRAIN, "go on with a run or a population", "runs:Resume", "resume:resume"),
    "retrace": Command(
        TRAIN, "train one run with the schedule of a population's best", "training:Retrace", "population:retrace"
    ),
    "paint": Command(USE, "paint your pictures, stroke by stroke", "pictures:Paint", "pictures:paint"),
    "agents": Command(USE, "list the agents that ship", "pictures:Agents", "pictures:agents"),
    "pack": Command(USE, "pack a run as an agent: networks and a card", "pictures:Pack", "pictures:pack"),
    "sample": Command(USE, "paint with a run: a sheet, an animated painting, actions", "runs:Sample", "sample:sample"),
    "evaluate": Command(USE, "have an independent judge score a run", "runs:Evaluate", "runs:evaluate"),
    "translate": Command(USE, "translate your images with a latent run", "runs:Translate", "runs:translate"),
    "search": Command(USE, "paint the best of K tries", "runs:Search", "papers:search"),
    "dashboard": Command(WATCH, "show runs and populations in a browser", "tools:Dashboard", "dashboard:dashboard"),
    "export": Command(WATCH, "write the dashboard's pages as files", "tools:Export", "dashboard:export"),
    "lineage": Command(WATCH, "print the ancestry of a population's best", "runs:Lineage", "population:lineage"),
    "submit": Command(CLUSTER, "run a command as a job of a Ray cluster", "tools:Submit", "jobs:submit"),
    "scale": Command(CLUSTER, "change the number of actors of a run that trains", "tools:Scale", "jobs:scale"),
    "reproduce": Command(PAPERS, "train and measure the rows of a table", "training:Reproduce", "papers:reproduce"),
    "mcmc": Command(PAPERS, "infer scenes by Metropolis-Hastings, the baseline", "training:Mcmc", "papers:mcmc"),
    "bench": Command(PAPERS, "measure speed: one JSON line per figure", "tools:Bench", "bench:bench"),
    # The name before 0.2, for scripts that use it.
    "replay": Command("", "train one run again", "training:Retrace", "population:retrace"),
}
