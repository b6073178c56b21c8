"""Precision: what `auto` chooses, and that bfloat16 works where it is asked for."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from learners.conditioning import score_records
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.policy_learner import PolicyLearner
from learners.precision import autocast, computes_bfloat16
from learners.settings import DiscriminatorSettings, PolicySettings
from tests.learners.examples import NETWORKS, SMALL, make_policy, paint_batch

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_f": True}, False),
        ({"avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"amx_bf16": True}, True),
    ],
)
def test_auto_follows_the_processor(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert computes_bfloat16(CPU) is expected
    product: dict[str, torch.dtype] = {}
    for precision in ("auto", "float32", "bfloat16"):
        with autocast(precision, CPU):  # type: ignore[arg-type]
            product[precision] = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    assert product["auto"] == (torch.bfloat16 if expected else torch.float32)
    assert (product["float32"], product["bfloat16"]) == (torch.float32, torch.bfloat16)


@pytest.mark.parametrize(("major", "expected"), [(7, False), (8, True), (9, True)])
def test_gpus_from_ampere_on(monkeypatch: pytest.MonkeyPatch, major: int, expected: bool) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 0))
    assert computes_bfloat16(torch.device("cuda")) is expected


@pytest.mark.parametrize("network", NETWORKS)
def test_forced_bfloat16_gives_finite_losses(network: Any) -> None:
    policy = make_policy(network)
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
    trajectory = paint_batch(policy)
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
