"""Command lines read into dataclasses by argparse: a field is an option, its docstring the help, an error one line."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import re
import shutil
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union

import docstring_parser

from cluster.errors import UserError
from envs.ranges import described, shown

Arguments = TypeVar("Arguments")
Value = TypeVar("Value")

POSITIONAL = "positional"
#: A field that is given by its place instead of by its name.
Positional = Annotated[Value, POSITIONAL]

#: In a field's metadata: it is no option, `start` sets it.
NO_OPTION = "no option"

HELP = ("-h", "--help")


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        name: of the field.
        kind: its type, without None and `Positional`.
        positional: whether it is given by its place.
        default: its value where it is not given; `dataclasses.MISSING` if it has to be.
        help: its sentence in the dataclass's docstring.
        limits: its range in words, or empty.
        part: the dataclass that it belongs to.
    """

    name: str
    kind: Any
    positional: bool
    default: Any
    help: str
    limits: str
    part: type

    @property
    def required(self) -> bool:
        """True if it has to be given."""
        return self.default is dataclasses.MISSING

    @property
    def flag(self) -> str:
        """The option as typed; the name in capitals if it is given by its place."""
        return self.name.upper() if self.positional else "--" + self.name.replace("_", "-")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a `UserError` that begins with the command."""

    def error(self, message: str) -> NoReturn:
        """Raise the message as a `UserError`."""
        raise UserError(f"{self.prog.removeprefix('impasto ')}: {message.removeprefix('argument ')}")


def parse(kind: type[Arguments], arguments: Sequence[str], command: str) -> Arguments:
    """Read arguments into a dataclass, whose nested dataclasses' fields are options by their bare names.

    Args:
        kind: The dataclass. If it has a class method `start`, this makes the values to start from out of the options
            that were given; `aliases` are other names of options, and `epilog` ends the help.
        arguments: The words after the command's name.
        command: The command's name, for messages.

    Raises:
        UserError: An unknown option or a wrong value, with the valid ones.
        SystemExit: The help was asked for, and printed.
    """
    options = list(options_of(kind))
    words, asks = as_flags(arguments, options, getattr(kind, "aliases", {}))
    parsed, rest = make_parser(options, command, complete=not asks).parse_known_args(words)
    if rest:
        raise UserError(f"{command}: {unknown(rest, [option.flag for option in options])}")
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in vars(parsed).items()}
    start: Arguments | None = getattr(kind, "start")(given) if hasattr(kind, "start") else None  # noqa: B009
    if asks:
        defaults = {option.name: option.default for option in options} if start is None else flat(start)
        width = shutil.get_terminal_size().columns - 2
        described = make_parser(options, command, defaults)
        described.description = "\n\n".join(textwrap.fill(part, width) for part in described_by(kind))
        described.epilog = getattr(kind, "epilog", None)
        described.print_help()
        raise SystemExit(0)
    try:
        return build(kind, given, start)
    except ValueError as error:
        raise UserError(f"{command}: {as_typed(str(error), options)}") from error


def options_of(kind: type[Any]) -> Iterator[Option]:
    """The options of a dataclass and of the dataclasses in it."""
    hints = typing.get_type_hints(kind, include_extras=True)
    helps = {
        each.arg_name: " ".join((each.description or "").split())
        for base in reversed(kind.__mro__)
        for each in docstring_of(base).params
    }
    for each in dataclasses.fields(kind):
        if each.metadata.get(NO_OPTION):
            continue
        hint = hints[each.name]
        positional = POSITIONAL in getattr(hint, "__metadata__", ())
        limits, hint = described(hint), plain(hint)
        if dataclasses.is_dataclass(hint):
            yield from options_of(hint)  # type: ignore[arg-type]
            continue
        if typing.get_origin(hint) in (Union, types.UnionType):
            (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
        default = each.default if each.default_factory is dataclasses.MISSING else each.default_factory()
        yield Option(each.name, hint, positional, default, helps.get(each.name, ""), limits, kind)


def plain(hint: Any) -> Any:
    """A type without what `Annotated` adds to it."""
    return hint.__origin__ if hasattr(hint, "__metadata__") else hint


def make_parser(
    options: Sequence[Option],
    command: str,
    defaults: dict[str, Any] | None = None,
    *,
    complete: bool = True,
) -> Parser:
    """The parser of options; `defaults` are shown in its help, without `complete` nothing is required."""
    parser = Parser(
        prog=f"impasto {command}",
        usage=" ".join([f"impasto {command} [OPTIONS]", *(placed(option) for option in options if option.positional)]),
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    groups: dict[type, Any] = {}
    for option in options:
        if option.part not in groups:
            first = not groups
            title = "options" if first else described_by(option.part)[0].rstrip(".")
            groups[option.part] = parser.add_argument_group(title)
        help_text = (option.help[:1].upper() + option.help[1:]).replace("%", "%%")
        if defaults is not None and (value := defaults[option.name]) not in ("", None, (), dataclasses.MISSING):
            help_text += f" (default: {shown(value)}{'; ' * bool(option.limits)}{option.limits})"
        names = [option.name] if option.positional else [option.flag]
        groups[option.part].add_argument(*names, help=help_text, **argparse_type(option, complete))
    return parser


def argparse_type(option: Option, complete: bool) -> dict[str, Any]:
    """Return argparse's keywords for an option of a type."""
    kind, parts = option.kind, [plain(part) for part in typing.get_args(option.kind)]
    label = {"metavar": option.flag} if option.positional else {}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if option.positional and not complete:
        return {"nargs": "*" if typing.get_origin(kind) is tuple else "?"} | label
    if typing.get_origin(kind) is tuple:
        many = "*" if option.positional else "+"
        label = label or {"metavar": parts[0].__name__.upper()}
        return {"type": parts[0], "nargs": many if parts[-1] is ... else len(parts)} | label
    result: dict[str, Any] = {"type": kind, "metavar": kind.__name__.upper()} | label
    if typing.get_origin(kind) is Literal:
        result = {"type": type(parts[0]), "choices": parts} | label
    if option.positional and not option.required:
        result["nargs"] = "?"
    return result


def build(kind: type[Arguments], given: dict[str, Any], start: Arguments | None = None) -> Arguments:
    """A dataclass of given values; what is not given is as in `start`, or the default."""
    values = {}
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]
        part = getattr(start, each.name) if start is not None else None
        if part is None and dataclasses.is_dataclass(each.default_factory):
            part = each.default_factory()
        if dataclasses.is_dataclass(part):
            values[each.name] = build(type(part), given, part)
        elif each.name in given:
            values[each.name] = given[each.name]
    return kind(**values) if start is None else dataclasses.replace(start, **values)  # type: ignore[type-var]


def flat(value: Any) -> dict[str, Any]:
    """The fields of a dataclass and of the dataclasses in it, by their names."""
    result: dict[str, Any] = {}
    for each in dataclasses.fields(value):
        inner = getattr(value, each.name)
        result |= flat(inner) if dataclasses.is_dataclass(inner) else {each.name: inner}
    return result


def as_flags(arguments: Sequence[str], options: Sequence[Option], aliases: Mapping[str, str]) -> tuple[list[str], bool]:
    """Arguments as argparse reads them, and whether they ask for help.

    `--replay_batches=4` becomes `--replay-batches=4`, `--json True` becomes `--json`, `--json False` `--no-json`, and
    an alias the option that it stands for. Words after `--` stay.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    flags = {option.flag for option in options if option.kind is bool}
    words: list[str] = []
    for part in arguments[:end]:
        name, equals, value = part.partition("=")
        if name.startswith("--"):
            name = name.replace("_", "-")
            for alias, option in aliases.items():
                name = re.sub(f"^--(no-)?{alias}$", rf"--\g<1>{option}", name)
        if not equals and words and words[-1] in flags and name in ("True", "False"):
            name, value = words.pop(), name
        if name in flags and value in ("True", "False"):
            name, equals, value = (name if value == "True" else f"--no-{name.removeprefix('--')}"), "", ""
        if re.fullmatch(r"-[\d.]+e[-+]?\d+", part) and words and words[-1].startswith("--"):
            part = f"{words.pop()}={part}"  # argparse takes -1e-3 for an option
            name, equals, value = part.partition("=")
        words.append(name + equals + value)
    asks = any(word in HELP for word in words)
    return [word for word in words if word not in HELP] + list(arguments[end:]), asks


def unknown(rest: Sequence[str], names: Sequence[str]) -> str:
    """A line about arguments that no option takes."""
    option = next((part.split("=")[0] for part in rest if part.startswith("-")), "")
    if not option:
        return f"unexpected argument {' '.join(rest)}"
    names = [name for name in names if name.startswith("-")]
    close = difflib.get_close_matches(option, names, 3, 0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"valid are {', '.join(names)}"
    return f"unknown option {option}; {hint}"


def as_typed(message: str, options: Iterable[Option]) -> str:
    """The message of a dataclass, which begins with a field's name, with the option as it is typed."""
    name, colon, rest = message.partition(":")
    return next((f"{option.flag}:{rest}" for option in options if colon and option.name == name), message)


def placed(option: Option) -> str:
    """A positional argument in the usage line: `RUN`, `[NAME]` or `[IMAGES ...]`."""
    many = " ..." if typing.get_origin(option.kind) is tuple else ""
    return option.flag if option.required else f"[{option.flag}{many}]"


def docstring_of(kind: type[Any]) -> docstring_parser.Docstring:
    """The docstring of a dataclass, read as Google's style."""
    return docstring_parser.parse(kind.__doc__ or "", docstring_parser.DocstringStyle.GOOGLE)


def described_by(kind: type[Any]) -> list[str]:
    """The paragraphs of a dataclass's docstring before its attributes."""
    text = re.split(r"\n\s*Attributes:", kind.__doc__ or "")[0]
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them.

    Raises:
        ValueError: The text is something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{name}: expected numbers with commas between them, such as 1,4,16, got {text!r}") from None
