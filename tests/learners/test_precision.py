"""Precision: what `auto` chooses, and that bfloat16 works where it is asked for."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from actors.rollout import Rollout
from envs.paint import PaintVectorEnv
from learners import precision as computing
from learners.conditioning import score_records
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.networks.heads import FullConv2d, FullLinear
from learners.policy_learner import PolicyLearner
from learners.precision import autocast, computes_bfloat16, resolve
from learners.settings import DiscriminatorSettings, PolicySettings
from learners.trajectory import Trajectory
from tests.learners.examples import NETWORKS, SMALL, make_policy, paint_batch, random_batch

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "gain", "expected"),
    [
        ({"avx512_f": True}, 2.0, False),
        ({"avx512_bf16": False, "amx_bf16": False}, 2.0, False),
        ({"avx512_bf16": True, "amx_bf16": False}, 2.0, True),
        ({"amx_bf16": True}, 2.0, True),
        ({"avx512_bf16": True}, 0.5, False),
        ({"avx512_bf16": True}, 1.1, False),
    ],
)
def test_auto_follows_the_processor_and_what_it_does_faster(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], gain: float, expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(computing, "bfloat16_gain", lambda: gain)
    monkeypatch.setattr(computing, "cpu_computes_bfloat16", computing.cpu_computes_bfloat16.__wrapped__)
    assert computes_bfloat16(CPU) is expected
    product: dict[str, torch.dtype] = {}
    for asked in ("auto", "float32", "bfloat16"):
        with autocast(asked, CPU):  # type: ignore[arg-type]
            product[asked] = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert product["auto"] == (torch.bfloat16 if expected else torch.float32)
    assert (product["float32"], product["bfloat16"]) == (torch.float32, torch.bfloat16)


def test_the_gain_of_bfloat16_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computing.bfloat16_gain.cache_clear()
    with torch.autocast("cpu", torch.bfloat16):
        assert 0.001 < computing.bfloat16_gain() < 100
    computing.bfloat16_gain.cache_clear()
    asked: list[tuple[torch.dtype, int]] = []

    def seconds(work: Callable[[], Tensor]) -> float:
        asked.append((work().dtype, torch.get_num_threads()))
        return {torch.float32: 3.0, torch.bfloat16: 2.0}[work().dtype]

    threads = torch.get_num_threads()
    monkeypatch.setattr(computing, "shortest", seconds)
    with torch.autocast("cpu", torch.bfloat16):
        assert computing.bfloat16_gain() == computing.bfloat16_gain() == 1.5
    assert asked == [(torch.float32, 1), (torch.bfloat16, 1)]
    assert torch.get_num_threads() == threads
    computing.bfloat16_gain.cache_clear()


@pytest.mark.parametrize(("major", "expected"), [(7, False), (8, True), (9, True)])
def test_gpus_from_ampere_on(monkeypatch: pytest.MonkeyPatch, major: int, expected: bool) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 0))
    assert computes_bfloat16(torch.device("cuda")) is expected


@pytest.mark.parametrize("network", NETWORKS)
def test_forced_bfloat16_gives_finite_losses(network: Any) -> None:
    policy = make_policy(network)
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
    trajectory = dataclasses.replace(paint_batch(policy), precision=None)  # as settings say, not as it was painted
    metrics: dict[str, dict[str, float]] = {}
    for precision in ("float32", "bfloat16"):
        settings = PolicySettings(network=network, noise_size=3, precision=precision, policy_learning_rate=1e-9)  # type: ignore[arg-type]
        learner = PolicyLearner(policy, discriminator, settings, CPU)
        metrics[precision] = learner.update(trajectory, 0.0)
        assert all(math.isfinite(value) for value in metrics[precision].values())
    assert metrics["bfloat16"]["entropy"] == pytest.approx(metrics["float32"]["entropy"], rel=0.1)
    assert metrics["bfloat16"]["score"] == pytest.approx(metrics["float32"]["score"], abs=0.05)
    assert metrics["bfloat16"] != metrics["float32"]


@pytest.mark.parametrize(("adversary", "spectral_norm"), [("wgan-gp", False), ("hinge", True), ("logistic", True)])
def test_forced_bfloat16_in_the_discriminator(adversary: Any, spectral_norm: bool) -> None:
    settings = DiscriminatorSettings(adversary=adversary, spectral_norm=spectral_norm, discriminator_width=4)
    learner = DiscriminatorLearner(build_discriminator(settings, (16, 16, 3)), settings, CPU, "bfloat16")
    rng = np.random.default_rng(0)
    for _ in range(3):
        real, fake = rng.integers(0, 256, (2, 4, 16, 16, 3), dtype=np.uint8)
        assert all(math.isfinite(value) for value in learner.update(real, fake).values())
    with autocast("bfloat16", CPU):
        assert score_records(learner.discriminator, torch.from_numpy(real), None).dtype == torch.float32
    assert all(
        weight.dtype == torch.float32 and torch.isfinite(weight).all() for weight in learner.discriminator.parameters()
    )


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("actor", ["float32", "bfloat16", "auto"])
@pytest.mark.parametrize("learner", ["float32", "bfloat16", "auto"])
def test_actor_and_learner_are_one_policy_in_all_combinations_of_precisions(
    network: Any, actor: Any, learner: Any
) -> None:
    policy = make_policy(network)
    trajectory = Rollout(PaintVectorEnv(48, SMALL), policy, seed=0, precision=actor).episodes()
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
    settings = PolicySettings(network=network, noise_size=3, precision=learner)
    subject = PolicyLearner(policy, discriminator, settings, CPU)
    ratio = subject.update(trajectory, 0.0)["ratio_at_lag_0"]
    assert 0.999 <= ratio <= 1.0
    assert trajectory.precision == resolve(actor, CPU)
    assert "ratio_at_lag_0" not in subject.update(trajectory, 0.0)  # the policy has moved on: no lag of 0 any more


@pytest.mark.parametrize("network", NETWORKS)
def test_of_batches_of_two_precisions_the_learner_takes_float32(network: Any) -> None:
    policy = make_policy(network)
    parts = [
        Rollout(PaintVectorEnv(4, SMALL), policy, seed=0, precision=precision).episodes()  # type: ignore[arg-type]
        for precision in ("bfloat16", "float32")
    ]
    assert [Trajectory.join([part, part]).precision for part in parts] == ["bfloat16", "float32"]
    assert Trajectory.join(parts).precision == "float32"
    assert Trajectory.join(parts[:1]).select(np.array([True, False, True, False])).precision == "bfloat16"


@pytest.mark.parametrize("network", NETWORKS)
def test_logits_and_the_layers_behind_them_are_float32_under_autocast(network: Any) -> None:
    policy = make_policy(network)
    inputs, actions = random_batch(policy, SMALL, 2, 3)
    heads = [layer for layer in policy.modules() if isinstance(layer, (FullLinear, FullConv2d))]
    assert len(heads) > len(policy.spec.components)  # the value's too
    outputs: list[Tensor] = []
    for layer in heads:
        layer.register_forward_hook(lambda _, given, output: outputs.append(output))
    with autocast("bfloat16", CPU):
        evaluation = policy.evaluate(inputs, actions, policy.initial_state(3))
    assert {output.dtype for output in outputs} == {torch.float32}
    assert evaluation.log_prob.dtype == evaluation.value.dtype == torch.float32


def test_a_full_layer_has_the_gradients_of_a_linear_one() -> None:
    torch.manual_seed(0)
    layer, x = FullLinear(24, 5), torch.randn(7, 24)
    gradients = {}
    for precision in ("float32", "bfloat16"):
        leaf = x.clone().requires_grad_()
        layer.zero_grad()
        with autocast(precision, CPU):  # type: ignore[arg-type]
            output = layer(leaf)
        torch.testing.assert_close(output, functional.linear(x, layer.weight, layer.bias), rtol=1e-5, atol=1e-5)
        output.square().sum().backward()
        gradients[precision] = [value.grad.clone() for value in (leaf, layer.weight, layer.bias)]  # type: ignore[union-attr]
    for narrow, wide in zip(gradients["bfloat16"], gradients["float32"], strict=True):
        assert narrow.dtype == torch.float32
        torch.testing.assert_close(narrow, wide, rtol=2e-2, atol=5e-2)
