"""Settings of the scene world: the objects of a scene, and the actions that make it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from envs.ranges import Count, check_ranges
from envs.scenes.camera import Camera
from envs.spec import ActionComponent, ActionSpec

Backend = Literal["auto", "osmesa", "egl"]

TYPES = ("sphere", "box", "cylinder", "capsule")
"""The four types of objects, in the order of the action's values. The paper does not name its four."""
ATTRIBUTES = ("type", "location", "size", "red", "green", "blue")
"""Columns of an object's attributes, integers: `objects` arrays are [..., 6]."""


@dataclass(frozen=True)
class SceneConfig:
    """Settings of the scene world (Ganin et al. 2018, section 5.4; camera, lights, floor and radii are unstated there).

    Attributes:
        scene_size: height and width of the picture in pixels, a power of two from 16 on. Larger shows more and is drawn
            more slowly; usual: 32 to 128.
        scene_actions: actions of an episode. The paper takes 20; fewer make episodes cheaper and must still be enough
            for the objects of a scene; usual: 8 to 20.
        scene_grid: cells of the location grid along each side of the floor. More place objects more exactly and are
            harder to learn; usual: 8 to 32.
        object_radii: sizes of objects, half their width in units of half the floor's side. Larger objects hide each
            other more; usual: two to four of 0.1 to 0.3.
        object_color_levels: values per color channel, evenly from 0 to 1. More are harder to tell apart; usual: 2 to 8.
        training_scenes: scenes drawn to learn from, the first of the 50 000 that the paper has. More are remembered
            less and take longer to draw once; usual: 10 000 to 50 000.
        renderer: `egl` draws on a GPU, `osmesa` on the CPU; `auto` takes $MUJOCO_GL, else EGL if there is a GPU,
            else OSMesa. Pictures of the two differ in single pixels.
    """

    scene_size: Annotated[int, Interval(ge=16, le=4096)] = 64
    scene_actions: Count = 20
    scene_grid: Annotated[int, Interval(ge=2, le=64)] = 16
    object_radii: tuple[Annotated[float, Interval(gt=0, le=0.5)], ...] = (0.14, 0.19, 0.26)
    object_color_levels: Annotated[int, Interval(ge=2, le=256)] = 4
    training_scenes: Count = 50_000
    renderer: Backend = "auto"

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.scene_size & (self.scene_size - 1):
            raise ValueError(f"scene_size: expected 16, 32, 64, ... pixels, got {self.scene_size}")
        if len(self.object_radii) < 2:
            raise ValueError(f"object_radii: expected two or more, got {len(self.object_radii)}")

    @property
    def num_actions(self) -> int:
        """T, the number of actions of an episode."""
        return self.scene_actions

    @property
    def episode_length(self) -> int:
        """Actions and the reset, which counts as one, as in the painting world."""
        return self.scene_actions + 1

    @property
    def channels(self) -> int:
        """C, 3: scenes are in color."""
        return 3

    @property
    def canvas_size(self) -> int:
        """H = W of the picture."""
        return self.scene_size

    @property
    def observation_size(self) -> int:
        """H = W of what the agent sees: the picture."""
        return self.scene_size

    @property
    def canvas_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the picture."""
        return self.scene_size, self.scene_size, self.channels

    @property
    def attribute_sizes(self) -> NDArray[np.int64]:
        """Number of values of each of `ATTRIBUTES`, int64 [6]."""
        levels = self.object_color_levels
        return np.array([len(TYPES), self.scene_grid**2, len(self.object_radii), levels, levels, levels], np.int64)

    @cached_property
    def places(self) -> NDArray[np.float64]:
        """(x, y) on the floor of each location, the middle of its cell: float64 [grid * grid, 2].

        Row 0 of the grid is the far side and column 0 the left one, as in a picture.
        """
        middles = (np.arange(self.scene_grid) + 0.5) * 2 / self.scene_grid - 1
        y, x = np.meshgrid(-middles, middles, indexing="ij")
        return np.stack([x.ravel(), y.ravel()], 1)

    @property
    def action_spec(self) -> ActionSpec:
        """Components of an action: the flag (skip, add, modify the last) and the six attributes of an object."""
        components = [ActionComponent("flag", 3, painting_only=False)]
        for name, size in zip(ATTRIBUTES, self.attribute_sizes, strict=True):
            components.append(ActionComponent(name, int(size), location=name == "location"))
        middle = np.column_stack([self.places, np.full(len(self.places), float(np.median(self.object_radii)))])
        anchors = Camera().project(middle)
        return ActionSpec(tuple(components), self.scene_grid, anchors=tuple((float(y), float(x)) for y, x in anchors))
