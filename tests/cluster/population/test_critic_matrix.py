"""The rank correlation between fitness and the members' own discriminators."""

from __future__ import annotations

import pytest

from cluster.population.critic_matrix import rank_correlation


@pytest.mark.parametrize(
    ("fitness", "scores", "expected"),
    [
        ([1.0, 2.0, 30.0], [0.1, 0.2, 0.3], 1.0),
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], -1.0),
        ([1.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], 0.9486833),  # equals share the mean of their ranks
        ([1.0, 2.0], [1.0, 2.0], None),
        ([1.0, None, 2.0], [1.0, 2.0, 3.0], None),
        ([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], None),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], None),
    ],
)
def test_it_is_spearmans_where_there_is_something_to_rank(
    fitness: list[float | None], scores: list[float], expected: float | None
) -> None:
    found = rank_correlation(fitness, scores)
    assert found == (None if expected is None else pytest.approx(expected))
