"""Baselines on the same frozen parts, for the table of `impasto evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from actors.latent_search import GradientSearch, PrototypeLookup
from cluster.latent.policy_evaluation import SIGMAS, LatentEvaluation
from cluster.latent.translation import Policy
from envs.latent.data import LatentImages
from envs.latent.world import LatentVectorEnv
from learners.latent_parts.baselines import train_direct_policy, train_reader

FEW_SIGMAS = (0.0, 0.3, 0.5)


def evaluate_baselines(
    evaluation: LatentEvaluation,
    train: LatentImages,
    *,
    search_images: int = 300,
    starts: tuple[int, ...] = (1, 8),
    search_steps: int = 100,
    direct_updates: int = 3000,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, dict[str, Any]]:
    """Train and measure the baselines.

    All answer with one action, and so are measured in a world of horizon 1. All read their inputs from the observation,
    as the agent does; prototype lookup and gradient search have a reader of latents for it, trained with the labels and
    the world's noise.

    Args:
        evaluation: Of the agent's world, whose settings the baselines get.
        train: Training split, with labels.
        search_images: Test images, drawn at random, on which gradient search is measured (shared out among the tasks),
            at three deviations of noise: at 100 steps for each start it is slow. Its rows say so under "images".
        starts: Numbers of starts of gradient search, a row for each.
        search_steps: Steps of gradient search from each start.
        direct_updates: Updates of the policy that is trained through the decoder.
        say: Takes one line each on the progress.

    Returns:
        "prototype" (only where all tasks ask for a class), "gradient, 1 start", ..., "through the decoder": each as
        `LatentEvaluation.evaluate` returns.

    Raises:
        ValueError: The training images have no labels.
    """
    if train.labels is None:
        raise ValueError(f"{train.name}: the baselines need labels")
    evaluation = evaluation.at_once()
    rules = evaluation.rules
    config = rules.config
    found: dict[str, dict[str, Any]] = {}

    def row(name: str, policy: Policy, on: LatentEvaluation, sigmas: tuple[float, ...] = SIGMAS) -> None:
        found[name] = on.evaluate(policy, sigmas=sigmas)
        say(f"baseline {name}: accuracy {found[name]['mean'].get('accuracy', float('nan')):.4f}")

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(evaluation.seed)
        pixels, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels)
        reader = train_reader(rules.parts, pixels, labels, noise=config.noise, max_sigma=config.max_sigma)
        if (rules.tasks.targets[rules.tasks.asked] >= 0).all():
            row("prototype", PrototypeLookup(rules, reader, seed=evaluation.seed), evaluation)
        some = evaluation.some(max(1, search_images // len(rules.tasks.asked)))
        for count in starts:
            name = f"gradient, {count} start" + ("s" if count > 1 else "")
            row(
                name,
                GradientSearch(rules, reader, starts=count, steps=search_steps, seed=evaluation.seed),
                some,
                FEW_SIGMAS,
            )
        env = LatentVectorEnv(128, config, rules.parts, train.images, train.labels, evaluation.seed, rules.tasks)
        row("through the decoder", train_direct_policy(env, updates=direct_updates), evaluation)
    return found
