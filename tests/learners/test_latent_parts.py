import dataclasses

import numpy as np
import pytest
import torch

from envs.latent import LatentConfig, LatentVectorEnv
from envs.latent.networks import LatentDiscriminator, to_unit
from envs.latent.parts import FrozenParts, PartsShape
from learners.latent_parts.baselines import train_direct_policy, train_reader
from learners.latent_parts.gan import BalancedRows, class_shares, latent_gradient_penalty, train_gan
from learners.latent_parts.settings import PartsSettings
from learners.latent_parts.supervised import noisy, train_autoencoder
from learners.latent_parts.train import GateError, train_parts
from tests.latent_bars import CLASSES, QUICK, bars, bars_parts


def test_parts_learn_what_they_are_for() -> None:
    parts = bars_parts()
    data = bars(300, 1)
    images = to_unit(torch.from_numpy(data.images))
    latents = parts.encode_all(images)
    shown = parts.decode(latents)
    assert float((shown - images).square().mean()) < 0.25 * float((images - images.mean(dim=0)).square().mean())
    for pictures in (images, shown):
        assert (parts.probabilities(pictures).argmax(dim=1).numpy() == data.labels).mean() > 0.97
    noise = noisy(images, 1.0, 0.3)
    assert (parts.probabilities(parts.decode(parts.encode(noise))).argmax(dim=1).numpy() == data.labels).mean() > 0.95
    known = parts.encode_all(to_unit(torch.from_numpy(bars(1500, 0).images)))
    torch.testing.assert_close(known.mean(dim=0), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(known.std(dim=0), torch.ones(6), atol=1e-3, rtol=0)
    assert parts.realism(known).mean().abs() < 0.1
    assert min(parts.report["class_shares"]) >= 0.03  # type: ignore[type-var]
    assert not any(parameter.requires_grad for parameter in parts.parameters())


def test_training_leaves_the_global_random_state_alone_and_is_repeatable() -> None:
    data = bars(100, 0)
    quick = dataclasses.replace(
        QUICK, autoencoder_epochs=1, classifier_epochs=1, gan_updates=5, minimum_class_share=0.0
    )
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first, second = (train_parts(data.images, data.labels, CLASSES, quick) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, msg=name)


def test_the_gate_names_the_classes_that_are_missing() -> None:
    data = bars(200, 0)
    strict = dataclasses.replace(
        QUICK, autoencoder_epochs=1, classifier_epochs=1, gan_updates=2, minimum_class_share=1.0, gan_attempts=2
    )
    said: list[str] = []
    with pytest.raises(GateError, match=r"too little of class 0 \(.*%\), 1 .*under 100% .* after 2 attempts"):
        train_parts(data.images, data.labels, CLASSES, strict, said.append)
    assert sum(line.startswith("l-GAN") for line in said) == 2


def test_without_labels_there_is_no_classifier_and_no_gate() -> None:
    data = bars(100, 0, channels=3)
    quick = dataclasses.replace(QUICK, autoencoder_epochs=1, gan_updates=2)
    parts = train_parts(data.images, None, 0, quick)
    assert parts.classifier is None
    assert parts.outcome(torch.zeros(2, 6)).probabilities.shape == (2, 0)


@pytest.mark.parametrize(("adversary", "critic_updates"), [("hinge", 1), ("wgan-gp", 3)])
def test_gans_learn_a_ring_of_clusters(adversary: str, critic_updates: int) -> None:
    """Four clusters of a rare and three common classes: all are found when classes are drawn equally often."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(1000).clamp(max=29) // 10 * (torch.arange(1000) < 30) + (torch.arange(1000) >= 30) * 3
    centres = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])
    latents = centres[labels] + 0.1 * torch.randn(1000, 2, generator=random)
    settings = PartsSettings(
        latent=2,
        z=2,
        gan_width=64,
        adversary=adversary,  # type: ignore[arg-type]
        critic_updates=critic_updates,
        gan_updates=700,
        gan_batch=128,
        gan_learning_rate=1e-3,
        ema=0.98,
    )
    parts = FrozenParts(settings.shape((4, 4, 1), 4))
    train_gan(parts, latents, labels, settings, seed=0)
    with torch.no_grad():
        made = parts.generator(torch.randn(1000, 2, generator=random))
    distance, nearest = torch.cdist(made, centres).min(dim=1)
    assert (distance < 0.6).float().mean() > 0.6
    assert torch.bincount(nearest, minlength=4).min() > 50
    assert "weight" in dict(parts.discriminator.layers[0].named_parameters())  # spectral norm is folded in


def test_balanced_rows() -> None:
    labels = torch.tensor([0] * 90 + [2] * 10)
    drawn = labels[BalancedRows(100, labels).draw(4000)]
    assert 0.45 < (drawn == 2).float().mean() < 0.55
    assert (BalancedRows(100, labels).draw(4000).bincount(minlength=100) > 0).all()
    assert 0.05 < (labels[BalancedRows(100, None).draw(4000)] == 2).float().mean() < 0.15


def test_the_gradient_penalty_of_a_linear_score() -> None:
    critic = torch.nn.Linear(2, 1, bias=False)
    critic.weight.data = torch.tensor([[3.0, 4.0]])
    penalty = latent_gradient_penalty(critic, torch.randn(8, 2), torch.randn(8, 2))
    assert float(penalty) == pytest.approx(16.0, rel=1e-5)
    penalty.backward()
    assert critic.weight.grad is not None
    assert latent_gradient_penalty(LatentDiscriminator(2, 8), torch.randn(8, 2), torch.randn(8, 2)).ndim == 0


def test_class_shares_count_confident_samples_only() -> None:
    parts = FrozenParts(PartsShape((8, 8, 1), classes=4, latent=5, z=2, gan_width=8))
    assert parts.classifier is not None
    shares = class_shares(parts, 500, 0)
    assert shares.sum() == 0  # an untrained classifier is sure of nothing
    parts.classifier.head[-1].bias.data[1] = 100.0
    assert class_shares(parts, 500, 0).tolist() == [0, 1, 0, 0]


def test_the_label_weight_guides_the_latents() -> None:
    data = bars(600, 0)
    pixels, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    spread = {}
    for weight in (0.0, 50.0):
        torch.manual_seed(0)
        settings = dataclasses.replace(QUICK, label_weight=weight, autoencoder_epochs=4)
        parts = FrozenParts(settings.shape((12, 12, 1), CLASSES))
        train_autoencoder(parts, pixels, labels, settings)
        latents = parts.encode_all(to_unit(pixels))
        within = torch.stack([latents[labels == kind].var(dim=0) for kind in range(CLASSES)]).mean()
        spread[weight] = float(within)
    assert spread[50.0] < spread[0.0]  # of a total variance of 1


def test_reader_and_direct_policy() -> None:
    parts, data = bars_parts(), bars(1500, 0)
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    reader = train_reader(parts, images, labels, noise=0.5, max_sigma=0.3, epochs=3)
    assert (reader(parts.encode_all(to_unit(images))).argmax(dim=1) == labels).float().mean() > 0.97
    config = LatentConfig(task="add:1", noise=0.2, max_sigma=0.2, style_weight=0.0, likeness_weight=0.0)
    env = LatentVectorEnv(64, config, parts, data.images, data.labels)

    def score(policy: object) -> float:
        observation, _ = env.reset(seed=1)
        return float(env.step(policy(observation))[1].mean())  # type: ignore[operator]

    chance = score(lambda seen: np.zeros((64, 3), np.float32))
    assert score(train_direct_policy(env, updates=250, width=64)) > chance + 0.3


@pytest.mark.parametrize(
    ("name", "value"),
    [("gan_updates", 0), ("gan_learning_rate", 0.0), ("denoise", 1.5), ("adversary", "vae"), ("label_weight", -1.0)],
)
def test_bad_settings_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        PartsSettings(**{name: value})  # type: ignore[arg-type]
