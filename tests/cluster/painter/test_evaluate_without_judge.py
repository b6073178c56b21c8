"""``impasto evaluate`` of runs on images that the judge of digits knows nothing about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from cluster import cli
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from learners.networks.build import build_policy
from tests.helpers.tiny_run import tiny_settings


@pytest.mark.parametrize("conditional", [False, True])
def test_both_policies_are_measured_without_a_judge(
    conditional: bool, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tiny_settings(images, conditional=conditional)
    paint = settings.paint
    policy = build_policy(settings.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
    with torch.no_grad():  # one that never paints
        policy.get_parameter(f"heads.{paint.action_spec.flag}.bias").copy_(torch.tensor([50.0, -50.0]))
    with RunFolder.create(tmp_path / "run", settings.storable()) as folder:
        counters = {"trained_steps": 48, "trained_seconds": 90.0}
        checkpoint = checkpoints.Checkpoint(2, {"policy": policy.state_dict()}, {}, {"counters": counters})
        checkpoints.save(folder.checkpoints, checkpoint)
    assert cli.main(["evaluate", str(folder.path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["sets"]) == ["untrained", "trained"]
    assert (result["updates"], result["env_steps"], result["minutes"]) == (2, 48, 1.5)
    assert Image.open(result["sheet"]).width > 100
    for figures in result["sets"].values():
        assert figures["pixel_fid"] > 0
        assert figures["fid"] is None
        assert ("l2" in figures) == conditional
    trained, untrained = result["sets"]["trained"], result["sets"]["untrained"]
    assert trained["pixel_fid"] != untrained["pixel_fid"]
    if conditional:
        assert trained["l2"] == trained["blank_l2"] != untrained["l2"]
    assert cli.main(["evaluate", str(folder.path)]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["pixel", "FD", *(["L2", "L2", "of", "blank"] if conditional else [])]
    assert [row.split()[0] for row in rows[:2]] == ["untrained", "trained"]
