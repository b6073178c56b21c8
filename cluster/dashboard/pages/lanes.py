"""Lineage lanes: the geometry of a population's history, as SVG (x environment steps, y members)."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.dashboard.pages.numbers import number, whole
from cluster.dashboard.readers.populations import Population
from cluster.population.lineage.ancestry import Branch

LEFT, RIGHT, TOP, LANE, BOTTOM = 92.0, 84.0, 14.0, 44.0, 34.0
# Colors of founding ancestors (style.css has them for light and dark); beyond, they come again, dashed.
COLORS = 8


@dataclass(frozen=True)
class Segment:
    """One branch on its lane.

    Attributes:
        branch: what is drawn.
        x0, x1, y: ends and height, in pixels.
        live: x up to which a branch that trains now descends from it; x0 if none does.
        current: whether its member trains it now.
        color: 0 to COLORS - 1, by founding ancestor.
        dashed: whether colors have come round.
        arrow: path from the donor's lane; empty for a founder's.
        label: what a screen reader says.
    """

    branch: Branch
    x0: float
    x1: float
    y: float
    live: float
    current: bool
    color: int
    dashed: bool
    arrow: str
    label: str


@dataclass(frozen=True)
class Lanes:
    """The whole drawing: its size, segments, (y, member) of lanes, (x, text) of ticks, and pixels per step."""

    width: float
    height: float
    segments: list[Segment]
    lanes: list[tuple[float, int]]
    ticks: list[tuple[float, str]]
    scale: float


def draw(population: Population, width: float = 1080.0) -> Lanes:
    """Lay out all branches of a population."""
    members = population.numbers
    place = {member: row for row, member in enumerate(members)}
    last = max((branch.end for branch in population.branches.values()), default=0.0) or 1.0
    founders = {founder: row for row, founder in enumerate(population.founders)}

    scale = (width - LEFT - RIGHT) / last

    def x(steps: float) -> float:
        return round(LEFT + scale * steps, 1)

    def y(member: int) -> float:
        return TOP + LANE * (place[member] + 0.5)

    segments = []
    for branch in population.branches.values():
        x0, x1, height = x(branch.start), x(branch.end), y(branch.member)
        arrow = ""
        if branch.donor is not None and branch.donor in place and branch.donor != branch.member:
            source = y(branch.donor)
            toward = 1 if height > source else -1
            arrow = f"M{x0} {source + toward * 4:g}L{x0} {height - toward * 9:g}"
        row = founders[branch.founder]
        live = min(x1, x(population.useful[branch.number])) if population.lives_on(branch) else x0
        current = population.current[branch.member] is branch
        fate = "trains now" if current else ("lives on in others" if live > x0 else "died out")
        label = f"{describe(branch)}; {fate}"
        segments.append(Segment(branch, x0, x1, height, live, current, row % COLORS, row >= COLORS, arrow, label))
    height = TOP + LANE * max(1, len(members)) + BOTTOM
    ticks = [(x(value), number(value) if value else "0") for value in round_steps(last)]
    return Lanes(width, height, segments, [(y(member), member) for member in members], ticks, scale)


def describe(branch: Branch) -> str:
    """One sentence about a branch."""
    origin = f"copied from member {branch.donor}" if branch.donor is not None else "founder"
    values = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in branch.values.items())
    return (
        f"Branch {branch.number}, member {branch.member}, {origin}, "
        f"steps {whole(branch.start)} to {whole(branch.end)}, {values}"
    )


def round_steps(last: float) -> list[float]:
    """Ticks at multiples of 1, 2 or 5 times a power of ten, from 0 to `last`; at most nine."""
    step = 1.0
    while last / step > 8:
        for factor in (2.0, 2.5, 2.0):
            step *= factor
            if last / step <= 8:
                break
    return [step * count for count in range(int(last / step) + 1)]
