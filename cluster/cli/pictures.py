"""Commands about pictures and the agents that ship: paint, agents."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.cli.arguments.pictures import DEFAULT_SIZE, Agents, Paint
from cluster.errors import UserError
from cluster.painter.pictures.paint import PaintOptions, paint_again, paint_pictures
from cluster.runs.agents import agent_names, read_card


def paint(chosen: Paint) -> int:
    """Run `impasto paint`."""
    out = Path(chosen.out)
    if chosen.from_strokes:
        return paint_again(Path(chosen.from_strokes), out, chosen.size, chosen.formats)
    options = PaintOptions(
        chosen.agent,
        chosen.strokes,
        chosen.k,
        chosen.brush,
        chosen.size or DEFAULT_SIZE,
        chosen.palette,
        chosen.seed,
        chosen.formats,
    )
    return paint_pictures([Path(image) for image in chosen.images], out, options)


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
