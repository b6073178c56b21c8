"""A policy that reproduces pictures in color with brushes of many sizes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.choice import Choice, Decisions
from learners.networks.eyes import Seen
from learners.networks.heads import FullLinear
from learners.networks.reproducing import STATE, ReproducingPolicy, Told

#: Ends of a stroke are decided among this many offsets each way, so many radii apart.
ENDS, END_STEP = 15, 0.6
#: Control points are decided among this many offsets each way from the middle of start and end, at most half of the
#: stroke's length (and radius) away.
CONTROLS, CONTROL_REACH = 7, 0.5
#: Places of the curve at which the target's color is looked up.
ALONG = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Bounds of the colors' standard deviation: above the first the network would be sure of what a search can still try.
SMALLEST_SIGMA, LARGEST_SIGMA = 0.03, 0.2


class PicturePolicy(ReproducingPolicy):
    """Place, size, place within the coarse cell, end and control point relative to the radius, then the color.

    The color is a normal distribution around an offset from the target's mean along the curve. About 0.5 M parameters.

    Ends and controls that the grid rounds to one cell count as one. Colors take the density at the level's middle
    times the distance between levels.
    """

    def __init__(
        self, spec: ActionSpec, canvas_shape: tuple[int, int, int], noise_size: int = 0, num_actions: int = 100
    ) -> None:
        super().__init__(spec, canvas_shape, noise_size, num_actions)
        sizes = len(spec.radii)
        self.radii: Tensor
        self.register_buffer("radii", torch.tensor(spec.radii) * spec.grid, persistent=False)  # in cells of the grid
        levels = spec.column("red")
        self.levels = 0 if levels is None else int(spec.sizes[levels])
        pressure = spec.column("pressure")
        self.size = Choice(STATE, sizes, mix=False)
        self.inner = Choice(STATE, self.within**2)
        self.end = Choice(STATE, ENDS * ENDS)
        self.control = Choice(STATE, CONTROLS * CONTROLS)
        self.pressure = None if pressure is None else Choice(STATE, int(spec.sizes[pressure]))
        self.color = FullLinear(STATE, 6) if self.levels else None

    def decide(self, seen: Seen, row: Tensor, cell: Tensor, decisions: Decisions, told: Told | None) -> Told:
        """See `ReproducingPolicy.decide`."""
        state = self.eyes.look_at(seen, row, cell)
        given = self.encode(told) if told is not None else {}
        parts: Told = {}
        parts["size"], state = self.size(state, decisions, given.get("size"))
        inner, state = self.inner(state, decisions, given.get("inner"))
        end, state = self.end(state, decisions, given.get("end"))
        control, state = self.control(state, decisions, given.get("control"))
        if self.pressure is not None:
            parts["pressure"], state = self.pressure(state, decisions, given.get("pressure"))
        start = self.joined(cell, inner)
        parts["start"] = self.location(start)
        parts["end"] = self.location(self.end_of(start, end, parts["size"]))
        finish = self.located(parts["end"])
        parts["control"] = self.location(self.control_of(start, finish, control, parts["size"]))
        if self.color is not None:
            base = self.along(seen, row, start, self.located(parts["control"]), finish)
            offset, spread = self.color(functional.relu(state)).float().chunk(2, 1)
            sigma = spread.exp().mul(0.08).clamp(SMALLEST_SIGMA, LARGEST_SIGMA)
            names = ("red", "green", "blue")
            shades = None if told is None else torch.stack([told[name] for name in names], 1)
            levels = self.shade(base + offset, sigma, decisions, shades)
            parts |= dict(zip(names, levels.unbind(1), strict=True))
        return parts

    def end_of(self, start: Tensor, end: Tensor, size: Tensor) -> Tensor:
        """(y, x) of ends float [R, 2], in cells, not yet bounded."""
        offset = torch.stack([torch.div(end, ENDS, rounding_mode="floor"), end % ENDS], 1) - ENDS // 2
        return start + offset * (END_STEP * self.radii[size])[:, None]

    def control_of(self, start: Tensor, finish: Tensor, control: Tensor, size: Tensor) -> Tensor:
        """(y, x) of control points float [R, 2], in cells, not yet bounded."""
        half = CONTROLS // 2
        offset = torch.stack([torch.div(control, CONTROLS, rounding_mode="floor"), control % CONTROLS], 1) - half
        return (start + finish) / 2 + offset * (CONTROL_REACH / half * self.length(start, finish, size))[:, None]

    def length(self, start: Tensor, finish: Tensor, size: Tensor) -> Tensor:
        """float [R], from start to end and a radius more, in cells."""
        return (finish - start).float().square().sum(1).sqrt() + self.radii[size]

    def encode(self, told: Told) -> Told:
        """The decisions whose stroke is nearest to one of the spec's."""
        start, finish = self.located(told["start"]), self.located(told["end"])
        size = told.get("size", torch.zeros_like(told["start"]))
        end = ((finish - start) / (END_STEP * self.radii[size])[:, None]).round() + ENDS // 2
        end = end.clamp(0, ENDS - 1).long()
        half = CONTROLS // 2
        reach = (CONTROL_REACH / half * self.length(start, finish, size))[:, None]
        control = ((self.located(told["control"]) - (start + finish) / 2) / reach).round() + half
        control = control.clamp(0, CONTROLS - 1).long()
        encoded = {
            "size": size,
            "inner": self.split(told["start"])[1],
            "end": end[:, 0] * ENDS + end[:, 1],
            "control": control[:, 0] * CONTROLS + control[:, 1],
        }
        return encoded | ({"pressure": told["pressure"]} if "pressure" in told else {})

    def along(self, seen: Seen, row: Tensor, start: Tensor, control: Tensor, finish: Tensor) -> Tensor:
        """The target's mean color float32 [R, C] at five places of curves given in cells [R, 2]."""
        size, margin = self.eyes.size, (seen.pixels.shape[2] - self.eyes.size) // 2
        scale = size / self.spec.grid
        total = seen.pixels.new_zeros(len(row), seen.pixels.shape[1] // 2, dtype=torch.float32)
        for t in ALONG:
            place = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t * t * finish
            pixel = (place * scale).long().clamp(0, size - 1) + margin
            total += seen.pixels[row, : total.shape[1], pixel[:, 0], pixel[:, 1]].float()
        return total / len(ALONG)

    def shade(self, mean: Tensor, sigma: Tensor, decisions: Decisions, told: Tensor | None) -> Tensor:
        """Decide levels int64 [R, 3] around colors float32 [R, 3] in [0, 1]."""
        steps = self.levels - 1
        if told is None:
            drawn = mean + decisions.temperature * sigma * torch.randn_like(mean)
            told = (drawn.clamp(0, 1) * steps).round().long()
        distance = (told / steps - mean) / sigma
        log_density = -distance.square() / 2 - sigma.log() - math.log(math.sqrt(2 * math.pi)) - math.log(steps)
        decisions.log_probs.append(log_density.sum(1))
        decisions.entropies.append((sigma.log() + 0.5 + math.log(math.sqrt(2 * math.pi)) + math.log(steps)).sum(1))
        return told
