"""Weights that travel as one array."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from learners.networks.build import build_discriminator
from learners.networks.weights import FlatWeights
from learners.settings import DiscriminatorSettings
from tests.learners.examples import NETWORKS, SMALL, make_policy, same_weights, weights_of


@pytest.mark.parametrize("network", NETWORKS)
def test_a_policy_arrives_bit_for_bit(network: Any) -> None:
    policy, other = make_policy(network), make_policy(network, seed=4)
    sent = FlatWeights.of(policy)
    before = weights_of(policy)
    with torch.no_grad():
        next(policy.parameters()).add_(1)  # learning goes on; what was sent is a copy
    arrived: FlatWeights = pickle.loads(pickle.dumps(sent))
    arrived.values.flags.writeable = False  # as from Ray's object store
    arrived.load_into(other)
    assert same_weights(other, before)
    for weight in other.parameters():
        weight.data.zero_()
    assert np.array_equal(arrived.values, sent.values)


def test_a_discriminator_with_spectral_norm_takes_its_vectors_along() -> None:
    settings = DiscriminatorSettings(spectral_norm=True, discriminator_width=4)
    first, second = (build_discriminator(settings, SMALL.canvas_shape).eval() for _ in range(2))
    image = torch.rand(3, 3, 16, 16)
    FlatWeights.of(first).load_into(second)
    assert torch.equal(first(image), second(image))


def test_another_network_and_other_numbers_are_refused() -> None:
    with pytest.raises(RuntimeError, match="Linear"):
        FlatWeights.of(nn.Linear(2, 3)).load_into(nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"weight: weights travel as float32, got torch\.float64"):
        FlatWeights.of(nn.Linear(2, 3).double())
