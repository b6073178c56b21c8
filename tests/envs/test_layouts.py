"""Splits and classes by the names of folders, as people name them."""

import pytest

from envs.layouts import lay_out

TRAIN = [f"train/a{i:02}.png" for i in range(20)]
TEST = [f"test/b{i:02}.png" for i in range(5)]


def renamed(train: str, test: str, outer: str = "") -> list[str]:
    return [outer + name.replace("train", train, 1).replace("test", test, 1) for name in TRAIN + TEST]


@pytest.mark.parametrize(
    ("train", "test", "outer"),
    [
        ("train", "test", ""),
        ("train", "test", "pets/"),
        ("train", "test", "a/b/"),
        ("Train", "Test", ""),
        ("TRAINING", "testing", ""),
        ("train", "val", ""),
        ("train", "valid", "set/"),
        ("train", "validation", ""),
        ("train2017", "val2017", "images/"),
        ("train_images", "test-images", ""),
        ("trainset", "testset", ""),
    ],
)
def test_folders_that_name_the_splits(train: str, test: str, outer: str) -> None:
    names = renamed(train, test, outer)
    layout = lay_out(names[::-1])
    assert layout.train == tuple(names[:20])
    assert layout.test == tuple(names[20:])
    assert layout.how == f"folders {train} and {test}"
    assert not layout.held_out
    assert not layout.left_out
    assert not layout.classes


def test_splits_below_other_folders() -> None:
    names = [f"{kind}/{split}/{i}.png" for kind in ("cat", "dog") for split in ("train", "test") for i in range(2)]
    layout = lay_out(names, by_class=True)
    assert layout.train == ("cat/train/0.png", "cat/train/1.png", "dog/train/0.png", "dog/train/1.png")
    assert layout.count("test") == {"cat": 2, "dog": 2}


def test_a_validation_set_beside_a_test_set_is_left_out() -> None:
    layout = lay_out([*TRAIN, *TEST, "valid/c.png", "cover.png"])
    assert (len(layout.train), len(layout.test)) == (20, 5)
    assert layout.left_out == ("cover.png", "valid/c.png")


@pytest.mark.parametrize("names", [TRAIN, ["x/" + name for name in TRAIN], [name.split("/")[1] for name in TRAIN]])
def test_without_a_counterpart_every_tenth_is_held_out(names: list[str]) -> None:
    layout = lay_out(names)
    assert layout.test == (names[9], names[19])
    assert layout.train == tuple(name for name in names if name not in layout.test)
    assert layout.how == "every tenth picture is held out"
    assert layout.held_out


def test_words_that_only_begin_like_a_split_are_none() -> None:
    assert lay_out(["trains/a.png", "testimony/b.png"]).class_names == ("testimony", "trains")
    assert lay_out(["train/a.png", "bus/b.png"]).class_names == ("bus", "train")  # the vehicle


@pytest.mark.parametrize("outer", ["", "data/", "train/"])
def test_every_tenth_of_each_class(outer: str) -> None:
    names = [f"{outer}{kind}/{i:02}.png" for kind in ("a", "a b", "c") for i in range(15)]
    layout = lay_out(names, by_class=True)
    assert layout.class_names == ("a", "a b", "c")
    assert layout.test == tuple(f"{outer}{kind}/09.png" for kind in ("a", "a b", "c"))
    assert [layout.classes[name] for name in layout.train] == ["a"] * 14 + ["a b"] * 14 + ["c"] * 14
    flat = lay_out(names)  # in the order of names, without regard to classes
    assert flat.test == tuple(sorted(names)[9::10])


@pytest.mark.parametrize("outer", ["", "set/"])
def test_classes_of_named_splits(outer: str) -> None:
    names = [f"{outer}{split}/{kind}/deep/{i}.png" for split in ("train", "test") for kind in "ab" for i in range(3)]
    layout = lay_out(names, by_class=True)
    assert layout.class_names == ("a", "b")
    assert layout.count("train") == layout.count("test") == {"a": 3, "b": 3}


def test_pictures_beside_class_folders_are_told() -> None:
    layout = lay_out(["a/1.png", "b/1.png", "cover.png"])
    assert layout.class_names == ()
    assert layout.unclassed == ("cover.png",)
    assert lay_out(["a/1.png", "cover.png"]).unclassed == ()
