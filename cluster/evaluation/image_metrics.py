"""The measures of `impasto evaluate`: paintings against randomly drawn test images.

No single figure suffices. The distance in the judge's features is nearly blind at first, while the distance of 8x8
pixels shows progress; precision and confidence alone are fooled by a painter that repeats one good digit, which recall
and class coverage expose.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cluster.evaluation.frechet import frechet_distance
from cluster.evaluation.judge import CLASSES, Judge, judge_view

# Probability of the likeliest class from which the judge counts as sure.
CONFIDENT = 0.9
# Share of all samples that must be confident members of a class for it to count as covered.
COVERED = 0.01
# Neighbor to which the balls of precision and recall reach, k of the paper: larger makes both shares rise.
NEAREST = 3
# Of all draws.
SEED = 0
_CHUNK = 1000


def pixel_features(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Images averaged to 8x8 gray pixels.

    Args:
        images: uint8 [N, H, W, C], C 1 or 3.

    Returns:
        float64 [N, 64], 0 black to 1 white.
    """
    seen = judge_view(images)
    cell = seen.shape[1] // 8
    pooled = seen.reshape(len(seen), 8, cell, 8, cell).mean(axis=(2, 4)) / 255.0
    flat: npt.NDArray[np.float64] = pooled.reshape(len(seen), 64)
    return flat


def precision_and_recall(real: npt.NDArray[np.float64], made: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Share of the made vectors that lie among the real ones, and of the real ones that lie among the made.

    Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing generative models", section 2: a set's
    region is the union of balls around its vectors, each reaching to its third neighbor within the set.

    Args:
        real: float64 [N, D], N > 3.
        made: float64 [M, D], M > 3; the same number as `real` for figures that compare.

    Returns:
        Precision and recall, 0 to 1.

    Raises:
        ValueError: a set has no more than three vectors.
    """
    if min(len(real), len(made)) <= NEAREST:
        raise ValueError(f"precision and recall need more than {NEAREST} images, got {len(real)} and {len(made)}")
    return _share_inside(made, real), _share_inside(real, made)


def class_coverage(probabilities: npt.NDArray[np.float32]) -> int:
    """Classes to which the judge confidently (> 0.9) counts at least 1 % of all samples.

    Args:
        probabilities: float32 [N, K], N > 0, rows summing to 1.
    """
    sure = probabilities.argmax(axis=1)[probabilities.max(axis=1) > CONFIDENT]
    return int((np.bincount(sure, minlength=probabilities.shape[1]) >= COVERED * len(probabilities)).sum())


def evaluate_images(
    images: Mapping[str, npt.NDArray[np.uint8]],
    judge: Judge,
    test_images: npt.NDArray[np.uint8],
    *,
    samples: int = 2000,
) -> dict[str, Any]:
    """Measure sets of images against `samples` randomly drawn test images.

    A second, disjoint draw of test images is measured like the others, as "real": the best reading to expect at this
    number of samples. The draws must be random: the first and the last 2 000 of MNIST's test set differ by several
    times as much as two random draws do. All sets are cut, by random draw, to one common number, because the distances
    depend on it (see `frechet_distance`); 2 000 against 2 000 is the number to publish.

    Args:
        images: named sets, uint8 [N, H, W, C] dark on white, such as {"trained": ..., "untrained": ...}; "real" is
            added.
        judge: see `cluster.evaluation.judge.load_judge`.
        test_images: uint8 [M, H, W, C], the data set's test split, of any size.
        samples: images per set; fewer if the smallest set, or half of the test images, has fewer.

    Returns:
        JSON-able: {"samples", "seed", "judge": {"identity", "accuracy"}, "sets": {name: {...}}}, each set with
          "frechet_distance": in the judge's features, >= 0;
          "frechet_ratio": that divided by the set "untrained"'s, None without one; differences under 0.1 are noise;
          "pixel_frechet_distance": of 8x8 pixels in 0 to 1;
          "precision", "recall": 0 to 1;
          "mean_confidence": mean probability of the likeliest class, 0 to 1;
          "share_confident": share of images where it exceeds 0.9, 0 to 1;
          "classes_covered": classes with at least 1 % of all images confident, 0 to 10;
          "class_shares": share of images judged to be each digit, 10 numbers summing to 1.

    Raises:
        ValueError: a set of a wrong dtype or shape, one named "real", or too few images.
    """
    if "real" in images:
        raise ValueError('images: "real" is drawn from test_images; give this set another name')
    count = min([samples, len(test_images) // 2, *(len(each) for each in images.values())])
    if count <= NEAREST:
        raise ValueError(f"an evaluation needs more than {NEAREST} images in each set, got {count}")
    order = np.random.default_rng(SEED).permutation(len(test_images))
    reference = test_images[order[:count]]
    sets = {name: _draw(each, count) for name, each in images.items()}
    sets["real"] = test_images[order[count : 2 * count]]
    reference_features, _ = judge.features_and_probabilities(reference)
    reference_pixels = pixel_features(reference)
    results: dict[str, dict[str, Any]] = {}
    for name, each in sets.items():
        features, probabilities = judge.features_and_probabilities(each)
        confidence = probabilities.max(axis=1)
        precision, recall = precision_and_recall(reference_features, features)
        shares = np.bincount(probabilities.argmax(axis=1), minlength=CLASSES) / count
        results[name] = {
            "frechet_distance": frechet_distance(features, reference_features),
            "frechet_ratio": None,
            "pixel_frechet_distance": frechet_distance(pixel_features(each), reference_pixels),
            "precision": precision,
            "recall": recall,
            "mean_confidence": float(confidence.mean()),
            "share_confident": float((confidence > CONFIDENT).mean()),
            "classes_covered": class_coverage(probabilities),
            "class_shares": [float(share) for share in shares],
        }
    if "untrained" in results and results["untrained"]["frechet_distance"] > 0:
        for result in results.values():
            result["frechet_ratio"] = result["frechet_distance"] / results["untrained"]["frechet_distance"]
    return {
        "samples": count,
        "seed": SEED,
        "judge": {"identity": judge.identity, "accuracy": judge.accuracy},
        "sets": results,
    }


def _draw(images: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    """`count` of the images, drawn without replacement; all in their order if there are just as many."""
    if len(images) == count:
        return images
    return images[np.random.default_rng(SEED).choice(len(images), count, replace=False)]


def _share_inside(points: npt.NDArray[np.float64], centers: npt.NDArray[np.float64]) -> float:
    """Share of points in at least one ball around a center that reaches to its third neighbor."""
    radii = np.concatenate(
        [
            np.partition(_squared_distances(centers[start : start + _CHUNK], centers), NEAREST, axis=1)[:, NEAREST]
            for start in range(0, len(centers), _CHUNK)  # the center itself, at distance 0, is rank 0
        ]
    )
    inside = 0
    for start in range(0, len(points), _CHUNK):
        inside += int((_squared_distances(points[start : start + _CHUNK], centers) <= radii).any(axis=1).sum())
    return inside / len(points)


def _squared_distances(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64 [N, M] of vectors [N, D] and [M, D]."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :]
    distances: npt.NDArray[np.float64] = (squares - 2.0 * first @ second.T).clip(min=0.0)
    return distances
