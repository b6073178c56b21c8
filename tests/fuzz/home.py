"""A folder with one valid file of every kind, small, whose files are then replaced by mutated ones."""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cluster.population.settings import PopulationSettings
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from envs.latent.parts import FrozenParts, PartsShape
from learners.networks.build import build_discriminator, build_policy
from pymypaint import find_brush
from tests.cluster.dashboard.made_population import MadePopulation
from tests.cluster.dashboard.made_up import make_run
from tests.helpers.tiny_run import make_images, tiny_settings

#: Of the pictures that are mutated.
PICTURES = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO", "TGA", "JPEG2000")


class Home:
    """The folder.

    Attributes:
        path: Of it; anybody may write there.
        run: A painter's run with a checkpoint, sheets and recordings.
        population: With two members.
    """

    def __init__(self, path: Path) -> None:
        path.chmod(0o755)
        self.path = path
        self.out = path / "out"
        self.out.mkdir()
        self.out.chmod(0o777)
        images = make_images(path / "images", 12)
        self.runs = path / "runs"
        self.run = make_run(self.runs / "one", seconds=30, sheets=1)
        settings = tiny_settings(images)
        (self.run / "config.json").write_text(json.dumps(settings.to_json()))
        shutil.rmtree(self.run / "checkpoints")
        world = settings.world
        policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
        discriminator = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
        weights = {"policy": policy.state_dict(), "discriminator": discriminator.state_dict()}
        counters = {"trained_steps": 640, "trained_seconds": 1.0, "restarts": 0}
        self.checkpoint = checkpoints.save(
            self.run / "checkpoints", Checkpoint(10, weights, documents={"counters": counters}, score=-1.0)
        )
        self.population = path / "people" / "two"
        made = MadePopulation(self.population, members=2, comparisons=2, rows=4)
        population = asdict(PopulationSettings(members=2))
        (self.population / "config.json").write_text(
            json.dumps({"population": population, "settings": made.run.to_json()})
        )
        events = [json.loads(line) for line in (self.population / "lineage.jsonl").read_text().splitlines()]
        for event in events:  # the dashboard needs less than a driver that goes on
            if event["event"] == "checkpoint":
                event |= {"checkpoint": "members/00/checkpoints/000001-update-1", "checkpoint_sha256": "0" * 64}
        (self.population / "lineage.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        self.write_small_files()

    def write_small_files(self) -> None:
        """Brush, strokes, palette, schedule, card, order, parts, pictures, archives."""
        path = self.path
        shutil.copy(find_brush("classic/pen"), path / "brush.myb")
        brush: dict[str, Any] = json.loads((path / "brush.myb").read_text())
        lines = ["version 2"]
        for name, each in brush["settings"].items():
            curves = [
                f"{source} " + ", ".join(f"({x} {y})" for x, y in points) for source, points in each["inputs"].items()
            ]
            lines.append(" | ".join([f"{name} {each['base_value']}", *curves]))
        (path / "old.myb").write_text("\n".join(lines) + "\n")
        with zipfile.ZipFile(path / "pack.zip", "w") as archive:
            archive.write(path / "brush.myb", "set/pen.myb")
        row = [1.0, 2.0, 30.0, 40.0, 50.0, 60.0, 4.0, 0.5, "#a0b0c0", 0, 1.25, 0.0, 0.0, 64.0]
        head = {"format": "impasto-strokes", "version": 2, "width": 64, "height": 48, "brush": "classic/pen"}
        columns = ["start_x", "start_y", "control_x", "control_y", "end_x", "end_y", "radius", "pressure", "color"]
        columns += ["stage", "gain", "window_x", "window_y", "window_side"]
        measured = {"agent": "none", "seed": 0, "l2": [[0, 0.5], [3, 0.25]]}
        document = head | measured | {"columns": columns, "strokes": [row] * 3}
        (path / "strokes.json").write_text(json.dumps(document))
        (path / "palette.gpl").write_text(
            "GIMP Palette\nName: x\nColumns: 2\n# c\n255 0 0 red\n0 128 255\n#a0c\nteal\n"
        )
        (self.run / "schedule.json").write_text(
            json.dumps([[0, {"entropy_cost": 0.01}], [900, {"entropy_cost": 0.02}]])
        )
        (self.run / "order.json").write_text(json.dumps({"actors": 2, "ticket": "t"}))
        card = {"about": "an agent", "data": "x", "figures": [{"what": "L2", "value": [0.1]}], "minutes": 1.0}
        (path / "shipped" / "some").mkdir(parents=True)
        (path / "shipped" / "some" / "card.json").write_text(json.dumps(card))
        FrozenParts(PartsShape(image_shape=(16, 16, 1), classes=2)).save(path / "parts.safetensors")
        self.write_pictures()

    def write_pictures(self) -> None:
        """A picture of each format, and archives of pictures."""
        rng = np.random.default_rng(0)
        (self.path / "pictures").mkdir()
        for kind in PICTURES:
            pixels = rng.integers(0, 255, (24, 32, 3), np.uint8)
            Image.fromarray(pixels).save(self.path / "pictures" / f"one.{kind.lower()}", kind)
        deep = rng.integers(0, 65535, (24, 32)).astype(np.uint16)
        Image.fromarray(deep).save(self.path / "pictures" / "deep.png")
        with zipfile.ZipFile(self.path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for image in sorted((self.path / "images").iterdir()):
                archive.write(image, f"set/{image.name}")
        with tarfile.open(self.path / "set.tar.gz", "w:gz") as archive_of_tar:
            archive_of_tar.add(self.path / "images", "set")


def rehash(folder: Path) -> None:
    """Make a checkpoint's manifest fit its files, as a stranger can; a file that is no file keeps its entry."""
    import hashlib

    from cluster.runs.manifests import MANIFEST, manifest_hash

    manifest = json.loads((folder / MANIFEST).read_bytes())
    for name in manifest["files"]:
        if (folder / name).is_file() and not (folder / name).is_symlink():
            content = (folder / name).read_bytes()
            manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["sha256"] = manifest_hash(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


@contextlib.contextmanager
def kept(*paths: Path) -> Iterator[None]:
    """Put files back, whatever has become of them."""
    contents = {path: path.read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, content in contents.items():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            path.write_bytes(content)


def pickled(rng: random.Random) -> bytes:
    """A file as `torch.save` writes it, that would run a command if it was unpickled."""
    from tests.fuzz.mutations import Trap

    buffer = io.BytesIO()
    torch.save({"policy": Trap()}, buffer)
    content = buffer.getvalue()
    return content if rng.random() < 0.5 else content[: rng.randrange(len(content))]
