"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from cluster.dashboard.pages import numbers


def plain(text: str) -> str:
    return (
        text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (0.0, "0"),
        (0.18573, "0.186"),
        (-1.0, "-1.00"),
        (9.999, "10.0"),
        (999.6, "1000"),
        (4961, "4 961"),
        (3510.4, "3 510"),
        (12_345, "12.3 k"),
        (999_900, "1.00 M"),
        (3_175_040, "3.18 M"),
        (2.5e9, "2.50 G"),
        (1.51e-5, "1.51e-5"),
        (1e-4, "1e-4"),
        (math.nan, "\N{EN DASH}"),
        (None, "\N{EN DASH}"),
        ("text", "\N{EN DASH}"),
    ],
)
def test_number(value: object, text: str) -> None:
    assert plain(numbers.number(value)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (900, "15 min"),
        (5400, "1 h 30 min"),
        (7200, "2 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert plain(numbers.duration(seconds)) == text


def test_times_sizes_and_shares() -> None:
    assert numbers.ago(100.0, now=101.0) == "just now"
    assert plain(numbers.ago(100.0, now=400.0)) == "5 min ago"
    assert plain(numbers.ago(0.0, now=3.2 * 3600)) == "3 h ago"
    assert plain(numbers.ago(0.0, now=2.9 * 24 * 3600)) == "2 d ago"
    assert numbers.clock(0) == "1970-01-01 00:00:00"
    assert plain(numbers.size(1_400_000)) == "1.40 MB"
    assert plain(numbers.size(12)) == "12 B"
    assert plain(numbers.percent(0.256)) == "26 %"
    assert {numbers.clock(None), numbers.size(None), numbers.percent(math.inf)} == {numbers.MISSING}
