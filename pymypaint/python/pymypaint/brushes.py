"""Finding the file of a brush by its name, or by its path."""

import os
import shutil
import subprocess
from pathlib import Path

#: Folders laid out as `mypaint-brushes` lays them out: SET/brushes/GROUP/NAME.myb.
_DATA_FOLDERS = (
    Path(__file__).parent / "mypaint-data",  # in a self-contained wheel
    Path("/usr/share/mypaint-data"),  # Debian, Ubuntu, Fedora
    Path("/usr/local/share/mypaint-data"),
    Path("/opt/homebrew/share/mypaint-data"),  # macOS
)
#: The first is the one that the published SPIRAL environment paints with.
_SETS = ("1.0", "2.0")


def find_brush(name: str | os.PathLike[str]) -> Path:
    """Returns the file of a brush.

    Args:
      name: a path to a `.myb` file, or a name such as "classic/pen", looked for in the folders of `$PYMYPAINT_BRUSHES`
        (separated as in `$PATH`), then in this package and where the systems' `mypaint-brushes` packages and pkg-config
        keep them: first in the 1.0 set, the one that the published SPIRAL environment paints with, then in the 2.0 set.
        "2.0/classic/pen" looks in that set only.

    Raises:
      ValueError: no such brush; says where it was looked for.
    """
    try:
        text = os.fspath(name)
    except TypeError:
        raise ValueError(f"brush: expected a name or a path, got {type(name).__name__}") from None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"brush: expected a name such as 'classic/pen' or a path to a .myb file, got {text!r}")
    path = _as_path(text)
    if path.is_file():
        return path
    if path.is_absolute() or text.startswith((".", "~")):
        kind = "is a folder; name one of its .myb files" if path.is_dir() else "is not there"
        raise ValueError(f"brush: the file {text} {kind}")
    file_name = text if text.endswith(".myb") else text + ".myb"
    folders = [Path(folder) for folder in os.environ.get("PYMYPAINT_BRUSHES", "").split(os.pathsep) if folder]
    places = [folder / file_name for folder in folders]
    chosen, _, rest = file_name.partition("/")
    for brush_set in _SETS:
        if chosen == brush_set:
            places += [data / brush_set / "brushes" / rest for data in _DATA_FOLDERS]
        places += [data / brush_set / "brushes" / file_name for data in _DATA_FOLDERS]
    for place in places:
        if place.is_file():
            return place
    folders += [data / brush_set / "brushes" for brush_set in _SETS for data in _DATA_FOLDERS]
    described = _pkg_config_folder()
    if described is not None:
        folders.append(described)
        if (described / file_name).is_file():
            return described / file_name
    there = [str(folder) for folder in dict.fromkeys(folders) if folder.is_dir()]
    if there:
        raise ValueError(f"brush: no file {text!r}, and no {file_name!r} in {', '.join(there)}")
    raise ValueError(
        f"brush: no file {text!r}, and this machine has no brushes: install them (`apt install mypaint-brushes`), or "
        "name their folder in PYMYPAINT_BRUSHES"
    )


def is_own_file(name: str | os.PathLike[str]) -> bool:
    """Whether a brush is given by the path of its file, not by a name that is looked for."""
    return _as_path(os.fspath(name)).is_file()


def _as_path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~somebody who is not known
        return Path(text)


def _pkg_config_folder() -> Path | None:
    tool = shutil.which("pkg-config")
    if tool is None:
        return None
    command = [tool, "--variable=brushesdir", "mypaint-brushes-1.0"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return Path(answer) if answer else None
