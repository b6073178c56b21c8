"""The judge of faces: what it measures, and what is said without its extra."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.evaluation.faces import FaceJudge


class BrightnessJudge(FaceJudge):
    """Takes bright pictures for faces, and their means for identities."""

    def __init__(self) -> None:
        pass

    def find(self, image: NDArray[np.uint8]) -> Any | None:
        return "here" if image.mean() > 100 else None

    def identity(self, image: NDArray[np.uint8], place: Any) -> NDArray[np.float64]:
        assert place == "here"
        return np.array([image.mean() / 100])


def pictures(*brightness: int) -> NDArray[np.uint8]:
    return np.stack([np.full((8, 8, 3), value, np.uint8) for value in brightness])


def test_only_pictures_with_a_face_count() -> None:
    judge = BrightnessJudge()
    targets = judge.targets(pictures(200, 0, 120, 240))
    assert sorted(targets) == [0, 2, 3]
    found = judge.measure(pictures(210, 255, 50, 240), targets)
    assert found["face_found"] == pytest.approx(2 / 3)
    assert found["identity_distance"] == pytest.approx((0.1 + 0.7 + 0.0) / 3)
    assert found["identity_distance_others"] == pytest.approx((0.3 + 1.5 + 1.2) / 3)
    with pytest.raises(UserError, match="finds none"):
        judge.targets(pictures(0))


def test_without_the_extra_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^faces: .*impasto\[faces\]"):
        FaceJudge()


def test_a_plain_picture_holds_no_face() -> None:
    if importlib.util.find_spec("dlib") is None:
        pytest.skip("the extra `faces` is not installed")
    assert FaceJudge().find(np.full((64, 64, 3), 128, np.uint8)) is None
