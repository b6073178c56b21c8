"""A learner's copy of the ring holds what the ring holds: each block once, whole, none missed, none invented."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.replay.buffer import Replay, ReplayEmpty, ReplaySpec
from cluster.replay.server import RedisServer
from cluster.replay.transitions import TransitionReplay
from learners.transitions import TransitionLayout

LAYOUT = TransitionLayout((("reward", "<f4", ()), ("action", "<f4", (2,))))
ROWS, CAPACITY = 4, 5


@pytest.fixture
def ring(server: RedisServer, request: pytest.FixtureRequest) -> Replay:
    return Replay(ReplaySpec(server.url, request.node.name, (LAYOUT.block_bytes(ROWS),), CAPACITY))


def block(number: int, identity: int | None = None) -> np.ndarray:
    """All rewards of block ``number`` are its number, its actions' second component the row."""
    action = np.stack([np.full(ROWS, -number), np.arange(ROWS)], 1).astype(np.float32)
    columns = {"reward": np.full(ROWS, number, np.float32), "action": action}
    return LAYOUT.pack(columns, number + 1000 if identity is None else identity)[None]


def held(copy: TransitionReplay) -> set[int]:
    return set(copy.sample(2000, np.random.default_rng(0))["reward"].astype(int).tolist())


def test_each_block_comes_once_and_old_ones_go(ring: Replay) -> None:
    copy = TransitionReplay(ring, LAYOUT, ROWS)
    with pytest.raises(ReplayEmpty):
        copy.sample(1, np.random.default_rng(0))
    assert copy.refresh() == 0
    for number in range(3):
        ring.push(block(number))
    assert copy.refresh() == 3
    assert copy.refresh() == 0
    assert len(copy) == 3 * ROWS
    assert held(copy) == {0, 1, 2}
    for number in range(3, 12):
        ring.push(block(number))
    assert copy.refresh() == CAPACITY
    assert held(copy) == set(range(7, 12))


def test_samples_are_whole_and_uniform(ring: Replay) -> None:
    copy = TransitionReplay(ring, LAYOUT, ROWS)
    for number in range(7):
        ring.push(block(number))
    copy.refresh()
    drawn = copy.sample(20_000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn["action"][:, 0], -drawn["reward"])
    _, counts = np.unique(drawn["reward"] * ROWS + drawn["action"][:, 1], return_counts=True)
    assert len(counts) == CAPACITY * ROWS
    assert abs(counts / 1000 - 1).max() < 0.15
    drawn["reward"] = 0
    assert held(copy) == set(range(2, 7)), "samples are the caller's own"


def test_a_block_that_is_taken_but_not_written_is_awaited(ring: Replay) -> None:
    copy = TransitionReplay(ring, LAYOUT, ROWS)
    for number in range(CAPACITY):
        ring.push(block(number))
    copy.refresh()
    ring._redis.incrby(ring._prefix + "total", 1)  # an actor between its two commands
    ring.push(block(6))
    assert copy.refresh() == 1
    assert held(copy) == {0, 2, 3, 4, 6}
    ring._redis.hset(ring._records, mapping=ring._values(block(5), 5))
    assert copy.refresh() == 1
    assert held(copy) == {5, 2, 3, 4, 6}


def test_a_ring_that_was_lost_is_filled_again(ring: Replay) -> None:
    copy = TransitionReplay(ring, LAYOUT, ROWS)
    for number in range(4):
        ring.push(block(number))
    copy.refresh()
    ring.clear()
    assert copy.refresh() == 0
    assert held(copy) == {0, 1, 2, 3}, "what is here stays"
    ring.push(block(10))
    assert copy.refresh() == 1
    assert held(copy) == {10, 1, 2, 3}


def test_a_ring_that_was_loaded_again_is_not_asked_for_ever(ring: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = TransitionReplay(ring, LAYOUT, ROWS)
    for number in range(4):
        ring.push(block(number))
    blocks, total = ring.dump()
    for number in range(4, 6):
        ring.push(block(number))
    copy.refresh()
    ring.load(blocks, total)
    copy.refresh()
    assert held(copy) >= {0, 1, 2, 3}
    asked = []
    monkeypatch.setattr(ring, "read", lambda numbers: asked.append(numbers))
    assert copy.refresh() == 0
    assert not asked


def test_what_is_no_block_is_refused(ring: Replay) -> None:
    ring.push(np.zeros((1, LAYOUT.block_bytes(ROWS)), np.uint8))
    with pytest.raises(ValueError, match="no block of transitions"):
        TransitionReplay(ring, LAYOUT, ROWS).refresh()
