"""Copies of policies that act: the same policy, faster."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from learners.networks.acting import ActingCopy
from learners.networks.paper import Look, PaperPolicy
from learners.networks.policy import PolicyInputs
from learners.precision import autocast
from learners.settings import NetworkName, Precision
from tests.learners.examples import NETWORKS, SMALL, make_policy, random_batch

CPU = torch.device("cpu")
both = pytest.mark.parametrize("network", NETWORKS)


def one_step(inputs: PolicyInputs, step: int = 0) -> PolicyInputs:
    return PolicyInputs(inputs.canvas[step], inputs.previous_action[step], inputs.step[step], inputs.noise[step])


@both
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@torch.no_grad()
def test_log_probabilities_are_those_of_the_policy(network: NetworkName, precision: Precision) -> None:
    policy = make_policy(network)
    acting = ActingCopy(policy, precision)
    inputs, _ = random_batch(policy, SMALL, 1, 50)
    for _ in range(2):
        state = policy.initial_state(50)
        choice = acting.act(one_step(inputs), state)
        with autocast(precision, CPU):
            seen = policy.evaluate(inputs, choice.action[None], state)
        assert (choice.log_prob - seen.log_prob[0]).abs().max() < 0.002
        for weight in policy.parameters():  # the next round is of other weights
            weight.mul_(0.9)
        acting.refresh()


@both
@torch.no_grad()
def test_components_that_a_move_does_not_use_are_left_out_and_others_are_drawn_as_ever(network: NetworkName) -> None:
    policy = make_policy(network)
    inputs, _ = random_batch(policy, SMALL, 1, 4000)
    given = one_step(inputs)
    given = PolicyInputs(*(value[:1].expand(4000, *value.shape[1:]) for value in list(vars(given).values())[:4]))
    state = policy.initial_state(4000)
    own, acted = policy.act(given, state).action, ActingCopy(policy, "float32").act(given, state).action
    used = policy.spec.mask(acted)
    assert 0 < used.float().mean() < 1
    assert (acted[~used] == 0).all()
    for column, size in enumerate(policy.spec.sizes):
        shares = [
            torch.bincount(action[policy.spec.mask(action)[:, column], column], minlength=int(size)).float()
            for action in (own, acted)
        ]
        first, second = (share / share.sum() for share in shares)
        assert (first - second).abs().max() < 6 / min(share.sum() for share in shares) ** 0.5


@torch.no_grad()
def test_the_first_action_is_a_move_if_it_must_be() -> None:
    policy = make_policy("laptop", spec=dataclasses.replace(SMALL.action_spec, first_is_move=True))
    inputs, _ = random_batch(policy, SMALL, 1, 20)
    given = dataclasses.replace(one_step(inputs), step=torch.zeros(20, dtype=torch.long))
    assert (ActingCopy(policy, "float32").act(given, policy.initial_state(20)).action[:, policy.spec.flag] == 0).all()


def test_the_first_convolution_learns_in_bfloat16_as_in_float32() -> None:
    policy = make_policy("paper")
    assert isinstance(policy, PaperPolicy)
    look = policy.look
    assert isinstance(look, Look)
    image = torch.randint(0, 256, (6, 16, 16, 3), dtype=torch.uint8)
    toward = torch.randn(6, 32, 16, 16)
    found = {}
    for precision in ("float32", "bfloat16"):
        conditioning = torch.randn(6, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
        with autocast(precision, CPU):  # type: ignore[arg-type]
            output = look(image, conditioning)
        gradients = torch.autograd.grad((output.float() * toward).sum(), [look.weight, look.bias, conditioning])
        found[precision] = [output.detach().float(), *gradients]
    for full, narrow in zip(*found.values(), strict=True):
        assert full.dtype == narrow.dtype
        assert (full - narrow).norm() < 0.05 * full.norm()  # a pixel near 0 has another slope
