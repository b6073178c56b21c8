"""Frechet distance between two sets of feature vectors."""

import numpy as np
import numpy.typing as npt


def frechet_distance(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Squared Frechet (2-Wasserstein) distance between the Gaussians fitted to two sets of vectors.

        |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1^1/2 C2 C1^1/2)^1/2)

    Heusel et al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", equation 6
    ("FID" if the features are Inception's; Dowson and Landau 1982 for the formula). The product under the root is
    kept symmetric, so that its eigenvalues are real and the result stays accurate for singular covariances, whose
    eigenvalues of C1 C2 need not.

    The estimate is too high for small sets, by an amount that shrinks roughly with 1/N: two samples of one distribution
    do not read 0. Compare figures only at the same N and M, with the reading of real against real beside them.

    Args:
        first: float64 [N, D], N >= 2.
        second: float64 [M, D], M >= 2.

    Returns:
        The distance, >= 0, in squared units of the features.

    Raises:
        ValueError: fewer than two vectors, different lengths, or values that are not finite.
    """
    for name, vectors in (("first", first), ("second", second)):
        if vectors.ndim != 2 or len(vectors) < 2 or vectors.shape[1] != first.shape[1]:
            raise ValueError(f"{name}: expected at least two vectors [N, D] of equal D, got {list(vectors.shape)}")
        if not np.isfinite(vectors).all():
            raise ValueError(f"{name}: holds values that are not finite")
    apart = first.mean(axis=0) - second.mean(axis=0)
    covariance1, covariance2 = _covariance(first), _covariance(second)
    values, vectors = np.linalg.eigh(covariance1)
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    product = root @ covariance2 @ root
    shared = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(min=0.0)).sum()
    distance = apart @ apart + np.trace(covariance1) + np.trace(covariance2) - 2 * shared
    return max(0.0, float(distance))


def frechet_error(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], groups: int = 16) -> float:
    """Standard error of `frechet_distance` by the noise of the first set, the second held fixed.

    Jackknife over groups (Efron 1982, "The jackknife, the bootstrap and other resampling plans", chapter 2): the
    distance without each group in turn. It needs no random numbers and no further samples.

    Args:
        first: float64 [N, D], N >= 4, in random order.
        second: float64 [M, D], M >= 2.
        groups: Parts of `first` that are left out; more cost more time and make a steadier estimate.

    Returns:
        The standard error, >= 0, in units of the distance.

    Raises:
        ValueError: `first` is too small.
    """
    if len(first) < 4:
        raise ValueError(f"first: a standard error needs at least 4 vectors, got {len(first)}")
    parts = np.array_split(np.arange(len(first)), min(groups, len(first)))
    left = np.array([frechet_distance(np.delete(first, part, axis=0), second) for part in parts])
    return float(np.sqrt((len(parts) - 1) * left.var()))


def _covariance(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Unbiased, float64 [D, D] also where D = 1."""
    covariance: npt.NDArray[np.float64] = np.atleast_2d(np.cov(vectors, rowvar=False))
    return covariance
