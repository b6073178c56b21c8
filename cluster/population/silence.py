"""Members that have not been heard of for too long: they are told of, then ended, so that Tune starts them again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import ray

#: Seconds without a word from a member that trains, after which the record says so.
SILENT_SECONDS = 60.0
#: The same after which its process is ended. A learner of its own that hangs is found sooner, by the member itself.
ENDED_SECONDS = 300.0


@dataclass
class Contact:
    """The last word of a member that trains.

    Attributes:
        at: Time of it, monotonic seconds.
        handle: Of the member's Ray actor; None if it is none.
        told: Whether the record says that it is silent.
    """

    at: float
    handle: Any
    told: bool = False


class Contacts:
    """The last words of all members that train.

    A member speaks at least once in an iteration, which takes a second; if it takes longer, the thread that watches
    over it speaks. Between its start and its first iteration nothing is expected of it.
    """

    def __init__(self) -> None:
        self.of: dict[int, Contact] = {}

    def hear(self, member: int, handle: Any = None) -> None:
        """Take note of a word from a member, with its handle if it was given."""
        known = self.of.get(member)
        self.of[member] = Contact(time.monotonic(), handle or (known.handle if known else None))

    def forget(self, member: int) -> None:
        """Expect nothing more of a member: it ended, or begins again."""
        self.of.pop(member, None)

    def silent(self) -> list[tuple[int, float, bool]]:
        """Find the members to tell of, each once, and end those that have been silent for too long.

        Returns:
            Number, seconds of silence, and whether its process was ended.
        """
        found = []
        for member, contact in list(self.of.items()):
            seconds = time.monotonic() - contact.at
            ended = seconds > ENDED_SECONDS and contact.handle is not None
            if ended:
                ray.kill(contact.handle)
                self.forget(member)
            elif seconds < SILENT_SECONDS or contact.told:
                continue
            contact.told = True
            found.append((member, seconds, ended))
        return found
