"""The entry point of the command line."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cluster.cli.catalogue import COMMANDS
from cluster.cli.parse import HELP, as_typed, options_of, parse
from cluster.errors import UserError, short_line

NAMES = tuple(name for name, command in COMMANDS.items() if command.group and " " not in name)

EXAMPLES = """Examples:
  impasto train mnist --minutes 15 --run runs/digits   learn to paint digits on two cores
  impasto evaluate runs/digits                         compare its paintings with real digits
  impasto dashboard runs                               see every run in a browser
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 2 a user's error (one line on standard error), 130 Ctrl-C, 141 nobody reads the output.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in HELP:
        print(overview(), end="")
        return 0 if given else 2
    if not os.environ.get("IMPASTO_DEBUG"):
        warnings.showwarning = show_warning  # type: ignore[assignment]
    try:
        return run(given)
    except BrokenPipeError:  # whoever read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        line = explained(error)
        if line is None or os.environ.get("IMPASTO_DEBUG"):
            raise
        print(f"impasto: {short_line(line)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("impasto: interrupted", file=sys.stderr)
        return 130


def run(given: Sequence[str]) -> int:
    """Read the arguments of the command that the first word, or the first two, name, and run it."""
    if given[0] not in COMMANDS:
        raise UserError(f"unknown command {given[0]!r}; valid are {', '.join(NAMES)}")
    words = 2 if " ".join(given[:2]) in COMMANDS else 1
    name = " ".join(given[:words])
    command = COMMANDS[name]
    kind = command.load_arguments()
    chosen = parse(kind, given[words:], name)
    try:
        return int(command.load_function()(chosen))
    except ValueError as error:  # a setting that only the data or the machine show to be wrong
        raise UserError(as_typed(str(error), options_of(kind))) from error


def explained(error: Exception) -> str | None:
    """The line for an error that a user can do something about; None for a fault of the program."""
    if isinstance(error, UserError | ValueError | OSError):
        return str(error)
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # torch's is a RuntimeError
        return f"not enough memory: {error or 'these settings need more than there is'}"
    ray: Any = sys.modules.get("ray.exceptions")  # if it is not imported, it is not its error
    if ray and isinstance(error, ray.RayError) and not isinstance(error, ray.RayTaskError):
        return f"Ray: {error}"
    arrow: Any = sys.modules.get("pyarrow.lib")
    if arrow and isinstance(error, arrow.ArrowException):  # shared storage that can not be reached
        return str(error)
    return None


def show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning as one line, without the place in the code."""
    print(f"impasto: warning: {' '.join(str(message).split())}", file=sys.stderr)


def overview() -> str:
    """The help of `impasto` itself: the commands by groups, and examples."""
    lines = ["usage: impasto COMMAND [OPTIONS]   (impasto COMMAND --help lists the options of one)", ""]
    for group in dict.fromkeys(command.group for command in COMMANDS.values() if command.group):
        lines.append(f"{group}:")
        lines += [f"  {name:<14}{each.about}" for name, each in COMMANDS.items() if each.group == group]
        lines.append("")
    return "\n".join(lines) + "\n" + EXAMPLES
