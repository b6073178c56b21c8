"""Learners in a checkpoint: collected from learner groups, and restored to them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ray.rllib.core.learner.learner_group import LearnerGroup

from cluster.runs.checkpoints import Checkpoint
from cluster.training.learner import export_state, restore_state
from cluster.training.learner_client import first_result

Documents = dict[str, Any]
Tensors = dict[str, dict[str, Any]]


def export_learners(groups: Mapping[str, Any]) -> tuple[Documents, Tensors]:
    """Collect the state of learner groups, by name. No update may be in flight.

    Returns:
        Documents (`counters`, `optimizers`) and tensors (`NAME`, `NAME_optimizer`) of a checkpoint.
    """
    states = {name: first_result(group, export_state) for name, group in groups.items()}
    tensors: Tensors = {}
    for name, state in states.items():
        tensors |= {name: state["weights"], f"{name}_optimizer": state["optimizer"]}
    documents = {
        "counters": {name: state["counters"] for name, state in states.items()},
        "optimizers": {name: state["groups"] for name, state in states.items()},
    }
    return documents, tensors


def restore_learners(groups: Mapping[str, LearnerGroup], checkpoint: Checkpoint) -> None:
    """Restore what `export_learners` collected from these groups."""
    counters, optimizers = checkpoint.documents["counters"], checkpoint.documents["optimizers"]
    for name, group in groups.items():
        state = {
            "weights": checkpoint.tensors[name],
            "optimizer": checkpoint.tensors[f"{name}_optimizer"],
            "groups": optimizers[name],
            "counters": counters[name],
        }
        first_result(group, functools.partial(restore_state, state=state))
