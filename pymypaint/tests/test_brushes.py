"""Finding brushes, and refusing broken ones with a ValueError that says what is wrong."""

import codecs
import json
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pymypaint import BatchPainter, _core, brush_file, brushes, find_brush

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


# Settings that MyPaint would fill in, and that the published environment would leave at 0.
MINIMAL: dict[str, Any] = {
    "version": 3,
    "settings": {"opaque": {"base_value": 1, "inputs": {}}, "hardness": {"base_value": 0.8, "inputs": {}}},
}


def painted(brush: Any, **options: Any) -> NDArray[np.uint8]:
    """One black stroke across a white canvas, uint8 [64, 64]."""
    canvas = np.empty((1, 64, 64, 1), np.uint8)
    with BatchPainter(1, brush, **options) as painter:
        painter.reset(canvas)
        end, control = np.array([[50.0, 50.0]]), np.array([[10.0, 40.0]])
        ones = np.ones(1)
        painter.stroke(end, control, 0.8 * ones, ones, np.zeros((1, 3)), np.ones(1, bool), canvas)
    return canvas[0, :, :, 0]


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


def test_both_sets_and_the_package_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = tmp_path / "package", tmp_path / "system"
    for data, brush_set, name in (
        (mine, "1.0", "pen"),
        (theirs, "1.0", "pen"),
        (theirs, "1.0", "nib"),
        (theirs, "2.0", "nib"),
        (mine, "2.0", "fan"),
    ):
        folder = data / brush_set / "brushes" / "classic"
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"{name}.myb", GOOD)
    monkeypatch.setattr(brushes, "_DATA_FOLDERS", (mine, theirs))
    monkeypatch.delenv("PYMYPAINT_BRUSHES", raising=False)
    assert find_brush("classic/pen") == mine / "1.0/brushes/classic/pen.myb"
    assert find_brush("classic/nib") == theirs / "1.0/brushes/classic/nib.myb"
    assert find_brush("2.0/classic/nib") == theirs / "2.0/brushes/classic/nib.myb"
    assert find_brush("classic/fan") == mine / "2.0/brushes/classic/fan.myb"


def test_missing_brush_says_where_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    where = find_brush("classic/pen").parents[1]
    with pytest.raises(ValueError, match=r"brush: no file 'classic/nib', and no 'classic/nib.myb' in ") as error:
        BatchPainter(1, "classic/nib")
    assert str(where) in str(error.value)
    assert "apt" not in str(error.value)  # there are brushes
    monkeypatch.setattr(brushes, "_DATA_FOLDERS", ())
    monkeypatch.setattr(brushes, "_pkg_config_folder", lambda: None)
    with pytest.raises(ValueError, match=r"has no brushes: install them \(`apt install mypaint-brushes`\)"):
        BatchPainter(1, "classic/nib")


def test_no_advice_on_packages_for_a_file_of_ones_own(tmp_path: Path) -> None:
    for name, said in ((f"{tmp_path}/nib.myb", "is not there"), ("./nib.myb", "is not there"), (tmp_path, "a folder")):
        with pytest.raises(ValueError, match=f"brush: the file .* {said}") as error:
            BatchPainter(1, name)
        assert "apt" not in str(error.value)


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
    ({**GOOD, "version": 1}, "expected version 2, 3 or later, got 1"),
    ({**GOOD, "version": None}, "expected version 2, 3 or later, got None"),
    ({"settings": GOOD["settings"]}, "expected version 2, 3 or later, got None"),
    ("version 1\nopaque 1.0\n", "expected version 2, 3 or later, got '1'"),
    ("version 2\nopaque one\n", "expected a line 'NAME NUMBER"),
    ("version 2\nopaque 1.0 | pressure (0 0)\n", "'pressure': expected a list of 2 to 64 points"),
    ("version 2\nsparkle 1.0\n", "has no setting"),
    ({**GOOD, "settings": {}}, "has no setting"),
    ({**GOOD, "settings": {"opaque": 1.0}}, "setting 'opaque': expected an object"),
    ({**GOOD, "settings": {"opaque": {"base_value": 1.0, "inputs": []}}}, "setting 'opaque': expected an object"),
    ({**GOOD, "settings": {"opaque": {"inputs": {}}}}, "'opaque': base_value: expected a number"),
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


def test_pack_of_brushes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as pack:
        pack.writestr("pen.myb", json.dumps(GOOD))
    with pytest.raises(ValueError, match=r"pack\.zip is a zip archive: unpack it"):
        BatchPainter(1, tmp_path / "pack.zip")


def test_files_as_found_in_the_wild(tmp_path: Path) -> None:
    """A byte order mark, a version as text or of the future, no `inputs`: the brush that the file describes."""
    pen = json.loads(find_brush("classic/pen").read_text())
    wanted = painted("classic/pen")
    plain = {name: {"base_value": setting["base_value"]} for name, setting in pen["settings"].items()}
    full = {name: {**setting, "inputs": {}} for name, setting in plain.items()}
    (tmp_path / "bom.myb").write_bytes(codecs.BOM_UTF8 + json.dumps(pen).encode())
    assert np.array_equal(painted(tmp_path / "bom.myb"), wanted)
    for version in ("3", 3.0, 4):
        file = write(tmp_path / "dieterle_2_#1.myb", {**pen, "version": version})
        assert np.array_equal(painted(file), wanted)
    without, empty = (write(tmp_path / f"{n}.myb", {**pen, "settings": s}) for n, s in enumerate((plain, full)))
    assert np.array_equal(painted(without), painted(empty))
    assert not np.array_equal(painted(without), wanted)


def test_version_2(tmp_path: Path) -> None:
    """The same brush as text and as JSON paints the same."""
    pen = json.loads(find_brush("classic/pen").read_text())
    lines = ["# mypaint brush file", "version 2", "parent_brush_name classic/pen", "group classic"]
    for name, setting in pen["settings"].items():
        curves = [
            f" | {source} " + ", ".join(f"({x!r} {y!r})" for x, y in points)
            for source, points in setting["inputs"].items()
        ]
        lines.append(f"{name} {setting['base_value']!r}" + "".join(curves))
    assert np.array_equal(painted(write(tmp_path / "pen.myb", "\n".join(lines))), painted("classic/pen"))


def test_settings_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one's own has libmypaint's defaults; a brush by its name has 0, as in the published environment."""
    (tmp_path / "mine").mkdir()
    file = write(tmp_path / "mine" / "minimal.myb", MINIMAL)
    assert (painted(file) < 128).sum() > 50
    assert (painted(file, defaults=False) == 255).all()
    monkeypatch.setenv("PYMYPAINT_BRUSHES", str(tmp_path))
    assert (painted("mine/minimal") == 255).all()
    assert np.array_equal(painted("mine/minimal", defaults=True), painted(file))
    # A brush that leaves nothing out is the same brush either way.
    complete = {name: {"base_value": value, "inputs": {}} for name, value in _core.default_settings()}
    complete["opaque_multiply"]["inputs"] = {"pressure": [[0, 0], [1, 1]]}
    settings = {**complete, **MINIMAL["settings"]}
    same = write(tmp_path / "complete.myb", {"version": 3, "settings": settings})
    for defaults in (False, True):
        assert np.array_equal(painted(same, defaults=defaults), painted(file))


def test_libmypaints_defaults() -> None:
    values = dict(_core.default_settings())
    assert {name: values[name] for name in ("opaque", "hardness", "radius_logarithmic", "dabs_per_actual_radius")} == {
        "opaque": 1.0,
        "hardness": pytest.approx(0.8),
        "radius_logarithmic": 2.0,
        "dabs_per_actual_radius": 2.0,
    }


def test_unknown_names_are_left_out_with_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brush_file, "_warned", set())
    settings = {**GOOD["settings"], "sparkle": {"base_value": 1.0, "inputs": {}}}
    settings["opaque"] = {"base_value": 1.0, "inputs": {"moon": [[0, 0], [1, 1]]}}
    file = write(tmp_path / "odd.myb", {**GOOD, "settings": settings})
    with pytest.warns(UserWarning, match="does not know: moon, sparkle"):
        painter = BatchPainter(1, file)
    assert not painter.closed
    painter.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BatchPainter(1, file).close()


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
