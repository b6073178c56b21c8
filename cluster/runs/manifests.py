"""Manifest and name of a checkpoint: its files, score, and place among others; no tensors."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FORMAT = "impasto-checkpoint"
VERSION = 1

MANIFEST = "manifest.json"
_NAME = re.compile(r"(\d{6,})-update-(\d+)")


class CheckpointDamaged(RuntimeError):
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
        manifest = json.loads(path.read_bytes())
        intact = manifest["sha256"] == manifest_hash(manifest)
    except FileNotFoundError:
        raise CheckpointDamaged(f"{path} is missing") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointDamaged(f"{path} can not be read: {type(error).__name__} {error}") from None
    if not intact:
        raise CheckpointDamaged(f"{path} was changed: its SHA-256 differs from the one recorded in it")
    if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
        found = f"{manifest['format']} {manifest['version']}"
        raise CheckpointDamaged(f"{path} is of format {found}, this Impasto reads {FORMAT} {VERSION}")
    return dict(manifest)


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
