"""Command bench."""

from __future__ import annotations

import json

from cluster.bench.registry import run
from cluster.cli.arguments.tools import Bench


def bench(chosen: Bench) -> int:
    """Run `impasto bench`: print each figure as a line of JSON."""
    for figure in run(chosen.names, chosen.options):
        print(json.dumps(figure), flush=True)
    return 0
