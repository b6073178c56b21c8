"""The examples in docstrings of public classes and functions run and print what they say."""

import doctest
import importlib

import pytest

MODULES = (
    "actors.rollout",
    "actors.transition_rollout",
    "cluster.evaluation.text_tables",
    "cluster.metrics.catalogue",
    "cluster.metrics.log",
    "envs.datasets",
    "envs.latent.tasks",
    "envs.latent.world",
    "envs.paint",
    "envs.ranges",
    "envs.resampling",
    "envs.single",
    "envs.spec",
    "envs.strokes",
    "envs.worlds",
    "envs.wrappers",
    "learners.conditioning",
    "learners.networks.build",
    "learners.networks.laptop",
    "learners.networks.situation",
    "learners.optimization",
    "learners.rewards",
    "learners.transitions",
    "learners.vtrace",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_module_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0
