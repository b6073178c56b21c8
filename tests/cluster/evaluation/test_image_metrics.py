import json

import numpy as np
import pytest
import torch

from cluster.evaluation.frechet import frechet_distance, frechet_error
from cluster.evaluation.image_metrics import class_coverage, evaluate_images, pixel_features, precision_and_recall
from cluster.evaluation.judge import Judge, JudgeNetwork

RNG = np.random.default_rng(0)


def whitened(count: int, size: int) -> np.ndarray:
    """Vectors whose sample mean is exactly 0 and whose unbiased sample covariance is exactly the identity."""
    vectors = RNG.standard_normal((count, size))
    vectors -= vectors.mean(axis=0)
    root = np.linalg.cholesky(np.linalg.inv(np.cov(vectors, rowvar=False)))
    return np.asarray(vectors @ root)


def test_frechet_distance_of_diagonal_gaussians() -> None:
    base = whitened(500, 4)
    scale1, scale2 = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 2.0, 1.5, 0.0])
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    expected = (shift**2).sum() + ((scale1 - scale2) ** 2).sum()
    assert frechet_distance(base * scale1, base * scale2 + shift) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_covariances_that_do_not_commute() -> None:
    """In two dimensions tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)), which gives a second way to the answer."""
    base = whitened(300, 2)
    first, second = base @ np.array([[2.0, 0.3], [0.0, 0.7]]), base @ np.array([[0.5, 0.0], [-1.1, 1.4]])
    c1, c2 = np.cov(first.T), np.cov(second.T)
    root_trace = np.sqrt(np.trace(c1 @ c2) + 2 * np.sqrt(np.linalg.det(c1 @ c2)))
    expected = np.trace(c1) + np.trace(c2) - 2 * root_trace
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(second, first) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_set_and_itself_is_zero_even_when_singular() -> None:
    flat = np.repeat(RNG.standard_normal((40, 3)), 30, axis=1) * 100  # rank 3 in 90 dimensions, and 40 < 90 vectors
    assert frechet_distance(flat, flat) < 1e-6 * np.trace(np.cov(flat.T))
    assert frechet_distance(flat, flat + 2.0) == pytest.approx(90 * 4.0, rel=1e-3)
    constant = np.ones((10, 5))
    assert frechet_distance(constant, constant) == 0.0
    assert frechet_distance(RNG.standard_normal((50, 1)), np.zeros((50, 1))) > 0.5


def test_the_standard_error_is_the_spread_of_other_draws() -> None:
    rng = np.random.default_rng(3)
    real = rng.standard_normal((1000, 24)) * np.linspace(0.2, 3.0, 24)
    draws = [rng.standard_normal((512, 24)) * np.linspace(0.5, 2.5, 24) + 0.3 for _ in range(60)]
    spread = np.std([frechet_distance(draw, real) for draw in draws], ddof=1)
    errors = [frechet_error(draw, real) for draw in draws]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.25)
    assert max(errors) < 2 * spread
    assert min(errors) > spread / 2
    assert frechet_error(draws[0][:4], real) > 0.0
    with pytest.raises(ValueError, match="at least 4 vectors, got 3"):
        frechet_error(draws[0][:3], real)


def test_small_sets_read_higher() -> None:
    def reading(count: int) -> float:
        return frechet_distance(RNG.standard_normal((count, 16)), RNG.standard_normal((count, 16)))

    assert reading(100) > 3 * reading(2000)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "first: expected at least two"),
        (np.zeros((5, 3)), np.zeros((5, 4)), "second: expected at least two"),
        (np.zeros((5, 3)), np.full((5, 3), np.nan), "second: holds values that are not finite"),
    ],
)
def test_frechet_distance_refuses(first: np.ndarray, second: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frechet_distance(first, second)


def slow_precision(real: np.ndarray, made: np.ndarray, nearest: int) -> float:
    inside = 0
    radii = [sorted(np.linalg.norm(real - center, axis=1))[nearest] for center in real]
    for point in made:
        inside += any(np.linalg.norm(point - center) <= radius for center, radius in zip(real, radii, strict=True))
    return inside / len(made)


def test_precision_and_recall_agree_with_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.evaluation.image_metrics._CHUNK", 7)
    real, made = RNG.standard_normal((40, 3)), RNG.standard_normal((50, 3)) + 1.0
    precision, recall = precision_and_recall(real, made)
    assert precision == pytest.approx(slow_precision(real, made, 3))
    assert recall == pytest.approx(slow_precision(made, real, 3))
    assert 0 < precision < 1


def test_precision_and_recall_of_known_cases() -> None:
    real = RNG.standard_normal((200, 4))
    assert precision_and_recall(real, real) == (1.0, 1.0)
    assert precision_and_recall(real, real + 100.0) == (0.0, 0.0)
    collapsed = np.repeat(real[:1], 200, axis=0)
    precision, recall = precision_and_recall(real, collapsed)  # one good image repeated: precise, and nothing else
    assert precision == 1.0
    assert recall <= 1 / 200
    two = np.concatenate([real, real + 100.0])
    assert precision_and_recall(two, real)[1] == pytest.approx(0.5, abs=0.02)
    with pytest.raises(ValueError, match="more than 3"):
        precision_and_recall(real[:3], real)


def test_class_coverage_counts_confident_classes_of_one_percent() -> None:
    probabilities = np.full((1000, 10), 0.0, np.float32)
    probabilities[:, 0] = 1.0
    probabilities[:10] = np.eye(10, dtype=np.float32)[3]  # 1 %: covered
    probabilities[10:19] = np.eye(10, dtype=np.float32)[4]  # 0.9 %: not
    probabilities[100:300] = 0.1  # unsure: class 0 by argmax, never confident
    probabilities[300:400, 0], probabilities[300:400, 7] = 0.15, 0.85  # not sure enough
    assert class_coverage(probabilities) == 2


def test_pixel_features_are_averages_in_0_to_1() -> None:
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[:, :8, :8] = 255
    image[:, :4, 8:16] = 255
    features = pixel_features(image)[0]
    np.testing.assert_allclose(features[:3], [1.0, 0.5, 0.0])
    assert features.shape == (64,)
    assert features.sum() == pytest.approx(1.5)


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Untrained: enough to test what surrounds it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Judge(JudgeNetwork().eval().requires_grad_(False), 0.5, "test")


@pytest.fixture(scope="module")
def blobs() -> np.ndarray:
    """uint8 [300, 32, 32, 1]: dark squares at random places on white."""
    images = np.full((300, 32, 32, 1), 255, np.uint8)
    for image in images:
        y, x = RNG.integers(0, 24, 2)
        image[y : y + 8, x : x + 8] = RNG.integers(0, 128)
    return images


def test_evaluation(judge: Judge, blobs: np.ndarray) -> None:
    noise = RNG.integers(0, 256, (150, 64, 64, 3), dtype=np.uint8)
    sets = {"trained": blobs[:120].copy(), "untrained": noise}
    result = evaluate_images(sets, judge, blobs, samples=2000)
    assert json.loads(json.dumps(result)) == result
    assert result["samples"] == 120  # the smallest set decides for all
    assert result["judge"] == {"identity": "test", "accuracy": 0.5}
    assert set(result["sets"]) == {"trained", "untrained", "real"}
    trained, untrained, real = (result["sets"][name] for name in ("trained", "untrained", "real"))
    assert untrained["frechet_ratio"] == 1.0
    assert trained["frechet_ratio"] < 0.5
    assert real["frechet_ratio"] < 0.5
    assert trained["frechet_ratio"] == trained["frechet_distance"] / untrained["frechet_distance"]
    assert real["pixel_frechet_distance"] < untrained["pixel_frechet_distance"]
    assert real["recall"] > 0.5 > untrained["recall"]
    for measures in result["sets"].values():
        assert sum(measures["class_shares"]) == pytest.approx(1.0)
        assert 0.1 <= measures["mean_confidence"] <= 1.0
    assert evaluate_images(sets, judge, blobs, samples=2000) == result


def test_real_is_disjoint_from_the_reference(judge: Judge) -> None:
    """Each test image has a value of its own, and every one is used: half as reference, half as real."""
    images = np.full((200, 32, 32, 1), 255, np.uint8)
    images[:, :, :, 0] -= np.arange(200, dtype=np.uint8)[:, None, None]
    real = evaluate_images({}, judge, images)["sets"]["real"]
    assert real["frechet_ratio"] is None
    assert real["frechet_distance"] > 0.0


def test_evaluation_refuses(judge: Judge, blobs: np.ndarray) -> None:
    with pytest.raises(ValueError, match="another name"):
        evaluate_images({"real": blobs}, judge, blobs)
    with pytest.raises(ValueError, match="more than 3 images"):
        evaluate_images({"trained": blobs[:3]}, judge, blobs)
    with pytest.raises(ValueError, match="expected uint8"):
        evaluate_images({"trained": blobs.astype(np.float32)}, judge, blobs)  # type: ignore[dict-item]
