"""Folders of runs as training writes them, made up in a moment; numbers follow plausible curves."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from cluster.evaluation.contact_sheets import contact_sheet
from cluster.painter.recordings import Recording, paint_again
from cluster.painter.settings import PainterSettings, preset

STEPS_A_SECOND = 3500


def settings(**changes: Any) -> PainterSettings:
    """The laptop preset with a short sheet."""
    return preset("laptop").replace(**changes)


def metrics_row(second: int, rng: np.random.Generator, **more: Any) -> dict[str, Any]:
    """A second of training."""
    noise = rng.normal(0, 1, 8)
    steps = second * STEPS_A_SECOND
    fade = math.exp(-second / 200)
    return {
        "update": 5 * second,
        "time": 1.79e9 + second,
        "updates": 5 * second,
        "env_steps": steps,
        "sampled_steps": steps + 640,
        "elapsed_s": float(second),
        "progress": second / 900,
        "env_steps_per_s": STEPS_A_SECOND + 250 * noise[0],
        "updates_per_s": 5.0,
        "policy/score": -1 + 0.1 * noise[1] - fade,
        "policy/score_std": 0.5 + 0.05 * noise[2],
        "policy/entropy": 3 + 6 * fade + 0.1 * noise[3],
        "policy/return": 0.1 * noise[4],
        "policy/policy_loss": 0.3 * noise[5],
        "policy/value_loss": abs(noise[6]),
        "policy/gradient_norm": 2 + abs(noise[7]),
        "policy/learning_rate": 1e-3 * (1 - 0.9 * min(1, second / 900)),
        "policy/entropy_cost": 1e-2,
        "discriminator/real": 1.2 + 0.1 * noise[1],
        "discriminator/fake": -1.1 + 0.1 * noise[2],
        "discriminator/loss": 0.6,
        "time/render": 0.1,
        "time/inference": 0.2,
        "time/transfer": 0.02,
        "time/learn": 0.25,
        "time/discriminate": 0.15,
        "time/wait": 0.28,
        "lag/mean": 2.2,
        "lag/max": 3.0,
        "replay/fill": min(1.0, second / 3),
        "queue": 0,
        "in_flight": 2,
        "runners/healthy": 1,
        "runners/restarts": 0,
        "redis/restarts": 0,
        "batches/lost": 0,
        "batches/stale": 0,
        "world/unheard_of": float(second % 7),
        **more,
    }


def write_lines(path: Path, rows: list[dict[str, Any]], *, torn: str = "") -> None:
    """JSON lines, with the beginning of another one if asked for."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + torn)


def make_sheet(folder: Path, name: str, run: PainterSettings, seed: int, count: int = 40) -> None:
    """A contact sheet and its recording; `seed` decides what is painted."""
    rng = np.random.default_rng(seed)
    spec, length = run.paint.action_spec, run.paint.num_actions
    actions = rng.integers(0, spec.sizes, (length, count, len(spec.sizes))).astype(np.int16)
    actions[0, :, spec.flag] = 0
    full = paint_again(run, actions)[-1]
    contact_sheet(full, folder / f"{name}.png")
    scores = rng.normal(-1, 0.5, (length + 1, count)).astype(np.float32)
    Recording(actions, rng.normal(size=(count, 10)).astype(np.float32), scores).save(folder / f"{name}.npz")


def make_checkpoint(root: Path, order: int, update: int, score: float) -> Path:
    """A checkpoint folder with a manifest; the dashboard reads no more of it."""
    folder = root / f"{order:06d}-update-{update}"
    folder.mkdir(parents=True)
    files = {"policy.safetensors": {"bytes": 2_800_000, "sha256": "0" * 64}}
    manifest = {"format": "impasto-checkpoint", "version": 1, "update": update, "score": score, "files": files}
    manifest |= {"created": "2026-11-22T08:00:00+00:00"}
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def make_run(path: Path, *, seconds: int = 300, sheets: int = 3, seed: int = 0, torn: str = "", **changes: Any) -> Path:
    """A run folder that trained for so many seconds, its last row written now."""
    run = settings(seed=seed, **changes)
    (path / "samples").mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(run.to_json()))
    rng = np.random.default_rng(seed)
    rows = [metrics_row(second, rng) for second in range(1, seconds + 1)]
    for number in range(sheets):
        second = number * seconds // max(1, sheets - 1) if sheets > 1 else 0
        make_sheet(path / "samples", f"{5 * second:08d}", run, seed=100 * seed + number)
        look = {"update": 5 * second, "time": 1.79e9 + second, "sample/pixel_frechet": 1.6 / (1 + number)}
        rows.append(look | {"env_steps": second * STEPS_A_SECOND, "elapsed_s": float(second)})
    rows.sort(key=lambda row: row["time"])
    write_lines(path / "metrics.jsonl", rows, torn=torn)
    make_checkpoint(path / "checkpoints", 1, 5 * seconds, -0.2)
    return path
