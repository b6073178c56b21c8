"""Warm start of a run from another one: its networks, and its replay, scored again by the new task's rules.

The image that an action decodes to does not depend on the task, so nothing has to be decoded again: the stored features
are scored for the new tasks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cluster.runs.checkpoints import Checkpoint
from envs.latent.rules import LatentRules
from learners.transitions import TransitionLayout


def scored_again(
    blocks: NDArray[np.uint8],
    old: TransitionLayout,
    new: TransitionLayout,
    rules: LatentRules,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Convert blocks of the old run to blocks of the new one.

    Args:
        blocks: uint8 [B, bytes] of layout `old`.
        old: Layout of the old run's transitions.
        new: Layout of the new run's; it may differ in the length of the observation, which begins with the latent.
        rules: Of the new run; its tasks are drawn in equal shares, whichever the old run had.
        rng: Draws the tasks, and new identities: actors of the new run, which have the old one's seed, may send blocks
            with the old identities, which learners could not tell from these.

    Returns:
        uint8 [B, bytes] of layout `new`.

    Raises:
        ValueError: The old run had episodes of several steps, or other parts: its actions mean something else.
    """
    latent = rules.parts.shape.latent
    missing = {"features", "source", "task"} - set(old.dtype.names or ())
    if missing or "next_observation" in (*(old.dtype.names or ()), *(new.dtype.names or ())):
        raise ValueError("warm start: both runs must have tasks, and episodes of one action (horizon 1)")
    for name in ("action", "features", "source"):
        if old.dtype[name] != new.dtype[name]:
            raise ValueError(f"warm start: the other run's {name} has another size: it had other frozen parts")
    found = np.empty((len(blocks), new.block_bytes(_rows(blocks, old))), np.uint8)
    for number, block in enumerate(blocks):
        records = old.unpack(block.tobytes())
        task = rng.choice(rules.tasks.asked, len(records))
        features, source = (np.ascontiguousarray(records[name]) for name in ("features", "source"))
        columns: dict[str, NDArray[Any]] = {
            "observation": rules.observe(np.ascontiguousarray(records["observation"][:, :latent]), task),
            "action": records["action"],
            "reward": rules.score(features, source, task),
            "discount": records["discount"],
            "features": features,
            "source": source,
            "task": task,
        }
        found[number] = new.pack(columns, int(rng.integers(2**32)))
    return found


def _rows(blocks: NDArray[np.uint8], layout: TransitionLayout) -> int:
    return int((blocks.shape[1] - layout.header_bytes) // layout.dtype.itemsize)


def transplanted(old: dict[str, Tensor], fresh: dict[str, Tensor], latent: int, actions: int) -> dict[str, Tensor]:
    """Copy the old run's weights into networks that may have another number of tasks.

    Args:
        old: State dict of the old run's `TD3Networks`.
        fresh: State dict of the new run's, untrained.
        latent: numbers of the latent, the first of an observation.
        actions: numbers of an action, the last of what a critic sees.

    Returns:
        Old weights if the shapes agree. In first layers of another width: the columns of latent and action are
        the old ones, those of the tasks zero, so that all tasks begin alike.

    Raises:
        ValueError: The hidden layers differ.
    """
    result: dict[str, Tensor] = {}
    for name, value in fresh.items():
        given = old.get(name)
        if given is not None and given.shape == value.shape:
            result[name] = given.clone()
        elif given is not None and given.ndim == 2 and len(given) == len(value):
            columns = torch.zeros_like(value)
            columns[:, :latent] = given[:, :latent]
            if "critic" in name:
                columns[:, -actions:] = given[:, -actions:]
            result[name] = columns
        else:
            raise ValueError(f"warm start: the other run's networks differ in {name}; give the same --hidden")
    return result


def blocks_for(
    layout: TransitionLayout, checkpoint: Checkpoint, rules: LatentRules, block: int, capacity: int, seed: int
) -> NDArray[np.uint8]:
    """Return a checkpoint's newest blocks, scored again for a new run.

    Args:
        layout: Of the new run.
        checkpoint: Of the old one.
        rules: Of the new run.
        block: Transitions in a block of the new run.
        capacity: Blocks that its replay holds.
        seed: Of the draws of tasks.

    Returns:
        uint8 [B, bytes] of `layout`, at most `capacity`.

    Raises:
        ValueError: The old run does not fit the new one.
    """
    columns = checkpoint.documents["layout"]
    old = TransitionLayout(tuple((name, dtype, tuple(shape)) for name, dtype, shape in columns))
    blocks = checkpoint.arrays["replay"]["blocks"]
    if blocks.shape[1] != old.block_bytes(block):
        raise ValueError("warm start: the other run had blocks of another size; give the same --block")
    return scored_again(blocks[-capacity:], old, layout, rules, np.random.default_rng(seed))
