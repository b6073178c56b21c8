"""A policy that reproduces drawings with lines of a pen: a stroke's start, end and control are places anywhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.choice import Choice, Decisions
from learners.networks.eyes import LOOK, WIDTHS, Seen
from learners.networks.heads import FullLinear
from learners.networks.reproducing import ReproducingPolicy, Told

KEY = 32


class Place(nn.Module):
    """A location decided as a coarse cell, by its contents and its way from the last place, and a place in it."""

    def __init__(self, cells: int, within: int) -> None:
        super().__init__()
        self.cells = cells
        self.query = FullLinear(LOOK, KEY)
        self.key = nn.Conv2d(WIDTHS[1], KEY, 1)
        # One logit for each way from one coarse cell to another.
        self.way = FullLinear(LOOK, (2 * cells - 1) ** 2)
        self.here = nn.Linear(LOOK, LOOK)
        self.inner = Choice(LOOK, within**2)
        places = torch.stack(torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij"), -1).view(-1, 2)
        offset = places[None] - places[:, None] + cells - 1
        self.ways: Tensor
        self.register_buffer("ways", offset[..., 0] * (2 * cells - 1) + offset[..., 1], persistent=False)

    def logits(self, seen: Seen, row: Tensor, state: Tensor, last: Tensor) -> Tensor:
        """Logits [R, cells * cells] from the state [R, 192], where the last place was in coarse cell `last`."""
        hidden = functional.relu(state)
        keys = self.key(seen.cells).flatten(2)[row]
        with torch.autocast(hidden.device.type, enabled=False):
            found = torch.bmm(self.query(hidden)[:, None], keys.float())[:, 0] * KEY**-0.5
        logits: Tensor = found + self.way(hidden).gather(1, self.ways[last])
        return logits


class LinePolicy(ReproducingPolicy):
    """Places of start, end and control point, each a coarse cell and a place in it, then size and pressure.

    What is seen close to each place conditions all that follows.
    """

    def __init__(
        self, spec: ActionSpec, canvas_shape: tuple[int, int, int], noise_size: int = 0, num_actions: int = 8
    ) -> None:
        super().__init__(spec, canvas_shape, noise_size, num_actions)
        if "red" in spec.names:
            raise ValueError("network: line draws in one color; take picture, or color False")
        self.inner = Choice(LOOK, self.within**2)
        self.places = nn.ModuleDict({name: Place(self.eyes.cells, self.within) for name in ("end", "control")})
        self.rest = nn.ModuleDict(
            {
                name: Choice(LOOK, int(spec.sizes[spec.names.index(name)]))
                for name in ("size", "pressure")
                if name in spec.names
            }
        )

    def decide(self, seen: Seen, row: Tensor, cell: Tensor, decisions: Decisions, told: Told | None) -> Told:
        """See `ReproducingPolicy.decide`."""
        state = self.eyes.look_at(seen, row, cell)
        inner, state = self.inner(state, decisions, told and self.split(told["start"])[1])
        parts = {"start": self.location(self.joined(cell, inner))}
        for name, place in self.places.items():
            coarse, fine = self.split(told[name]) if told else (None, None)
            cell = decisions.take(place.logits(seen, row, state, cell), coarse)  # type: ignore[operator]
            state = state + place.here(self.eyes.look_at(seen, row, cell))  # type: ignore[operator]
            inner, state = place.inner(state, decisions, fine)  # type: ignore[operator]
            parts[name] = self.location(self.joined(cell, inner))
        for name, choice in self.rest.items():
            parts[name], state = choice(state, decisions, told and told[name])
        return parts
