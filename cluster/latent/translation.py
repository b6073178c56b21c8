"""Translation of images, and of image files, by a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from cluster.errors import one_line
from envs.fitting import Fitted
from envs.latent.features import Outcome
from envs.latent.networks import to_unit
from envs.latent.rules import Floats, Ints, LatentRules

Policy = Callable[[Floats], Floats]
"""Observations float32 [N, O] to actions float32 [N, z] in [-1, 1]."""

Fitting = Callable[[Path], Fitted]
"""Path of an image to the image in the form of the training data."""

_BATCH = 1000


@dataclass(frozen=True)
class Translation:
    """N translated images.

    Attributes:
        images: float32 [N, C, H, W] in [0, 1].
        outcome: Their features, as the reward reads them.
        z: float32 [N, z].
    """

    images: Tensor
    outcome: Outcome
    z: Tensor


def translate(rules: LatentRules, policy: Policy, images: Tensor, task: Ints) -> Translation:
    """Translate images by a whole episode of the policy.

    Args:
        rules: Of the world that the policy was trained in.
        policy: Deterministic or not.
        images: float32 [N, C, H, W] in [0, 1], N > 0.
        task: int64 [N], numbers of `rules.tasks`.
    """
    found: list[Translation] = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            latent: Floats = rules.parts.encode(images[start : start + _BATCH]).numpy()
            asked = task[start : start + _BATCH]
            z: Floats = np.zeros((len(latent), rules.parts.shape.z), np.float32)
            for step in range(rules.config.horizon):
                with torch.inference_mode(False):  # a policy may use gradients
                    actions = policy(rules.observe(latent, asked, z, step))
                z = rules.move(z, actions, first=step == 0)
            outcome, made = rules.parts.look(rules.parts.generator(torch.from_numpy(z)))
            found.append(Translation(made, outcome, torch.from_numpy(z)))
        parts = [[getattr(each.outcome, name) for each in found] for name in Outcome.__dataclass_fields__]
        return Translation(
            torch.cat([each.images for each in found]),
            Outcome(*(torch.cat(column) for column in parts)),
            torch.cat([each.z for each in found]),
        )


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Convert float32 [N, C, H, W] in [0, 1] to uint8 [N, H, W, C]."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def read_image(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Read one image file as uint8 [H, W, C], unchanged.

    Raises:
        ValueError: It is missing, damaged, or of another size or mode; one line that says which.
    """
    height, width, channels = shape
    modes = ("L", "1") if channels == 1 else ("RGB",)
    try:
        with Image.open(path) as image:
            if image.size != (width, height):
                raise ValueError(f"{path}: {image.width}x{image.height} pixels, expected {width}x{height}")
            if image.mode not in modes:
                raise ValueError(f"{path}: mode {image.mode}, expected {' or '.join(modes)}; convert it first")
            try:
                pixels = np.asarray(image.convert(modes[0]))
            except ValueError as error:  # some of Pillow's decoders
                raise OSError(str(error)) from None
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"{path}: can not be read as an image ({one_line(error)[:120]})") from None
    return pixels.reshape(shape)


@dataclass(frozen=True)
class Translated:
    """Result of one file: `output` is None if there is a `problem`; `changes` are those that fitted it to the data."""

    path: Path
    output: Path | None
    problem: str = ""
    changes: tuple[str, ...] = ()


def translate_files(
    rules: LatentRules, policy: Policy, paths: Sequence[Path], task: str, out: Path, fitted: Fitting | None = None
) -> list[Translated]:
    """Translate image files; one that can not be read does not stop the others.

    Args:
        rules: Of the world that the policy was trained in.
        policy: Deterministic or not.
        paths: Images. Without `fitted`, of exactly the size and mode that the parts were trained on, and with as bright
            a background; so are the results in any case.
        task: Name of the task, one of `rules.tasks.names`.
        out: Folder for the results, `NAME-TASK.png`; made if it is missing; files in it are replaced.
        fitted: Reads a file and brings it to the form of the training data, bright on dark.

    Returns:
        One entry for each path, in their order.

    Raises:
        ValueError: The policy does not know the task, or two paths have the same name.
        OSError: `out` can not be written.
    """
    number = rules.tasks.index(task)
    suffix = task.replace(":", "-")
    outputs = [out / f"{path.stem}-{suffix}.png" for path in paths]
    if len(set(outputs)) < len(outputs):
        twice = next(path for path, output in zip(paths, outputs, strict=True) if outputs.count(output) > 1)
        raise ValueError(f"{twice}: another image has the same name; rename one, or translate them one after the other")
    out.mkdir(parents=True, exist_ok=True)
    inverted = bool(rules.parts.report.get("inverted"))

    def as_stored(path: Path) -> Fitted:
        pixels = read_image(path, rules.parts.shape.image_shape)
        return Fitted(255 - pixels if inverted else pixels, ())

    read: list[tuple[int, Fitted]] = []
    results = [Translated(path, None) for path in paths]
    for position, path in enumerate(paths):
        try:
            read.append((position, (fitted or as_stored)(path)))
        except ValueError as error:
            results[position] = Translated(path, None, str(error))
    if read:
        images = to_unit(torch.from_numpy(np.stack([each.image for _, each in read])))
        made = to_bytes(translate(rules, policy, images, np.full(len(read), number, np.int64)).images)
        made = 255 - made if inverted else made
        for (position, each), pixels in zip(read, made, strict=True):
            Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(outputs[position])
            results[position] = Translated(paths[position], outputs[position], changes=each.changes)
    return results
