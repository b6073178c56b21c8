"""Adversarial losses against NumPy; the gradient penalty where its value and its gradient are known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learners.adversarial import centering_term, gradient_penalty, hinge_loss, logistic_loss, wasserstein_loss

REAL = np.array([2.0, 0.5, -1.5, 1.0, 30.0])
FAKE = np.array([-2.0, 0.25, 1.5, -1.0, -30.0])


def scores() -> tuple[Tensor, Tensor]:
    return torch.from_numpy(REAL).float(), torch.from_numpy(FAKE).float()


def test_losses_against_numpy() -> None:
    real, fake = scores()
    assert wasserstein_loss(real, fake).item() == pytest.approx(FAKE.mean() - REAL.mean(), rel=1e-6)
    hinge = np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean()
    assert hinge_loss(real, fake).item() == pytest.approx(hinge, rel=1e-6)
    logistic = -np.log(1 / (1 + np.exp(-REAL))).mean() - np.log(1 - 1 / (1 + np.exp(-FAKE))).mean()
    assert logistic_loss(real, fake).item() == pytest.approx(logistic, rel=1e-5)


@pytest.mark.parametrize("loss", [wasserstein_loss, hinge_loss, logistic_loss])
def test_losses_fall_as_the_discriminator_improves(loss: object) -> None:
    assert callable(loss)
    zero = torch.zeros(4)
    assert loss(zero + 0.5, zero - 0.5) < loss(zero, zero) < loss(zero - 0.5, zero + 0.5)


def test_centering_term() -> None:
    real, fake = scores()
    assert centering_term(real, fake).item() == pytest.approx(np.concatenate([REAL, FAKE]).mean() ** 2, rel=1e-5)
    assert centering_term(real + 100, fake - 100).item() == pytest.approx(centering_term(real, fake).item(), rel=1e-3)
    assert centering_term(real + 1, fake + 1) > centering_term(real, fake)


@pytest.mark.parametrize("length", [0.25, 1.0, 3.0])
def test_penalty_of_a_linear_discriminator(length: float) -> None:
    """D(x) = w x has the gradient w everywhere: penalty (|w| - 1)^2, its gradient 2 (|w| - 1) w / |w|."""
    weight = torch.randn(2 * 4 * 4)
    weight = (length * weight / weight.norm()).requires_grad_()
    real, fake = torch.randn(5, 2, 4, 4), torch.randn(5, 2, 4, 4)
    penalty = gradient_penalty(lambda image: image.flatten(1) @ weight, real, fake, torch.rand(5))
    assert penalty.item() == pytest.approx((length - 1) ** 2, abs=1e-6)
    penalty.backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, 2 * (length - 1) * weight.detach() / length, rtol=1e-4, atol=1e-5)


def test_penalty_is_taken_between_the_two_images_of_each_pair() -> None:
    """D(x) = a |x|^2 / 2 has the gradient a x: the penalty tells at which x it was taken."""
    real, fake, mix = torch.randn(4, 1, 3, 3), torch.randn(4, 1, 3, 3), torch.tensor([0.0, 0.3, 0.9, 1.0])
    curvature = torch.tensor(0.7, requires_grad=True)
    penalty = gradient_penalty(lambda image: curvature * image.square().flatten(1).sum(1) / 2, real, fake, mix)
    lengths = [(m * r + (1 - m) * f).norm().item() for m, r, f in zip(mix, real, fake, strict=True)]
    assert penalty.item() == pytest.approx(np.mean([(0.7 * length - 1) ** 2 for length in lengths]), rel=1e-5)
    penalty.backward()
    slope = np.mean([2 * (0.7 * length - 1) * length for length in lengths])
    assert curvature.grad is not None
    assert curvature.grad.item() == pytest.approx(slope, rel=1e-5)


def test_penalty_gradient_against_finite_differences() -> None:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.Tanh(), nn.Linear(6, 4), nn.Softplus(), nn.Linear(4, 1))
    network.double()
    real, fake = torch.randn(3, 1, 3, 3).double(), torch.randn(3, 1, 3, 3).double()
    mix = torch.rand(3).double()

    def penalty() -> Tensor:
        return gradient_penalty(lambda image: network(image)[:, 0], real, fake, mix)

    gradients = torch.autograd.grad(penalty(), list(network.parameters()), allow_unused=True)
    assert gradients[-1] is None or not gradients[-1].any()  # the last bias has no say
    for weight, gradient in zip(list(network.parameters())[:-1], gradients[:-1], strict=True):
        assert gradient is not None
        for place in range(0, weight.numel(), 5):
            with torch.no_grad():
                sides = []
                for step in (1e-3, -1e-3):
                    weight.view(-1)[place] += step
                    with torch.enable_grad():
                        sides.append(penalty().item())
                    weight.view(-1)[place] -= step
            assert gradient.view(-1)[place].item() == pytest.approx((sides[0] - sides[1]) / 2e-3, abs=5e-4)
