"""A few mutated inputs of every kind, seeded: `make fuzz` tries thousands."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.fuzz.campaign import fuzz_all
from tests.fuzz.harness import attempt, judge
from tests.fuzz.home import Home
from tests.fuzz.kinds import kinds_of_files

#: Kinds that are refused in every state, with the advice to unpack them.
NEVER_READ = ("pack of brushes (zip)", "archive of pictures (tar)")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's is not."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        yield Path(folder)


def test_what_is_not_mutated_is_read(place: Path) -> None:
    for kind in kinds_of_files(Home(place)):
        for file in kind.files:
            outcome = attempt(lambda kind=kind, file=file: kind.read(file))
            expected = "refused" if kind.name in NEVER_READ else "read"
            assert outcome.kind == expected, f"{kind.name}, {file.name}: {outcome}"


def test_inputs_of_every_kind_are_read_or_refused_in_one_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    counts = fuzz_all(place, seed=1, numbers=range(4))
    torch.set_num_threads(threads)
    assert sum(each.total for each in counts.values()) >= 100
    assert not sum(each.faults for each in counts.values()), capsys.readouterr().out


def crash() -> None:
    raise KeyError("a fault of the program")


def too_much() -> None:
    # Of the system: what this process has freed before could serve an array.
    with mmap.mmap(-1, 200 << 20) as memory:
        for _ in range(200):
            memory.write(b"x" * (1 << 20))


def two_lines() -> None:
    import sys

    print("impasto: one\nimpasto: two", file=sys.stderr)
    raise SystemExit(2)


def refuse() -> None:
    raise ValueError("in\none line")


def test_the_harness_sees_each_kind_of_fault() -> None:
    assert attempt(lambda: None).kind == "read"
    assert attempt(refuse).kind == "refused"
    assert attempt(crash).kind == "crash"
    assert attempt(two_lines).kind == "lines"
    assert attempt(too_much, memory=1 << 27).kind == "memory"
    assert judge(9, "", True, False) == "hang"
