"""Every kind of file that may be a stranger's: where it lies, how it is mutated, and what reads it."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from cluster.cli import main
from cluster.metrics.log import read_metrics
from cluster.painter.pictures.read import read_palette, read_picture
from cluster.population.lineage.events import read_events
from cluster.population.lineage.report import BestMember
from cluster.population.lineage.state import PopulationState
from cluster.population.schedule import read_plan
from cluster.runs import agents
from cluster.training.scale_requests import FolderInbox
from envs.brush_trial import require_marks
from envs.datasets import load_dataset
from envs.latent.parts import FrozenParts
from envs.strokes import PaintConfig
from tests.cluster.dashboard.client import Client
from tests.fuzz.home import PICTURES, Home, pickled, rehash
from tests.fuzz.mutations import (
    Mutate,
    mutate_bytes,
    mutate_json,
    mutate_lines,
    mutate_npz,
    mutate_safetensors,
)


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: In the table.
        files: Those that stand for it, one of which is mutated.
        mutate: Its content.
        read: Everything in the product that reads it.
        finish: Called when the file has been replaced.
    """

    name: str
    files: tuple[Path, ...]
    mutate: Mutate
    read: Callable[[Path], None]
    finish: Callable[[random.Random], None] = lambda rng: None


def kinds_of_files(home: Home) -> list[Kind]:
    """All kinds, at the places that they have in a folder."""
    run, population, path = home.run, home.population, home.path
    sheet = sorted((run / "samples").glob("*.png"))[0]
    member = population / "members" / "00"

    def pages(_: Path) -> None:
        ask_dashboard(home.runs, run_pages("one", sheet.stem))

    def population_pages(_: Path) -> None:
        ask_dashboard(population.parent, POPULATION_PAGES)

    def weights_kept_whole(rng: random.Random) -> None:
        if rng.random() < 0.8:
            rehash(home.checkpoint)

    weights = tuple(home.checkpoint / f"{name}.safetensors" for name in ("policy", "discriminator"))
    return [
        Kind("brush, version 3", (path / "brush.myb",), mutate_json, try_brush),
        Kind("brush, version 2", (path / "old.myb",), mutate_bytes, try_brush),
        Kind("pack of brushes (zip)", (path / "pack.zip",), mutate_bytes, try_brush),
        Kind("picture", pictures_of(path), mutate_bytes, lambda file: read_pictures(file, path / "images")),
        Kind("archive of pictures (zip)", (path / "set.zip",), mutate_bytes, load_set),
        Kind("archive of pictures (tar)", (path / "set.tar.gz",), mutate_bytes, load_set),
        Kind("settings of a run: sample", (run / "config.json",), mutate_json, lambda _: sample(home)),
        Kind("settings of a run: dashboard", (run / "config.json",), mutate_json, pages),
        Kind(
            "settings of a population",
            (population / "config.json", member / "config.json"),
            mutate_json,
            lambda file: (population_pages(file), command("lineage", str(population))),
        ),
        Kind("metrics.jsonl", (run / "metrics.jsonl",), mutate_lines, lambda f: (pages(f), read_if_there(f))),
        Kind(
            "lineage.jsonl",
            (population / "lineage.jsonl",),
            mutate_lines,
            lambda file: (population_pages(file), read_record(population)),
        ),
        Kind("critics.jsonl", (population / "critics.jsonl",), mutate_lines, population_pages),
        Kind("recording", (sheet.with_suffix(".npz"),), mutate_npz, pages),
        Kind("contact sheet", (sheet,), mutate_bytes, pages),
        Kind("strokes.json", (path / "strokes.json",), mutate_json, lambda file: paint_strokes(file, home.out)),
        Kind(
            "strokes.json: dashboard",
            (path / "strokes.json",),
            mutate_json,
            lambda _: ask_dashboard(path, PAINTING_PAGES),
        ),
        Kind("palette", (path / "palette.gpl",), mutate_bytes, lambda file: discard(read_palette(str(file)))),
        Kind("checkpoint: weights", weights, mutate_weights, lambda _: sample(home), weights_kept_whole),
        Kind(
            "checkpoint: manifest",
            (home.checkpoint / "manifest.json",),
            mutate_json,
            lambda f: (sample(home), pages(f)),
        ),
        Kind(
            "checkpoint: counters",
            (home.checkpoint / "counters.json",),
            mutate_json,
            lambda _: sample(home),
            lambda rng: rehash(home.checkpoint),
        ),
        Kind(
            "frozen parts",
            (path / "parts.safetensors",),
            mutate_safetensors,
            lambda file: discard(FrozenParts.load(file)),
        ),
        Kind("schedule.json", (run / "schedule.json",), mutate_json, lambda _: discard(read_plan(run))),
        Kind("order.json", (run / "order.json",), mutate_json, lambda _: discard(FolderInbox(run).take())),
        Kind("agent's card", (path / "shipped" / "some" / "card.json",), mutate_json, lambda _: show_cards(path)),
    ]


def discard(value: object) -> None:
    """Take what was read for nothing."""


def pictures_of(path: Path) -> tuple[Path, ...]:
    """The pictures that are mutated."""
    return (*(path / "pictures" / f"one.{kind.lower()}" for kind in PICTURES), path / "pictures" / "deep.png")


def mutate_weights(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file, or one that torch would unpickle."""
    return pickled(rng) if rng.random() < 0.1 else mutate_safetensors(content, rng)


def command(*words: str) -> None:
    """Run a command; an exit status other than 0 ends the process."""
    if status := main(words):
        sys.exit(status)


def try_brush(file: Path) -> None:
    """Paint with it, with its own settings alone and with libmypaint's defaults."""
    for defaults in (False, True):
        require_marks(PaintConfig(brush=str(file), brush_defaults=defaults, threads=1))


def read_pictures(file: Path, others: Path) -> None:
    """Read it as one of a folder, and as the picture to paint."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for other in sorted(others.iterdir())[:11]:
            shutil.copy(other, folder)
        if file.is_file() and not file.is_symlink():
            shutil.copy(file, folder)
        else:
            (Path(folder) / f"x{file.suffix}").symlink_to(file)
        load_dataset(folder, size=16, channels=3)
        load_dataset(folder, size=16, channels=1)
    read_picture(file, 64)


def load_set(file: Path) -> None:
    """Load it as a data set."""
    load_dataset(str(file), size=16, channels=3)


def sample(home: Home) -> None:
    """Paint with a run."""
    command("sample", str(home.run), "--count", "1", "--out", str(home.out))


def read_if_there(file: Path) -> None:
    """Read metrics as Python would."""
    if file.exists():
        read_metrics(file)


def read_record(population: Path) -> None:
    """Read a population's record as resuming, `lineage` and `retrace` do."""
    PopulationState.of(read_events(population / "lineage.jsonl"))
    best = BestMember.read(str(population))
    best.as_text()
    best.as_json()
    list(best.schedule)


def paint_strokes(file: Path, out: Path) -> None:
    """Paint the strokes of a file again, at its size and at another."""
    command("paint", "--from", str(file), "--out", str(out))
    command("paint", "--from", str(file), "--out", str(out), "--size", "100")


def show_cards(path: Path) -> None:
    """List agents, print a card, and read the agent's settings."""
    with patch.object(agents, "SHIPPED", path / "shipped"):
        command("agents")
        if "some" in agents.agent_names():
            command("agents", "some")


def run_pages(key: str, sheet: str) -> list[str]:
    """Every page of a run."""
    pages = f"/runs/{key}/sheets/{sheet}/"
    shapes = [f"{pages}{name}.png" for name in ("image", "strip", "wall")]
    return ["/", f"/runs/{key}/", pages, *shapes, f"{pages}0/", f"{pages}3/frames.png"]


POPULATION_PAGES = [
    "/",
    *(f"/populations/two/{page}" for page in ("", "samples/", "drift/", "audit/", "audit/1/", "events/")),
    "/runs/two~members~00/",
]


PAINTING_PAGES = [f"/paintings/strokes/{page}" for page in ("", "frames.jpg", "small.jpg", "painting.png")]


def ask_dashboard(root: Path, pages: list[str]) -> None:
    """Ask for pages. Whatever goes wrong in one of them is a fault: a page is there, or says that it is not."""
    from cluster.dashboard.server import make_app

    try:
        app = make_app(root)
        client = Client(app)
        for page in pages:
            status = client.get(page).status_code
            if status not in (200, 404):
                raise AssertionError(f"{page}: {status}")
        again = client.get("/").status_code
    except Exception as error:
        raise RuntimeError(f"dashboard of {root}") from error
    if again != 200:
        raise RuntimeError(f"dashboard: the first page answers {again}")


def quiet_numpy() -> None:
    """Numbers of a stranger overflow; that is no news."""
    np.seterr(all="ignore")
