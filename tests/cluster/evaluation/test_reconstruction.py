"""Distances between paintings and their targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cluster.evaluation.judge import Judge, JudgeNetwork
from cluster.evaluation.reconstruction import as_row, measure_reconstruction, perceptual_distance, pixel_l2

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 32, 32, 1)).astype(np.uint8)
WHITE = np.full_like(IMAGES, 255)


@pytest.fixture(scope="module")
def judge() -> Judge:
    torch.manual_seed(0)
    return Judge(JudgeNetwork().eval(), 1.0, "test")


def test_pixels() -> None:
    black = np.zeros_like(IMAGES)
    assert pixel_l2(black, WHITE) == 1.0
    assert pixel_l2(IMAGES, IMAGES) == 0.0
    half = black.copy()
    half[:, :16] = 255
    assert pixel_l2(half, WHITE) == pytest.approx(0.5)


def test_the_perceptual_distance_is_nothing_for_equal_images_and_grows_with_noise(judge: Judge) -> None:
    assert perceptual_distance(IMAGES, IMAGES, judge) == 0
    little, much = (np.clip(IMAGES + RNG.normal(0, size, IMAGES.shape), 0, 255).astype(np.uint8) for size in (10, 60))
    assert 0 < perceptual_distance(IMAGES, little, judge) < perceptual_distance(IMAGES, much, judge) <= 12
    assert perceptual_distance(IMAGES, WHITE, judge) == pytest.approx(perceptual_distance(WHITE, IMAGES, judge))


def test_what_can_not_be_measured_is_none(judge: Judge) -> None:
    plain = measure_reconstruction(IMAGES, IMAGES)
    assert (plain["l2"], plain["perceptual"], plain["judge_accuracy"]) == (0, None, None)
    assert plain["blank_l2"] == pytest.approx(pixel_l2(WHITE, IMAGES))
    _, probabilities = judge.features_and_probabilities(IMAGES)
    read = probabilities.argmax(1)
    right = measure_reconstruction(IMAGES, IMAGES, judge, read)
    assert right["judge_accuracy"] == 1.0
    wrong = measure_reconstruction(IMAGES, IMAGES, judge, np.where(np.arange(6) < 3, read, (read + 1) % 10))
    assert wrong["judge_accuracy"] == 0.5
    assert as_row(plain) == f"L2 0.0000, L2 of a blank canvas {plain['blank_l2']:.4f}"
    assert "read right 1.0000" in as_row(right)
