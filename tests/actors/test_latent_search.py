import numpy as np
import torch

from actors.latent_search import GradientSearch, PrototypeLookup, asked_task
from envs.latent import LatentConfig, LatentVectorEnv
from tests.helpers.latent_bars import CLASSES, bars, bars_parts

CONFIG = LatentConfig(task="all", noise=0.0)


def world() -> LatentVectorEnv:
    data = bars(200, 3)
    return LatentVectorEnv(48, CONFIG, bars_parts(), data.images, data.labels)


def reader(latent: torch.Tensor) -> torch.Tensor:
    """Reads a latent by what it decodes to."""
    parts = bars_parts()
    return parts.probabilities(parts.decode(latent))


def test_asked_tasks_are_read_from_the_observation() -> None:
    env = world()
    observation, info = env.reset()
    np.testing.assert_array_equal(asked_task(env.rules, observation), info["task"])


def test_a_prototype_shows_the_class_asked_for() -> None:
    env = world()
    policy = PrototypeLookup(env.rules, reader, candidates=2000)
    assert policy.prototypes.shape == (CLASSES, 3)
    observation, info = env.reset()
    actions = policy(observation)
    assert np.abs(actions).max() <= 1
    assert len(np.unique(actions, axis=0)) == CLASSES
    features = env.step(actions)[4]["features"]
    target = env.rules.tasks.targets[info["task"], info["source"][:, 0].astype(int)]
    assert (features[:, :CLASSES].argmax(axis=1) == target).mean() > 0.95


def test_climbing_raises_the_score_and_more_starts_raise_it_further() -> None:
    env = world()
    scores = []
    for starts, steps in ((1, 0), (1, 40), (4, 40)):
        observation, _ = env.reset(seed=2)
        policy = GradientSearch(env.rules, reader, starts=starts, steps=steps)
        actions = policy(observation)
        assert actions.dtype == np.float32
        assert np.abs(actions).max() <= 1
        scores.append(float(env.step(actions)[1].mean()))
    assert scores[0] + 0.2 < scores[1] < scores[2]
