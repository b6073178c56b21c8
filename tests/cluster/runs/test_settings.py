"""All settings of a run: unique names, checks, presets, and the way through config.json and back."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cluster.latent.settings import LatentSettings
from cluster.painter.settings import PainterSettings, PainterSystemSettings, preset
from cluster.training.resources import needed

PARTS = [part.default_factory for part in dataclasses.fields(PainterSettings)]  # type: ignore[misc]


def test_no_two_parts_share_a_name() -> None:
    names = [setting.name for part in PARTS for setting in dataclasses.fields(part)]
    assert len(names) == len(set(names)) > 50


def test_every_setting_is_explained() -> None:
    """The docstrings are the command line's help."""
    for part in (*PARTS, PainterSettings):
        for setting in dataclasses.fields(part):
            documented = "".join(base.__doc__ or "" for base in part.__mro__)
            assert re.search(rf"^ *{setting.name}: \S", documented, re.MULTILINE), setting.name


@pytest.mark.parametrize(
    "settings", [PainterSettings(), preset("laptop"), preset("paper"), preset("laptop", "a/folder")]
)
def test_json_and_back(settings: PainterSettings) -> None:
    written = json.dumps(settings.to_json())
    assert PainterSettings.from_json(json.loads(written)) == settings


def test_runs_from_before_brush_defaults_paint_as_they_did() -> None:
    """With 0 for what a brush's file leaves out, even if it is a file of one's own."""
    new = preset("laptop").replace(brush="mine.myb")
    assert new.paint.brush_defaults is None
    written = json.loads(json.dumps(new.to_json()))
    assert PainterSettings.from_json(written) == new
    del written["paint"]["brush_defaults"]
    assert PainterSettings.from_json(written).paint.brush_defaults is False


def test_a_setting_is_replaced_by_its_bare_name() -> None:
    changed = preset("laptop").replace(entropy_cost=0.5, actors=4, spectral_norm=False, brush_sizes=(3.0,))
    assert changed.policy.entropy_cost == 0.5
    assert changed.system.actors == 4
    assert not changed.discriminator.spectral_norm
    assert changed.paint.brush_sizes == (3.0,)
    assert changed.policy.network == "laptop"
    assert preset("laptop").replace() == preset("laptop")


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"^entropy: no such setting; valid are .*entropy_cost, ") as caught:
        PainterSettings().replace(entropy=1)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"^cores: no such setting"):
        PainterSettings.from_json({"system": {"cores": 2}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("actors", "canvases", "publish_interval", "max_lag", "replay_batches")),
        ("random_canvases", -1),
        ("keep_checkpoints", 0),
        *((name, value) for name in ("minutes", "checkpoint_minutes", "sample_minutes") for value in (0, -1)),
        ("minutes", float("nan")),
        ("seed", -1),
        ("torch_threads", 0),
        *((name, -1) for name in ("steps", "policy_learners", "discriminator_learners", "learner_gpus")),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: expected .*, got {value}"):
        PainterSystemSettings(**{name: value})
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        PainterSettings().replace(**{name: value})


def test_learners_that_gpus_can_not_hold_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^learner_gpus: 2 learners .* NCCL, which wants a whole GPU for each, got 0.5"
    ):
        PainterSettings().replace(learner_gpus=0.5, policy_learners=2)
    with pytest.raises(ValueError, match=r"^learner_gpus: 3 learners"):
        PainterSettings().replace(learner_gpus=0.9, discriminator_learners=3)
    with pytest.raises(ValueError, match=r"^learner_gpus: expected a share of one GPU or a whole number, got 1.5"):
        PainterSettings().replace(learner_gpus=1.5)
    shared = PainterSettings().replace(learner_gpus=0.5, policy_learners=1, discriminator_learners=1)
    assert needed(shared.system)["GPU"] == 1
    assert needed(shared.replace(learner_gpus=0.6).system)["GPU"] == 2
    assert needed(shared.replace(learner_gpus=1, policy_learners=2).system)["GPU"] == 3


def test_what_is_no_address_of_a_redis_is_refused_without_showing_it() -> None:
    for url in ("localhost:6379", "http://:secret@host", "secret"):
        with pytest.raises(ValueError, match=r"^redis: expected redis://HOST:PORT/DB or rediss://\.\.\.$"):
            PainterSettings().replace(redis=url)
    assert PainterSettings().replace(redis="rediss://:secret@host:1/2").system.redis


def test_the_paper_preset_is_the_published_one() -> None:
    """Ganin et al. 2018, section 4 and appendix."""
    paper = preset("paper")
    assert (paper.paint.canvas_size, paper.paint.observation_size, paper.paint.grid) == (64, 64, 32)
    assert paper.paint.num_actions == 19
    assert paper.policy.network == "paper"
    assert paper.discriminator.adversary == "wgan-gp"
    assert not paper.discriminator.spectral_norm
    assert paper.system.canvases == 64
    assert paper.system.replay_capacity == 20 * 64
    assert not paper.paint.color
    assert preset("paper", "photos/").paint.color


def test_the_laptop_preset_is_small() -> None:
    laptop = preset("laptop")
    assert laptop.policy.network == "laptop"
    assert laptop.paint.observation_size == 32
    assert laptop.paint.num_actions == 5
    assert laptop.discriminator.adversary == "hinge"
    assert laptop.system.data == "mnist"
    assert preset("laptop", "photos/").paint.color


def test_a_folder_named_like_a_data_set_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("celeba", "kmnist", "paintings"):
        (tmp_path / name).mkdir()
    for data, known in (("celeba", True), ("kmnist", False), ("paintings", False)):
        stored = PainterSettings.from_json(preset("laptop", data).storable())
        assert stored.system.data == (data if known else str(tmp_path / data))
    latent = LatentSettings().replace(data="kmnist")
    assert LatentSettings.from_json(latent.storable()).system.data == "kmnist"
    other = latent.replace(data="celeba")
    assert LatentSettings.from_json(other.storable()).system.data == str(tmp_path / "celeba")
