"""Episodes cut into unrolls: the same episode, the same learning, flat memory."""

from __future__ import annotations

import dataclasses
from typing import cast

import numpy as np
import psutil
import pytest
import torch

from actors.rollout import Rollout
from envs.paint import PaintVectorEnv
from learners.networks.build import build_policy
from learners.networks.discriminator import Discriminator
from learners.policy_learner import PolicyLearner
from learners.rewards import episode_rewards
from learners.settings import NetworkName, PolicySettings
from learners.trajectory import Trajectory
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import NETWORKS, SMALL, FixedScore, make_policy

CPU = torch.device("cpu")
both = pytest.mark.parametrize("network", NETWORKS)
darkness = FixedScore(lambda image: (1 - image.mean((1, 2, 3))) / 2)


def pieces(network: NetworkName, steps: int, seed: int = 0) -> list[Trajectory]:
    rollout = Rollout(PaintVectorEnv(4, SMALL), make_policy(network), seed=seed, precision="float32")
    return [rollout.next_unroll(steps) for _ in range(SMALL.num_actions // steps)]


@both
@pytest.mark.parametrize("steps", [1, 2])
def test_unrolls_are_the_episode_in_pieces(network: NetworkName, steps: int) -> None:
    (whole,), parts = pieces(network, SMALL.num_actions), pieces(network, steps)
    assert np.array_equal(np.concatenate([part.action for part in parts]), whole.action)
    assert np.array_equal(np.concatenate([part.canvas[:-1] for part in parts]), whole.canvas[:-1])
    assert np.allclose(np.concatenate([part.log_prob for part in parts]), whole.log_prob, atol=1e-5)
    assert all(np.array_equal(part.noise, whole.noise) for part in parts)
    ends = [part.ends.all() for part in parts if part.ends is not None]
    assert ends == [False] * (len(parts) - 1) + [True]


@both
def test_evaluation_of_unrolls_with_carried_state_is_the_episodes(network: NetworkName) -> None:
    (whole,), parts = pieces(network, SMALL.num_actions), pieces(network, 2)
    policy = make_policy(network)
    with torch.no_grad():
        batch = TrajectoryTensors.of(whole, CPU)
        expected = policy.evaluate(batch.inputs, batch.action, policy.initial_state(4))
        found = []
        for part in parts:
            tensors = TrajectoryTensors.of(part, CPU)
            assert tensors.state is not None
            found.append(policy.evaluate(tensors.inputs, tensors.action, tensors.state))
            # where one piece is cut, its last value is what the next one begins with
            following = policy.value_of(tensors.following, found[-1].state) if not tensors.ends.all() else None
            if following is not None:
                assert torch.allclose(following, expected.value[2], atol=1e-5)
    for name in ("log_prob", "value", "entropy"):
        joined = torch.cat([getattr(part, name) for part in found])
        assert torch.allclose(joined, getattr(expected, name), atol=1e-5), name


@both
def test_every_stroke_of_a_cut_episode_is_paid_what_it_changed(network: NetworkName) -> None:
    (whole,), parts = pieces(network, SMALL.num_actions), pieces(network, 2)
    settings = PolicySettings(network=network, noise_size=3, reward="difference", precision="float32")
    learner = PolicyLearner(make_policy(network), cast(Discriminator, darkness), settings, CPU)
    rewards = []
    for trajectory in (whole, *parts):
        batch = TrajectoryTensors.of(trajectory, CPU)
        rewards.append(
            episode_rewards(
                learner.score(batch), batch.action[..., learner.policy.spec.flag], stroke_start_penalty=0.3,
                empty_canvas_penalty=0.7, previous_flag=batch.previous_action[:, learner.policy.spec.flag],
                painted=batch.painted, ends=batch.ends,
            )
        )  # fmt: skip
    assert torch.allclose(torch.cat(rewards[1:]), rewards[0], atol=1e-6)
    painted = (whole.canvas[1:] != whole.canvas[:-1]).any((2, 3, 4))
    assert painted.any()


def test_a_final_score_is_paid_at_the_end_only() -> None:
    flags = torch.ones(2, 3, dtype=torch.long)
    ends = torch.tensor([True, False, True])
    rewards = episode_rewards(
        torch.tensor([1.0, 2.0, 3.0]), flags, stroke_start_penalty=0.0, empty_canvas_penalty=5.0,
        previous_flag=torch.tensor([1, 1, 0]), painted=torch.tensor([True, False, False]), ends=ends,
    )  # fmt: skip
    assert rewards.tolist() == [[0, 0, 0], [1, 0, 3]]
    blank = episode_rewards(
        torch.zeros(3), 0 * flags, stroke_start_penalty=0.0, empty_canvas_penalty=5.0,
        previous_flag=flags[0], painted=torch.tensor([True, False, False]), ends=ends,
    )  # fmt: skip
    assert blank[-1].tolist() == [0, 0, -5]  # painted earlier; not over yet; over and blank


@both
def test_unrolls_of_several_actors_at_different_places_join(network: NetworkName) -> None:
    parts = pieces(network, 2)
    joined = Trajectory.join([parts[0], parts[1]])
    assert joined.ends is not None
    assert joined.before is not None
    assert joined.ends.tolist() == [False] * 4 + [True] * 4
    assert joined.before.step.tolist() == [0] * 4 + [2] * 4
    policy = make_policy(network)
    batch = TrajectoryTensors.of(joined, CPU)
    assert batch.inputs.step[:, 0].tolist() == [0, 1]
    assert batch.inputs.step[:, 4].tolist() == [2, 3]
    settings = PolicySettings(network=network, noise_size=3, precision="float32")
    learner = PolicyLearner(policy, cast(Discriminator, darkness), settings, CPU)
    assert np.isfinite(learner.update(joined, 0.0)["loss"])


def test_a_cut_episode_learns_from_the_value_where_it_is_cut() -> None:
    """Without the value of what follows, a first piece that pays nothing would teach nothing."""
    first, _ = pieces("laptop", 2)
    settings = PolicySettings(network="laptop", noise_size=3, precision="float32", stroke_start_penalty=0.0)
    learner = PolicyLearner(make_policy("laptop"), cast(Discriminator, darkness), settings, CPU)
    with torch.no_grad():
        learner.policy.value.weight.zero_()  # type: ignore[union-attr,operator]
        learner.policy.value.bias.fill_(2.0)  # type: ignore[union-attr,operator]
    batch = TrajectoryTensors.of(first, CPU)
    rewards = torch.zeros(2, 4)
    _, cut = learner.loss(batch, rewards, 0.0)
    assert cut["value_loss"].item() == pytest.approx(0.0, abs=1e-6)  # 2 now, 2 later
    ended = dataclasses.replace(batch, ends=torch.ones(4, dtype=torch.bool))
    _, over = learner.loss(ended, rewards, 0.0)
    assert over["value_loss"].item() == pytest.approx(4.0, abs=1e-5)


def test_a_thousand_strokes_take_no_more_memory_than_fifty_and_each_is_paid() -> None:
    """SPIRAL++'s longest episodes: painted and learned from in pieces."""
    config = dataclasses.replace(SMALL, canvas_size=32, episode_length=1001)  # painted at 32, judged at 16
    settings = PolicySettings(
        network="laptop", noise_size=3, reward="difference", unroll_length=50, precision="float32",
        stroke_start_penalty=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    policy = build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)
    image_weights = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0))
    score = FixedScore(lambda image: (image * image_weights).mean((1, 2, 3)))
    learner = PolicyLearner(policy, cast(Discriminator, score), settings, CPU)
    rollout = Rollout(PaintVectorEnv(2, config), policy, seed=0, precision="float32")
    sizes, memory, changed, paid, over = set(), [], 0, 0, 0
    for update in range(20):
        trajectory = rollout.next_unroll(settings.unroll_length, update)
        sizes.add(trajectory.canvas.nbytes + trajectory.action.nbytes + trajectory.log_prob.nbytes)
        scores = learner.score(TrajectoryTensors.of(trajectory, CPU))
        painted = (trajectory.canvas[1:] != trajectory.canvas[:-1]).any((2, 3, 4))
        changed += painted.sum()
        paid += ((scores[1:] - scores[:-1]).numpy()[painted] != 0).sum()
        assert np.isfinite(learner.update(trajectory, 0.0)["loss"])
        assert trajectory.ends is not None
        over += trajectory.ends.sum()
        memory.append(psutil.Process().memory_info().rss)
    assert over == 2  # both episodes end with the twentieth piece
    assert len(sizes) == 1
    assert changed > 400
    assert paid == changed
    assert memory[-1] - memory[4] < 8 << 20


def test_rewards_of_pieces_have_the_scale_of_the_episodes() -> None:
    """From a blank canvas on, the spread of the final scores is that of what was gained over the whole episode."""
    (whole,), (*_, last) = pieces("laptop", SMALL.num_actions), pieces("laptop", 1)
    spreads = []
    for trajectory in (whole, last):
        settings = PolicySettings(network="laptop", reward="difference", normalize_reward=True, score_floor=0.0)
        learner = PolicyLearner(make_policy("laptop"), cast(Discriminator, darkness), settings, CPU)
        learner.update(trajectory, 0.0)
        spreads.append(learner.normalizer.std)
    assert spreads[0] == pytest.approx(spreads[1], rel=1e-4)
    assert spreads[0] > 0
