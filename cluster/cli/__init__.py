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

#: Where each command lives: module and function. Two words: the second is the command's first argument.
COMMANDS = {
    "train": ("painter", "train"),
    "train latent": ("latent", "train"),
    "resume": ("painter", "resume"),
    "sample": ("painter", "sample"),
    "evaluate": ("painter", "evaluate"),
    "translate": ("latent", "translate"),
    "bench": ("painter", "bench"),
    "tune": ("population", "tune"),
    "lineage": ("population", "lineage"),
    "replay": ("population", "replay"),
    "dashboard": ("dashboard", "dashboard"),
    "export": ("dashboard", "export"),
    "submit": ("jobs", "submit"),
    "scale": ("jobs", "scale"),
    "mcmc": ("scenes", "mcmc"),
    "search": ("papers", "search"),
    "reproduce": ("papers", "reproduce"),
}


#: The names to choose from.
NAMES = tuple(command for command in COMMANDS if " " not in command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 2 a user's error (one line on standard error), 130 Ctrl-C,
    141 nobody reads the output."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(f"usage: impasto {{{','.join(NAMES)}}} ...   (impasto COMMAND --help)")
        return 0 if given else 2
    try:
        if given[0] not in NAMES:
            raise UserError(f"unknown command {given[0]!r}; valid are {', '.join(NAMES)}")
        words = 2 if " ".join(given[:2]) in COMMANDS else 1
        module, function = COMMANDS[" ".join(given[:words])]
        run = getattr(importlib.import_module(f"cluster.cli.{module}"), function)
        return int(run(given[words:]))
    except BrokenPipeError:  # whoever read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (UserError, ValueError, OSError) as error:
        if os.environ.get("IMPASTO_DEBUG"):
            raise
        print(f"impasto: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("impasto: interrupted", file=sys.stderr)
        return 130
