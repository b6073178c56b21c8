import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cluster.errors import UserError
from cluster.evaluation.diversity import diversity, style_report, within_class_variance
from cluster.evaluation.judge import JudgeSettings, train_judge
from cluster.latent.baselines import evaluate_baselines
from cluster.latent.contact_sheet import sheet_rows, write_sheet
from cluster.latent.judge import LatentJudge, latent_judge, on_paper
from cluster.latent.policy_evaluation import LatentEvaluation
from cluster.latent.translation import read_image, to_bytes, translate, translate_files
from envs.datasets import ImageSet
from envs.latent import LatentConfig, LatentRules
from envs.latent.networks import to_unit
from tests.helpers.latent_bars import CLASSES, bars, bars_parts

CONFIG = LatentConfig(task="all", noise=0.0)


@pytest.fixture(scope="module")
def judge() -> LatentJudge:
    """Trained on other bars than the parts, by another network."""
    train, test = (ImageSet(on_paper(bars(n, s).images), bars(n, s).labels, "bars") for n, s in ((800, 7), (200, 8)))
    return LatentJudge(train_judge(train, test, JudgeSettings(epochs=3, batch_size=32, minimum_accuracy=0.9)))


@pytest.fixture(scope="module")
def evaluation(judge: LatentJudge) -> LatentEvaluation:
    return LatentEvaluation(LatentRules(CONFIG, bars_parts()), bars(240, 9), judge)


def oracle(observation: np.ndarray) -> np.ndarray:
    """Answers with the best of 4 000 prior samples for the class asked for, read from the latent's decoding."""
    parts = bars_parts()
    prior = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)).clamp(-2.5, 2.5)
    with torch.no_grad():
        best = prior[parts.probabilities(parts.decode(parts.generator(prior))).argmax(dim=0)] / 2.5
        read = parts.probabilities(parts.decode(torch.from_numpy(observation[:, :6]))).argmax(dim=1).numpy()
    return best[(read + observation[:, 6:10].argmax(axis=1)) % CLASSES].numpy()


def test_a_good_policy_reads_well_and_one_answer_for_each_class_has_no_variety(evaluation: LatentEvaluation) -> None:
    found = evaluation.evaluate(oracle, sigmas=(0.0, 3.0))
    assert list(found["tasks"]) == [f"add:{k}" for k in range(CLASSES)]
    assert found["images"] == 240
    assert found["mean"]["accuracy"] > 0.95
    assert found["mean"]["accuracy"] == pytest.approx(np.mean([t["accuracy"] for t in found["tasks"].values()]))
    assert found["mean"]["diversity"] < 0.05
    assert found["noise"]["0.0"] > 0.95
    assert found["noise"]["3.0"] < found["noise"]["0.0"]
    first = found["tasks"]["add:1"]
    assert first["gap"] == pytest.approx(100 * (first["reward_accuracy"] - first["accuracy"]))
    assert first["kept_class"] < 0.05
    assert abs(first["style"]["thickness"]["correlation"]) < 0.3
    assert found["milliseconds"]["one"] > 0


def test_baselines_are_rows_of_the_same_table(evaluation: LatentEvaluation) -> None:
    said: list[str] = []
    found = evaluate_baselines(
        evaluation, bars(800, 0), search_images=120, starts=(2,), search_steps=2, direct_updates=3, say=said.append
    )
    assert list(found) == ["prototype", "gradient, 2 starts", "through the decoder"]
    assert len(said) == 3
    assert found["prototype"]["mean"]["accuracy"] > 0.9
    assert [row["images"] for row in found.values()] == [240, 30, 240]


def test_baselines_of_a_longer_world_and_a_users_task_act_once(judge: LatentJudge) -> None:
    config = LatentConfig(task="add:1,envs.latent.examples.strokes:Thicker", noise=0.0, horizon=2)
    mixed = LatentEvaluation(LatentRules(config, bars_parts()), bars(60, 9), judge)
    found = evaluate_baselines(mixed, bars(400, 0), search_images=60, starts=(1,), search_steps=2, direct_updates=3)
    assert list(found) == ["gradient, 1 start", "through the decoder"], "no prototype is thicker"
    row = found["through the decoder"]
    assert row["tasks"]["add:1"]["gap"] is not None
    assert row["tasks"]["thicker"]["gap"] is None
    assert row["mean"]["gap"] == row["tasks"]["add:1"]["gap"]
    assert row["noise"]["0.0"] == pytest.approx(row["tasks"]["add:1"]["accuracy"]), "of the task with a target only"
    assert mixed.rules.config.horizon == 2


def test_the_right_answer_to_the_wrong_question_is_wrong(evaluation: LatentEvaluation) -> None:
    def ignores_the_task(observation: np.ndarray) -> np.ndarray:
        told = observation.copy()
        told[:, 6:10] = np.eye(CLASSES, dtype=np.float32)[0]
        return oracle(told)

    found = evaluation.evaluate(ignores_the_task, sigmas=())
    assert found["tasks"]["add:0"]["accuracy"] > 0.95
    assert found["tasks"]["add:1"]["accuracy"] < 0.05
    assert found["noise"] == {}


def test_ceilings_of_the_parts(evaluation: LatentEvaluation) -> None:
    found = evaluation.parts_report()
    assert found["judge_accuracy"] > 0.9
    assert found["reconstruction"]["0.0"] > 0.9
    assert 0.3 < found["reconstruction_diversity"] < 1.2
    assert sum(found["class_shares"]) == pytest.approx(1.0)
    assert 0 < found["reconstruction_frechet_distance"] < found["prior_frechet_distance"] * 5


def test_a_users_task_has_a_score_instead_of_an_accuracy(judge: LatentJudge) -> None:
    rules = LatentRules(LatentConfig(task="envs.latent.examples.strokes:Thicker", noise=0.0), bars_parts())
    found = LatentEvaluation(rules, bars(100, 9), judge, limit=60).evaluate(lambda o: np.zeros((len(o), 3), np.float32))
    assert found["images"] == 60
    assert found["tasks"]["thicker"]["accuracy"] is None
    assert "accuracy" not in found["mean"]
    assert np.isfinite(found["mean"]["score"])
    assert found["noise"] == {}


def test_a_longer_horizon_is_played_to_its_end() -> None:
    rules = LatentRules(dataclasses.replace(CONFIG, horizon=3, refinement=0.5), bars_parts())
    seen = []

    def policy(observation: np.ndarray) -> np.ndarray:
        seen.append(observation)
        return np.full((len(observation), 3), 0.2, np.float32)

    images = to_unit(torch.from_numpy(bars(5, 0).images))
    made = translate(rules, policy, images, np.zeros(5, np.int64))
    torch.testing.assert_close(made.z, torch.full((5, 3), 0.2 * 2.5 + 2 * 0.2 * 0.5))
    assert [each[0, -1] for each in seen] == pytest.approx([0, 1 / 3, 2 / 3])


def test_sheet(evaluation: LatentEvaluation) -> None:
    images, labels = sheet_rows(evaluation, oracle, 8)
    assert labels[:2] == ["input", "add:0"]
    assert images.shape == (8 * len(labels), 12, 12, 1)
    np.testing.assert_array_equal(evaluation.judge.look(255 - images[:8])[1], np.arange(8) % CLASSES)


def test_a_sheet_of_few_images(judge: LatentJudge, tmp_path: Path) -> None:
    data = bars(40, 9)
    assert data.labels is not None
    rows = np.concatenate([np.flatnonzero(data.labels == 0)[:1], np.flatnonzero(data.labels == 2)[:2]])
    few = dataclasses.replace(data, images=data.images[rows], labels=data.labels[rows])
    tiny = LatentEvaluation(LatentRules(CONFIG, bars_parts()), few, judge)
    images, labels = sheet_rows(tiny, oracle, 8)
    assert len(images) == 3 * len(labels)
    np.testing.assert_array_equal(images[:3], 255 - few.images)
    assert write_sheet(tiny, oracle, tmp_path / "sheet.png").exists()


def test_diversity_by_hand() -> None:
    rng = np.random.default_rng(0)
    real, kinds = rng.normal(0, 1, (4000, 3)), np.repeat([0, 1], 2000)
    assert within_class_variance(real, kinds, 3)[:2] == pytest.approx([3, 3], rel=0.1)
    assert np.isnan(within_class_variance(real, kinds, 3)[2])
    assert diversity(0.5 * real + 7, kinds, real, kinds, 2) == pytest.approx(0.25)
    assert diversity(real[kinds == 1], kinds[kinds == 1], real, kinds, 2) == pytest.approx(1.0)
    far = real + 100 * kinds[:, None]  # a distance between classes is no variety within one
    assert diversity(far, kinds, real, kinds, 2) == pytest.approx(1.0)


def test_style_by_hand() -> None:
    rng = np.random.default_rng(0)
    given = rng.normal(2, 0.5, (3000, 4)).astype(np.float32)
    mean, std = np.array([[2.0] * 4, [3.0] * 4], np.float32), np.full((2, 4), 0.5, np.float32)
    zeros, ones = np.zeros(3000, np.int64), np.ones(3000, np.int64)
    kept = style_report(given + 1, given, ones, zeros, mean, std)["thickness"]
    assert kept["correlation"] == pytest.approx(1.0)
    assert kept["difference"] == pytest.approx(1.0)
    assert kept["class_offset"] == pytest.approx(0.0, abs=0.05)
    assert kept["class_spread"] == pytest.approx(1.0, rel=0.05)
    constant = style_report(np.full_like(given, 3), given, ones, zeros, mean, std)["slant"]
    assert constant["correlation"] == 0
    assert constant["class_spread"] == 0


def test_a_judge_of_other_data(tmp_path: Path) -> None:
    train, test = bars(1500, 0), bars(200, 1)
    first = latent_judge(train, test, cache_dir=tmp_path)
    assert (first.look(test.images)[1] == test.labels).mean() > 0.9
    assert latent_judge(train, test, cache_dir=tmp_path).judge.identity == first.judge.identity
    with pytest.raises(UserError, match="a judge needs labelled data"):
        latent_judge(dataclasses.replace(train, labels=None), test, cache_dir=tmp_path)
    assert on_paper(np.zeros((1, 28, 28, 1), np.uint8)).shape == (1, 32, 32, 1)


def test_files_are_translated_and_bad_ones_named(tmp_path: Path) -> None:
    rules = LatentRules(CONFIG, bars_parts())
    data = bars(3, 0)
    paths = [tmp_path / f"bar{i}.png" for i in range(3)]
    for path, image in zip(paths, data.images, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    wide, color, damaged, missing = (tmp_path / f"{n}.png" for n in ("wide", "color", "damaged", "missing"))
    Image.new("L", (28, 12)).save(wide)
    Image.new("RGBA", (12, 12)).save(color)
    damaged.write_bytes(paths[0].read_bytes()[:44])
    out = tmp_path / "out"
    everything = [paths[0], wide, paths[1], color, damaged, missing, paths[2]]
    results = translate_files(rules, oracle, everything, "add:1", out)
    assert [result.path for result in results] == everything
    assert [result.output is None for result in results] == [False, True, False, True, True, True, False]
    problems = [result.problem for result in results if result.problem]
    for problem, expected in zip(
        problems,
        ("28x12 pixels, expected 12x12", "mode RGBA, expected L", "can not be read", "no such file"),
        strict=True,
    ):
        assert expected in problem
        assert "\n" not in problem
    assert sorted(path.name for path in out.iterdir()) == [f"bar{i}-add-1.png" for i in range(3)]
    made = translate(rules, oracle, to_unit(torch.from_numpy(data.images)), np.ones(3, np.int64))
    for i, pixels in enumerate(to_bytes(made.images)):
        np.testing.assert_array_equal(read_image(out / f"bar{i}-add-1.png", (12, 12, 1)), pixels)
    short = tmp_path / "short.pgm"
    short.write_bytes(b"P2 12 12 255 1 2 3")
    with pytest.raises(ValueError, match=r"short\.pgm: can not be read as an image"):
        read_image(short, (12, 12, 1))
    with pytest.raises(ValueError, match="not among those that were trained"):
        translate_files(rules, oracle, paths, "sub:1", out)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="another image has the same name"):
        translate_files(rules, oracle, [paths[0], tmp_path / "other" / "bar0.png"], "add:1", out)


def test_images_on_a_bright_ground_come_back_on_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of dark bars on white is turned dark to be learned from; its own files are what users translate."""
    rules = LatentRules(CONFIG, bars_parts())
    image = bars(1, 0).images[0, ..., 0]
    Image.fromarray(image).save(tmp_path / "dark.png")
    Image.fromarray(255 - image).save(tmp_path / "bright.png")
    translate_files(rules, oracle, [tmp_path / "dark.png"], "add:1", tmp_path)
    monkeypatch.setitem(rules.parts.report, "inverted", True)
    translate_files(rules, oracle, [tmp_path / "bright.png"], "add:1", tmp_path)
    dark, bright = (read_image(tmp_path / f"{name}-add-1.png", (12, 12, 1)) for name in ("dark", "bright"))
    np.testing.assert_array_equal(bright, 255 - dark)
