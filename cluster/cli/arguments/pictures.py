"""Arguments of the commands about pictures and the agents that ship: paint, agents, pack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Interval

from cluster.cli.parse import Positional
from cluster.painter.pictures.formats import FORMATS, SvgKind
from envs.large_canvas import LARGEST
from envs.ranges import Count, Natural, Positive, check_ranges
from learners.search_settings import CLIMB

DEFAULT_SIZE = 1024


@dataclass(frozen=True)
class Paint:
    """Paint pictures, stroke by stroke: the whole picture first, then enlarged windows where the error is.

    For each stroke `--k` candidates are painted, the best of them is varied until that helps no more (`--climb`), and
    what came out stays. An agent proposes them; `--agent none` is the search alone. `--from strokes.json --size 4096`
    paints the strokes of an earlier painting again, larger.

    Attributes:
        images: Pictures of any kind and size.
        out: Folder for the paintings.
        agent: Name of an agent (see `impasto agents`), folder of a run of the preset search in color, or `none`.
        strokes: Strokes of a painting. More show more detail.
        k: Candidates for each stroke. More paint better and take longer.
        climb: Variations in a row without gain after which a stroke stays; needs `--k` of 2 or more. More paint better
            and take longer; 0 varies each stroke once, which takes half of the time of 20; usual: 0 to 100.
        brush: Name or file of a libmypaint brush; the agent's own if not given.
        size: Pixels of the longer side of the painting; 0 is 1024, or, with `--from`, as it was painted.
        palette: Colors to paint with: separated by commas, or a file with one a line, as of GIMP.
        seed: Seed of everything drawn at random.
        temperature: Of the agent's strokes. Higher tries more different ones, lower more of the likelier ones; usual:
            0.3 to 1.
        formats: Files to write: png, json (the strokes), svg, gif, mp4, ora (layers for Krita, MyPaint and GIMP).
        svg: What the SVG has a shape for: strokes (small, for opaque brushes near to the painting) or every one of the
            brush's dabs (like the painting, megabytes); dabs asks for the format svg, too.
        from_strokes: File of strokes to paint again; `--from` is short for it.
        open: Show the painting in the browser when it is painted: each moment, and where each stroke was searched. The
            dashboard of `--out` is served on 127.0.0.1 until Ctrl-C.
    """

    aliases: ClassVar = {"from": "from-strokes"}

    images: Positional[tuple[str, ...]] = ()
    out: str = "paintings"
    agent: str = "pictures"
    strokes: Count = 5000
    k: Count = 16
    climb: Natural = CLIMB
    brush: str = ""
    size: Annotated[int, Interval(ge=0, le=LARGEST)] = 0
    palette: str = ""
    seed: Natural = 0
    temperature: Positive = 0.4
    formats: tuple[str, ...] = ("png", "json")
    svg: SvgKind = "strokes"
    from_strokes: str = ""
    open: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
        words = tuple(part for word in self.formats for part in word.split(",") if part)
        if self.svg == "dabs" and "svg" not in words:
            words += ("svg",)
        object.__setattr__(self, "formats", words)
        for word in words:
            if word not in FORMATS:
                raise ValueError(f"formats: unknown {word!r}; valid are {', '.join(FORMATS)}")
        if self.open and "json" not in self.formats:
            raise ValueError("open: shows the strokes of a painting; leave json among --formats")
        if bool(self.images) == bool(self.from_strokes):
            raise ValueError("images: give pictures to paint, or --from and the strokes of a painting")


@dataclass(frozen=True)
class Agents:
    """List the agents that ship with the package, with what each was trained on and how well it paints.

    Attributes:
        name: Agent whose card is printed whole, as JSON; all in short if not given.
    """

    name: Positional[str] = ""


@dataclass(frozen=True)
class Pack:
    """Pack a run as an agent: networks of its newest checkpoint in half precision, its settings, and a card.

    The agent's folder serves wherever a run's does; in `--out`'s default it ships with the package under its name.

    Attributes:
        run: Folder of the run.
        agent: Name of the agent.
        card: JSON file with the texts about, data, data_license, license, command and commit, and figures, a list of
            objects with what, value and command.
        out: Folder for the agent's; that of the agents that ship if not given.
        replace: Write over an agent of this name.
        best: Take the checkpoint that did best while training (lowest pixel Fréchet distance, or nearest to its
            targets) instead of the newest.
    """

    run: Positional[str]
    agent: str = ""
    card: str = ""
    out: str = ""
    replace: bool = False
    best: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.agent):
            raise ValueError(f"agent: expected a name of small letters, digits and hyphens, got {self.agent!r}")
        if not self.card:
            raise ValueError("card: expected a JSON file, got none; `impasto agents digits-target` prints one")
