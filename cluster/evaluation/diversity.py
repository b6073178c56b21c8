"""Measures of translations as pure functions: variety within a class, and the input's hand in the output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.latent.measures import STYLE_NAMES

# Styles that reports speak of; columns of `envs.latent.measures.style`.
REPORTED = ("thickness", "slant")

_FEWEST = 10


def within_class_variance(vectors: NDArray[Any], kinds: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Trace of the covariance within each class, float64 [K]; NaN for a class with under ten members.

    Args:
        vectors: float [N, D].
        kinds: int64 [N].
        classes: K.
    """
    found = np.full(classes, np.nan)
    for kind in range(classes):
        members = vectors[kinds == kind]
        if len(members) >= _FEWEST:
            found[kind] = members.var(axis=0, ddof=1, dtype=np.float64).sum()
    return found


def diversity(
    made: NDArray[Any], made_kinds: NDArray[np.int64], real: NDArray[Any], real_kinds: NDArray[np.int64], classes: int
) -> float | None:
    """Within-class variance of outputs over that of real images, mean over the classes of the outputs.

    1 is as varied as real ones, 0 a single output for each class; None if no class has ten outputs. Give only
    outputs that show their class: a wrong digit among them would count as variety.

    Args:
        made: float [N, D], pixels or features of outputs.
        made_kinds: int64 [N], their classes.
        real: float [M, D], the same of real images.
        real_kinds: int64 [M], their classes.
        classes: K.
    """
    ratio = within_class_variance(made, made_kinds, classes) / within_class_variance(real, real_kinds, classes)
    return float(np.nanmean(ratio)) if np.isfinite(ratio).any() else None


def style_report(
    made: NDArray[np.float32],
    given: NDArray[np.float32],
    made_kinds: NDArray[np.int64],
    given_kinds: NDArray[np.int64],
    class_mean: NDArray[np.float32],
    class_std: NDArray[np.float32],
) -> dict[str, dict[str, float]]:
    """Compare the style of outputs with that of their inputs, and with that of the class they show.

    Args:
        made: float32 [N, 4] of outputs, see `envs.latent.measures.style`.
        given: float32 [N, 4] of their inputs.
        made_kinds: int64 [N], the classes that the outputs show.
        given_kinds: int64 [N], the classes that the inputs show.
        class_mean: float32 [K, 4] of real images.
        class_std: float32 [K, 4] of real images.

    Returns:
        For "thickness" and "slant" (empty for under ten outputs):
          "correlation": of an output's with its input's, each as deviations from its own class's mean; 1 keeps it
            perfectly, 0 ignores it;
          "difference": mean absolute difference of output and input, in the style's unit;
          "class_offset": mean distance of the outputs from the mean of the class they show, in the class's deviations;
            0 if outputs are, on average, like real members;
          "class_spread": the outputs' deviation around it over the class's; 1 is as varied as real members.
    """
    report: dict[str, dict[str, float]] = {}
    if len(made) < _FEWEST:
        return report
    own = (made - class_mean[made_kinds]) / class_std[made_kinds]
    theirs = (given - class_mean[given_kinds]) / class_std[given_kinds]
    for name in REPORTED:
        column = STYLE_NAMES.index(name)
        output, source = own[:, column], theirs[:, column]
        varied = min(output.std(), source.std()) > 1e-4
        report[name] = {
            "correlation": float(np.corrcoef(output, source)[0, 1]) if varied else 0.0,
            "difference": float(np.abs(made[:, column] - given[:, column]).mean()),
            "class_offset": float(output.mean()),
            "class_spread": float(output.std()),
        }
    return report
