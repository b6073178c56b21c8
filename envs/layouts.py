"""Splits and classes of pictures, told from the names of their folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")
Folder = tuple[str, ...]

_ENDING = r"([ _-]?(set|data|images?|imgs?|pictures?))?[ _-]?\d*"
_ROLES = {
    "train": re.compile(r"train(ing)?" + _ENDING, re.IGNORECASE),
    "test": re.compile(r"test(ing)?" + _ENDING, re.IGNORECASE),
    "valid": re.compile(r"(val|valid|validation|dev|eval|evaluation)" + _ENDING, re.IGNORECASE),
}
_HOLD_OUT_EVERY = 10


@dataclass(frozen=True)
class Layout:
    """The pictures of each split, and their classes.

    Attributes:
        train: names of the pictures to learn from, in order.
        test: names of the held-out pictures, in order.
        how: the rule that divided them, in a few words.
        left_out: names of pictures that are in neither split.
        classes: class of each picture of the two splits; empty if their folders name no classes.
        unclassed: names of pictures that lie beside two or more folders; without these the folders would be classes.
        held_out: whether every tenth picture was held out, as no splits of its own divide them.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    how: str
    left_out: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    unclassed: tuple[str, ...] = ()
    held_out: bool = False

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, sorted; empty without classes."""
        return tuple(sorted(set(self.classes.values())))

    def of(self, split: Split) -> tuple[str, ...]:
        """Names of the pictures of a split."""
        return self.train if split == "train" else self.test

    def count(self, split: Split) -> Counter[str]:
        """Number of pictures of a split by class; empty without classes."""
        return Counter(self.classes[name] for name in self.of(split) if name in self.classes)


def lay_out(names: Sequence[str], *, by_class: bool = False) -> Layout:
    """Tell splits and classes from the names of folders.

    A folder that holds everything else is looked into. If some pictures are in a folder called `train` and others in
    one called `test`, these are the splits, at any depth. `Train`, `training`, `test2017` and the like count as well,
    and so does `val` or `validation` if there is no `test`; pictures elsewhere are left out. Otherwise every tenth
    picture in the order of names is held out as "test", so that a set can be judged on pictures that were not learned.

    Pictures have classes if each is in a folder (below that of its split) and there are two such folders at least; the
    outermost ones are the classes.

    Args:
        names: paths of pictures with forward slashes.
        by_class: order each split by class, then name, and hold out every tenth picture of each class.
    """
    ordered = sorted(names)
    folders = unwrapped({name: PurePosixPath(name).parts[:-1] for name in ordered})
    roles = {name: _role(folder) for name, folder in folders.items()}
    present = {role for role, _ in roles.values()}
    held_out = next((role for role in ("test", "valid") if role in present), "")
    divided = "train" in present and bool(held_out)
    used = [name for name in ordered if not divided or roles[name][0] in ("train", held_out)]
    inner = folders
    if divided:
        inner = unwrapped({name: _without(folders[name], roles[name][1]) for name in used})
    classes, unclassed = _classes(inner)
    if by_class and classes:
        used.sort(key=lambda name: (classes[name], name))
    train: Sequence[str]
    test: Sequence[str]
    if divided:
        train = [name for name in used if roles[name][0] == "train"]
        test = [name for name in used if roles[name][0] == held_out]
        how = "folders {} and {}".format(*(folders[part[0]][roles[part[0]][1]] for part in (train, test)))
    else:
        train, test = hold_out(used, classes if by_class else {})
        how = "every tenth picture is held out"
    left_out = tuple(name for name in ordered if name not in inner)
    return Layout(tuple(train), tuple(test), how, left_out, classes, unclassed, held_out=not divided)


def hold_out(names: Sequence[str], classes: Mapping[str, str]) -> tuple[Sequence[str], Sequence[str]]:
    """Divide names: every tenth, of each class if there are classes, is held out.

    Returns:
        Names to learn from, and held-out ones, both in the order of `names`.
    """
    seen: Counter[str] = Counter()
    train: list[str] = []
    test: list[str] = []
    for name in names:
        kind = classes.get(name, "")
        seen[kind] += 1
        (train if seen[kind] % _HOLD_OUT_EVERY else test).append(name)
    return train, test


def unwrapped(folders: dict[str, Folder]) -> dict[str, Folder]:
    """Folders of pictures without the outer ones that all of them share."""
    first, last = min(folders.values(), default=()), max(folders.values(), default=())
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    return {name: folder[shared:] for name, folder in folders.items()}


def _role(folder: Folder) -> tuple[str, int]:
    """Role of the outermost folder that has one, and its depth; "" if none has."""
    for depth, part in enumerate(folder):
        for role, pattern in _ROLES.items():
            if pattern.fullmatch(part):
                return role, depth
    return "", 0


def _without(folder: Folder, depth: int) -> Folder:
    return (*folder[:depth], *folder[depth + 1 :])


def _classes(folders: dict[str, Folder]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Class of each picture by its outermost folder, and, if there are no classes, pictures beside such folders."""
    kinds = {folder[0] for folder in folders.values() if folder}
    if len(kinds) < 2:
        return {}, ()
    loose = tuple(name for name, folder in folders.items() if not folder)
    return ({}, loose) if loose else ({name: folder[0] for name, folder in folders.items()}, ())
