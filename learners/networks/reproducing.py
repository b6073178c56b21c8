"""Policies that reproduce with free strokes: eyes, a map of where to begin, and a chain of decisions there."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.choice import Decisions
from learners.networks.eyes import LOOK, WIDTHS, Eyes, Seen
from learners.networks.heads import FullConv2d, FullLinear
from learners.networks.policy import PaintPolicy, PolicyEvaluation, PolicyInputs, PolicyStep
from learners.networks.sampling import joint_entropy

#: Columns of free strokes that every policy here decides; the rest differ.
Told = dict[str, Tensor]


class ReproducingPolicy(PaintPolicy):
    """Base of such policies; the flag is decided from the whole picture, the first place on the eyes' map.

    A location of the spec's grid is decided as a coarse cell and a place in it. Without an LSTM, the share of the
    episode that is over is one of the inputs. The noise is not used: a search makes the variety.

    Attributes:
        num_actions: actions of an episode, of which a step is a share.
    """

    def __init__(
        self, spec: ActionSpec, canvas_shape: tuple[int, int, int], noise_size: int = 0, num_actions: int = 100
    ) -> None:
        super().__init__(spec, noise_size, conditional=True)
        if "start" not in spec.names or not spec.radii:
            raise ValueError("network: picture and line paint free strokes; take strokes free, or another network")
        self.num_actions = num_actions
        self.eyes = Eyes(canvas_shape)
        if spec.grid % self.eyes.cells:
            raise ValueError(
                f"grid: this network expects a multiple of observation_size / 4 = {self.eyes.cells}, got {spec.grid}"
            )
        self.within = spec.grid // self.eyes.cells
        self.where = FullConv2d(WIDTHS[1], 1, 1)
        self.overview = nn.Linear(WIDTHS[2] + 1, 64)
        self.flag = FullLinear(64, 2)
        self.value = FullLinear(64, 1)

    @abstractmethod
    def decide(self, seen: Seen, row: Tensor, cell: Tensor, decisions: Decisions, told: Told | None) -> Told:
        """Decide everything but the flag and the coarse cell `cell` int64 [R] of the start.

        Args:
            seen: of N pictures.
            row: int64 [R], which picture each row is of.
            cell: see above.
            decisions: takes the decisions.
            told: int64 [R] by component, to be evaluated; None: to be decided.

        Returns:
            int64 [R] by component.
        """

    def overlook(self, seen: Seen) -> Tensor:
        """float [N, 64] of whole pictures."""
        return functional.relu(self.overview(torch.cat([seen.whole, seen.progress], 1)))

    def split(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """Coarse cells and places in them, int64 [R] each, of locations int64 [R] of the grid."""
        y, x = torch.div(place, self.spec.grid, rounding_mode="floor"), place % self.spec.grid
        upper, left = torch.div(y, self.within, rounding_mode="floor"), torch.div(x, self.within, rounding_mode="floor")
        return upper * self.eyes.cells + left, (y % self.within) * self.within + x % self.within

    def joined(self, cell: Tensor, inner: Tensor) -> Tensor:
        """(y, x) int64 [R, 2] on the grid of places in coarse cells, see `split`."""
        y = torch.div(cell, self.eyes.cells, rounding_mode="floor") * self.within
        x = (cell % self.eyes.cells) * self.within
        return torch.stack([y + torch.div(inner, self.within, rounding_mode="floor"), x + inner % self.within], 1)

    def located(self, place: Tensor) -> Tensor:
        """(y, x) int64 [R, 2] of locations int64 [R]."""
        return torch.stack([torch.div(place, self.spec.grid, rounding_mode="floor"), place % self.spec.grid], 1)

    def location(self, place: Tensor) -> Tensor:
        """Locations int64 [R] of (y, x) [R, 2], rounded and put on the grid."""
        bounded = place.round().clamp(0, self.spec.grid - 1).long()
        return bounded[:, 0] * self.spec.grid + bounded[:, 1]

    def columns(self, parts: Told) -> Tensor:
        """Actions int64 [R, K] of their components by name."""
        return torch.stack([parts[name] for name in self.spec.names], 1)

    def act(self, inputs: PolicyInputs, state: Tensor) -> PolicyStep:
        """See `PaintPolicy.act`."""
        seen = self.eyes(inputs, self.num_actions)
        overview, count = self.overlook(seen), len(inputs.step)
        decisions = Decisions()
        flag = decisions.take(self.flag(overview), None)
        row = torch.arange(count, device=flag.device)
        parts = self.stroke(seen, row, decisions, None) | {"flag": flag}
        log_probs = torch.stack(decisions.log_probs)
        log_probs[1:] = log_probs[1:] * (flag != 0)
        return PolicyStep(self.columns(parts), log_probs.sum(0), self.value(overview)[:, 0].float(), state)

    def propose(self, inputs: PolicyInputs, state: Tensor, count: int, temperature: float = 1.0) -> Tensor:
        """See `PaintPolicy.propose`; all of them paint."""
        seen, pictures = self.eyes(inputs, self.num_actions), len(inputs.step)
        row = torch.arange(pictures, device=inputs.step.device).repeat_interleave(count)
        parts = self.stroke(seen, row, Decisions(temperature), None)
        parts["flag"] = torch.ones_like(row)
        return self.columns(parts).view(pictures, count, -1)

    def stroke(self, seen: Seen, row: Tensor, decisions: Decisions, told: Told | None) -> Told:
        """Decide a stroke for each row, or evaluate one that is told."""
        where = self.where(seen.cells).flatten(1)[row]
        cell = decisions.take(where, None if told is None else self.split(told["start"])[0])
        return self.decide(seen, row, cell, decisions, told)

    def log_probs(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> Tensor:
        """See `PaintPolicy.log_probs`. The eyes look once at a picture."""
        seen = self.eyes(inputs, self.num_actions)
        log_probs, _ = self.tell(seen, self.overlook(seen), actions)
        return torch.stack(log_probs).sum(0).view(actions.shape[:2])

    def evaluate(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> PolicyEvaluation:
        """See `PaintPolicy.evaluate`."""
        time, batch = actions.shape[:2]
        seen = self.eyes(inputs.flattened(), self.num_actions)
        overview = self.overlook(seen)
        log_probs, entropies = self.tell(seen, overview, actions.flatten(0, 1)[:, None])
        return PolicyEvaluation(
            torch.stack(log_probs).sum(0).view(time, batch),
            joint_entropy(entropies, log_probs).view(time, batch),
            self.value(overview)[:, 0].float().view(time, batch),
            state,
        )

    def tell(self, seen: Seen, overview: Tensor, actions: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Log-probabilities and entropies float32 [N * P] of each decision of actions int64 [N, P, K].

        Those of decisions that do not count are 0.
        """
        pictures, count = actions.shape[:2]
        row = torch.arange(pictures, device=actions.device).repeat_interleave(count)
        action = actions.flatten(0, 1)
        told = {name: action[:, column] for column, name in enumerate(self.spec.names)}
        decisions = Decisions()
        flag = decisions.take(self.flag(overview)[row], told["flag"])
        self.stroke(seen, row, decisions, told)
        counted = [torch.ones_like(flag), *[(flag != 0).long()] * (len(decisions.log_probs) - 1)]
        log_probs = [value * mask for value, mask in zip(decisions.log_probs, counted, strict=True)]
        entropies = [value * mask for value, mask in zip(decisions.entropies, counted, strict=True)]
        return log_probs, entropies

    def value_of(self, inputs: PolicyInputs, state: Tensor) -> Tensor:
        """See `PaintPolicy.value_of`."""
        seen = self.eyes(inputs, self.num_actions)
        value: Tensor = self.value(self.overlook(seen))[:, 0]
        return value.float()


#: Size of the state that decisions at one place are taken from.
STATE = LOOK
