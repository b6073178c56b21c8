"""The metrics of a run: an append-only file of JSON lines, and the same numbers for TensorBoard."""

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from cluster.metrics.tracking import Tracking
from envs.untrusted import open_file, parse_json

#: Bytes of rows that wait for a disk that is full.
MOST_PENDING = 1 << 20


class MetricsWriter:
    """A writer that appends one row per call to a JSON-lines file, and its numbers to TensorBoard at step `update`.

    A row is flat: {"update": 120, "time": 1763790000.1, "replay/fill": 1.0, ...}. JSON knows no NaN: a value that is
    not finite becomes null, and its key is listed under "nonfinite". After a kill, rows later than the checkpoint stay
    in the file; a row {"event": "resume", "update": n} says that from here on counting goes on from update n.

    Any thread may write. Rows that a full disk does not take are written once it does; beyond a megabyte of them, new
    ones are dropped.

    Args:
        path: the file; a last line that a kill left half-written is cut off first.
        tensorboard: folder for event files; None writes none.
        resume_from_update: the update of the checkpoint that the run goes on from; None for a new run.
        about: more fields of the row that says so.
        tracking: sends rows to experiment trackers as well; None for none.
    """

    def __init__(
        self,
        path: str | Path,
        tensorboard: str | Path | None,
        resume_from_update: int | None = None,
        about: Mapping[str, Any] | None = None,
        tracking: Tracking | None = None,
    ) -> None:
        self._tracking = tracking
        self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - closed by close()
        self._pending = b""
        self._lock = threading.Lock()
        cut_torn_line(Path(path))
        self._tensorboard: Any = None
        if tensorboard is not None:
            from torch.utils.tensorboard import SummaryWriter  # a second to import, and readers do not need it

            # purge_step hides what an earlier, killed driver wrote past the checkpoint
            purge = None if resume_from_update is None else resume_from_update + 1
            self._tensorboard = SummaryWriter(str(tensorboard), purge_step=purge, flush_secs=10)
        if resume_from_update is not None:
            self._append({"event": "resume", "update": resume_from_update, "time": time.time(), **(about or {})})

    def write(self, update: int, metrics: Mapping[str, Any]) -> None:
        """Append one row.

        Args:
            update: learner updates done; TensorBoard's step.
            metrics: flat; names like "discriminator/real"; numbers (Python's, NumPy's or 0-d tensors), strings, bools
                and None. Numbers that are finite also go to TensorBoard.

        Raises:
            ValueError: names a metric that is none of these, or that is called like a field of the row.
        """
        row: dict[str, Any] = {"update": update, "time": time.time()}
        nonfinite: list[str] = []
        for name, value in metrics.items():
            if name in ("update", "time", "event", "nonfinite"):
                raise ValueError(f"metric {name!r} is a field of the row itself: give it another name")
            plain = _plain(name, value)
            if isinstance(plain, float) and not math.isfinite(plain):
                nonfinite.append(name)
                plain = None
            row[name] = plain
        if nonfinite:
            row["nonfinite"] = nonfinite
        if self._tracking is not None:
            self._tracking.log(update, {name: row[name] for name in metrics})
        with self._lock:
            self._append(row)
            if self._tensorboard is not None:
                try:
                    for name in metrics:
                        if isinstance(row[name], int | float):
                            self._tensorboard.add_scalar(name, row[name], update)
                except OSError:  # a full disk ended its writer's thread; metrics.jsonl has everything
                    self._tensorboard = None

    def close(self) -> None:
        """Flush and close all. A later `write` fails."""
        if self._tracking is not None:
            self._tracking.close()
        with self._lock:
            self._flush()
            self._file.close()
            if self._tensorboard is not None:
                with contextlib.suppress(OSError):
                    self._tensorboard.close()

    def __enter__(self) -> "MetricsWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _append(self, row: Mapping[str, Any]) -> None:
        if len(self._pending) < MOST_PENDING:
            self._pending += json.dumps(row, allow_nan=False).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(OSError):  # a part of a row may be written: the rest follows with the next
            while self._pending:
                self._pending = self._pending[self._file.write(self._pending) :]


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """All rows of a metrics file, also while it is being written: a half-written last line is left out.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as run:
        ...     with MetricsWriter(f"{run}/metrics.jsonl", tensorboard=None) as writer:
        ...         writer.write(120, {"replay/fill": 0.5})
        ...         writer.write(121, {"replay/fill": 0.75})
        ...     rows = read_metrics(f"{run}/metrics.jsonl")
        >>> [(row["update"], row["replay/fill"]) for row in rows]
        [(120, 0.5), (121, 0.75)]

    Raises:
        ValueError: names the line, other than the last, that is not a JSON object.
    """
    with open_file(path) as file:
        lines = file.read().split(b"\n")
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last newline is empty, or not complete
        try:
            row = parse_json(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise ValueError(f"{path} line {number} is not a JSON object: {line[:40]!r}")
        rows.append(row)
    return rows


def _plain(name: str, value: Any) -> Any:
    if hasattr(value, "item"):  # NumPy's scalars and 0-d tensors
        with contextlib.suppress(ValueError, RuntimeError):  # more than one element: refused below
            value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"metric {name!r} must be a number, a string or None, got {type(value).__name__}")


def cut_torn_line(path: Path) -> None:
    """Truncate a file of lines after its last newline."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        position = end
        while position > 0:
            start = max(0, position - 4096)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        if position != end:
            file.truncate(position)
