"""Brush files: what they may hold, and what libmypaint may be told of it.

A `.myb` file is checked here, completely, before libmypaint sees any of it: libmypaint itself answers a broken one with
a line on stderr, a failed assertion or a write out of bounds.
"""

import itertools
import json
import re
import warnings
from pathlib import Path
from typing import Any

from pymypaint import _core

Curve = tuple[str, list[tuple[float, float]]]
Setting = tuple[str, float, list[Curve]]

_LARGEST = 1e6  # far beyond any setting of any brush, and small enough that no float32 arithmetic on it overflows
_LARGEST_FILE = 4 << 20
_DABS = {"dabs_per_basic_radius": 100.0, "dabs_per_actual_radius": 100.0, "dabs_per_second": 1000.0}
#: Entries of version 2 that tell of the brush and are no settings.
_TEXTS = {"parent_brush_name", "group", "comment", "notes", "description"}
#: Warnings given, each once a process; Python's own registry forgets whenever somebody touches the filters.
_warned: set[str] = set()


def load_brush(path: Path, *, defaults: bool = False) -> list[Setting]:
    """Reads a brush file: [(setting, base value, [(input, [(x, y), ...]), ...]), ...].

    Versions 2 (text), 3 (JSON, MyPaint 1.1 to 2.0) and later are read. Names that this libmypaint does not know are
    left out with a warning, once a process.

    Args:
      path: of the file.
      defaults: True: settings that the file leaves out have libmypaint's defaults, as in MyPaint. False: they are not
        in the list and stay 0, as in the published environment.

    Raises:
      ValueError: the file cannot be read, or is not a brush that libmypaint can use; says which part and why.
    """
    given = _settings(path)
    settings: list[Setting] = []
    unknown: list[str] = []
    for name, setting in given.items():
        where = f"brush: {path}: setting {name!r}"
        if not isinstance(setting, dict) or not isinstance(setting.get("inputs", {}), dict):
            raise ValueError(f"{where}: expected an object with a number 'base_value' and an object 'inputs'")
        if not _core.has_setting(name):
            unknown.append(name)
            continue
        base_value = _number(setting.get("base_value"), f"{where}: base_value", _DABS.get(name, _LARGEST))
        curves: list[Curve] = []
        for source, points in setting.get("inputs", {}).items():
            curve = _curve(points, f"{where}: input {source!r}")
            if not _core.has_input(source):
                unknown.append(source)
            elif curve:
                curves.append((source, curve))
        settings.append((name, base_value, curves))
    if not settings:
        raise ValueError(f"brush: {path}: has no setting that libmypaint knows")
    if unknown:
        _warn_once(f"brush: {path}: ignoring what this libmypaint does not know: {', '.join(sorted(set(unknown)))}")
    if defaults:
        settings += [(name, base_value, _default_curves(name)) for name, base_value in _missing(settings)]
    return settings


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, stacklevel=4)  # where BatchPainter was called


def _missing(settings: list[Setting]) -> list[tuple[str, float]]:
    there = {name for name, _, _ in settings}
    return [(name, value) for name, value in _core.default_settings() if name not in there]


def _default_curves(name: str) -> list[Curve]:
    """libmypaint's one default that is not a number: opacity follows pressure."""
    return [("pressure", [(0.0, 0.0), (1.0, 1.0)])] if name == "opaque_multiply" else []


def _settings(path: Path) -> dict[str, Any]:
    """The settings of a file as version 3 writes them, names and values not yet checked."""
    try:
        if (size := path.stat().st_size) > _LARGEST_FILE:
            raise ValueError(f"brush: {path} has {size} bytes: no brush is as large")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"brush: cannot read {path}: {error.strerror}") from None
    if content.startswith(b"PK\x03\x04"):
        raise ValueError(f"brush: {path} is a zip archive: unpack it, and give one of its .myb files")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"brush: {path} is not JSON: {error}") from None
    version = re.search(r"^version\s+(\S+)\s*$", text, re.MULTILINE)
    if version and not text.lstrip().startswith("{"):
        _check_version(path, version[1])
        return _text_settings(path, text)
    try:
        brush: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"brush: {path} is not JSON: {error}") from None
    if not isinstance(brush, dict) or not isinstance(brush.get("settings"), dict):
        raise ValueError(f"brush: {path}: expected an object with a 'version' and an object 'settings'")
    _check_version(path, brush.get("version"))
    settings: dict[str, Any] = brush["settings"]
    return settings


def _check_version(path: Path, version: Any) -> None:
    try:
        number = int(version)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if number < 2:
        raise ValueError(
            f"brush: {path}: expected version 2, 3 or later, got {version!r}; MyPaint writes version 3 when it saves "
            "the brush again"
        )


def _text_settings(path: Path, text: str) -> dict[str, Any]:
    """The settings of a version 2 file: a line `NAME BASE | INPUT (X Y), (X Y), ... | INPUT ...` for each."""
    settings: dict[str, Any] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if not name or name.startswith("#") or name == "version" or name in _TEXTS:
            continue
        base, *inputs = value.split("|")
        try:
            curves = {}
            for entry in inputs:
                source, _, points = entry.strip().partition(" ")
                pairs = re.findall(r"\(([^()]*)\)", points)
                curves[source] = [[float(number) for number in pair.replace(",", " ").split()] for pair in pairs]
            settings[name] = {"base_value": float(base), "inputs": curves}
        except ValueError:
            raise ValueError(f"brush: {path}: expected a line 'NAME NUMBER | INPUT (X Y), ...', got {line!r}") from None
    return settings


def _number(value: Any, where: str, largest: float = _LARGEST) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= largest:
        raise ValueError(f"{where}: expected a number of at most {largest:g} in size, got {value!r}")
    return float(value)


def _curve(points: Any, where: str) -> list[tuple[float, float]]:
    # libmypaint asserts all of this.
    if not isinstance(points, list) or len(points) == 1 or len(points) > 64:
        raise ValueError(f"{where}: expected a list of 2 to 64 points [x, y]")
    curve = []
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise ValueError(f"{where}: expected points [x, y], got {point!r}")
        curve.append((_number(point[0], where), _number(point[1], where)))
    if any(right[0] < left[0] for left, right in itertools.pairwise(curve)):
        raise ValueError(f"{where}: expected points with rising x")
    return curve
