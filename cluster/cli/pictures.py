"""Commands about pictures and the agents that ship: paint, agents, pack."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.cli.arguments.pictures import DEFAULT_SIZE, Agents, Pack, Paint
from cluster.cli.stored import stored
from cluster.cli.theatre import open_theatre
from cluster.errors import UserError
from cluster.painter.pictures.paint import INTERRUPTED, PaintOptions, paint_again, paint_pictures
from cluster.runs.agents import SHIPPED, agent_names, check_card, read_card
from cluster.runs.packing import pack as pack_agent


def paint(chosen: Paint) -> int:
    """Run `impasto paint`."""
    out = Path(chosen.out)
    if chosen.open and (out / "config.json").is_file():
        raise UserError(f"--open: {out} is a run's folder, and is shown as one: give --out another")
    written: list[Path] = []
    status = paint_or_repaint(chosen, out, written)
    strokes = [path for path in written if path.suffix == ".json"]
    if chosen.open and strokes and status != INTERRUPTED:
        open_theatre(out, strokes[0])
    return status


def paint_or_repaint(chosen: Paint, out: Path, written: list[Path]) -> int:
    """Paint pictures, or strokes again; the files' paths are added to `written`."""
    if chosen.from_strokes:
        return paint_again(Path(chosen.from_strokes), out, chosen.size, chosen.formats, written, chosen.svg)
    options = PaintOptions(
        chosen.agent,
        chosen.strokes,
        chosen.k,
        chosen.climb,
        chosen.brush,
        chosen.size or DEFAULT_SIZE,
        chosen.palette,
        chosen.seed,
        chosen.temperature,
        chosen.formats,
        chosen.svg,
    )
    return paint_pictures([Path(image) for image in chosen.images], out, options, written)


def agents(chosen: Agents) -> int:
    """Run `impasto agents`."""
    if chosen.name:
        if chosen.name not in agent_names():
            raise UserError(f"agents: no agent {chosen.name!r}; there are {', '.join(agent_names()) or 'none'}")
        print(json.dumps(read_card(chosen.name), indent=2))
        return 0
    for name in agent_names():
        card = read_card(name)
        print(f"{name:<16}{card['about']}")
    return 0


def pack(chosen: Pack) -> int:
    """Run `impasto pack`."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    try:
        card = json.loads(Path(chosen.card).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"--card {chosen.card}: can not be read as JSON: {error}") from error
    out = (Path(chosen.out) if chosen.out else SHIPPED) / chosen.agent
    made = pack_agent(folder.path, checkpoint, check_card(card, chosen.card), out, replace=chosen.replace)
    size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
    print(f"{made}: update {checkpoint.update}, {size / 1e6:.1f} MB")
    return 0
