"""Run folders of strangers: links, types of settings, manifests with a right hash and wrong contents, records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from cluster.errors import LONGEST_LINE, UserError, short_line
from cluster.painter.settings import PainterSettings, preset
from cluster.painter.stored import require_networks
from cluster.population.lineage.schema import fault
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.manifests import CheckpointDamaged, manifest_hash, read_manifest
from learners.networks.build import build_policy


def test_a_lock_that_is_a_link_leaves_its_target_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    RunFolder.create(tmp_path / "run", {}).close()
    lock = tmp_path / "run" / ".lock"
    lock.unlink()
    lock.symlink_to(victim)
    with pytest.raises(OSError, match=r"\.lock"):
        RunFolder.open(tmp_path / "run")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("system", "canvases", "many"),
        ("system", "canvases", 1.5),
        ("system", "canvases", True),
        ("system", "minutes", None),
        ("system", "data", 3),
        ("policy", "network", "unheard of"),
        ("policy", "policy_betas", [0.9]),
        ("paint", "brush_sizes", ["x"]),
        ("paint", "color", 1),
    ],
)
def test_a_setting_of_another_type_is_refused_by_name(part: str, name: str, value: Any) -> None:
    stored = preset("laptop").to_json()
    stored[part][name] = value
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        PainterSettings.from_json(json.loads(json.dumps(stored)))


def test_numbers_of_numpy_and_whole_numbers_are_numbers() -> None:
    import numpy as np

    assert preset("laptop").replace(minutes=3, canvases=np.int64(4)).system.canvases == 4


@pytest.mark.parametrize(
    "change",
    [
        {"update": "x"},
        {"update": -1},
        {"score": "high"},
        {"created": 5},
        {"files": []},
        {"files": {"../../x.json": {"bytes": 1, "sha256": "0"}}},
        {"files": {"policy.pt": {"bytes": 1, "sha256": "0"}}},
        {"files": {"policy.safetensors": {"bytes": -1, "sha256": "0"}}},
        {"files": {"policy.safetensors": None}},
    ],
)
def test_a_manifest_with_a_right_hash_and_wrong_contents_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = checkpoints.save(tmp_path, Checkpoint(1))
    manifest = json.loads((folder / "manifest.json").read_text()) | change
    manifest["sha256"] = manifest_hash(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointDamaged, match="can not be read"):
        read_manifest(folder)


def test_weights_of_other_networks_are_refused_before_anything_is_made() -> None:
    settings = preset("laptop")
    world = settings.world
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    weights = policy.state_dict()
    require_networks(settings, Checkpoint(1, {"policy": weights}))
    with pytest.raises(ValueError, match="the settings want"):
        require_networks(settings.replace(noise_size=10**9), Checkpoint(1, {"policy": weights}))
    name = next(iter(weights))
    wrong = weights | {name: torch.full_like(weights[name], float("nan"))}
    with pytest.raises(ValueError, match=f"policy: {name} of the checkpoint holds numbers that are not finite"):
        require_networks(settings, Checkpoint(1, {"policy": wrong}))
    with pytest.raises(ValueError, match="the checkpoint lacks"):
        require_networks(settings, Checkpoint(1, {"policy": weights}), discriminator=True)


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        ({"event": "birth", "member": 1, "branch": 1, "values": {"a": 0.5}, "unheard_of": [{}]}, ""),
        ({"event": "score", "score": None, "env_steps": 10}, ""),
        ({"event": 7}, "event"),
        ({"member": -1}, "member"),
        ({"env_steps": 1.5}, "env_steps"),
        ({"score": float("nan")}, "score"),
        ({"score": 10**400}, "score"),
        ({"values": {"a": "b"}}, "values"),
        ({"standings": [{"branch": "x"}]}, "standings: branch"),
        ({"decided": [None]}, "decided"),
    ],
)
def test_events_with_fields_of_other_types_are_known(event: dict[str, Any], wrong: str) -> None:
    assert fault(event) == wrong


def test_an_error_is_a_short_line_without_a_terminals_orders() -> None:
    assert short_line("a\n b\t\x85c \x1b[31m \udcff") == "a b c \\x1b[31m \\udcff"
    line = short_line("x" * 100_000 + "end")
    assert len(line) < LONGEST_LINE + 10
    assert line.endswith("end")
    assert issubclass(CheckpointDamaged, UserError)


@pytest.mark.parametrize("name", ["laptop", "paper", "search"])
def test_networks_of_every_preset_are_made_without_memory(name: Any) -> None:
    settings = preset(name)
    world = settings.world
    with torch.device("meta"):
        policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    assert {parameter.device.type for parameter in policy.parameters()} == {"meta"}
