"""Checkpoints: everything comes back, nothing half-written is ever taken for whole, and damage is named."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cluster.runs import checkpoints, manifests
from cluster.runs.checkpoints import Checkpoint, best, latest_good, load, save
from cluster.runs.manifests import CheckpointDamaged

torch.set_num_threads(1)


def small(update: int, score: float | None = None) -> Checkpoint:
    """A checkpoint whose every number tells its update."""
    return Checkpoint(
        update,
        tensors={"policy": {"weight": torch.full((64, 64), float(update)), "bias": torch.full((64,), float(update))}},
        arrays={"replay": {"canvases": np.full((4, 8, 8, 3), update % 256, np.uint8)}},
        documents={"counters": {"updates": update, "env_steps": 640 * update}},
        score=score,
    )


def assert_is(checkpoint: Checkpoint, update: int) -> None:
    assert checkpoint.update == update
    assert (checkpoint.tensors["policy"]["weight"] == update).all()
    assert (checkpoint.tensors["policy"]["bias"] == update).all()
    assert (checkpoint.arrays["replay"]["canvases"] == update % 256).all()
    assert checkpoint.documents["counters"] == {"updates": update, "env_steps": 640 * update}


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(6, 4, generator=generator)
    tensors = {
        "float": base,
        "view": base[:, 1],
        "tied": base,
        "half": base.bfloat16(),
        "channels_last": torch.randn(2, 3, 4, 5, generator=generator).to(memory_format=torch.channels_last),
        "scalar": torch.tensor(7.0),
        "index": torch.arange(5),
        "parameter": torch.nn.Parameter(base.clone()),
    }
    canvases = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    documents = {"counters": {"updates": 3, "lr": 3e-4, "name": "Ölfarbe", "steps": np.int64(12)}, "rng": [1, None]}
    path = save(
        tmp_path / "new" / "root", Checkpoint(3, {"policy": tensors}, {"replay": {"c": canvases[:, ::2]}}, documents)
    )
    back = load(path)
    assert back.update == 3
    assert back.score is None
    assert back.tensors["policy"].keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back.tensors["policy"][name].dtype == tensor.dtype
        assert torch.equal(back.tensors["policy"][name], tensor.detach()), name
    assert (back.arrays["replay"]["c"] == canvases[:, ::2]).all()
    back.arrays["replay"]["c"][:] = 0  # the caller's own
    assert back.documents == {"counters": documents["counters"] | {"steps": 12}, "rng": [1, None]}


def test_the_manifest_tells_what_is_there(tmp_path: Path) -> None:
    path = save(tmp_path, small(1200, score=0.5))
    assert path.name == "000001-update-1200"
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["format"] == "impasto-checkpoint"
    assert (manifest["version"], manifest["update"], manifest["score"]) == (1, 1200, 0.5)
    assert set(manifest["files"]) == {"policy.safetensors", "replay.arrays.safetensors", "counters.json"}
    assert {p.name for p in path.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, entry in manifest["files"].items():
        assert entry["bytes"] == (path / name).stat().st_size
        assert len(entry["sha256"]) == 64


def test_the_last_and_the_best_are_kept(tmp_path: Path) -> None:
    scores = {1: 0.1, 2: 0.9, 3: 0.3, 4: None, 5: float("nan"), 6: 0.2}
    for update, score in scores.items():
        save(tmp_path, small(update, score), keep_last=2)
    kept = checkpoints.checkpoints(tmp_path)
    assert [load(path).update for path in kept] == [2, 5, 6]
    assert best(tmp_path) == kept[0]
    assert latest_good(tmp_path) == (kept[-1], [])
    save(tmp_path, small(7, 0.95), keep_last=2)
    assert [load(path).update for path in checkpoints.checkpoints(tmp_path)] == [6, 7]


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert latest_good(tmp_path / "nowhere") == (None, [])
    assert best(tmp_path) is None


def test_the_newest_is_the_last_written_even_where_updates_go_back(tmp_path: Path) -> None:
    """A run that went on from an older checkpoint writes smaller updates than the abandoned ones, or the same."""
    for update in (100, 200, 150, 150):
        newest = save(tmp_path, small(update), keep_last=4)
    assert latest_good(tmp_path) == (newest, [])
    assert [load(path).update for path in checkpoints.checkpoints(tmp_path)] == [100, 200, 150, 150]


@pytest.mark.parametrize("name", ["policy.safetensors", "replay.arrays.safetensors", "counters.json", "manifest.json"])
def test_one_flipped_bit_is_named_and_the_one_before_is_used(tmp_path: Path, name: str) -> None:
    older, newer = save(tmp_path, small(1)), save(tmp_path, small(2))
    size = (newer / name).stat().st_size
    for position in {0, size // 3, size // 2, size - 1}:
        content = bytearray((newer / name).read_bytes())
        content[position] ^= 0x04
        (newer / name).write_bytes(content)
        with pytest.raises(CheckpointDamaged, match=str(newer / name)) as caught:
            load(newer)
        assert "\n" not in str(caught.value)
        found, damaged = latest_good(tmp_path)
        assert found == older
        assert damaged == [str(caught.value)]
        content[position] ^= 0x04
        (newer / name).write_bytes(content)
    assert_is(load(newer), 2)


@pytest.mark.parametrize("name", ["policy.safetensors", "counters.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "short", "a folder"])
def test_files_that_are_missing_or_short_are_named(tmp_path: Path, name: str, damage: str) -> None:
    path = save(tmp_path, small(1))
    content = (path / name).read_bytes()
    (path / name).unlink()
    if damage == "short":
        (path / name).write_bytes(content[:-5])
    elif damage == "a folder":
        (path / name).mkdir()
    with pytest.raises(CheckpointDamaged, match=str(path / name)):
        load(path)
    assert latest_good(tmp_path)[0] is None


def test_a_later_format_is_refused_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, small(1))
    manifest = json.loads((path / "manifest.json").read_text()) | {"version": 2}
    manifest["sha256"] = manifests.manifest_hash(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointDamaged, match="impasto-checkpoint 2, this Impasto reads impasto-checkpoint 1"):
        load(path)


def test_damaged_checkpoints_do_not_push_out_good_ones(tmp_path: Path) -> None:
    for update in (1, 2, 3):
        save(tmp_path, small(update), keep_last=3)
    for path in checkpoints.checkpoints(tmp_path)[1:]:
        (path / "policy.safetensors").unlink()
    save(tmp_path, small(4), keep_last=2)
    assert [load(path).update for path in checkpoints.checkpoints(tmp_path)] == [1, 4]


def test_wrong_arguments_leave_nothing_behind(tmp_path: Path) -> None:
    good = save(tmp_path, small(1))
    for wrong in (
        Checkpoint(2, tensors={"../policy": {}}),
        Checkpoint(2, documents={"manifest": {}}),
        Checkpoint(2, documents={"": {}}),
    ):
        with pytest.raises(ValueError, match="can not be a file"):
            save(tmp_path, wrong)
    with pytest.raises(TypeError, match="object"):
        save(tmp_path, Checkpoint(2, documents={"counters": object()}))
    with pytest.raises(ValueError, match="keep_last"):
        save(tmp_path, small(2), keep_last=0)
    assert latest_good(tmp_path) == (good, [])
    assert [path.name for path in tmp_path.iterdir()] == [good.name]


def _save_and_die(root: Path, update: int, deadly_call: int) -> None:
    """Save, but die by SIGKILL just before the `deadly_call`-th change of the disk."""
    calls = 0

    def deadly(function: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == deadly_call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return counted

    for module, name in ((os, "fsync"), (os, "rename"), (os, "unlink"), (os, "rmdir"), (shutil, "rmtree")):
        setattr(module, name, deadly(getattr(module, name)))
    save(root, small(update), keep_last=2)


def _save_for_ever(root: Path, first: int) -> None:
    torch.set_num_threads(1)
    for update in range(first, first + 10_000):
        save(root, small(update, score=float(update % 7)), keep_last=2)


def _forks() -> Any:
    context = multiprocessing.get_context("forkserver")  # imports torch once, not once per process
    context.set_forkserver_preload(["torch", "tests.cluster.runs.test_checkpoints"])
    return context


def test_a_kill_at_any_step_leaves_a_good_checkpoint(tmp_path: Path) -> None:
    context = _forks()
    start = tmp_path / "start"
    for update in (1, 2):
        save(start, small(update), keep_last=2)
    outcomes = []
    for deadly_call in range(1, 40):
        root = tmp_path / f"kill {deadly_call}"
        shutil.copytree(start, root)
        process = context.Process(target=_save_and_die, args=(root, 3, deadly_call))
        process.start()
        process.join(30)
        path, damaged = latest_good(root)
        assert path is not None
        assert damaged == []
        update = load(path).update
        for there in checkpoints.checkpoints(root):  # the older ones too: none is half removed
            assert_is(load(there), int(there.name.rsplit("-", 1)[1]))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        outcomes.append(update)
        save(root, small(4), keep_last=2)  # goes on, and tidies up
        assert all(path.name[0].isdigit() for path in root.iterdir())
    assert process.exitcode == 0
    assert len(outcomes) >= 10
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {2, 3}


def test_a_kill_at_any_moment_leaves_a_good_checkpoint(tmp_path: Path) -> None:
    context = _forks()
    rng = np.random.default_rng(0)
    save(tmp_path, small(1))
    reached = 1
    for _ in range(10):
        process = context.Process(target=_save_for_ever, args=(tmp_path, reached + 1))
        before = os.stat(tmp_path).st_mtime_ns
        process.start()
        while os.stat(tmp_path).st_mtime_ns == before:  # until it saves
            assert process.is_alive()
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.25)))
        process.kill()
        process.join()
        path, damaged = latest_good(tmp_path)
        assert path is not None
        assert damaged == []
        reached = load(path).update
        assert_is(load(path), reached)
    assert reached >= 5, "too few saves between the kills to say anything"
