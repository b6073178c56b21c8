"""Types of the fields of a record's events: a record may be a stranger's, or of another version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: Fields that are whole numbers of at least 0, if they are there and not None.
COUNTS = (
    "branch", "member", "donor", "donor_branch", "previous_branch", "comparison", "env_steps", "env_steps_before",
    "restarts", "seed", "update", "episodes", "donor_episodes", "milestone", "judge_seed", "n",
)  # fmt: skip
#: Fields that are finite numbers.
NUMBERS = ("score", "donor_score", "score_error", "donor_score_error", "elapsed_s", "time", "seconds")
#: Fields that are finite numbers by the names of settings.
VALUES = ("values", "values_before", "donor_values", "applied", "decay", "measures")
#: Fields that are lists of objects with fields of their own.
NESTED = ("standings", "decisions")
TEXTS = ("event", "reason", "checkpoint", "checkpoint_sha256", "sample", "ticket", "fitness", "judge")
#: Fields that are true or false.
FLAGS = ("diverged", "driver", "ended")
LARGEST = 2**53


def fault(event: Mapping[str, Any]) -> str:
    """Say which field of an event is not what it should be; empty if all are. Fields that are not known pass."""
    for name, value in event.items():
        if value is None:
            continue
        if (
            (name in COUNTS and not is_count(value))
            or (name in NUMBERS and not is_number(value))
            or (name in TEXTS and not isinstance(value, str))
            or (name in FLAGS and not isinstance(value, bool))
            or (name in VALUES and not (isinstance(value, bool) or is_values(value)))
            or (name == "operations" and not isinstance(value, dict))
            or (name == "decided" and not (isinstance(value, list) and all(map(is_count, value))))
        ):
            return name
        if name in NESTED:
            if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
                return name
            for each in value:
                if inner := fault(each):
                    return f"{name}: {inner}"
        if name == "decision" and (not isinstance(value, dict) or fault(value)):
            return name
    return ""


def is_count(value: Any) -> bool:
    """True for a whole number that a count could be."""
    return isinstance(value, int) and 0 <= value < LARGEST


def is_number(value: Any) -> bool:
    """True for a finite number."""
    return isinstance(value, int | float) and abs(value) < LARGEST**4 and math.isfinite(value)


def is_values(value: Any) -> bool:
    """True for finite numbers by name."""
    return isinstance(value, dict) and all(each is None or is_number(each) for each in value.values())
