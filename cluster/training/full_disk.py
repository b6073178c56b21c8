"""Patience with a disk that is full, or away for a while: a note, and another attempt a little later."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.errors import UserError

#: What does not pass: the folder is gone, or may not be written any more.
LASTING = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS}
#: Seconds between two attempts.
SECONDS_BETWEEN_TRIES = 10.0


class DiskPatience:
    """Writes to a run folder that may fail for now.

    Attributes:
        trouble: What could not be written, and why, in a line; empty if the last attempt succeeded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble = ""
        self.next: dict[str, float] = {}

    def tried(self, what: str, work: Callable[[], Any]) -> bool:
        """Do work that writes, at most every ten seconds after it failed, and return whether it was done.

        Args:
            what: Its product, as in "no PRODUCT could be written".
            work: Raises an OSError if the disk does not take it.

        Raises:
            UserError: The disk will not take it later either: the folder is gone, or may not be written any more.
        """
        if time.monotonic() < self.next.get(what, 0.0):
            return False
        try:
            work()
        except OSError as error:
            if error.errno is None:  # no disk says that
                raise
            trouble = f"no {what} could be written to {self.folder}: {error.strerror or error}"
            if error.errno in LASTING:
                raise UserError(trouble) from error
            if trouble != self.trouble:
                print(f"warning: {trouble}", file=sys.stderr)
            self.trouble = trouble
            self.next[what] = time.monotonic() + SECONDS_BETWEEN_TRIES
            return False
        self.trouble = ""
        self.next.pop(what, None)
        return True

    def again(self, what: str) -> None:
        """Let the next attempt come at once."""
        self.next.pop(what, None)
