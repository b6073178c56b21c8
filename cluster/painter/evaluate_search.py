"""`impasto evaluate` of a run that searches: policy, search and both, at equal strokes and at equal seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from actors.picture_painter import PictureSearch
from actors.reproduction import Reproduction, Way
from cluster.errors import UserError
from cluster.evaluation.contact_sheets import contact_sheet
from cluster.evaluation.faces import FaceJudge
from cluster.evaluation.judge import Judge
from cluster.evaluation.reconstruction import pixel_l2
from cluster.evaluation.text_tables import figures_table
from cluster.painter.evaluate import judge_of_lines
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import about_run
from envs.datasets import NAMES, load_dataset
from envs.image_folder import load_other_images
from envs.resampling import pool
from learners.networks.build import build_policy
from learners.search_settings import CLIMB

SHOWN = 16
"""Pictures in a row of the sheet."""
COUNTS = {"mnist": 2000, "omniglot": 500}
"""Pictures to publish figures of, by data; of others `COUNT`."""
COUNT = 100
COOLER = {"line": 0.35, "picture": 0.4}
"""Temperature below 1 at which a policy alone is measured too, by its network; chosen on training pictures."""
SEARCHED = {"line": 1.0, "picture": 0.4}
"""Temperature at which a policy proposes the strokes of a search, chosen likewise."""
EARLY = (15, 30)
"""Strokes after which long paintings are looked at, too; the papers of neural painters state them."""
LONG = 30
"""Actions from which an episode counts as long: its policy can go on for twice as many strokes."""
CLIMBED = 16
"""Candidates of the search that varies the best of them, unless only other numbers are asked for."""
MOST = 512
"""Bound of the candidates of a search without policy that takes as long as one with it."""


@dataclass(frozen=True)
class Pictures:
    """Pictures to reproduce.

    Attributes:
        full: uint8 [N, H, W, C], of the canvas's size.
        observed: uint8 [N, h, w, C], as the networks see them.
        label: int64 [N], their classes, if there are any.
    """

    full: NDArray[np.uint8]
    observed: NDArray[np.uint8]
    label: NDArray[np.int64] | None

    def __getitem__(self, rows: NDArray[np.int64]) -> Pictures:
        """These pictures."""
        return Pictures(self.full[rows], self.observed[rows], None if self.label is None else self.label[rows])


def load_pictures(settings: PainterSettings, data: str) -> Pictures:
    """Load all pictures of a data set that a run did not learn from.

    Args:
        settings: Of the run.
        data: Name of a data set, or path of a folder or zip. Of the run's own, and of those with folders `train` and
            `test`, the test split is taken, of other folders and zips all images.

    Raises:
        ValueError: They can not be loaded.
    """
    world, system = settings.paint, settings.system
    channels: Literal[1, 3] = 3 if world.channels == 3 else 1
    path = Path(data).expanduser()
    own = data == system.data or path.resolve() == Path(system.data).expanduser().resolve()
    other = not own and data not in NAMES and path.exists()
    size, label = world.canvas_size, None
    if other:
        images = load_other_images(path, size=size, channels=channels)
    else:
        found = load_dataset(data, split="test", size=size, channels=channels, data_dir=system.data_folder)
        images, label = found.images, found.labels
    return Pictures(images, pool(images, world.observation_size), label)


class Reader:
    """Reader of drawings, whose classes they should still show; no reward sees it.

    The judge reads digits. Of characters, which it knows as lines only, a painting is read as the character of the
    nearest drawing in the judge's features, its own target left out.
    """

    def __init__(self, judge: Judge, every: Pictures, *, digits: bool) -> None:
        """`every` is the whole split, with classes."""
        self.judge, self.digits, self.every = judge, digits, every
        self.features = None if digits else judge.features_and_probabilities(every.observed)[0]

    def read_right(self, painted: NDArray[np.uint8], pictures: Pictures) -> float:
        """Share of paintings uint8 [N, h, w, C] that are read as the class of their targets."""
        features, probabilities = self.judge.features_and_probabilities(painted)
        if self.features is None:
            return float((probabilities.argmax(1) == pictures.label).mean())
        assert self.every.label is not None
        drawings = self.every.observed.reshape(len(self.features), -1)
        right = 0
        for row, target in enumerate(pictures.observed):
            distance = np.square(self.features - features[row]).sum(1)
            distance[(drawings == target.reshape(-1)).all(1)] = np.inf
            right += int(self.every.label[distance.argmin()] == pictures.label[row])  # type: ignore[index]
        return right / len(painted)


def evaluate(
    folder: RunFolder,
    settings: PainterSettings,
    checkpoint: Checkpoint,
    *,
    count: int = 0,
    data: str = "",
    widths: tuple[int, ...] = (4, 16, 64),
    climb: int = CLIMB,
    faces: bool = False,
) -> dict[str, Any]:
    """Measure a run's policy alone, the best of K of its strokes, and the best of K strokes without it.

    All start on white canvases and paint as many strokes as an episode of the run has; long ones are also looked at
    earlier and painted twice as long. The best of 16, or else of the most, is also varied until that helps no more. A
    further search without policy tries as many strokes as fit into the time of the widest one with it.

    Args:
        folder: Of the run.
        settings: Of the run.
        checkpoint: Of the run.
        count: Pictures; 0 is the number to publish.
        data: See `load_pictures`; empty for the run's own.
        widths: The values of K.
        climb: Variations in a row without gain after which a stroke stays; 0: none is varied.
        faces: Whether the judge of faces looks at the last paintings, too.

    Returns:
        JSON-able: `rows`, each with `way`, `strokes`, `l2` and `blank_share` (that as a share of a white canvas's) at
        the canvas's size, `observed_l2` and `observed_blank_share` if the networks see it smaller, `seconds` of CPU
        a picture, for drawings with classes `read_right`, see `Reader`, and with `faces` the figures of
        `FaceJudge.measure`; `data`, `count`, `blank_l2`, `real_read_right`, `faces_in_targets`, `sheet`, and what
        `about_run` tells.
    """
    world = settings.paint
    torch.set_num_threads(settings.system.torch_threads)  # idle threads of more would count as CPU time
    name = data or settings.system.data
    every = load_pictures(settings, name)
    pictures = every[np.random.default_rng(0).permutation(len(every.full))[: count or COUNTS.get(name, COUNT)]]
    judge = judge_of_lines(settings.replace(data=name))
    reader = None if judge is None or every.label is None else Reader(judge, every, digits=name == "mnist")
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    policy.load_state_dict(checkpoint.tensors["policy"])
    painter = Reproduction(world, policy, seed=1, precision=settings.policy.precision)
    length = world.num_actions
    cooler, heat = COOLER.get(settings.policy.network, 0.5), SEARCHED.get(settings.policy.network, 1.0)
    ways = {f"policy alone, temperature {each:g}": Way(True, 1, length, temperature=each) for each in (1.0, cooler)}
    ways |= {f"policy, best of {k}": Way(True, k, length, temperature=heat) for k in widths if k > 1}
    ways |= {f"no policy, best of {k}": Way(False, k, length) for k in widths if k > 1}
    climbed = CLIMBED if CLIMBED in widths else max(widths)
    if climb and climbed > 1:
        for name_of, by_policy in (("policy", True), ("no policy", False)):
            varied = PictureSearch(candidates=climbed).counts[2]  # as `impasto paint` does it
            climbing = Way(by_policy, climbed, length, varied, climb, heat)
            ways[f"{name_of}, best of {climbed}, climbing"] = climbing
    rows: list[dict[str, Any]] = []
    shown: list[NDArray[np.uint8]] = [pictures.full[:SHOWN]]
    names = ["target"]

    if faces and world.channels != 3:
        raise UserError("--faces: this run paints in gray, and the judge of faces looks at colors")
    face_judge = FaceJudge() if faces else None
    found_in_targets = face_judge.targets(pictures.full) if face_judge else {}

    def measure(title: str, way: Way) -> float:
        found, last = paint_and_measure(painter, pictures, way, reader)
        if face_judge:
            found[-1] |= face_judge.measure(last, found_in_targets)
        rows.extend({"way": title} | row for row in found)
        shown.append(last[:SHOWN])
        names.append(title)
        return float(found[-1]["seconds"])

    seconds = {title: measure(title, way) for title, way in ways.items()}
    if (widest := max(widths)) > 1:
        equal = round(widest * seconds[f"policy, best of {widest}"] / seconds[f"no policy, best of {widest}"])
        if equal > 1:
            equal = min(MOST, equal)
            measure(f"no policy, best of {equal} (equal seconds)", Way(False, equal, length))
    if length >= LONG:
        best = f"policy, best of {CLIMBED}"
        for title in (f"policy alone, temperature {cooler:g}", best, f"policy, best of {climbed}, climbing"):
            if title in ways:
                measure(f"{title}, longer", replace(ways[title], strokes=2 * length))
    path = folder.picture_folder() / f"evaluation-{checkpoint.update:08d}.png"
    sheet = contact_sheet(np.concatenate(shown), path, columns=len(shown[0]), row_labels=names)
    blank = pixel_l2(np.full_like(pictures.full, 255), pictures.full)
    real = None if reader is None else reader.read_right(pictures.observed, pictures)
    result = {"rows": rows, "data": name, "count": len(pictures.full), "blank_l2": blank, "real_read_right": real}
    result["faces_in_targets"] = len(found_in_targets) / len(pictures.full) if faces else None
    return result | about_run(folder, checkpoint, sheet)


def paint_and_measure(
    painter: Reproduction, pictures: Pictures, way: Way, reader: Reader | None
) -> tuple[list[dict[str, Any]], NDArray[np.uint8]]:
    """Paint all pictures one way; returns a row for each stop, and the last paintings, uint8 [N, H, W, C]."""
    stops = tuple(stop for stop in EARLY if way.strokes >= LONG and stop < way.strokes)
    stops = (*stops, way.strokes) if way.strokes <= painter.world.num_actions else (way.strokes,)
    canvases: dict[int, list[NDArray[np.uint8]]] = {stop: [] for stop in stops}
    full: dict[int, list[NDArray[np.uint8]]] = {stop: [] for stop in stops}
    seconds = dict.fromkeys(stops, 0.0)
    for batch in painter.batches(pictures.full, way):
        for stage in painter.paint(batch, way, stops):
            canvases[stage.strokes].append(stage.canvas)
            full[stage.strokes].append(stage.full)
            seconds[stage.strokes] += stage.seconds
    rows = []
    white = pixel_l2(np.full_like(pictures.full, 255), pictures.full)
    smaller = pictures.observed.shape != pictures.full.shape
    observed_white = pixel_l2(np.full_like(pictures.observed, 255), pictures.observed)
    for stop in stops:
        painted, observed = np.concatenate(full[stop]), np.concatenate(canvases[stop])
        error = pixel_l2(painted, pictures.full)
        row: dict[str, Any] = {"strokes": stop, "l2": error, "blank_share": error / white}
        if smaller:
            error = pixel_l2(observed, pictures.observed)
            row |= {"observed_l2": error, "observed_blank_share": error / observed_white}
        if reader is not None:
            row["read_right"] = reader.read_right(observed, pictures)
        rows.append(row | {"seconds": seconds[stop] / len(painted)})
    return rows, painted


def table(result: dict[str, Any]) -> str:
    """Format the result of `evaluate` as aligned text."""
    columns = {
        "l2": "L2",
        "blank_share": "of blank",
        "observed_l2": "L2, observed",
        "observed_blank_share": "of blank",
        "read_right": "read right",
        "face_found": "face found",
        "identity_distance": "identity",
        "identity_distance_others": "of another",
        "seconds": "CPU s each",
    }
    rows = {f"{row['way']}, {row['strokes']} strokes": row for row in result["rows"]}
    lines = [figures_table(rows, columns, ".4f")]
    real = (
        "" if result["real_read_right"] is None else f"; of the targets {result['real_read_right']:.4f} are read right"
    )
    lines.append(
        f"{result['count']} pictures of {result['data']}, L2 of a blank canvas {result['blank_l2']:.4f}{real}; "
        f"{result['updates']} updates, {result['env_steps']} steps, {result['minutes']:.1f} minutes"
    )
    return "\n".join([*lines, f"sheet: {result['sheet']}"])
