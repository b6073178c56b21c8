"""Brush files: where they are, and what libmypaint may be told of them.

A `.myb` file is checked here, completely, before libmypaint sees any of it: libmypaint itself answers a broken one with
a line on stderr, a failed assertion or a write out of bounds.
"""

import itertools
import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

from pymypaint import _core

Curve = tuple[str, list[tuple[float, float]]]
Setting = tuple[str, float, list[Curve]]

_SYSTEM_FOLDERS = (
    "/usr/share/mypaint-data/1.0/brushes",  # Debian, Ubuntu, Fedora: mypaint-brushes
    "/usr/local/share/mypaint-data/1.0/brushes",
    "/opt/homebrew/share/mypaint-data/1.0/brushes",  # macOS, Homebrew
)
_LARGEST = 1e6  # far beyond any setting of any brush, and small enough that no float32 arithmetic on it overflows
_DABS = {"dabs_per_basic_radius": 100.0, "dabs_per_actual_radius": 100.0, "dabs_per_second": 1000.0}


def find_brush(name: str | os.PathLike[str]) -> Path:
    """Returns the file of a brush.

    Args:
      name: a path to a `.myb` file, or a name such as "classic/pen", looked for in the folders of `$PYMYPAINT_BRUSHES`
        (separated as in `$PATH`), then where the systems' `mypaint-brushes` packages and pkg-config keep the 1.0 set,
        the one that the published SPIRAL environment paints with.

    Raises:
      ValueError: no such brush; says where it was looked for.
    """
    try:
        text = os.fspath(name)
    except TypeError:
        raise ValueError(f"brush: expected a name or a path, got {type(name).__name__}") from None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"brush: expected a name such as 'classic/pen' or a path to a .myb file, got {text!r}")
    path = Path(text).expanduser()
    if path.is_file():
        return path
    file_name = text if text.endswith(".myb") else text + ".myb"
    folders = [Path(folder) for folder in os.environ.get("PYMYPAINT_BRUSHES", "").split(os.pathsep) if folder]
    folders += [Path(folder) for folder in _SYSTEM_FOLDERS]
    for folder in folders:
        if (folder / file_name).is_file():
            return folder / file_name
    described = _pkg_config_folder()
    if described is not None:
        folders.append(described)
        if (described / file_name).is_file():
            return described / file_name
    raise ValueError(
        f"brush: no file {text!r}, and no {file_name!r} in {', '.join(dict.fromkeys(map(str, folders)))}; "
        "install the brushes (`apt install mypaint-brushes`) or name their folder in PYMYPAINT_BRUSHES"
    )


def _pkg_config_folder() -> Path | None:
    tool = shutil.which("pkg-config")
    if tool is None:
        return None
    command = [tool, "--variable=brushesdir", "mypaint-brushes-1.0"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return Path(answer) if answer else None


def load_brush(path: Path) -> list[Setting]:
    """Reads a brush file of version 3: [(setting, base value, [(input, [(x, y), ...]), ...]), ...].

    Settings that the file leaves out are not in the list and stay 0, as in the published environment (libmypaint's
    defaults are not applied). Names that the installed libmypaint does not know are left out with a warning.

    Raises:
      ValueError: the file cannot be read, or is not a brush that libmypaint can use; says which part and why.
    """
    try:
        brush: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"brush: cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"brush: {path} is not JSON: {error}") from None
    if not isinstance(brush, dict) or not isinstance(brush.get("settings"), dict):
        raise ValueError(f"brush: {path}: expected an object with 'version' 3 and an object 'settings'")
    if brush.get("version") != 3:
        raise ValueError(f"brush: {path}: expected version 3, got {brush.get('version')!r}")
    settings: list[Setting] = []
    unknown: list[str] = []
    for name, setting in brush["settings"].items():
        where = f"brush: {path}: setting {name!r}"
        if not isinstance(setting, dict) or not isinstance(setting.get("inputs"), dict):
            raise ValueError(f"{where}: expected an object with a number 'base_value' and an object 'inputs'")
        if not _core.has_setting(name):
            unknown.append(name)
            continue
        base_value = _number(setting.get("base_value"), f"{where}: base_value", _DABS.get(name, _LARGEST))
        curves: list[Curve] = []
        for source, points in setting["inputs"].items():
            curve = _curve(points, f"{where}: input {source!r}")
            if not _core.has_input(source):
                unknown.append(source)
            elif curve:
                curves.append((source, curve))
        settings.append((name, base_value, curves))
    if not settings:
        raise ValueError(f"brush: {path}: has no setting that libmypaint knows")
    if unknown:
        names = ", ".join(sorted(set(unknown)))
        warnings.warn(f"brush: {path}: ignoring what this libmypaint does not know: {names}", stacklevel=3)
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
