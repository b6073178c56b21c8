"""The command line ``impasto`` (``python -m cluster`` is the same)."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import itertools
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import tyro

from cluster import commands
from cluster.bench import BENCHES, BenchOptions
from cluster.errors import UserError
from cluster.settings import PresetName, RunSettings, preset

PRESETS = ("laptop", "paper")
Arguments = TypeVar("Arguments")


@dataclass(frozen=True)
class Train:
    """Train a painter from the start on DATA: ``mnist``, or a folder or zip of images.

    Every setting can be given by its name; defaults are the preset's.

    Attributes:
        preset: ``laptop`` learns MNIST on two cores in minutes, ``paper`` is SPIRAL as published.
        run: folder for the run; a new one under ``runs/`` if not given.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        settings: all settings of the run.
    """

    preset: PresetName = "laptop"
    run: str = ""
    address: str = ""
    settings: Annotated[RunSettings, tyro.conf.arg(name="")] = field(default_factory=RunSettings)


@dataclass(frozen=True)
class Resume:
    """Go on with a run from its last intact checkpoint.

    Attributes:
        run: folder of the run.
        minutes: new total training time in minutes; 0 keeps the run's.
        steps: new total of environment steps; 0 keeps the run's.
        redis: URL of a shared Redis, needed again where it has a password; empty keeps the run's.
        data_dir: folder with data sets; empty keeps the run's.
        address: Ray cluster to join.
    """

    run: Annotated[str, tyro.conf.Positional]
    minutes: float = 0.0
    steps: int = 0
    redis: str = ""
    data_dir: str = ""
    address: str = ""


@dataclass(frozen=True)
class Sample:
    """Paint with a run's newest checkpoint: contact sheet, animated painting, actions.

    Attributes:
        run: folder of the run.
        out: folder for the pictures; the run's ``samples`` if not given.
        count: paintings on the sheet.
        seed: of noise and action sampling.
        best: take the checkpoint of lowest pixel Frechet distance instead of the newest.
    """

    run: Annotated[str, tyro.conf.Positional]
    out: str = ""
    count: int = 120
    seed: int = 0
    best: bool = False


@dataclass(frozen=True)
class Evaluate:
    """Have an independent judge compare a run's paintings with real digits.

    Attributes:
        run: folder of the run.
        json: print JSON instead of a table.
        count: paintings, and as many test digits; 2000 is the number to publish.
        data_dir: folder with data sets that are there already.
        best: take the checkpoint of lowest pixel Frechet distance instead of the newest.
    """

    run: Annotated[str, tyro.conf.Positional]
    json: bool = False
    count: int = 2000
    data_dir: str = ""
    best: bool = False


@dataclass(frozen=True)
class Bench:
    """Measure; prints one JSON line per figure.

    Attributes:
        names: what to measure; everything if nothing is named.
        options: how.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    options: Annotated[BenchOptions, tyro.conf.arg(name="")] = field(default_factory=BenchOptions)


def train(arguments: Sequence[str]) -> int:
    """``impasto train``."""
    given = dict(itertools.pairwise(arguments))
    named = next((part.split("=", 1)[1] for part in arguments if part.startswith("--preset=")), given.get("--preset"))
    name = named or "laptop"
    if name not in PRESETS:
        raise UserError(f"--preset: unknown value {name!r}; valid are {', '.join(PRESETS)}")
    data = "mnist"
    if arguments and not arguments[0].startswith("-"):
        data, arguments = arguments[0], arguments[1:]
    known: PresetName = "paper" if name == "paper" else "laptop"
    chosen = parse(Train, arguments, "train", Train(preset=known, settings=preset(known, data)))
    return commands.train(chosen.settings, chosen.run, chosen.address)


def resume(arguments: Sequence[str]) -> int:
    """``impasto resume``."""
    chosen = parse(Resume, arguments, "resume")
    changes = {name: value for name in ("minutes", "steps", "redis", "data_dir") if (value := getattr(chosen, name))}
    return commands.resume(chosen.run, chosen.address, **changes)


def sample(arguments: Sequence[str]) -> int:
    """``impasto sample``."""
    chosen = parse(Sample, arguments, "sample")
    return commands.sample(chosen.run, chosen.out, chosen.count, chosen.seed, chosen.best)


def evaluate(arguments: Sequence[str]) -> int:
    """``impasto evaluate``."""
    chosen = parse(Evaluate, arguments, "evaluate")
    return commands.evaluate(chosen.run, chosen.json, chosen.count, chosen.data_dir, chosen.best)


def bench(arguments: Sequence[str]) -> int:
    """``impasto bench``."""
    chosen = parse(Bench, arguments, "bench")
    for name in chosen.names:
        if name not in (*BENCHES, "all"):
            raise UserError(f"bench: unknown {name!r}; valid are {', '.join((*BENCHES, 'all'))}")
    return commands.bench(list(chosen.names) or list(BENCHES), chosen.options)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "train": train,
    "resume": resume,
    "sample": sample,
    "evaluate": evaluate,
    "bench": bench,
}


def parse(kind: type[Arguments], arguments: Sequence[str], command: str, default: Arguments | None = None) -> Arguments:
    """Read arguments into a dataclass; a wrong name or value is one line with the valid ones.

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
                prog=f"impasto {command}" + (" [DATA]" if kind is Train else ""),
                **({} if default is None else {"default": default}),
            )
            return result
    except SystemExit as end:
        if not end.code:
            raise
        raise UserError(f"{command}: {one_line(errors.getvalue())}") from None


def option_names(kind: Any) -> list[str]:
    """All options of a dataclass and its nested ones, as written on the command line."""
    names: list[str] = []
    for each in dataclasses.fields(kind):
        nested = {"settings": RunSettings, "options": BenchOptions}.get(each.name)
        if kind is RunSettings:
            nested = each.default_factory  # type: ignore[assignment]
        if nested is not None:
            names += option_names(nested)
        elif "Positional" not in str(each.type):
            names.append("--" + each.name.replace("_", "-"))
    return names


def with_flag_values(kind: Any, arguments: Sequence[str]) -> list[str]:
    """A bare ``--json`` means ``--json True``."""
    result: list[str] = []
    flags = {"--" + each.name.replace("_", "-") for each in dataclasses.fields(kind) if each.type == "bool"}
    if kind is Bench:
        flags.add("--quick")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 2 a user's error (one line on standard error), 130 Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print(f"usage: impasto {{{','.join(COMMANDS)}}} ...   (impasto COMMAND --help)")
        return 0 if given else 2
    try:
        if given[0] not in COMMANDS:
            raise UserError(f"unknown command {given[0]!r}; valid are {', '.join(COMMANDS)}")
        return COMMANDS[given[0]](given[1:])
    except (UserError, ValueError, OSError) as error:
        if os.environ.get("IMPASTO_DEBUG"):
            raise
        print(f"impasto: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("impasto: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
