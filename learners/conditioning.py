"""The images that a discriminator sees of records (see `learners.records`), their scores, and distances to targets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from learners.networks.discriminator import to_image
from learners.networks.joint import JointDiscriminator
from learners.settings import Conditioning

SCORED_AT_ONCE = 1024
"""Largest number of records that are scored in one pass."""


def actions_of(records: Tensor, network: JointDiscriminator) -> Tensor:
    """Actions int64 [B, T, K] that records for a joint discriminator contain."""
    components = len(network.spec.components)
    content = records[..., -1].flatten(1)[:, : 2 * network.num_actions * components].long()
    return (content[:, 0::2] + 256 * content[:, 1::2]).view(len(records), network.num_actions, components)


def complements(records: Tensor) -> tuple[Tensor, Tensor]:
    """Images made of one half of the target and the other half of the painting (SPIRAL++, Mellor et al. 2019).

    Args:
        records: uint8 [B, H, W, 2C], painting and target.

    Returns:
        Two of uint8 [B, H, W, C]: the target's left half with the painting's right half, and the painting's left half
        with the target's right half. For a real record both are the image itself.
    """
    painting, target = records.chunk(2, -1)
    middle = records.shape[2] // 2
    return (
        torch.cat([target[:, :, :middle], painting[:, :, middle:]], 2),
        torch.cat([painting[:, :, :middle], target[:, :, middle:]], 2),
    )


def random_complement(records: Tensor) -> Tensor:
    """One of the two complements of each record, uint8 [B, H, W, C], chosen by a fair coin of torch's generator."""
    left, right = complements(records)
    coin = torch.rand(len(records), device=records.device) < 0.5
    return torch.where(coin[:, None, None, None], left, right)


def discriminator_images(records: Tensor, conditioning: Conditioning | None, *, real: bool) -> Tensor:
    """Images uint8 [B, H, W, channels] of records for a discriminator that learns.

    Args:
        records: see `learners.records`.
        conditioning: None without targets; for `complement` one of the two is drawn.
        real: for `joint`: whether to take the targets, which are real, or the paintings.
    """
    if conditioning == "complement":
        return random_complement(records)
    if conditioning == "joint":
        painting, target = records[..., :-1].chunk(2, -1)
        return target if real else painting
    return records


def with_actions(discriminator: nn.Module, records: Tensor) -> Callable[[Tensor], Tensor]:
    """The discriminator as a function of images alone; a joint one is given the actions in `records`."""
    if isinstance(discriminator, JointDiscriminator):
        return partial(discriminator, action=actions_of(records, discriminator))
    return discriminator


def score_records(discriminator: nn.Module, records: Tensor, conditioning: Conditioning | None) -> Tensor:
    """Discriminator scores float32 [N] of the paintings in records; for `complement` the mean of both images'."""
    scores = []
    for part in torch.split(records, SCORED_AT_ONCE):
        both = conditioning == "complement"
        images = complements(part) if both else (discriminator_images(part, conditioning, real=False),)
        score = with_actions(discriminator, part)
        scores.append(torch.stack([score(to_image(image)).float() for image in images]).mean(0))
    return torch.cat(scores)


def squared_error(canvas: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference float32 [N] of pixels in [0, 1] between two of uint8 [N, H, W, C].

    >>> squared_error(torch.zeros(1, 2, 2, 1, dtype=torch.uint8), torch.full((1, 2, 2, 1), 255, dtype=torch.uint8))
    tensor([1.])
    """
    difference = (canvas.float() - target.float()).flatten(1) / 255
    return difference.square().mean(1)
