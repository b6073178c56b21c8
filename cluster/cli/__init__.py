"""The command line ``impasto`` (``python -m cluster`` is the same).

A command is a function that takes the rest of the arguments and returns an exit status. Its module is imported when it
is called, so that ``impasto --help`` and a typing error do not wait for torch and Ray.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from cluster.errors import UserError

#: Where each command lives: module and function.
COMMANDS = {
    "train": ("painter", "train"),
    "resume": ("painter", "resume"),
    "sample": ("painter", "sample"),
    "evaluate": ("painter", "evaluate"),
    "bench": ("painter", "bench"),
    "tune": ("population", "tune"),
    "lineage": ("population", "lineage"),
    "replay": ("population", "replay"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 2 a user's error (one line on standard error), 130 Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(f"usage: impasto {{{','.join(COMMANDS)}}} ...   (impasto COMMAND --help)")
        return 0 if given else 2
    try:
        if given[0] not in COMMANDS:
            raise UserError(f"unknown command {given[0]!r}; valid are {', '.join(COMMANDS)}")
        module, function = COMMANDS[given[0]]
        run = getattr(importlib.import_module(f"cluster.cli.{module}"), function)
        return int(run(given[1:]))
    except (UserError, ValueError, OSError) as error:
        if os.environ.get("IMPASTO_DEBUG"):
            raise
        print(f"impasto: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("impasto: interrupted", file=sys.stderr)
        return 130
