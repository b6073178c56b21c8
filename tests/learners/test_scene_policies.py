"""All three policies act and learn in the scene world; the glimpse policy sees what it should."""

from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
import pytest
import torch

from envs.paint import PaintConfig
from envs.scenes.config import SceneConfig
from envs.spec import ADD, SKIP, ActionSpec
from learners.networks.build import build_policy
from learners.networks.glimpse import POOL, WINDOW, GlimpsePolicy, window_cells
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.settings import NetworkName, PolicySettings

SMALL = SceneConfig(scene_size=32, scene_actions=4)
# `picture` and `line` paint strokes; a scene has none.
every_network = pytest.mark.parametrize(
    "network", [name for name in get_args(NetworkName) if name not in ("picture", "line")]
)


def make(network: NetworkName, config: SceneConfig = SMALL) -> PaintPolicy:
    torch.manual_seed(0)
    settings = PolicySettings(network=network, conditional=True)
    return build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)


def batch(policy: PaintPolicy, time: int, count: int, config: SceneConfig = SMALL) -> tuple[PolicyInputs, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.from_numpy(policy.spec.sizes)

    def pictures() -> torch.Tensor:
        return torch.randint(0, 256, (time, count, *config.canvas_shape), generator=generator).to(torch.uint8)

    def actions() -> torch.Tensor:
        return (torch.rand(time, count, len(sizes), generator=generator) * sizes).long()

    step = torch.arange(time)[:, None].expand(time, count)
    noise = torch.randn(count, policy.noise_size, generator=generator).expand(time, count, -1)
    return PolicyInputs(pictures(), actions(), step, noise, pictures()), actions()


@every_network
def test_acting_and_evaluating_agree(network: NetworkName) -> None:
    policy = make(network)
    inputs, _ = batch(policy, time=2, count=3)
    state, steps = policy.initial_state(3), []
    with torch.no_grad():
        for t in range(2):
            given = [getattr(inputs, field.name) for field in dataclasses.fields(inputs)]
            single = PolicyInputs(*(value if value is None else value[t] for value in given))
            steps.append(policy.act(single, state))
            state = steps[-1].state
        actions = torch.stack([step.action for step in steps])
        whole = policy.evaluate(inputs, actions, policy.initial_state(3))
    torch.testing.assert_close(whole.log_prob, torch.stack([s.log_prob for s in steps]), rtol=1e-4, atol=1e-4)
    assert (actions < torch.from_numpy(policy.spec.sizes)).all()


@every_network
def test_a_skip_counts_in_no_other_component(network: NetworkName) -> None:
    policy = make(network)
    inputs, actions = batch(policy, time=1, count=4)
    actions[..., policy.spec.flag] = torch.tensor([SKIP, SKIP, ADD, ADD])
    other = actions.clone()
    other[..., 1:] = (other[..., 1:] + 1) % torch.from_numpy(policy.spec.sizes[1:])
    with torch.no_grad():
        one, two = (policy.evaluate(inputs, each, policy.initial_state(4)).log_prob[0] for each in (actions, other))
    torch.testing.assert_close(one[:2], two[:2])
    assert (one[2:] != two[2:]).all()


def test_windows_lie_around_their_locations() -> None:
    spec = SceneConfig().action_spec
    side = 64 // POOL
    padded = np.pad(np.arange(side * side).reshape(side, side), WINDOW // 2, constant_values=-1)
    middles = padded.ravel()[window_cells(spec, side, side, WINDOW)][:, WINDOW * WINDOW // 2]
    found = (np.stack(np.divmod(middles, side), 1) + 0.5) / side
    assert np.abs(found - np.array(spec.anchors)).max() <= 0.5 / side + 1e-9


def test_the_glimpse_policy_sees_each_location_for_itself() -> None:
    """A change of the target far away leaves what is seen at a location as it was, one beside it does not."""
    policy = make("glimpse")
    assert isinstance(policy, GlimpsePolicy)
    inputs, _ = batch(policy, time=1, count=1)
    flat = inputs.flattened()
    assert flat.target is not None
    places = np.array(policy.spec.anchors)
    with torch.no_grad():
        policy.features(flat)
        before = policy.local.clone()
        flat.target[:, :8, :8] = 255 - flat.target[:, :8, :8]
        policy.features(flat)
        changed = (policy.local != before).any(-1)[0].numpy()
    reach = (8 + POOL * (WINDOW // 2 + 1)) / 32
    assert not changed[(places > reach).any(1)].any()
    assert changed[(places < 8 / 32).all(1)].all()


def test_no_parameter_of_the_glimpse_policy_is_idle() -> None:
    policy = make("glimpse")
    inputs, actions = batch(policy, time=2, count=4)
    actions[..., policy.spec.flag] = ADD
    found = policy.evaluate(inputs, actions, policy.initial_state(4))
    (found.log_prob.sum() + found.entropy.sum() + found.value.sum()).backward()
    for name, weight in policy.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_the_glimpse_policy_refuses_the_painting_world() -> None:
    paint = PaintConfig()
    with pytest.raises(ValueError, match="one location an action"):
        build_policy(PolicySettings(network="glimpse"), paint.action_spec, paint.canvas_shape, 5)


def test_locations_without_anchors_are_the_corners_of_cells() -> None:
    spec = PaintConfig(grid=4).action_spec
    assert isinstance(spec, ActionSpec)
    assert spec.canvas_places[5].tolist() == [0.25, 0.25]
    assert spec.canvas_places[-1].tolist() == [0.75, 0.75]
