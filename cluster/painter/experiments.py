"""The papers' experiments by name: world, data, and published settings.

`impasto train NAME` starts one. To add an experiment, write a function that makes its `PainterSettings` from a
preset and put it into `EXPERIMENTS`; command line, help, errors and `impasto reproduce` find it there.

Settings that the papers do not state are marked as our choice beside the setting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.painter.settings import PainterSettings, PresetName, preset

#: A small reproducing painter: more strokes than a free one, no penalties (the paper's conditional painters have
#: none), each stroke paid for what it improved, and little for what later ones do. Without hindsight, every target
#: got the same few strokes after 200 updates with an entropy cost of 5e-3 or 3e-2, not with 1e-1; with it 2e-2 does
#: well: squared error 0.052 over steps 400 000 to 450 000, 0.055 with 8e-2 (MNIST, single runs, the latter at its end).
REPRODUCE: dict[str, Any] = {
    "conditional": True,
    "episode_length": 9,
    "reward": "difference",
    "stroke_start_penalty": 0.0,
    "empty_canvas_penalty": 0.0,
    "discount": 0.7,
    "canvases": 64,
    "policy_learning_rate": 6e-4,
    "policy_final_learning_rate": 6e-5,
    "entropy_cost": 2e-2,
    "final_entropy_cost": 1e-3,
    "entropy_floor": 0.0,  # a good reproduction leaves little open
    "hindsight_weight": 0.5,
    "policy_warmup_updates": 20,
}
#: A small agent that makes scenes again. It learns from scenes of random objects, whose actions are known, how a scene
#: is made, and from the reward when to stop. With half the price of an object it covered those that it got slightly
#: wrong with others (4.5 objects a scene, 3 are there); learning from its own scenes alone it made eight each, their
#: colors right no more often than by chance (single runs of 10 and 3 minutes).
SCENE_LEARNER: dict[str, Any] = {
    "network": "glimpse",
    "conditional": True,
    "reward": "difference",
    "reward_source": "l2",
    "l2_weight": 200.0,  # an object that is put right is worth about 1, one in 250 less than its price
    "addition_penalty": 0.1,
    "hindsight_weight": 1.0,
    "canvases": 16,
    "random_canvases": 16,
    "discount": 0.0,
    "normalize_reward": False,
    "policy_learning_rate": 1e-3,
    "policy_final_learning_rate": 5e-5,
    "policy_warmup_updates": 0,
    "entropy_cost": 2e-2,
    "final_entropy_cost": 5e-4,
    "entropy_floor": 0.0,
    "max_lag": 1,
}


@dataclass(frozen=True)
class Experiment:
    """One named experiment.

    Attributes:
        about: One line for the help.
        make: Makes its settings, from the preset's name and whether to reproduce a target (None: as published).
    """

    about: str
    make: Callable[[PresetName, bool | None], PainterSettings]


def without_penalties(conditional: bool) -> dict[str, Any]:
    """Return changes that make the discriminator's score the only reward, as in the paper's conditional painters."""
    return {"stroke_start_penalty": 0.0, "empty_canvas_penalty": 0.0} if conditional else {}


def mnist(name: PresetName, conditional: bool | None) -> PainterSettings:
    """Digits, free unless a target is asked for (Ganin et al. 2018, section 4.3)."""
    start = preset(name, "mnist")
    if not conditional:
        return start
    if name == "laptop":
        return start.replace(**REPRODUCE)
    return start.replace(conditional=True, **without_penalties(True))


def omniglot(name: PresetName, conditional: bool | None) -> PainterSettings:
    """Characters of alphabets that were not seen in training, reproduced (Ganin et al. 2018, section 4.3).

    Brush and sizes are unstated; the paper's MNIST settings are used. A character has more lines than a digit, so the
    laptop's painter has eleven actions.
    """
    wanted = conditional is not False
    if name == "laptop":
        return preset(name, "omniglot").replace(**(REPRODUCE | {"episode_length": 12} if wanted else {}))
    return preset(name, "omniglot").replace(conditional=wanted, **without_penalties(wanted))


def celeba(name: PresetName, conditional: bool | None) -> PainterSettings:
    """Faces in color and 20 steps, reproduced (Ganin et al. 2018, section 4.3).

    The laptop's painter has eleven strokes of a soft brush at one pressure and eight values a color channel, and sees
    32x32 pixels.
    """
    wanted = conditional is not False
    start = preset(name, "celeba")
    if name == "paper":
        return start.replace(conditional=wanted, **without_penalties(wanted))
    brush = {"brush": "classic/dry_brush", "brush_sizes": (4.0, 8.0, 16.0), "color_levels": 8, "fixed_pressure": 0.8}
    trying = {"entropy_cost": 8e-2, "final_entropy_cost": 3e-3}  # colors and sizes too
    start = start.replace(**(REPRODUCE | trying if wanted else {}))
    return start.replace(**(brush | {"episode_length": 12, "first_is_move": False}))


def celeba_long(name: PresetName, conditional: bool | None) -> PainterSettings:
    """Faces of hundreds of strokes: SPIRAL++ (Mellor et al. 2019).

    Painted at 256x256 and seen by the discriminator at 64x64 (the laptop's at 32x32); the reward of a stroke is the
    difference of scores that it makes; standard GAN loss with spectral normalization; complement discriminator if there
    is a target; learned in unrolls, so that memory does not grow with the episode. Learning rate and entropy cost lie
    in the published ranges; the length of the unrolls is not published.
    """
    start = preset(name, "celeba")
    changes: dict[str, Any] = {
        "canvas_size": 256,
        "reward": "difference",
        "conditional": bool(conditional),
        "entropy_floor": 0.0,
        "conditioning": "complement",
        "adversary": "logistic",
        "spectral_norm": True,
        "centering_weight": 0.0,
        "discriminator_betas": (0.5, 0.999),
        # An update finishes few paintings where it sees a piece of each: more would be of policies long gone.
        "replay_batches": 2,
        **without_penalties(True),
    }
    if name == "paper":
        changes |= {"episode_length": 1001, "unroll_length": 50, "brush_sizes": (4.0, 8.0, 16.0, 32.0, 48.0, 96.0)}
        changes |= {"entropy_cost": 1e-2, "policy_learning_rate": 1e-4}
    else:
        changes |= {"episode_length": 101, "unroll_length": 20, "brush": "classic/dry_brush"}
        changes |= {"brush_sizes": (8.0, 16.0, 48.0), "color_levels": 8, "fixed_pressure": 0.8, "first_is_move": False}
        changes |= {"canvases": 32, "policy_learning_rate": 3e-4, "policy_final_learning_rate": 1e-4}
    return start.replace(**changes)


def scenes(name: PresetName, conditional: bool | None) -> PainterSettings:
    """Scenes of objects on a plane, reproduced in 20 actions (Ganin et al. 2018, section 5.4).

    The laptop's agent has eight actions for up to five objects, looks at every location with the same weights, and its
    reward is the immediate improvement of each action (discount 0): one object hardly affects the next. The reward is
    computed from pixels unless `--reward-source` is `discriminator` (the paper's) or `both`, less a price for each
    object; and it learns from random scenes, which the paper's agent did not.
    """
    wanted = conditional is not False
    start = preset(name, "scenes").replace(**without_penalties(True))
    if name == "paper":
        return start.replace(conditional=wanted)
    changes: dict[str, Any] = {"scene_actions": 8, "training_scenes": 20_000, "canvases": 20}
    if wanted:
        changes |= SCENE_LEARNER
    return start.replace(**changes)


def pictures(name: PresetName, conditional: bool | None) -> PainterSettings:
    """Any picture, reproduced by strokes that actors search; learned from photos and made-up pictures.

    Ours, not the papers'. The paper's preset has its own networks and no search, and without a target none is possible.
    """
    wanted = conditional is not False
    if name == "paper":
        return preset(name, "pictures").replace(conditional=wanted, **without_penalties(wanted))
    return preset("search" if wanted else "laptop", "pictures")


SEARCHED = ("mnist", "omniglot", "celeba", "pictures")
"""Experiments that the preset `search` knows."""

EXPERIMENTS: dict[str, Experiment] = {
    "mnist": Experiment("digits, free or (--conditional True) reproduced", mnist),
    "omniglot": Experiment("characters of unseen alphabets, reproduced", omniglot),
    "celeba": Experiment("faces in color, reproduced", celeba),
    "pictures": Experiment("any picture, reproduced: crops of photos and made-up pictures, with search", pictures),
    "scenes": Experiment("MuJoCo scenes of up to five objects, made again", scenes),
    "celeba-long": Experiment(
        "faces of 100 (laptop) or 1 000 (paper) strokes, free or reproduced: SPIRAL++", celeba_long
    ),
}


def experiment_settings(
    name: str, preset_name: PresetName = "laptop", conditional: bool | None = None
) -> PainterSettings:
    """Return the settings that an experiment, or training on a folder or zip of images, starts from.

    Args:
        name: Of an experiment, or the path of a folder or zip of images.
        preset_name: `laptop` or `paper`.
        conditional: Whether to reproduce a target; None as published (for a path: no).

    Raises:
        UserError: The name is neither an experiment nor a path.
    """
    if preset_name == "search" and (name in SEARCHED or Path(name).expanduser().exists()):
        return preset("search", name)
    if preset_name == "search" and name in EXPERIMENTS:
        raise UserError(f"preset search: not for {name}; valid are {', '.join(SEARCHED)}, or a folder or zip of images")
    if name in EXPERIMENTS:
        return EXPERIMENTS[name].make(preset_name, conditional)
    if not Path(name).expanduser().exists():
        raise UserError(
            f"unknown experiment {name!r}; valid are {', '.join(EXPERIMENTS)}, or the path of a folder or zip of images"
        )
    start = preset(preset_name, name)
    changes = REPRODUCE if preset_name == "laptop" else {"conditional": True, **without_penalties(True)}
    return start.replace(**changes) if conditional else start
