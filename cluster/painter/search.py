"""`impasto search`: benefit and cost of trying several paintings for each one kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from actors.search import Score, Search, SearchResult
from cluster.errors import UserError
from cluster.evaluation.contact_sheets import contact_sheet
from cluster.evaluation.frechet import frechet_distance
from cluster.evaluation.judge import Judge, load_judge
from cluster.evaluation.reconstruction import pixel_l2
from cluster.evaluation.text_tables import figures_table
from cluster.painter.data import run_data
from cluster.painter.settings import PainterSettings
from cluster.painter.stored import require_networks
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from learners.conditioning import score_records
from learners.networks.build import build_discriminator, build_policy
from learners.precision import autocast
from learners.records import make_records


def discriminator_score(settings: PainterSettings, checkpoint: Checkpoint) -> Score:
    """Return a function that scores canvases with the trained discriminator."""
    network = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
    network.load_state_dict(checkpoint.tensors["discriminator"])
    network.eval()

    @torch.inference_mode()
    def score(
        canvas: NDArray[np.uint8], target: NDArray[np.uint8] | None, action: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        records = make_records(canvas, target, action if settings.joint else None)
        with autocast(settings.policy.precision, torch.device("cpu")):
            found = score_records(network, torch.from_numpy(records), settings.conditioning)
        scores: NDArray[np.float32] = found.numpy()
        return scores

    return score


def search_run(
    folder: RunFolder,
    settings: PainterSettings,
    checkpoint: Checkpoint,
    *,
    widths: tuple[int, ...],
    count: int,
    seed: int,
    methods: Sequence[str],
) -> dict[str, Any]:
    """Search with several K, by several methods.

    Args:
        folder: Folder of the run.
        settings: Settings of the run.
        checkpoint: Checkpoint of the run.
        widths: The values of K.
        count: Pictures painted with each.
        seed: Of noise, action sampling and targets.
        methods: Of `best`, `drawn` and `beam`: `Search.best_of`, `Search.drawn_from` and `Search.beam`.

    Returns:
        JSON-able: `rows`, each with `method`, `k`, mean `score`, `seconds`; for
        reproductions `l2`; for MNIST the judge's `confidence` or, for reproductions, `accuracy`, which the
        search did not see, and of at least `FEWEST` free digits `frechet_distance` in its features; `sheet`, a
        picture with a row for each.

    Raises:
        UserError: The checkpoint has no discriminator.
        ValueError: Its networks are not those of the settings.
    """
    world = settings.world
    if "discriminator" not in checkpoint.tensors:
        raise UserError("search: this agent was packed without its discriminator, which the search scores with")
    require_networks(settings, checkpoint, discriminator=True)
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    policy.load_state_dict(checkpoint.tensors["policy"])
    search = Search(
        world,
        policy,
        discriminator_score(settings, checkpoint),
        seed=seed,
        precision=settings.policy.precision,
    )
    target, label = None, None
    if settings.policy.conditional:
        data = run_data(settings, "test")
        chosen = np.resize(np.random.default_rng(seed).permutation(len(data.images)), count)
        target = data.images[chosen]
        label = None if data.labels is None else data.labels[chosen]
    judge = load_judge(data_dir=settings.system.data_folder) if settings.system.data == "mnist" else None
    real = None
    if judge is not None and target is None and count >= FEWEST:
        images = run_data(settings, "test").images
        drawn = np.random.default_rng(0).permutation(len(images))[:count]
        real, _ = judge.features_and_probabilities(images[drawn])
    rows, pictures, names = [], [], []
    if target is not None:
        factor = world.canvas_size // len(target[0])
        pictures.append(target[:SHOWN].repeat(factor, 1).repeat(factor, 2))
        names.append("target")
    ways = {"best": search.best_of, "drawn": search.drawn_from, "beam": search.beam}
    for method, run in ((method, ways[method]) for method in methods):
        for k in widths:
            found = run(count, k, target)
            rows.append({"method": method, "k": k} | figures(found, target, judge, label, real))
            pictures.append(found.full[:SHOWN])
            names.append(f"{method} {k}")
    sheet = contact_sheet(
        np.concatenate(pictures), folder.picture_folder() / "search.png", columns=min(SHOWN, count), row_labels=names
    )
    return {"run": str(folder.path), "updates": checkpoint.update, "count": count, "rows": rows, "sheet": str(sheet)}


#: Pictures in a row of the sheet.
SHOWN = 16
#: Free digits from which on their Fréchet distance is told: it depends on their number, much if they are few.
FEWEST = 500


def figures(
    found: SearchResult,
    target: NDArray[np.uint8] | None,
    judge: Judge | None,
    label: NDArray[np.int64] | None,
    real: NDArray[np.float64] | None,
) -> dict[str, float]:
    """Measure the paintings that a search found; `real` are the judge's features of as many images."""
    result = {"score": float(found.score.mean()), "seconds": found.seconds}
    if target is not None:
        result["l2"] = pixel_l2(found.canvas, target)
    if judge is not None:
        features, probabilities = judge.features_and_probabilities(found.canvas)
        if real is not None:
            result["frechet_distance"] = frechet_distance(features.astype(np.float64), real)
        if label is None:
            result["confidence"] = float(probabilities.max(1).mean())
        else:
            result["accuracy"] = float((probabilities.argmax(1) == label).mean())
    return result


def table(result: dict[str, Any]) -> str:
    """Format the result as aligned text."""
    columns = {name: name for name in ("score", "seconds", "l2", "confidence", "accuracy", "frechet_distance")}
    rows = {f"{row['method']} {row['k']}": row for row in result["rows"]}
    text = figures_table(rows, columns, ".4f", first="method, K")
    return f"{text}\n{result['count']} pictures each; sheet: {result['sheet']}"
