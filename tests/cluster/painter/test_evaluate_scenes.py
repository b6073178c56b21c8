"""Scenes in runs: settings, evaluation, the baseline's command; and, slowly, a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cluster import cli
from cluster.painter import evaluate_scenes as scene_runs
from cluster.painter.data import run_data, run_scenes
from cluster.painter.experiments import experiment_settings
from cluster.painter.sampler import Sampler, paint_again
from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from envs.scenes import generator
from envs.scenes.config import SceneConfig
from envs.worlds import make_world
from learners.networks.build import build_policy
from tests.envs.scenes.needs_opengl import draws
from tests.helpers.tiny_run import end, launch


@pytest.fixture(autouse=True)
def few_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(generator, "HELD_OUT_SCENES", 12)


def tiny() -> PainterSettings:
    # A picture size of its own keeps these scenes out of what the process remembers for other tests.
    return experiment_settings("scenes").replace(scene_size=32, scene_actions=3, training_scenes=10, canvases=4)


def test_the_experiments_settings() -> None:
    laptop, paper = experiment_settings("scenes"), experiment_settings("scenes", "paper")
    assert paper.world == SceneConfig()
    assert (paper.world.num_actions, paper.scene.training_scenes) == (20, 50_000)
    assert paper.policy.network == "paper"
    assert (paper.policy.conditional, paper.policy.reward_source) == (True, "discriminator")
    assert laptop.policy.stroke_start_penalty == laptop.policy.empty_canvas_penalty == 0
    assert laptop.world.num_actions == 8
    assert laptop.record_shape == (64, 64, 6)
    assert experiment_settings("mnist").world == experiment_settings("mnist").paint
    assert PainterSettings.from_json(json.loads(json.dumps(laptop.to_json()))) == laptop


@draws
def test_a_runs_scenes_and_its_sampler() -> None:
    settings = tiny()
    assert run_data(settings).images.shape == (10, 32, 32, 3)
    held_out = run_scenes(settings, "test")
    assert len(held_out.images) == 12
    sampler = Sampler(settings)
    paintings = sampler.paint(5)
    assert paintings.target is not None
    assert paintings.label is not None
    np.testing.assert_array_equal(paintings.target, held_out.images[paintings.label])
    again = paint_again(settings, paintings.actions)
    np.testing.assert_array_equal(again[-1], paintings.full)
    assert paint_again(settings, paintings.actions[:, :1], scale=2).shape == (4, 1, 64, 64, 3)
    sampler.close()


@draws
def test_evaluation(tmp_path: Path) -> None:
    settings = tiny()
    world = settings.world
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    with torch.no_grad():  # one that does nothing but skip
        head = policy.get_parameter(f"heads.{world.action_spec.flag}.bias")
        head.copy_(torch.tensor([50.0, 0.0, 0.0]))
    counters = {"trained_steps": 7, "trained_seconds": 60.0}
    checkpoint = Checkpoint(3, {"policy": policy.state_dict()}, {}, {"counters": counters})
    with RunFolder.create(tmp_path / "run", settings.to_json()) as folder:
        result = scene_runs.evaluate(folder, settings, checkpoint, 100)
    assert (result["samples"], result["updates"], result["env_steps"], result["minutes"]) == (12, 3, 7, 1)
    nothing = result["sets"]["trained"]
    assert nothing["mean_objects"] == nothing["count"] == nothing["object_color"] == 0
    assert result["sets"]["untrained"]["mean_objects"] > 0
    held_out = run_scenes(settings, "test").images
    empty = make_world(1, world).reset()[0]["canvas"]
    assert nothing["l2"] == pytest.approx(np.square((held_out - empty.astype(float)) / 255).mean(), rel=1e-4)
    assert Image.open(result["sheet"]).width > 100
    assert "12 held-out scenes" in scene_runs.table(result)


@draws
def test_metropolis_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mcmc"
    assert cli.main(["mcmc", "--count", "4", "--evaluations", "1,30", "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "metropolis.json").read_text())
    assert list(printed["sets"]) == ["1", "30"]
    assert printed["sets"]["30"]["log_likelihood"] > printed["sets"]["1"]["log_likelihood"]
    assert printed["samples"] == 4
    assert Image.open(out / "metropolis.png").height > 3 * 64


@pytest.mark.parametrize(
    "arguments", [["--evaluations", "10,x"], ["--evaluations", "10,5"], ["--count", "0"], ["--variance", "0"]]
)
@draws
def test_wrong_arguments_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mcmc", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert arguments[0].removeprefix("--") in line or "checkpoints" in line


@draws
@pytest.mark.slow
@pytest.mark.parametrize("source", ["discriminator", "l2", "both"])
def test_a_run_of_each_reward_is_evaluated(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    options = {"training-scenes": 64, "canvases": 16, "scene-actions": 3, "minutes": 0.3, "discriminator-width": 8}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    driver = launch(["train", "scenes", "--run", str(run), "--reward-source", source, *arguments], log)
    try:
        assert driver.wait(300) == 0, log.read_text()
    finally:
        end(driver)
    assert list((run / "samples").glob("*.png"))
    assert cli.main(["evaluate", str(run), "--count", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["updates"] > 0
