"""The presets' painting worlds."""

from cluster.painter.settings import preset
from envs.paint import PaintConfig


def test_the_papers_world_is_the_published_one() -> None:
    paint = preset("paper", "celeba").paint
    assert paint == PaintConfig()
    assert (paint.pressure_levels, paint.fixed_pressure) == (10, 1.0)
    assert preset("paper", "celeba").replace(pressure_levels=1).paint.fixed_pressure == 1.0


def test_the_laptops_pen_is_pressed_half() -> None:
    """The measured runs of the documentation were made with it."""
    paint = preset("laptop").paint
    assert (paint.pressure_levels, paint.fixed_pressure) == (1, 0.5)
