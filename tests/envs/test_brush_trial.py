"""A brush is tried before training: one that paints nothing is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from envs.brush_trial import largest_mark, require_marks
from envs.paint import PaintConfig, PaintVectorEnv
from tests.envs.worlds import COLOR, GRAY, random_actions

#: A brush of somebody's own, of the settings that a person would write down.
MINIMAL = {
    "version": 3,
    "settings": {
        "radius_logarithmic": {"base_value": 2, "inputs": {}},
        "opaque": {"base_value": 1, "inputs": {}},
        "hardness": {"base_value": 0.8, "inputs": {}},
    },
}


@pytest.mark.parametrize("config", [PaintConfig(), COLOR, GRAY])
@pytest.mark.parametrize("brush", ["classic/pen", "classic/dry_brush", "classic/charcoal", "classic/ink_eraser"])
def test_brushes_that_paint(config: PaintConfig, brush: str) -> None:
    assert largest_mark(replace(config, brush=brush)) > 100
    require_marks(replace(config, brush=brush))


@pytest.mark.parametrize("brush", ["classic/blur", "classic/smudge", "ramon/Knife", "tanda/water-01"])
def test_brushes_that_move_paint_that_is_not_there(brush: str) -> None:
    with pytest.raises(ValueError, match=f"brush: {brush} paints nothing on white at a radius of 1 to 24 px") as error:
        require_marks(PaintConfig(brush=brush))
    assert "\n" not in str(error.value)


def test_pressure_and_size_are_those_of_the_run() -> None:
    faint = PaintConfig(brush="classic/pen", brush_sizes=(2.0,), pressure_levels=1, fixed_pressure=0.0)
    with pytest.raises(ValueError, match="at a radius of 2 px and a pressure of 0:"):
        require_marks(faint)
    require_marks(replace(faint, fixed_pressure=1.0))


def test_settings_that_a_file_leaves_out(tmp_path: Path) -> None:
    """A file of one's own has libmypaint's defaults, unless it is asked to paint as before there were any."""
    file = tmp_path / "mine.myb"
    file.write_text(json.dumps(MINIMAL))
    mine = replace(GRAY, brush=str(file))
    require_marks(mine)
    with pytest.raises(ValueError, match=r"mine\.myb paints nothing .* leave settings out, which are 0 here"):
        require_marks(replace(mine, brush_defaults=False))
    worlds = PaintVectorEnv(2, mine)
    worlds.reset()
    for actions in random_actions(mine, 2):
        observation, *_ = worlds.step(actions)
    assert observation["canvas"].min() < 128
    worlds.close()
