"""The action spec: orders, masks, validation."""

import numpy as np
import pytest
import torch

from envs.paint import PaintConfig
from envs.spec import ActionComponent, ActionSpec

FULL = PaintConfig().action_spec


def test_spec_order_is_the_published_one() -> None:
    assert FULL.names == ("control", "end", "flag", "pressure", "size", "red", "green", "blue")
    np.testing.assert_array_equal(FULL.sizes, [1024, 1024, 2, 10, 6, 20, 20, 20])
    assert [component.location for component in FULL.components] == [True, True] + [False] * 6


def test_decode_order_is_the_papers() -> None:
    order = [FULL.names[column] for column in FULL.decode_order]
    assert order == ["flag", "end", "control", "size", "pressure", "red", "green", "blue"]


def test_unknown_components_are_decoded_last_in_spec_order() -> None:
    names = ("wobble", "end", "angle", "flag")
    spec = ActionSpec(tuple(ActionComponent(name, 2) for name in names), grid=2)
    assert [spec.names[column] for column in spec.decode_order] == ["flag", "end", "wobble", "angle"]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"pressure_levels": 1}, "control end flag size red green blue"),
        ({"brush_sizes": (2.0,)}, "control end flag pressure red green blue"),
        ({"color": False}, "control end flag pressure size"),
        ({"color": False, "brush_sizes": (2.0,), "pressure_levels": 1}, "control end flag"),
    ],
)
def test_unused_components_leave_the_action(settings: dict[str, object], names: str) -> None:
    spec = PaintConfig(**settings).action_spec  # type: ignore[arg-type]
    assert spec.names == tuple(names.split())
    assert spec.names[spec.flag] == "flag"
    assert sorted(spec.decode_order) == list(range(len(spec.names)))
    for name in ("pressure", "size", "red"):
        assert spec.column(name) == (spec.names.index(name) if name in names else None)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_move_keeps_only_end_and_flag(kind: str) -> None:
    actions = np.ones((2, 3, 8), np.int64)
    actions[0, 1, FULL.flag] = actions[1, 2, FULL.flag] = 0
    mask = FULL.mask(actions if kind == "numpy" else torch.from_numpy(actions))
    assert mask.shape == (2, 3, 8)
    assert mask.dtype == (np.bool_ if kind == "numpy" else torch.bool)
    mask = np.asarray(mask)
    only_move = [name in ("end", "flag") for name in FULL.names]
    np.testing.assert_array_equal(mask[0, 1], only_move)
    np.testing.assert_array_equal(mask[1, 2], only_move)
    assert mask.sum() == 4 * 8 + 2 * 2


def test_validate_returns_int64() -> None:
    actions = np.stack([np.zeros(8, np.uint8), (np.minimum(FULL.sizes, 256) - 1).astype(np.uint8)])
    checked = FULL.validate(actions, 2)
    assert checked.dtype == np.int64
    np.testing.assert_array_equal(checked, actions)
    assert FULL.validate([[1023, 1023, 1, 9, 5, 19, 19, 19]], 1).shape == (1, 8)


@pytest.mark.parametrize("name", FULL.names)
@pytest.mark.parametrize("wrong", ["negative", "too large"])
def test_validate_names_the_component(name: str, wrong: str) -> None:
    column = FULL.names.index(name)
    value = -1 if wrong == "negative" else int(FULL.sizes[column])
    actions = np.zeros((3, 8), np.int64)
    actions[1, column] = value
    expected = rf"^actions\[1\]: {name} = {value}, expected 0 to {FULL.sizes[column] - 1}$"
    with pytest.raises(ValueError, match=expected):
        FULL.validate(actions, 3)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 8)), "actions: expected integers, got dtype float64"),
        (np.zeros((2, 8), bool), "actions: expected integers, got dtype bool"),
        (np.zeros((3, 8), int), r"actions: expected shape \(2, 8\) \(control, end, .*\), got \(3, 8\)"),
        (np.zeros((2, 7), int), r"got \(2, 7\)"),
        (np.zeros(8, int), r"got \(8,\)"),
    ],
)
def test_validate_refuses_wrong_arrays(actions: np.ndarray, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=message):
        FULL.validate(actions, 2)
