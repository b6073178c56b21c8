"""TD3 as someone who knows RLlib uses it, on worlds by name: it learns, keeps its pace, and comes back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch

from cluster.latent.td3 import TD3, TD3Config
from cluster.latent.worlds import find_layout
from learners.networks.td3 import Actor
from tests.helpers.bandit_world import TurnWorld

pytestmark = pytest.mark.usefixtures("private_ray")

TURN: dict[str, Any] = {
    "hidden": (32, 32), "batch": 64, "updates_per_order": 8, "samples_per_insert": 8.0, "warmup_steps": 512,
    "insert_slack": 512, "replay_capacity": 4096, "worlds": 64, "block": 128, "minutes": 30.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def turning(private_ray: None) -> Iterator[TD3]:
    config = TD3Config().environment("tests.helpers.bandit_world:Turn-v0").training(actors=2, **TURN)
    algorithm = config.build_algo()
    assert isinstance(algorithm, TD3)
    yield algorithm
    algorithm.stop()


def train_until(algorithm: TD3, updates: int, names: Collection[str] = ()) -> dict[str, Any]:
    """Train, also until all metrics of these names came, and return the newest of each metric."""
    latest: dict[str, Any] = {}
    while algorithm.policy_updates < updates or not latest.keys() >= set(names):
        algorithm.train()
        latest |= algorithm.latest
    return latest


def quiet(algorithm: TD3) -> None:
    """Let all that was asked for arrive, so that nothing changes the replay any more."""
    algorithm.collect(everything=True)
    while algorithm.pool.in_flight:
        algorithm.fetch_blocks()


def mean_score(algorithm: TD3) -> float:
    """What the policy gets without noise; 1 is the best."""
    algorithm.settle()
    actor = Actor(5, 2, TURN["hidden"])
    weights = ray.get(algorithm.weights)
    weights.load_into(actor)
    world = TurnWorld(1000)
    observation, _ = world.reset(seed=0)
    with torch.no_grad():
        return float(world.step(actor(torch.from_numpy(observation)).numpy())[1].mean())


def test_it_learns_all_tasks_and_keeps_its_pace(turning: TD3) -> None:
    # On a busy machine an actor may deliver nothing for a whole iteration.
    latest = train_until(turning, 1500, ("noise/actor_1", "noise/actor_2", "policy/return", "lag/mean"))
    assert mean_score(turning) > 0.9, "ignoring the task gets 0.73"
    limiter = turning.limiter
    assert limiter.sampled / (limiter.inserted - limiter.warmup) == pytest.approx(8.0, rel=0.15)
    assert latest["limiter/samples_per_insert"] > 4
    assert latest["noise/actor_2"] == pytest.approx(4 * latest["noise/actor_1"], rel=0.05)
    assert latest["runners/healthy"] == 2
    assert latest["sampled_steps"] == limiter.inserted
    assert 0 < latest["policy/return"] <= 1
    assert latest["lag/mean"] >= 0
    assert turning.replay.fill == 1.0


def test_rllib_sees_its_counters(turning: TD3) -> None:
    result = turning.train()
    assert result["num_env_steps_sampled_lifetime"] > 0
    assert result["td3"]["updates"] > 0


def test_a_checkpoint_brings_everything_back(turning: TD3, tmp_path: Path) -> None:
    train_until(turning, 200)
    quiet(turning)
    kept = turning.make_checkpoint()
    turning.save_checkpoint(str(tmp_path))
    train_until(turning, kept.update + 100)
    quiet(turning)
    turning.load_checkpoint(str(tmp_path))
    back = turning.make_checkpoint()
    assert back.update == kept.update
    assert back.documents["counters"] == kept.documents["counters"]
    for part, tensors in kept.tensors.items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, back.tensors[part][name]), f"{part} {name}"
    np.testing.assert_array_equal(kept.arrays["replay"]["blocks"], back.arrays["replay"]["blocks"])
    train_until(turning, kept.update + 32)
    later = turning.make_checkpoint()
    for part in ("policy", "policy_optimizer"):
        same = [torch.equal(tensor, later.tensors[part][name]) for name, tensor in kept.tensors[part].items()]
        assert not all(same), f"{part} is learned on"


def test_settings_are_given_by_name_beside_rllibs_own() -> None:
    config = TD3Config().training(polyak=0.01, gamma=0.5, lr=1e-4, actors=3)
    assert config.settings.td3.polyak == 0.01
    assert config.settings.td3.discount == 0.5
    assert config.settings.td3.learning_rate == 1e-4
    assert config.num_env_runners == 3
    with pytest.raises(ValueError, match="polyack: no such setting; valid are "):
        config.training(polyack=1)


def test_a_world_that_is_not_for_td3_is_refused() -> None:
    with pytest.raises(ValueError, match="bounded Box"):
        TD3Config().environment("Acrobot-v1").build_algo()
    with pytest.raises(ValueError, match="n_step: expected 1"):
        TD3Config().environment("tests.helpers.bandit_world:Turn-v0").training(n_step=3).build_algo()


def test_layouts_hold_what_a_world_needs() -> None:
    plain = find_layout(TD3Config().environment("Pendulum-v1").probe(), 1)
    assert [name for name, _, _ in plain.columns] == ["observation", "action", "reward", "discount", "next_observation"]
    told = find_layout(TD3Config().environment("tests.helpers.bandit_world:Turn-v0").probe(), 1)
    assert [name for name, _, _ in told.columns][-3:] == ["features", "source", "task"]
    assert "next_observation" not in [name for name, _, _ in told.columns], "nothing follows an episode's only step"


@pytest.mark.slow
def test_pendulum_is_solved(private_ray: None) -> None:
    from cluster.bench.td3 import mean_return, train_td3

    policy, _ = train_td3(10_000)
    with torch.no_grad():
        assert mean_return("Pendulum-v1", policy, 100) > -200
