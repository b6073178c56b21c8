"""Files that a submitted command names and that do not travel with the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.cli.job_submission import check_upload
from cluster.cli.submitted_paths import left_behind


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a folder that travels and one that does not, in which the user stands."""
    folder = tmp_path / "checkout"
    for name in ("pets/a.png", "runs/one/config.json", "cluster/x.py"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("x")
    (folder / ".rayignore").write_text("/runs/\n")
    (tmp_path / "faces.zip").write_text("x")
    monkeypatch.chdir(folder)
    return folder


def sentences(checkout: Path, *words: str) -> list[str]:
    return left_behind(words, checkout, check_upload(checkout, 1).names)


def test_paths_that_travel_and_words_that_are_no_paths_need_no_word(checkout: Path) -> None:
    assert sentences(checkout, "train", "pets", "--run", "s3://bucket/run", "--minutes", "5") == []
    assert sentences(checkout, "train", "pets/a.png", "--seed=3", "a" * 5000, "") == []
    assert sentences(checkout, "cluster") == []  # the command's own name


@pytest.mark.parametrize("form", ["../faces.zip", "--data={outside}", "{outside}"])
def test_a_path_outside_the_checkout_is_named(checkout: Path, form: str) -> None:
    (line,) = sentences(checkout, "train", form.format(outside=checkout.parent / "faces.zip"))
    assert "faces.zip is on this machine only, outside the checkout" in line


def test_a_path_that_is_not_uploaded_is_named(checkout: Path) -> None:
    (line,) = sentences(checkout, "resume", "runs/one")
    assert line.startswith("runs/one is on this machine only: .gitignore or .rayignore")


def test_a_path_that_the_job_has_under_another_name(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = sentences(checkout, "train", str(checkout / "pets"))
    assert line.endswith("give pets")
    monkeypatch.chdir(checkout / "pets")
    (line,) = sentences(checkout, "train", "a.png")
    assert line.endswith("give pets/a.png")
