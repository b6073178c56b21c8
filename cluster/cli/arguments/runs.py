"""Arguments of the commands that work on what is trained: resume, sample, evaluate, translate, lineage, search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cluster.cli.parse import Positional, numbers
from envs.ranges import Count, Natural, NotNegative, check_ranges
from learners.search_settings import CLIMB

SEARCH_METHODS = ("best", "drawn", "beam")
"""Those of `cluster.painter.search.search_run`, which takes torch to import."""


@dataclass(frozen=True)
class Resume:
    """Go on with a run from its last intact checkpoint, or with a whole population.

    Attributes:
        run: Folder of the run or population, or a run's address on shared storage.
        minutes: New total training time in minutes; 0 keeps the run's.
        steps: New total of environment steps; 0 keeps the run's.
        actors: New number of actors; 0 keeps the run's.
        redis: URL of a shared Redis, needed again where it has a password; empty keeps the run's.
        data_dir: Folder with data sets; empty keeps the run's.
        address: Ray cluster to join.
        trust_task: Confirm the run's own task, code that you have read, on this machine; needed once for a run that
            began elsewhere.
    """

    changeable: ClassVar = ("minutes", "steps", "actors", "redis", "data_dir")

    run: Positional[str]
    minutes: NotNegative = 0.0
    steps: Natural = 0
    actors: Natural = 0
    redis: str = ""
    data_dir: str = ""
    address: str = ""
    trust_task: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Sample:
    """Paint with a run's newest checkpoint: contact sheet, animated painting, actions.

    Attributes:
        run: Folder of the run.
        out: Folder for the pictures; the run's `samples` if not given.
        count: Paintings on the sheet.
        seed: Seed of noise and action sampling.
        best: Take the checkpoint that did best while training (lowest pixel Fréchet distance, or nearest to its
            targets) instead of the newest.
    """

    run: Positional[str]
    out: str = ""
    count: Count = 120
    seed: Natural = 0
    best: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Evaluate:
    """Have an independent judge compare a run's paintings with real images, or read a run's translations.

    Of a run of the preset search: its policy alone, the best of K of its strokes, and of K strokes without it.

    Attributes:
        run: Folder of the run, or name of an agent.
        json: Print JSON instead of a table.
        count: Paintings, and as many test images, or test images to translate; 0 is the number to publish: 2000
            paintings of digits, 1000 of other data (with a search 500 of characters, 100 of others), all test images.
        data: Other pictures to measure on than the run's: name of a data set, or a folder or zip of images. A run that
            searches reproduces all of them, or those of a folder test; others every tenth, or those of a folder test.
        k: Values of K for a run that searches, with commas between them. More find better strokes and take longer.
        climb: Of a run that searches, also measure the best of 16, or of the largest K, varied until so many variations
            in a row gain nothing. More find better strokes and take longer; 0: not measured; usual: 0 to 100.
        faces: Of a run that searches, also tell in how many of its paintings a detector finds a face, and how far an
            embedding of identities takes it from the target's; needs the extra `faces`, and takes minutes.
        data_dir: Folder with data sets that are there already.
        best: Take the checkpoint that did best while training (lowest pixel Fréchet distance, or nearest to its
            targets) instead of the newest.
        baselines: Also train and measure the baselines of a run in the latent world; takes minutes.
        trust_task: Confirm the run's own task, code that you have read, on this machine; needed once for a run that
            began elsewhere.
    """

    run: Positional[str]
    json: bool = False
    count: Natural = 0
    data: str = ""
    k: str = "4,16,64"
    climb: Natural = CLIMB
    faces: bool = False
    data_dir: str = ""
    best: bool = False
    baselines: bool = False
    trust_task: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
        for k in self.widths:
            if k < 1:
                raise ValueError(f"k: expected numbers from 1 on, got {k}")

    @property
    def widths(self) -> tuple[int, ...]:
        """The values of K."""
        return numbers("k", self.k)


@dataclass(frozen=True)
class Translate:
    """Translate images with a trained agent: the digit that a task makes of each, in its hand.

    Each image is brought to the training data's polarity, size and center first, as MNIST's authors did. One
    that can not be read, or can not be a digit, is named and left out.

    Attributes:
        images: Files.
        run: Folder of the run.
        task: Task to do, one of those that the run was trained for; its only one if not given.
        out: Folder for the results, `NAME-TASK.png`.
        fit: Bring images to the form of the training data; if not, they must have its size, mode and background.
        best: Take the checkpoint of highest score, on held-out training images, instead of the newest.
        trust_task: Confirm the run's own task, code that you have read, on this machine; needed once for a run that
            began elsewhere.
    """

    images: Positional[tuple[str, ...]] = ()
    run: str = ""
    task: str = ""
    out: str = "translated"
    fit: bool = True
    best: bool = False
    trust_task: bool = False

    def __post_init__(self) -> None:
        if not self.run:
            raise ValueError("run: expected the folder of a run of `impasto train latent`, got none")
        if not self.images:
            raise ValueError("images: expected at least one file, got none")


@dataclass(frozen=True)
class Lineage:
    """Print the ancestry of a population's best member, and the schedule of settings that its weights lived through.

    Attributes:
        run: Folder of the population.
        json: Print JSON instead of a table.
        against: Folder of another population (one with `--exploit none`, say): compare this one's best member with the
            other's median at the same steps instead.
        svg: With `--against`: file for a picture of both.
        export: Folder of a new run that the best member becomes, for `impasto sample`, `evaluate` and `resume`.
    """

    run: Positional[str]
    json: bool = False
    against: str = ""
    svg: str = ""
    export: str = ""

    def __post_init__(self) -> None:
        if self.svg and not self.against:
            raise ValueError("svg: it draws a comparison; give --against the other population")
        if self.export and self.against:
            raise ValueError("export: it is of one population; leave --against out")


@dataclass(frozen=True)
class Search:
    """Paint with a run's newest checkpoint, trying K paintings (or strokes) for each one kept.

    Attributes:
        run: Folder of the run.
        k: Values of K, with commas between them; 1 is the policy itself, others are even. More find better paintings
            and take K times as long; 4 to 64 are usual.
        methods: Ways to search, with commas between them. `best`: the painting of highest score; `drawn`: one of K by
            chance, likelier the higher its score, which keeps the variety of free paintings; `beam`: strokes.
        count: Pictures for each value.
        seed: Seed of noise, action sampling and targets.
        json: Print JSON instead of a table.
        data_dir: Folder with data sets that are there already.
        best: Take the checkpoint of best quality instead of the newest.
    """

    run: Positional[str]
    k: str = "1,4,16"
    methods: str = "best,drawn,beam"
    count: Count = 64
    seed: Natural = 0
    json: bool = False
    data_dir: str = ""
    best: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
        for method in self.chosen_methods:
            if method not in SEARCH_METHODS:
                raise ValueError(f"methods: unknown {method!r}; valid are {', '.join(SEARCH_METHODS)}")
        for k in self.widths:
            if k != 1 and (k < 2 or k % 2):
                raise ValueError(f"k: expected 1 or even numbers (the beam goes on two ways from each canvas), got {k}")

    @property
    def widths(self) -> tuple[int, ...]:
        """The values of K."""
        return numbers("k", self.k)

    @property
    def chosen_methods(self) -> tuple[str, ...]:
        """The methods."""
        return tuple(self.methods.split(","))
