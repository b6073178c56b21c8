"""Command lines into dataclasses: tyro, with errors of one line that name what is valid."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import tyro

from cluster.errors import UserError

Arguments = TypeVar("Arguments")


def parse(
    kind: type[Arguments], arguments: Sequence[str], command: str, default: Arguments | None = None, usage: str = ""
) -> Arguments:
    """Read arguments into a dataclass; a wrong name or value is one line with the valid ones.

    Args:
        kind: the dataclass; bare field names are the options, those of nested dataclasses too.
        arguments: what follows the command's name.
        command: its name, for messages.
        default: values to start from; the dataclass's own if not given.
        usage: arguments in front that the caller has taken already, for the help.

    Raises:
        UserError: what is wrong.
    """
    names = option_names(kind)
    arguments = [with_dashes(part) for part in arguments]
    for part in arguments:
        option = part.split("=", 1)[0]
        if option.startswith("--") and option not in names and option != "--help":
            close = difflib.get_close_matches(option, names, 3, 0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else f"valid are {', '.join(names)}"
            raise UserError(f"{command}: unknown option {option}; {hint}")
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            marked = Annotated[kind, tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff]  # type: ignore[valid-type]
            result: Arguments = tyro.cli(  # type: ignore[call-overload]
                marked,
                args=with_flag_values(kind, arguments),
                prog=f"impasto {command} {usage}".rstrip(),
                **({} if default is None else {"default": default}),
            )
            return result
    except SystemExit as end:
        if not end.code:
            raise
        raise UserError(f"{command}: {one_line(errors.getvalue())}") from None


def option_names(kind: Any, only: str = "") -> list[str]:
    """The options of a dataclass and its nested ones, as written on the command line; those of one type if given."""
    names: list[str] = []
    for each in dataclasses.fields(kind):
        if dataclasses.is_dataclass(
            each.default_factory
        ):  # a part of the settings; its names are bare on the command line
            names += option_names(each.default_factory, only)
        elif "Positional" not in str(each.type) and only in ("", each.type):
            names.append("--" + each.name.replace("_", "-"))
    return names


def with_flag_values(kind: Any, arguments: Sequence[str]) -> list[str]:
    """A bare ``--json`` means ``--json True``."""
    result: list[str] = []
    flags = option_names(kind, only="bool")
    for place, part in enumerate(arguments):
        result.append(part)
        following = arguments[place + 1] if place + 1 < len(arguments) else "--"
        if part in flags and following not in ("True", "False"):
            result.append("True")
    return result


def with_dashes(argument: str) -> str:
    """An option as tyro knows it: ``--replay_batches=4`` is ``--replay-batches=4``."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def one_line(message: str) -> str:
    """tyro's framed message as one line of plain text."""
    text = re.sub(r"[─-╿]+|-{3,}|^\||\|$", " ", message, flags=re.MULTILINE)
    text = re.sub(r"(Parsing error|Required options|For full helptext.*|Argument helptext.*)", " ", text)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"^(Value error|Invalid choice|Missing argument|Unrecognized options) ", "", text)
    text = re.sub(r"^Error parsing (settings\.\w+: )?", "", text)  # the part of the settings is no name of a user's
    return re.sub(r" (--[\w-]+ [A-Z{].*|impasto \w+ --help)$", "", text)  # the help again
