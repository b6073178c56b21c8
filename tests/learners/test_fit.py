"""Weights are compared with a network that is made without memory."""

from __future__ import annotations

import zlib

import pytest
import torch
from torch import nn

from envs.paint import PaintConfig
from envs.scenes.config import SceneConfig
from learners.networks.build import build_policy
from learners.networks.fit import require_fit, shapes
from learners.settings import NetworkName, PolicySettings
from tests.learners.examples import LINES, PICTURES, SMALL

WORLDS: dict[NetworkName, PaintConfig | SceneConfig] = {
    "paper": SMALL,
    "laptop": SMALL,
    "glimpse": SceneConfig(scene_size=32, scene_actions=4),
    "picture": PICTURES,
    "line": LINES,
}


@pytest.mark.parametrize("network", WORLDS)
def test_every_network_is_made_without_memory(network: NetworkName) -> None:
    world = WORLDS[network]
    settings = PolicySettings(network=network, conditional=True)

    made = []

    def make() -> nn.Module:
        made.append(build_policy(settings, world.action_spec, world.canvas_shape, world.num_actions))
        return made[-1]

    found = shapes(make)
    assert len(made) == 1
    assert all(each.is_meta for each in made[0].parameters())
    assert found == {name: tuple(each.shape) for name, each in make().state_dict().items()}


def test_the_first_wrong_name_is_told() -> None:
    names = [f"{zlib.crc32(bytes([each])):08x}" for each in range(30)]
    weights = nn.Linear(2, 2).state_dict() | dict.fromkeys(names, torch.zeros(1))
    with pytest.raises(ValueError, match=f"^policy: the settings know no {min(names)}$"):
        require_fit(lambda: nn.Linear(2, 2), weights, "policy")
