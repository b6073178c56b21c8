"""Agents: those that ship, and a run packed as one, which paints, is evaluated and searched as a run is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from pymypaint.brushes import find_brush

from cluster import cli
from cluster.painter.evaluate_search import load_pictures
from cluster.painter.settings import preset
from cluster.runs import checkpoints, own_files
from cluster.runs.agents import FIELDS, SHIPPED, agent_names, check_card, find_agent, read_card
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from learners.networks.build import build_discriminator, build_policy
from tests.helpers.tiny_run import make_images, tiny_settings

FIGURE = {"what": "L2", "value": 0.5, "command": "impasto evaluate AGENT"}
CARD = {field: "text" for field in FIELDS} | {"figures": [FIGURE]}


def make_run(path: Path, images: Path, **changes: Any) -> Path:
    """An untrained run with one checkpoint, which also holds what training needs."""
    settings = tiny_settings(images, **changes)
    world = settings.world
    torch.manual_seed(0)
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    discriminator = build_discriminator(settings.discriminator, settings.discriminator_shape)
    networks = {"policy": policy.state_dict(), "discriminator": discriminator.state_dict()}
    counters = {"trained_seconds": 90.0, "trained_steps": 7}
    with RunFolder.create(path, settings.to_json()) as folder:
        own_files.keep_in(folder, settings)
        state = {"exp_avg": torch.ones(3)}
        checkpoints.save(
            folder.checkpoints, Checkpoint(5, networks | {"policy_optimizer": state}, documents={"counters": counters})
        )
    return path


def test_agents_that_ship_have_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_agent("nobody") is None
    for name in agent_names():
        check_card(read_card(name), name)
    assert {"characters", "digits", "digits-target", "pictures"} <= set(agent_names())
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 12e6
    assert cli.main(["agents"]) == 0
    assert capsys.readouterr().out.count("\n") == len(agent_names())
    assert cli.main(["agents", "nobody"]) == 2


def test_a_packed_run_is_small_and_serves_as_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "run", make_images(tmp_path / "images"))
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    given = ["pack", str(run), "--agent", "tiny", "--card", "card.json", "--out", "agents"]
    assert cli.main(given) == 0
    made = tmp_path / "agents" / "tiny"
    assert sorted(path.name for path in made.rglob("*.safetensors")) == [
        "discriminator.safetensors",
        "policy.safetensors",
    ]
    before = sum(path.stat().st_size for path in run.rglob("policy.safetensors"))
    assert sum(path.stat().st_size for path in made.rglob("policy.safetensors")) < 0.6 * before
    card = json.loads((made / "card.json").read_text())
    assert (card["minutes"], card["updates"], card["env_steps"]) == (1.5, 5, 7)
    assert card["figures"] == [FIGURE]

    assert cli.main(given) == 2
    assert "is there already" in capsys.readouterr().err
    assert cli.main([*given, "--replace"]) == 0
    files = sorted(made.rglob("*"))
    assert cli.main(["sample", "agents/tiny", "--count", "4"]) == 0
    assert cli.main(["search", "agents/tiny", "--k", "1,2", "--count", "4"]) == 0
    assert cli.main(["evaluate", "agents/tiny", "--count", "2"]) == 0
    assert sorted(made.rglob("*")) == files  # what is installed stays as it is
    assert (tmp_path / "samples" / "tiny" / "search.png").is_file()


def test_a_packed_run_has_its_own_brush_and_no_path_of_this_machine(tmp_path: Path) -> None:
    brush = tmp_path / "my.myb"
    brush.write_bytes(find_brush("classic/pen").read_bytes())
    run = make_run(tmp_path / "run", make_images(tmp_path / "images"), brush=str(brush))
    brush.unlink()
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    given = ["pack", str(run), "--agent", "tiny", "--card", str(tmp_path / "card.json"), "--out", str(tmp_path)]
    assert cli.main(given) == 0
    assert cli.main(["sample", str(tmp_path / "tiny"), "--count", "2", "--out", str(tmp_path / "out")]) == 0
    assert str(tmp_path) not in (tmp_path / "tiny" / "config.json").read_text()


def test_an_agent_packed_onto_itself_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    brush = tmp_path / "my.myb"
    brush.write_bytes(find_brush("classic/pen").read_bytes())
    make_run(tmp_path / "run", make_images(tmp_path / "images"), brush=str(brush))
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    given = ["--agent", "tiny", "--out", "agents"]
    assert cli.main(["pack", "run", *given, "--card", "card.json"]) == 0
    made = tmp_path / "agents" / "tiny"
    files = {path.name: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    again = ["pack", "agents/tiny", *given, "--card", "agents/tiny/card.json", "--replace"]
    with monkeypatch.context() as patched:
        patched.setattr("cluster.runs.packing.halved", Mock(side_effect=OSError("the disk is full")))
        assert cli.main(again) == 2
    assert {path.name: path.read_bytes() for path in made.rglob("*") if path.is_file()} == files

    assert cli.main(again) == 0
    assert {path.name for path in made.rglob("*") if path.is_file()} == set(files)
    assert (made / "config.json").read_bytes() == files["config.json"]
    assert [path.name for path in (tmp_path / "agents").iterdir()] == ["tiny"]
    assert cli.main(["sample", "agents/tiny", "--count", "2"]) == 0


def test_a_runs_own_pictures_are_its_own_by_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = make_images(tmp_path / "images")
    settings = tiny_settings(images)
    monkeypatch.chdir(tmp_path)
    held_out = len(load_pictures(settings, str(images)).full)
    assert len(load_pictures(settings, "images").full) == held_out
    assert held_out < sum(1 for path in images.iterdir())


def test_digits_paints_at_once_and_without_data(tmp_path: Path) -> None:
    assert cli.main(["sample", "digits", "--out", str(tmp_path), "--count", "8"]) == 0
    painted = np.load(tmp_path / "sheet.npz")
    assert painted["actions"].shape == (5, 8, 4)
    assert (tmp_path / "sheet.png").is_file()
    assert not np.isnan(painted["scores"]).any()  # its discriminator's, which is packed with it


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        ("[]", "a card is a JSON object"),
        ("{", "can not be read as JSON"),
        (json.dumps({**CARD, "data": ""}), "the card lacks data"),
        (json.dumps({**CARD, "figures": [{"what": "L2"}]}), "figures: expected a list of objects with command, value"),
    ],
)
def test_cards_that_lack_something(card: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", make_images(tmp_path / "images"))
    (tmp_path / "card.json").write_text(card)
    given = ["pack", str(run), "--agent", "tiny", "--card", str(tmp_path / "card.json"), "--out", str(tmp_path)]
    assert cli.main(given) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1
    assert not (tmp_path / "tiny").exists()


def make_searching_run(path: Path, images: Path) -> Path:
    """An untrained run whose actors would search lines in pictures of a folder."""
    settings = preset("search", "omniglot").replace(
        data=str(images), canvas_size=32, observation_size=16, grid=32, episode_length=5, discriminator_width=8
    )
    world = settings.world
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    counters = {"trained_seconds": 90.0, "trained_steps": 7}
    with RunFolder.create(path, settings.to_json()) as folder:
        networks = {"policy": policy.state_dict()}
        checkpoints.save(folder.checkpoints, Checkpoint(5, networks, documents={"counters": counters}))
    return path


def test_evaluation_of_a_searching_run_on_its_own_and_on_other_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_searching_run(tmp_path / "run", make_images(tmp_path / "images"))
    assert cli.main(["evaluate", str(run), "--k", "2,4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["count"] == 2  # every tenth of 24
    ways = [row["way"] for row in result["rows"]]
    assert ways[:2] == ["policy alone, temperature 1", "policy alone, temperature 0.35"]
    assert ways[2:6] == ["policy, best of 2", "policy, best of 4", "no policy, best of 2", "no policy, best of 4"]
    for row in result["rows"]:
        assert row["l2"] == pytest.approx(row["blank_share"] * result["blank_l2"])
        assert {"observed_l2", "observed_blank_share", "seconds"} <= set(row)
    best = {row["way"]: row["l2"] for row in result["rows"]}
    assert best["no policy, best of 4"] < result["blank_l2"]
    assert Path(result["sheet"]).is_file()

    others = make_images(tmp_path / "others", 7)
    assert cli.main(["evaluate", str(run), "--k", "2", "--json", "--data", str(others)]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 7
    assert cli.main(["evaluate", str(run), "--k", "2", "--data", str(others)]) == 0
    assert "no policy, best of 2, 4 strokes" in capsys.readouterr().out
    assert cli.main(["evaluate", str(run), "--k", "16", "--json", "--climb", "8"]) == 0
    climbed = {row["way"]: row["l2"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert climbed["no policy, best of 16, climbing"] < climbed["no policy, best of 16"]
    assert "policy, best of 16, climbing" in climbed
    assert cli.main(["evaluate", str(run), "--k", "16", "--json", "--climb", "0"]) == 0
    assert "climbing" not in capsys.readouterr().out
    assert cli.main(["evaluate", str(run), "--data", str(tmp_path / "nothing")]) == 2
    assert cli.main(["evaluate", str(run), "--data", "scenes"]) == 2
    assert cli.main(["evaluate", str(run), "--k", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_an_agent_without_a_discriminator_can_not_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_searching_run(tmp_path / "run", make_images(tmp_path / "images"))
    assert cli.main(["search", str(run), "--k", "1", "--count", "2"]) == 2
    assert "packed without its discriminator, which the search scores with" in capsys.readouterr().err
