"""What the learners see of a recorded batch of episodes."""

import warnings

import numpy as np
import torch

from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import SMALL, make_policy, paint_batch


def test_inputs_are_what_the_policy_saw() -> None:
    trajectory = paint_batch(make_policy("laptop"), batch=3)
    batch = TrajectoryTensors.of(trajectory, torch.device("cpu"))
    assert trajectory.steps == SMALL.num_actions * 3
    assert (batch.action.dtype, batch.all_canvases.dtype) == (torch.int64, torch.uint8)
    np.testing.assert_array_equal(batch.action, trajectory.action)
    np.testing.assert_array_equal(batch.all_canvases, trajectory.canvas)
    np.testing.assert_array_equal(batch.inputs.canvas, trajectory.canvas[:-1])
    assert not batch.inputs.previous_action[0].any()
    np.testing.assert_array_equal(batch.inputs.previous_action[1:], trajectory.action[:-1])
    np.testing.assert_array_equal(batch.inputs.step, np.arange(4)[:, None].repeat(3, 1))
    for t in range(4):
        np.testing.assert_array_equal(batch.inputs.noise[t], trajectory.noise)


def test_read_only_arrays_of_the_object_store_are_taken_without_a_warning() -> None:
    trajectory = paint_batch(make_policy("laptop"), batch=2)
    for name in ("canvas", "action", "log_prob", "noise"):
        getattr(trajectory, name).setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batch = TrajectoryTensors.of(trajectory, torch.device("cpu"))
    batch.all_canvases.zero_()
    assert trajectory.canvas.any()
