"""The base of all worlds with integer actions: N canvases that step together, by Gymnasium's conventions."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, get_args

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.spec import ActionSpec
from envs.targets import Paid, Reward, Targets

Observation = dict[str, NDArray[Any]]
StepResult = tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]


class LockStepConfig(Protocol):
    """Settings that every world has: its action spec, the shape of its canvas, and the length of its episodes."""

    @property
    def action_spec(self) -> ActionSpec:
        """Components of an action."""

    @property
    def canvas_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the observed canvas."""

    @property
    def episode_length(self) -> int:
        """Number of actions of an episode, and one for the reset."""

    @property
    def num_actions(self) -> int:
        """T, the number of actions of an episode."""


Config = TypeVar("Config", bound=LockStepConfig)


class LockStepVectorEnv(gym.vector.VectorEnv[Observation, NDArray[np.int64], NDArray[np.uint8]], ABC, Generic[Config]):
    """N canvases that step together.

    Observation, a dict of arrays with leading dimension N:

    - `canvas` uint8 [N, H, W, C]; white is 255.
    - `action_mask` int8 [N, K]: 1 for components of the last action that counted (after a reset as after a move).
    - `episode_step` int64 [N]: actions so far, 0 after a reset.
    - `episode_length` int64 [N]: as configured.
    - `target` uint8 [N, H, W, C], only with the reward "l2": the image that the canvas is to show.

    Actions are integers [N, K] in spec order. The reward is 0 (learners of this project are paid by a discriminator),
    or with `reward="l2"` that of `envs.targets.Targets`.

    All episodes have the same length. By default the step after an episode's end resets the canvas, is paid 0 and
    ignores the canvas's action, as in SPIRAL's published environment (`AutoresetMode.NEXT_STEP`); Gymnasium's two other
    modes can be chosen. `reset(options={"reset_mask": mask})` resets some canvases in any mode.

    Worlds are deterministic; a seed decides only the targets that are drawn from a data set. As in Gymnasium's own
    vector environments, an integer seeds canvas i with `seed + i`, and a list gives each its own. Environments can be
    copied and pickled in the middle of an episode.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # of the class, as Gymnasium reads it
        "render_modes": ["rgb_array"],
        "render_fps": 5,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    config_class: ClassVar[type[Any]]

    def __init__(
        self,
        num_envs: int = 1,
        config: Config | None = None,
        render_mode: str | None = None,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        reward: Reward = "none",
        paid: Paid = "step",
        data: str | NDArray[np.uint8] | None = None,
        data_dir: str | None = None,
        **settings: Any,
    ) -> None:
        """Make N empty canvases.

        Args:
            num_envs: N.
            config: settings of the world; by default those of `PaintConfig` or `SceneConfig`.
            render_mode: "rgb_array", or None if nothing is rendered.
            autoreset_mode: the step that begins the next episode, see the class.
            reward: "none", or "l2" for nearness to a target, given in the options of a reset or drawn from `data`.
            paid: "step" or "final", see `envs.targets.Targets`; without effect unless `reward` is "l2".
            data: name, path or images uint8 [M, H, W, C] of the targets' data set, see `envs.targets.Targets`.
            data_dir: folder to look into first for a named data set.
            settings: fields of the world's configuration that replace those of `config`.

        Raises:
            ValueError: an argument or a setting out of range, a brush that can not be read, a renderer that can not
                draw here, or a data set that can not be had; one line that says which.
            TypeError: a setting that the world's configuration does not have.
        """
        given: Any = config or self.config_class()
        config = replace(given, **settings)
        if num_envs < 1:
            raise ValueError(f"num_envs: expected at least 1, got {num_envs}")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"render_mode: expected None or 'rgb_array', got {render_mode!r}; "
                "for a window wrap the environment in gymnasium.wrappers.HumanRendering"
            )
        if reward not in get_args(Reward):
            raise ValueError(f"reward: expected 'none' or 'l2', got {reward!r}")
        if reward == "none" and data is not None:
            raise ValueError("data: targets are of use with reward='l2' only")
        self.config = config
        self.spec_actions = config.action_spec
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        sizes = self.spec_actions.sizes
        self.single_action_space = gym.spaces.MultiDiscrete(sizes)
        shown: dict[str, gym.Space[Any]] = {
            "canvas": gym.spaces.Box(0, 255, config.canvas_shape, np.uint8),
            "action_mask": gym.spaces.MultiBinary(len(sizes)),
            "episode_step": gym.spaces.Discrete(config.episode_length),
            "episode_length": gym.spaces.Discrete(config.episode_length + 1),
        }
        self.targets: Targets | None = None
        if reward == "l2":
            self.targets = Targets(num_envs, config.canvas_shape, paid, data, data_dir)
            shown["target"] = gym.spaces.Box(0, 255, config.canvas_shape, np.uint8)
        self.single_observation_space = gym.spaces.Dict(shown)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.generators: list[np.random.Generator] = []
        self.seeds: list[int] = []
        self.unused_mask = self.spec_actions.mask(np.zeros((num_envs, len(sizes)), np.int64))
        self.mask = self.unused_mask.copy()
        self.steps = np.zeros(num_envs, np.int64)
        self.over = np.ones(num_envs, bool)
        self.build()

    @abstractmethod
    def build(self) -> None:
        """Make the world itself, N empty canvases, after spaces and counters."""

    @abstractmethod
    def clear(self, rows: NDArray[np.bool_]) -> None:
        """Make the canvases in `rows`, bool [N], empty."""

    @abstractmethod
    def apply(self, actions: NDArray[np.int64], rows: NDArray[np.bool_]) -> None:
        """Do one valid action int64 [N, K] on each canvas in `rows`, bool [N]."""

    @abstractmethod
    def seen(self) -> NDArray[np.uint8]:
        """Canvases as observed, uint8 [N, H, W, C]; the caller's to keep."""

    @property  # type: ignore[misc]
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """Generators of the canvases' draws, as in Gymnasium's own vector environments."""
        self._seed([None] * self.num_envs)
        return tuple(self.generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """Seeds of the canvases' generators."""
        self._seed([None] * self.num_envs)
        return tuple(self.seeds)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode on all canvases, or on some.

        Args:
            seed: seed of the draws of targets: canvas i gets `seed + i`, or entry i of a list; None goes on drawing.
            options: "reset_mask", bool [N], true for the canvases to reset, by default all; with the reward "l2" also
                "target", uint8 [H, W, C] or [N, H, W, C], the images to reproduce.

        Returns:
            Observation of all canvases, and an empty info.

        Raises:
            ValueError: an unknown option, one of another shape, or no target although the reward is "l2".
            RuntimeError: the environment is closed.
        """
        if self.closed:
            raise RuntimeError("reset: the environment is closed")
        options = dict(options or {})
        rows = self._reset_mask(options.pop("reset_mask", None))
        seeds = [seed + row for row in range(self.num_envs)] if isinstance(seed, int | np.integer) else seed
        if seeds is not None and len(seeds) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seeds)}")
        self._seed([each if row else None for each, row in zip(seeds or [None] * len(rows), rows, strict=True)])
        target = options.pop("target", None)
        if options or (target is not None and self.targets is None):
            unknown = ", ".join(options) or "target"
            raise ValueError(f"options: expected reset_mask, and target with reward='l2', got {unknown}")
        self._begin(rows, target)
        return self.observation(), {}

    def step(self, actions: NDArray[np.int64]) -> StepResult:
        """Do one action on each canvas.

        Returns:
            Observation, rewards float64 [N], terminations bool [N], truncations bool [N] (never), info. With
            `AutoresetMode.SAME_STEP` the info of an episode's end has "final_obs" and "final_info", as in Gymnasium.

        Raises:
            ValueError: actions of the wrong dtype, shape or range, or an episode that is over without autoreset.
            RuntimeError: the environment is closed.
        """
        if self.closed:
            raise RuntimeError("step: the environment is closed")
        begins = self.over.copy()
        if begins.any() and (self.autoreset_mode != AutoresetMode.NEXT_STEP):
            raise ValueError("step: the episode is over (or never began), call reset() first")
        acts = ~begins
        actions = self.spec_actions.validate(actions, self.num_envs, acts)
        if begins.any():
            self._begin(begins)
        if acts.any():
            self._act(actions, acts)
        ended = acts & (self.steps == self.config.num_actions)
        observation = self.observation()
        rewards = np.zeros(self.num_envs)
        if self.targets is not None:
            rewards = self.targets.rewards(observation["canvas"], acts, ended)
        info: dict[str, Any] = {}
        self.over = ended.copy()
        if self.autoreset_mode == AutoresetMode.SAME_STEP and ended.any():
            for row in np.flatnonzero(ended):
                last = {name: value[row] for name, value in observation.items()}
                info = self._add_info(info, {"final_obs": last, "final_info": {}}, int(row))
            self._begin(ended)
            observation = self.observation()
        return observation, rewards, ended, np.zeros(self.num_envs, bool), info

    def observation(self) -> Observation:
        """Observation of the present state; its arrays are the caller's to keep."""
        shown = {
            "canvas": self.seen(),
            "action_mask": self.mask.astype(np.int8),
            "episode_step": self.steps.copy(),
            "episode_length": np.full(self.num_envs, self.config.episode_length, np.int64),
        }
        if self.targets is not None:
            shown["target"] = self.targets.current.copy()
        return shown

    def __copy__(self) -> Self:
        """Copy the environment whole: two environments never share a canvas."""
        return copy.deepcopy(self)

    def _act(self, actions: NDArray[np.int64], rows: NDArray[np.bool_]) -> None:
        if self.spec_actions.first_is_move and (first := rows & (self.steps == 0)).any():
            actions = actions.copy()
            actions[first, self.spec_actions.flag] = 0
        self.apply(actions, rows)
        self.mask = np.where(rows[:, None], self.spec_actions.mask(actions), self.mask)
        self.steps = self.steps + rows

    def _begin(self, rows: NDArray[np.bool_], target: Any = None) -> None:
        if self.targets is not None:
            self._seed([None] * self.num_envs)
            self.targets.choose(rows, target, self.generators)
        self.clear(rows)
        self.mask = np.where(rows[:, None], self.unused_mask, self.mask)
        self.steps = np.where(rows, 0, self.steps)
        self.over = self.over & ~rows
        if self.targets is not None:
            self.targets.begin(rows, self.seen())

    def _reset_mask(self, given: Any) -> NDArray[np.bool_]:
        mask = np.ones(self.num_envs, bool) if given is None else np.asarray(given)
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(
                f"options['reset_mask']: expected bool [{self.num_envs}], some true, got {mask.dtype} {mask.shape}"
            )
        return mask

    def _seed(self, seeds: list[int | None]) -> None:
        """Make a generator for each canvas that has none, and for each that is given a seed."""
        for row, seed in enumerate(seeds):
            if row == len(self.generators):
                generator, chosen = seeding.np_random(seed)
                self.generators.append(generator)
                self.seeds.append(chosen)
            elif seed is not None:
                self.generators[row], self.seeds[row] = seeding.np_random(seed)
