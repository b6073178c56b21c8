"""The papers' experiments by name: their settings, their mistakes, and that each of them learns."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cluster import cli
from cluster.errors import UserError
from cluster.metrics.log import read_metrics
from cluster.painter.experiments import EXPERIMENTS, experiment_settings
from cluster.painter.settings import PainterSettings, preset
from tests.envs.scenes.needs_opengl import draws
from tests.helpers.command_line import read
from tests.helpers.shared_data import shared_path
from tests.helpers.tiny_run import options


def test_published_settings() -> None:
    digits = experiment_settings("mnist", "paper")
    assert digits == preset("paper")
    again = experiment_settings("mnist", "paper", conditional=True)
    assert again.policy.conditional
    assert (again.policy.stroke_start_penalty, again.policy.empty_canvas_penalty) == (0, 0)  # no auxiliary reward
    characters = experiment_settings("omniglot", "paper")
    assert (characters.paint.color, characters.paint.num_actions, characters.policy.conditional) == (False, 19, True)
    faces = experiment_settings("celeba", "paper")
    assert (faces.paint.color, faces.paint.num_actions, faces.paint.canvas_shape) == (True, 19, (64, 64, 3))
    long = experiment_settings("celeba-long", "paper", conditional=True)
    assert (long.paint.num_actions, long.paint.canvas_size, long.paint.observation_size) == (1000, 256, 64)
    assert (long.discriminator.adversary, long.discriminator.spectral_norm) == ("logistic", True)
    assert long.policy.reward == "difference"
    assert long.discriminator.discriminator_betas == (0.5, 0.999)
    assert 1e-5 < long.policy.policy_learning_rate < 3e-4
    assert 2e-3 < long.policy.entropy_cost < 1e-1
    assert long.conditioning == "complement"


def test_every_experiment_has_both_presets_free_and_reproducing() -> None:
    for name in EXPERIMENTS:
        for which in ("laptop", "paper"):
            for conditional in (None, True, False):
                settings = experiment_settings(name, which, conditional)  # type: ignore[arg-type]
                assert (settings.policy.network == "paper") == (which == "paper")
                assert conditional in (None, settings.policy.conditional)
                assert PainterSettings.from_json(settings.to_json()) == settings


def test_the_search_preset_suits_its_data() -> None:
    pictures = experiment_settings("pictures")
    assert pictures == experiment_settings("pictures", "search") == preset("search", "pictures")
    assert (pictures.policy.network, pictures.paint.strokes, pictures.target_size) == ("picture", "free", 128)
    faces, digits = experiment_settings("celeba", "search"), experiment_settings("mnist", "search")
    assert (faces.target_size, digits.target_size, digits.policy.network) == (64, 64, "line")
    assert not digits.discriminator_pays
    assert digits.replace(search_score="both").discriminator_pays
    for settings in (pictures, faces, digits):
        assert PainterSettings.from_json(settings.to_json()) == settings


def test_a_search_that_can_not_be_is_one_line() -> None:
    with pytest.raises(UserError, match="preset search: not for scenes; valid are mnist, omniglot, celeba, pictures"):
        experiment_settings("scenes", "search")
    for change, words in (
        ({"conditional": False, "reward_source": "discriminator"}, "candidates: a search needs a target"),
        ({"strokes": "chained"}, "candidates: a search needs free strokes"),
        ({"history": True}, "candidates: a search needs free strokes"),
        ({"conditioning": "joint", "reward": "final"}, "candidates: a search goes with hindsight_weight 0"),
        ({"variations": 40}, "variations: expected fewer than the 40 candidates"),
    ):
        with pytest.raises(ValueError, match=words):
            preset("search", "mnist").replace(**change)


@pytest.mark.parametrize(
    "given", ["--conditional True", "--conditional=True", "--conditional", "--target", "--target=True"]
)
def test_a_target_changes_the_defaults_that_go_with_it(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = read(["train", "mnist", *given.split(), "--entropy-cost", "0.5"], monkeypatch).settings
    assert digits == experiment_settings("mnist", "laptop", True).replace(entropy_cost=0.5)
    for no in ("--conditional False", "--no-conditional", "--no-target"):
        characters = read(["train", "omniglot", *no.split(), "--preset", "paper"], monkeypatch).settings
        assert characters == experiment_settings("omniglot", "paper", False)
        assert not characters.policy.conditional


def zip_of(path: Path, *contents: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number:02d}.png", content)
    return path


def picture(mode: str) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (20, 20)).save(content, "tiff" if mode == "F" else "png")
    return content.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mnits"], "unknown experiment 'mnits'; valid are mnist, omniglot, celeba, "),
        (["empty.zip"], "holds no images; give a folder or a zip of PNG or JPEG files"),
        (["text.zip"], "none of its 9 images can be read"),
        (["mnist", "--reward-source", "l2"], "--reward-source: l2 compares with a target"),
        (["celeba-long", "--unroll-length", "30"], "--unroll-length: expected a divisor of the episode's 100 actions"),
        (["mnist", "--conditional", "--grid", "12"], "--grid: a conditional laptop policy expects a divisor"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    zip_of(tmp_path / "empty.zip")
    zip_of(tmp_path / "text.zip", *[b"not an image"] * 10)
    arguments = [*arguments, *options()[:2], "--run", "run"]
    assert cli.main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not Path("run").exists()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_channels_are_brought_to_the_canvas(tmp_path: Path, mode: str, channels: Any) -> None:
    from envs.datasets import load_dataset

    path = zip_of(tmp_path / "all.zip", picture(mode))
    assert load_dataset(str(path), size=8, channels=channels).images.shape == (1, 8, 8, channels)


def test_channels_that_are_neither_gray_nor_color(tmp_path: Path) -> None:
    from envs.datasets import load_dataset

    with pytest.raises(ValueError, match="channels: expected 1 or 3, got 2"):
        load_dataset(str(zip_of(tmp_path / "all.zip", picture("L"))), size=8, channels=2)  # type: ignore[arg-type]


def rises(rows: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """Means of a metric over the first and the last fifth of what was learned."""
    values = [row[name] for row in rows if row.get(name) is not None]
    fifth = len(values) // 5
    assert fifth >= 2
    return float(np.mean(values[:fifth])), float(np.mean(values[-fifth:]))


def nearer(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """The pixels' Fréchet distance to real images at the end and at the start: no discriminator moves it."""
    values = [row["sample/pixel_frechet"] for row in rows if row.get("sample/pixel_frechet") is not None]
    return values[-1], values[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "better"),
    [
        ("mnist", lambda rows: rises(rows, "discriminator/fake")),
        ("mnist --conditional True", lambda rows: rises(rows, "policy/l2")[::-1]),
        ("mnist --conditional True --reward-source both", lambda rows: rises(rows, "policy/return")),
        ("omniglot", lambda rows: rises(rows, "policy/return")),
        ("celeba", lambda rows: rises(rows, "policy/l2")[::-1]),
        ("celeba-long", nearer),
        pytest.param("scenes", lambda rows: rises(rows, "policy/l2")[::-1], marks=draws),
    ],
)
def test_two_minutes_of_each_experiment(
    arguments: str, better: Callable[[list[dict[str, Any]]], tuple[float, float]], tmp_path: Path
) -> None:
    """The reward rises, or what stands for it where the score moves with a discriminator that gets ahead at first."""
    data = shared_path("data")
    run = tmp_path / "run"
    given = [*arguments.split(), "--minutes", "2", "--data-dir", str(data), "--run", str(run)]
    assert cli.main(["train", *given]) == 0
    before, after = better(read_metrics(run / "metrics.jsonl"))
    assert after > before, (before, after)
    pictures = sorted((run / "samples").glob("0*.png"))
    assert len(pictures) >= 2
    with Image.open(pictures[0]) as first, Image.open(pictures[-1]) as last:
        assert first.size == last.size
        assert np.asarray(first).tobytes() != np.asarray(last).tobytes()
