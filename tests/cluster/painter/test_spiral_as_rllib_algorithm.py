"""What someone who knows RLlib expects to work: configure, build, train, save, load, stop; and its own env runner."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import ray
import torch
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.tune import register_env

from cluster.painter.rl_modules import PolicyModule
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.runs import manifests
from cluster.runs.checkpoints import Checkpoint
from envs.single import PaintEnv
from tests.helpers.tiny_run import TINY, quiet, tiny_settings

pytestmark = pytest.mark.usefixtures("private_ray")


@pytest.fixture(scope="module")
def spiral(images: Path, private_ray: None) -> Iterator[Spiral]:
    config = SpiralConfig().preset("laptop", str(images)).training(entropy_cost=0.03, actors=1, minutes=60, **TINY)
    algorithm = config.build_algo()
    assert isinstance(algorithm, Spiral)
    yield algorithm
    algorithm.stop()


def same(one: Checkpoint, other: Checkpoint) -> None:
    """Fail unless both hold the same weights, optimizers, replay and counters.

    Learning rates follow from the settings and the progress of the run: each update sets them.
    """
    assert one.update == other.update
    assert one.documents["counters"] == other.documents["counters"]
    for checkpoint in (one, other):
        for part in checkpoint.documents["optimizers"].values():
            assert [group.pop("lr") for group in part["param_groups"]]
    assert one.documents["optimizers"] == other.documents["optimizers"]
    assert one.tensors.keys() == other.tensors.keys()
    for part, tensors in one.tensors.items():
        assert tensors.keys() == other.tensors[part].keys()
        for name, tensor in tensors.items():
            assert torch.equal(tensor, other.tensors[part][name]), f"{part} {name}"
    np.testing.assert_array_equal(one.arrays["replay"]["canvases"], other.arrays["replay"]["canvases"])


def test_settings_are_given_by_name_beside_rllibs_own() -> None:
    config = SpiralConfig().training(entropy_cost=0.03, actors=3, canvases=8, gamma=0.5)
    assert config.settings.policy.entropy_cost == 0.03
    assert config.num_env_runners == 3
    assert config.settings.policy.discount == 0.5
    with pytest.raises(ValueError, match="entropy_price: no such setting; valid are actors, addition_penalty, "):
        config.training(entropy_price=1)


def test_train_returns_rllibs_counters(spiral: Spiral) -> None:
    result = spiral.train()
    while not result["num_env_steps_trained_lifetime"]:
        result = spiral.train()
    assert result["training_iteration"] >= 1
    assert result["num_env_steps_sampled_lifetime"] >= result["num_env_steps_trained_lifetime"] > 0
    assert result["spiral"]["updates"] > 0
    assert np.isfinite(result["spiral"]["policy/loss"])
    assert spiral.config["lr"] is not None
    assert spiral.config.settings.policy.entropy_cost == 0.03  # type: ignore[union-attr]


def test_a_checkpoint_brings_everything_back(spiral: Spiral, tmp_path: Path) -> None:
    while spiral.policy_updates < 3:
        spiral.train()
    quiet(spiral)
    kept = spiral.make_checkpoint()
    assert {name.split(".")[1] for name in kept.tensors["policy_optimizer"]} == {"exp_avg", "exp_avg_sq", "step"}
    assert kept.documents["counters"]["policy"]["normalizer"]["count"] > 0
    spiral.save_checkpoint(str(tmp_path))
    while spiral.policy_updates < kept.update + 3:
        spiral.train()
    quiet(spiral)
    changed = spiral.make_checkpoint()
    assert not torch.equal(next(iter(changed.tensors["policy"].values())), next(iter(kept.tensors["policy"].values())))
    spiral.load_checkpoint(str(tmp_path))
    same(spiral.make_checkpoint(), kept)
    weights: dict[str, torch.Tensor] = ray.get(spiral.weights).tensors()
    for name, tensor in kept.tensors["policy"].items():
        np.testing.assert_array_equal(weights[name].numpy(), tensor.numpy())
    updates = spiral.policy_updates
    while spiral.policy_updates < updates + 2:
        spiral.train()


def test_loading_from_an_empty_folder_says_so(spiral: Spiral, tmp_path: Path) -> None:
    with pytest.raises(manifests.CheckpointDamaged, match="no checkpoint in"):
        spiral.load_checkpoint(str(tmp_path))


def test_rllibs_own_env_runner_can_paint_with_the_policy(images: Path) -> None:
    settings = tiny_settings(images)
    register_env("one-canvas", lambda _: PaintEnv(**dataclasses.asdict(settings.paint)))
    config = (
        SpiralConfig()
        .use(settings)
        .environment("one-canvas")
        .env_runners(env_runner_cls=SingleAgentEnvRunner, num_env_runners=0, num_envs_per_env_runner=2)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=PolicyModule, model_config={"settings": settings}))
    )
    runner = SingleAgentEnvRunner(config=config)
    episodes = runner.sample(num_episodes=2)
    runner.stop()
    assert len(episodes) == 2
    for episode in episodes:
        assert len(episode) == settings.paint.num_actions
        assert episode.is_terminated
        assert np.asarray(episode.get_extra_model_outputs("action_logp")).max() < 0
