"""Records as bytes, and n-step returns against a slow version."""

from __future__ import annotations

import numpy as np
import pytest

from learners.transitions import TransitionLayout, n_step_returns


def columns(layout: TransitionLayout, count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(count, *shape)).astype(np.float32) for name, _, shape in layout.columns}


def test_a_block_is_read_as_it_was_written() -> None:
    layout = TransitionLayout.plain(3, 2)
    data = columns(layout, 5)
    block = layout.pack(data, 77)
    assert block.dtype == np.uint8
    assert block.shape == (layout.block_bytes(5),) == (16 + 5 * 4 * (3 + 2 + 1 + 1 + 3),)
    assert layout.identity(block.tobytes()) == 77
    records = layout.unpack(block.tobytes())
    for name, values in data.items():
        np.testing.assert_array_equal(records[name], values)


def test_what_is_no_block_is_refused() -> None:
    layout = TransitionLayout.plain(3, 2)
    with pytest.raises(ValueError, match="no block of transitions"):
        layout.identity(bytes(100))
    data = columns(layout, 5)
    with pytest.raises(ValueError, match="column action must be"):
        layout.pack(data | {"action": np.zeros((5, 3), np.float32)}, 0)
    del data["reward"]
    with pytest.raises(ValueError, match="a record has"):
        layout.pack(data, 0)


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_n_step_returns_against_a_loop(n: int) -> None:
    rng = np.random.default_rng(n)
    steps, worlds, gamma = 12, 5, 0.9
    rewards = rng.normal(size=(steps, worlds)).astype(np.float32)
    terminated = rng.random((steps, worlds)) < 0.15
    ended = terminated | (rng.random((steps, worlds)) < 0.15)
    returns, discounts, last = n_step_returns(rewards, terminated, ended, gamma, n)
    for world in range(worlds):
        for start in range(steps):
            total, factor, step = 0.0, 1.0, start
            while True:
                total += factor * float(rewards[step, world])
                factor *= gamma
                if ended[step, world] or step - start + 1 == n or step + 1 == steps:
                    break
                step += 1
            assert returns[start, world] == pytest.approx(total, abs=1e-5)
            assert discounts[start, world] == pytest.approx(0.0 if terminated[step, world] else factor, abs=1e-6)
            assert last[start, world] == step
    assert (discounts == 0).any()
    assert (discounts[ended & ~terminated] > 0).all(), "a truncated episode would have gone on"
