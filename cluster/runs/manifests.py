"""Manifest and name of a checkpoint: its files, score, and place among others; no tensors."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from envs.untrusted import read_json

FORMAT = "impasto-checkpoint"
VERSION = 1

MANIFEST = "manifest.json"
#: Files of a checkpoint: `policy.safetensors`, `replay.arrays.safetensors`, `counters.json`.
_FILE = re.compile(r"[\w-]+\.((arrays\.)?safetensors|json)")
_NAME = re.compile(r"(\d{6,})-update-(\d+)")


class CheckpointDamaged(UserError, RuntimeError):
    """A checkpoint is damaged: one line that names the file and the fault."""


@dataclass(frozen=True)
class Summary:
    """A checkpoint as its manifest describes it: folder, update, score (higher is better), Unix time, size."""

    path: Path
    update: int
    score: float | None
    created: float
    bytes: int


def read_manifest(directory: str | Path) -> dict[str, Any]:
    """Read the manifest of a checkpoint: format, version, update, score, created, files, sha256.

    Raises:
        CheckpointDamaged: It is missing, not readable, changed, or of another format.
    """
    path = Path(directory) / MANIFEST
    try:
        manifest = read_json(path)
        intact = manifest["sha256"] == manifest_hash(manifest)
    except FileNotFoundError:
        raise CheckpointDamaged(f"{path} is missing") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointDamaged(f"{path} can not be read: {type(error).__name__} {error}") from None
    except RecursionError:
        raise CheckpointDamaged(f"{path} can not be read: nested too deeply") from None
    if not intact:
        raise CheckpointDamaged(f"{path} was changed: its SHA-256 differs from the one recorded in it")
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        found = f"{manifest.get('format')} {manifest.get('version')}"[:80]
        raise CheckpointDamaged(f"{path} is of format {found}, this Impasto reads {FORMAT} {VERSION}")
    if fault := _fault(manifest):
        raise CheckpointDamaged(f"{path} can not be read: {fault}")
    return dict(manifest)


def _fault(manifest: Mapping[str, Any]) -> str:
    """Say what a manifest lacks; empty if nothing. It can be a stranger's, with a right hash."""
    files, score = manifest.get("files"), manifest.get("score")
    if not isinstance(manifest.get("update"), int) or manifest["update"] < 0:
        return "it has no number of updates"
    if score is not None and not (isinstance(score, int | float) and math.isfinite(score)):
        return "its score is no number"
    try:
        datetime.fromisoformat(manifest.get("created", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return "it has no time"
    if not isinstance(files, dict) or not all(map(_FILE.fullmatch, files)):
        return "it does not list plain files"
    for name, entry in files.items():
        known = isinstance(entry, dict) and isinstance(entry.get("sha256"), str)
        if not known or not isinstance(entry.get("bytes"), int) or entry["bytes"] < 0:
            return f"it does not tell size and hash of {name}"
    return ""


def summary(directory: str | Path) -> Summary:
    """Read the manifest in short; contents are not read (`load` checks them).

    Raises:
        CheckpointDamaged: See `read_manifest`.
    """
    manifest = read_manifest(directory)
    created = datetime.fromisoformat(manifest["created"]).timestamp()
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    return Summary(Path(directory), manifest["update"], manifest["score"], created, size)


def is_name(name: str) -> bool:
    """Tell a checkpoint's name from other names."""
    return _NAME.fullmatch(name) is not None


def order(name: str) -> tuple[int, int]:
    """Return the place of a checkpoint's name among others: order of writing, update."""
    match = _NAME.fullmatch(name)
    assert match is not None, name
    return int(match[1]), int(match[2])


def best_of(summaries: Sequence[Summary]) -> Summary | None:
    """Choose the summary with the highest score, the newest of equals; None if none has a score."""
    scored = [(each.score, place, each) for place, each in enumerate(summaries) if each.score is not None]
    return max(scored, key=lambda entry: entry[:2])[2] if scored else None


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """Compute the hash that a manifest holds of itself."""
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
