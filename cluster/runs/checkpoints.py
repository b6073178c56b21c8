"""Checkpoints that a SIGKILL can not break: written under a temporary name, hashed, then renamed.

A root folder holds one folder per checkpoint, named by order of writing and by update, newest last:

    000007-update-1200/
        policy.safetensors, policy_optimizer.safetensors, replay.safetensors, ...
        counters.json, ...
        manifest.json    format, version, update, score, created, size and SHA-256 of every file, and a hash of itself

Nothing is pickled. There is no pointer to "the latest" or "the best" that could disagree with what is there: the latest
is the last name, the best is the highest `score` in the manifests.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import safetensors.torch
import torch
from safetensors import SafetensorError

from cluster.errors import LONGEST_MESSAGE, one_line
from cluster.runs.manifests import (
    FORMAT,
    MANIFEST,
    VERSION,
    CheckpointDamaged,
    best_of,
    is_name,
    manifest_hash,
    order,
    read_manifest,
    summary,
)
from envs.untrusted import open_file, parse_json

_TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class Checkpoint:
    """Contents of one checkpoint."""

    update: int
    """Learner updates done when it was written."""
    tensors: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)
    """By file name ("policy", "policy_optimizer", ...): tensors by name, on the CPU."""
    arrays: dict[str, dict[str, npt.NDArray[Any]]] = field(default_factory=dict)
    """The same for NumPy arrays ("replay", ...)."""
    documents: dict[str, Any] = field(default_factory=dict)
    """By file name ("counters", ...): anything JSON can hold."""
    score: float | None = None
    """How good the policy was; higher is better. None: not measured."""


def save(root: str | Path, checkpoint: Checkpoint, *, keep_last: int = 3) -> Path:
    """Write one checkpoint and remove those that are neither among the last nor the best.

    The folder appears under its name only when it is complete and on disk; files that an earlier kill left half-written
    are removed. One process may save into a root at a time (RunFolder's lock sees to that).

    Args:
        root: Folder of all checkpoints of a run; made if it is missing.
        checkpoint: Its tensors may be on any device and share memory. A score that is not finite counts as none.
        keep_last: Number of the newest to keep, at least 1; the best by score is kept in addition.

    Returns:
        The checkpoint's folder.

    Raises:
        ValueError: A file name is used twice or is not a plain name; keep_last < 1.
        OSError: The disk is full or not writable; the earlier checkpoints are then untouched.
    """
    if keep_last < 1:
        raise ValueError(f"keep_last must be at least 1, got {keep_last}")
    contents = _contents(checkpoint)  # first, so that a checkpoint that can not be written touches nothing
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(root)
    sequence = 1 + max((order(path.name)[0] for path in checkpoints(root)), default=0)
    name = f"{sequence:06d}-update-{checkpoint.update}"
    temporary = root / f"{_TEMPORARY}{name}"
    target = root / name
    try:
        temporary.mkdir()
        files: dict[str, dict[str, Any]] = {}
        for file_name, content in contents:
            _write(temporary / file_name, content)
            files[file_name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        score = checkpoint.score
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "update": checkpoint.update,
            "score": None if score is None or not math.isfinite(score) else float(score),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": files,
        }
        manifest["sha256"] = manifest_hash(manifest)
        _write(temporary / MANIFEST, json.dumps(manifest, indent=1).encode())
        _sync_folder(temporary)
        os.rename(temporary, target)
    except BaseException:  # half a checkpoint would keep a full disk full
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(root)
    _prune(root, keep_last)
    return target


def load(directory: str | Path) -> Checkpoint:
    """Read a checkpoint back, after checking the size and hash of every file.

    Raises:
        CheckpointDamaged: Names the file and the fault: missing, another size, another hash, not readable.
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    tensors: dict[str, dict[str, torch.Tensor]] = {}
    arrays: dict[str, dict[str, npt.NDArray[Any]]] = {}
    documents: dict[str, Any] = {}
    for file_name, entry in manifest["files"].items():
        content = _verified(directory / file_name, entry)
        stem, kind = file_name.split(".", 1)
        try:
            if kind == "json":
                documents[stem] = parse_json(content)
            elif kind == "arrays.safetensors":
                # frombuffer arrays are read-only views of the file's bytes: give the caller arrays of its own
                arrays[stem] = {key: array.copy() for key, array in safetensors.numpy.load(content).items()}
            else:
                tensors[stem] = safetensors.torch.load(content)
        except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:
            message = one_line(error)[:LONGEST_MESSAGE]
            raise CheckpointDamaged(f"{directory / file_name} can not be read: {message}") from None
    return Checkpoint(manifest["update"], tensors, arrays, documents, manifest["score"])


def checkpoints(root: str | Path) -> list[Path]:
    """List all checkpoint folders of a run, oldest first, intact or not."""
    root = Path(root)
    if not root.is_dir():
        return []
    return sorted(
        (path for path in root.iterdir() if is_name(path.name) and path.is_dir()), key=lambda path: order(path.name)
    )


def latest_good(root: str | Path) -> tuple[Path | None, list[str]]:
    """Find the newest intact checkpoint (None if there is none), and one line for each damaged one that is newer."""
    damaged: list[str] = []
    for path in reversed(checkpoints(root)):
        try:
            manifest = read_manifest(path)
            for file_name, entry in manifest["files"].items():
                _verified(path / file_name, entry)
        except CheckpointDamaged as error:
            damaged.append(str(error))
            continue
        return path, damaged
    return None, damaged


def best(root: str | Path) -> Path | None:
    """Find the checkpoint with the highest score, the newest of equals; None if none has a score."""
    known = []
    for path in checkpoints(root):
        with contextlib.suppress(CheckpointDamaged):
            known.append(summary(path))
    chosen = best_of(known)
    return chosen.path if chosen else None


def _contents(checkpoint: Checkpoint) -> list[tuple[str, bytes]]:
    """Name and bytes of each file but the manifest."""
    files: list[tuple[str, bytes]] = []
    for stem, tensors in checkpoint.tensors.items():
        # A copy of its own for each: safetensors refuses tied weights and views.
        own = {k: t.detach().to("cpu", copy=True, memory_format=torch.contiguous_format) for k, t in tensors.items()}
        files.append((f"{stem}.safetensors", safetensors.torch.save(own)))
    for stem, arrays in checkpoint.arrays.items():
        dense = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
        files.append((f"{stem}.arrays.safetensors", safetensors.numpy.save(dense)))
    for stem, document in checkpoint.documents.items():
        files.append((f"{stem}.json", json.dumps(document, indent=1, default=_numpy_scalar).encode()))
    names = [name for name, _ in files]
    for name in names:
        if names.count(name) > 1 or name == MANIFEST or not re.fullmatch(r"[\w-]+(\.arrays)?\.\w+", name):
            raise ValueError(f"{name!r} can not be a file of a checkpoint: use a plain name, once, and not 'manifest'")
    return files


def _numpy_scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} can not be written as JSON")


def _verified(path: Path, entry: Mapping[str, Any]) -> bytes:
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size  # before anything is read into memory
            if size != entry["bytes"]:
                raise CheckpointDamaged(f"{path} has {size} bytes, the manifest says {entry['bytes']}")
            content = file.read(size)
    except FileNotFoundError:
        raise CheckpointDamaged(f"{path} is missing") from None
    except OSError as error:
        raise CheckpointDamaged(f"{path} can not be read: {error.strerror or error}") from None
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise CheckpointDamaged(f"{path} was changed: its SHA-256 differs from the manifest's")
    return content


def _looks_whole(path: Path) -> bool:
    """A cheap look for pruning: the manifest is intact and every file has its size."""
    try:
        return all(
            (path / name).stat().st_size == entry["bytes"] for name, entry in read_manifest(path)["files"].items()
        )
    except (CheckpointDamaged, OSError):
        return False


def _prune(root: Path, keep_last: int) -> None:
    present = checkpoints(root)
    # Damaged ones do not count: they must not push the last good ones out.
    newest = [path for path in present if _looks_whole(path)][-keep_last:]
    keep = {*newest, best(root)}
    for path in present:
        if path not in keep:
            # Renamed first: a kill halfway through the removal leaves a temporary, not a damaged checkpoint.
            going = root / f"{_TEMPORARY}removed-{path.name}"
            os.rename(path, going)
            shutil.rmtree(going, ignore_errors=True)  # what stays is tried again with the next one


def _remove_leftovers(root: Path) -> None:
    for path in root.iterdir():
        if path.name.startswith(_TEMPORARY):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
