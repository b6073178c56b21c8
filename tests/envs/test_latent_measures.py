import math

import numpy as np
import pytest
import torch
from torch import Tensor

from envs.latent.measures import NAMES, STYLE_NAMES, measure, style


def bar(thickness: float, slant: float = 0.0, brightness: float = 1.0, length: float = 16.0, side: int = 40) -> Tensor:
    """An upright bar, `slant` pixels to the right per pixel upwards, anti-aliased: float32 [1, 1, side, side]."""
    fine = 8
    grid = (np.arange(side * fine) + 0.5) / fine - side / 2
    y, x = np.meshgrid(grid, grid, indexing="ij")
    inside = (np.abs(x + slant * y) < thickness / 2) & (np.abs(y) < length / 2)
    pixels = inside.reshape(side, fine, side, fine).mean(axis=(1, 3))
    return torch.from_numpy(brightness * pixels).float()[None, None]


def of(image: Tensor) -> dict[str, float]:
    measures = measure(image)
    named = dict(zip(NAMES, measures[0].tolist(), strict=True))
    return named | dict(zip(STYLE_NAMES, style(measures)[0].tolist(), strict=True))


@pytest.mark.parametrize("thickness", [2.0, 3.0, 4.0])
def test_thickness_in_pixels_at_any_brightness(thickness: float) -> None:
    # the two ends add 2 w to the total variation of 2 L: w L / (L + w)
    expected = thickness * 30 / (30 + thickness)
    for brightness in (1.0, 0.4):
        assert of(bar(thickness, brightness=brightness, length=30))["thickness"] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("slant", [-0.5, 0.0, 0.3])
def test_slant_is_the_regression_of_x_on_minus_y(slant: float) -> None:
    assert of(bar(2.0, slant))["slant"] == pytest.approx(slant, abs=0.02)


def test_moments_and_ink_of_a_rectangle() -> None:
    image = torch.zeros(1, 3, 20, 30)
    image[:, :, 4:10, 20:22] = 0.5  # 6 high, 2 wide; colors are averaged
    found = of(image)
    assert found["ink"] == pytest.approx(6.0)
    assert found["x"] == pytest.approx(20.5 - 14.5)
    assert found["y"] == pytest.approx(6.5 - 9.5)
    assert found["yy"] == pytest.approx((6**2 - 1) / 12, rel=1e-4)
    assert found["xx"] == pytest.approx((2**2 - 1) / 12, rel=1e-4)
    assert found["height"] == pytest.approx(math.sqrt(35 / 12), rel=1e-4)
    assert found["xy"] == pytest.approx(0, abs=1e-5)


def test_nothing_measures_as_zeros_and_rows_do_not_mix() -> None:
    empty = torch.zeros(1, 1, 40, 40)
    assert measure(empty).abs().max() == 0
    both = measure(torch.cat((bar(3.0, 0.2), empty)))
    torch.testing.assert_close(both[:1], measure(bar(3.0, 0.2)))
    assert style(both).isfinite().all()


def test_gradients_are_finite_even_without_ink() -> None:
    images = torch.cat((bar(2.0, 0.1), torch.zeros(1, 1, 40, 40))).requires_grad_(True)
    style(measure(images)).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert images.grad[0].abs().max() > 0
