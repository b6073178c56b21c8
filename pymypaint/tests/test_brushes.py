"""Finding brushes, and refusing broken ones with a ValueError that says what is wrong."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pymypaint import BatchPainter, find_brush

GOOD: dict[str, Any] = {
    "version": 3,
    "settings": {
        "opaque": {"base_value": 1.0, "inputs": {}},
        "radius_logarithmic": {"base_value": 1.0, "inputs": {"pressure": [[0.0, 0.0], [1.0, 0.5]]}},
        "dabs_per_actual_radius": {"base_value": 2.0, "inputs": {}},
    },
}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_names_paths_and_suffixes() -> None:
    path = find_brush("classic/pen")
    assert path.name == "pen.myb"
    assert find_brush("classic/pen.myb") == path
    assert find_brush(path) == path
    assert find_brush(str(path)) == path


def test_environment_variable_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "classic").mkdir()
    mine = write(tmp_path / "classic" / "pen.myb", GOOD)
    monkeypatch.setenv("PYMYPAINT_BRUSHES", f"/nowhere:{tmp_path}")
    assert find_brush("classic/pen") == mine


def test_missing_brush_says_where_it_looked() -> None:
    message = r"brush: no file 'classic/nib'.*mypaint-data/1.0/brushes.*apt install mypaint-brushes"
    with pytest.raises(ValueError, match=message):
        BatchPainter(1, "classic/nib")


@pytest.mark.parametrize("name", ["", "a\0b", 3, None, b"classic/pen"])
def test_not_a_name(name: Any) -> None:
    with pytest.raises(ValueError, match="brush: expected a name"):
        BatchPainter(1, name)


BROKEN: list[tuple[Any, str]] = [
    ("", "is not JSON"),
    ("{", "is not JSON"),
    ("[" * 100000, "is not JSON"),
    ([], "expected an object"),
    ({"version": 3}, "'settings'"),
    ({**GOOD, "version": 2}, "expected version 3, got 2"),
    ({**GOOD, "settings": {}}, "has no setting"),
    ({**GOOD, "settings": {"opaque": 1.0}}, "setting 'opaque': expected an object"),
    ({**GOOD, "settings": {"opaque": {"base_value": 1.0}}}, "setting 'opaque': expected an object"),
    ({**GOOD, "settings": {"opaque": {"base_value": "1", "inputs": {}}}}, "'opaque': base_value: expected a number"),
    ({**GOOD, "settings": {"opaque": {"base_value": True, "inputs": {}}}}, "base_value: expected a number"),
    ({**GOOD, "settings": {"opaque": {"base_value": float("nan"), "inputs": {}}}}, "base_value: expected a number"),
    ({**GOOD, "settings": {"opaque": {"base_value": 1e30, "inputs": {}}}}, "base_value: expected a number"),
    ({**GOOD, "settings": {"dabs_per_second": {"base_value": 1e5, "inputs": {}}}}, "base_value: expected a number"),
]
BROKEN_CURVES: list[tuple[Any, str]] = [
    (3, "expected a list of 2 to 64 points"),
    ([[0, 0]], "expected a list of 2 to 64 points"),
    ([[x, 0] for x in range(65)], "expected a list of 2 to 64 points"),
    ([[0, 0], [1]], "expected points"),
    ([[0, 0], [1, None]], "expected a number"),
    ([[1, 0], [0, 0]], "rising x"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_file(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        BatchPainter(1, write(tmp_path / "broken.myb", content))


@pytest.mark.parametrize(("curve", "message"), BROKEN_CURVES, ids=range(len(BROKEN_CURVES)))
def test_broken_curve(curve: Any, message: str, tmp_path: Path) -> None:
    content = {**GOOD, "settings": {"opaque": {"base_value": 0.5, "inputs": {"pressure": curve}}}}
    with pytest.raises(ValueError, match=f"setting 'opaque': input 'pressure': .*{message}"):
        BatchPainter(1, write(tmp_path / "broken.myb", content))


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "latin.myb"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="is not JSON"):
        BatchPainter(1, path)


def test_unknown_names_are_left_out_with_a_warning(tmp_path: Path) -> None:
    settings = {**GOOD["settings"], "sparkle": {"base_value": 1.0, "inputs": {}}}
    settings["opaque"] = {"base_value": 1.0, "inputs": {"moon": [[0, 0], [1, 1]]}}
    with pytest.warns(UserWarning, match="does not know: moon, sparkle"):
        painter = BatchPainter(1, write(tmp_path / "odd.myb", {**GOOD, "settings": settings}))
    assert not painter.closed
    painter.close()


@pytest.mark.filterwarnings("ignore:brush")
def test_damaged_files_never_crash(tmp_path: Path) -> None:
    """Single characters of a real brush changed at random: either a brush still, or a ValueError."""
    generator = random.Random(0)
    text = find_brush("classic/kabura").read_text()
    refused = accepted = 0
    for _ in range(150):
        characters = list(text)
        for _ in range(generator.choice([1, 3, 10])):
            characters[generator.randrange(len(characters))] = generator.choice('0123456789.-eE[]{}",: x')
        path = write(tmp_path / "damaged.myb", "".join(characters))
        try:
            BatchPainter(1, path).close()
        except ValueError as error:
            refused += str(error).startswith("brush: ")
        else:
            accepted += 1
    assert refused + accepted == 150
    assert refused > 50
