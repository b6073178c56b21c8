"""Paintings of `impasto paint`, by the file of their strokes, which may be a stranger's."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pymypaint.brushes import is_own_file

from cluster.dashboard.readers.library import Entry, Library, NotThere, decode
from cluster.errors import UserError, one_line
from cluster.painter.pictures.strokes_file import Painting
from envs.large_canvas import LARGEST
from envs.untrusted import open_file, parse_json

# Of a file whose strokes are shown; about 100 000 strokes.
LARGEST_FILE = 12 << 20
# Of a file in a list, which tells everything but the strokes.
HEAD = 16 << 10
_NAMED_BRUSH = re.compile(r"[\w.+#-]+(?:/[\w.+# -]+){0,3}")
_loading = threading.Lock()


@dataclass(frozen=True)
class Listed:
    """A painting in a list.

    Attributes:
        entry: its file.
        written: seconds since the epoch.
        size: width and height in pixels; None if the file does not say.
        agent, brush: names; empty likewise.
        strokes, l2: how many, and the last measured error; None likewise.
        pictured: whether a PNG lies beside it.
    """

    entry: Entry
    written: float
    size: tuple[int, int] | None
    agent: str
    brush: str
    strokes: int | None
    l2: float | None
    pictured: bool

    @property
    def name(self) -> str:
        """The name for people."""
        return decode(self.entry.key)


def picture_of(entry: Entry) -> Path:
    """The PNG beside the strokes, whether it is there or not."""
    return entry.path.with_suffix(".png")


def listed(entry: Entry) -> Listed:
    """Read what the beginning of a file tells.

    Raises:
        NotThere: it is gone.
    """
    try:
        status = entry.path.stat()
        head = _head(entry.path, (status.st_mtime_ns, status.st_size))
        pictured = picture_of(entry).is_file()
    except OSError:
        raise NotThere(entry.key) from None
    sides = (head.get("width"), head.get("height"))
    size = sides if all(type(side) is int and 0 < side <= LARGEST for side in sides) else None
    names = [value[:80] if isinstance(value := head.get(name), str) else "" for name in ("agent", "brush")]
    last = measured[-1] if isinstance(measured := head.get("l2"), list) and measured else None
    strokes, error = last if isinstance(last, list) and len(last) == 2 else (None, None)
    return Listed(
        entry,
        status.st_mtime,
        size,  # type: ignore[arg-type]
        names[0],
        names[1],
        strokes if type(strokes) is int else None,
        error if isinstance(error, float) else None,
        pictured,
    )


@lru_cache(1024)
def _head(path: Path, stamp: tuple[int, int]) -> dict[str, Any]:
    with open_file(path) as file:
        text = file.read(HEAD).decode("utf-8", "replace")
    try:
        head = parse_json(text.split(', "columns"', 1)[0] + "}")
    except ValueError:
        return {}
    return head if isinstance(head, dict) else {}


def load_painting(library: Library, entry: Entry) -> Painting:
    """Read a painting, with a brush that may be used; one at a time is read.

    Raises:
        NotThere: it is gone or damaged, too large, or its brush is a file that lies outside RUNS.
    """
    path = library.check(entry.path)
    with _loading:
        try:
            status = path.stat()
            painting = _load(path, (status.st_mtime_ns, status.st_size))
        except OSError:
            raise NotThere(entry.key) from None
        except UserError as error:
            raise NotThere(entry.key, one_line(error).removeprefix(f"{path}: ")) from None
    sides = (painting.width, painting.height)
    if not all(0 < side <= LARGEST for side in sides):
        raise NotThere(entry.key, f"a canvas has sides of 1 to {LARGEST} pixels")
    if is_own_file(painting.brush):
        try:
            library.check(Path(painting.brush))
        except NotThere:
            raise NotThere(entry.key, "its brush is a file outside the folder that is shown") from None
    elif not _NAMED_BRUSH.fullmatch(painting.brush) or ".." in painting.brush:
        raise NotThere(entry.key, "it does not name a brush")
    return painting


@lru_cache(4)
def _load(path: Path, stamp: tuple[int, int]) -> Painting:
    return Painting.load(path, LARGEST_FILE)
