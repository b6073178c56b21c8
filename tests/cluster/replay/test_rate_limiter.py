"""The proportion of samples to inserts holds, whoever is faster."""

from __future__ import annotations

import random

import pytest

from cluster.replay.rate_limiter import SampleToInsertLimiter


@pytest.mark.parametrize("eager", [0.1, 0.9])
def test_both_wait_for_each_other(eager: float) -> None:
    """``eager``: how often the actors get to ask. Orders of 64 inserts and 4096 samples."""
    limiter = SampleToInsertLimiter(32.0, 512, 1000)
    chance = random.Random(0)
    refused = [0, 0]
    for _ in range(20_000):
        if chance.random() < eager:
            if limiter.may_insert(64):
                limiter.inserted += 64
            else:
                refused[0] += 1
        elif limiter.may_sample(4096):
            limiter.sampled += 4096
        else:
            refused[1] += 1
        assert -512 <= limiter.ahead <= 512 or limiter.sampled == 0
    assert limiter.sampled / (limiter.inserted - 1000) == pytest.approx(32.0, rel=0.05)
    assert refused[0 if eager > 0.5 else 1] > 0
    assert limiter.inserted > 10_000


def test_nothing_is_sampled_before_the_warm_up() -> None:
    for ratio in (0.0, 8.0):
        limiter = SampleToInsertLimiter(ratio, 10, 100)
        limiter.inserted = 99
        assert not limiter.may_sample(1)
        assert limiter.may_insert(1000)
        limiter.inserted = 100
        assert limiter.may_sample(1)


def test_what_is_on_its_way_counts() -> None:
    limiter = SampleToInsertLimiter(1.0, 100, 0)
    assert limiter.may_insert(50, 50)
    assert not limiter.may_insert(50, 51)


def test_it_never_locks() -> None:
    """Orders larger than the slack: one of the two may always go on."""
    limiter = SampleToInsertLimiter(4.0, 1, 10)
    for _ in range(1000):
        insert, sample = limiter.may_insert(300), limiter.may_sample(5000)
        assert insert or sample
        if insert:
            limiter.inserted += 300
        else:
            limiter.sampled += 5000


def test_without_a_ratio_both_go() -> None:
    limiter = SampleToInsertLimiter(0.0, 1, 0)
    limiter.inserted, limiter.sampled = 5, 10**9
    assert limiter.may_insert(10**6)
    assert limiter.may_sample(10**6)
