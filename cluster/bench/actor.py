"""Steps per CPU-second of an actor on one core, beside RLlib's own runner and an actor with a single canvas."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gymnasium as gym
import torch
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from actors.rollout import Rollout
from cluster.bench.measure import cpu_rates, figure, median_ratio, spread, torch_threads
from cluster.bench.options import BenchOptions, Figure
from cluster.painter.settings import PainterSettings, PresetName, preset
from cluster.painter.spiral import SpiralConfig
from envs.paint import PaintVectorEnv
from learners.memory import keep_large_blocks
from learners.networks.policy import PaintPolicy

ENVIRONMENT = "impasto/PaintBench-v0"


def rllib_runner(settings: PainterSettings) -> SingleAgentEnvRunner:
    """Build RLlib's runner at its best: our batched environment as it is, the same policy, no Ray processes.

    `vector_entry_point` hands it `PaintVectorEnv` itself, so it paints all canvases in one native call as
    ours does; sampling a whole number of episodes per canvas spares it the wasted step after each episode's end.
    """
    if ENVIRONMENT not in gym.registry:
        gym.register(ENVIRONMENT, vector_entry_point="envs.paint:PaintVectorEnv")
    config = (
        SpiralConfig()
        .use(settings)
        .environment(ENVIRONMENT, env_config={"config": settings.paint})
        .env_runners(
            env_runner_cls=SingleAgentEnvRunner,
            num_env_runners=0,
            num_envs_per_env_runner=settings.system.canvases,
            gym_env_vectorize_mode="vector_entry_point",
            batch_mode="complete_episodes",
        )
    )
    return SingleAgentEnvRunner(config=config)


def actor_ways(settings: PainterSettings) -> tuple[dict[str, Callable[[], int]], Callable[[], None]]:
    """Return three ways to paint with one policy (the very same weights), and a function that frees their canvases.

    Each way paints whole episodes and returns the steps; `ours` and `rllib` paint `settings.system.canvases`
    canvases in lock-step, `single` one.
    """
    runner = rllib_runner(settings)
    policy: PaintPolicy = runner.module.network  # type: ignore[union-attr]
    canvases, precision = settings.system.canvases, settings.policy.precision
    many, one = PaintVectorEnv(canvases, settings.paint), PaintVectorEnv(1, settings.paint)
    ours = Rollout(many, policy, seed=settings.system.seed, precision=precision)
    single = Rollout(one, policy, seed=settings.system.seed, precision=precision)

    def rllib() -> int:
        steps = sum(len(episode) for episode in runner.sample(num_episodes=canvases))
        runner.get_metrics()  # it keeps all episodes until asked; an algorithm asks after each sample, too
        return steps

    def close() -> None:
        runner.stop()  # type: ignore[no-untyped-call]
        many.close()
        one.close()

    return {"ours": lambda: ours.episodes().steps, "rllib": rllib, "single": lambda: single.episodes().steps}, close


def bench(options: BenchOptions) -> Iterable[Figure]:
    """Yield the figures of the chosen preset, or of both."""
    keep_large_blocks()
    for name in [options.preset] if options.preset else ("laptop", "paper"):
        settings = preset(name)
        yield from bench_preset(name, settings.replace(canvases=8) if options.quick else settings, options)


def bench_preset(name: PresetName, settings: PainterSettings, options: BenchOptions) -> Iterator[Figure]:
    """Yield rates of the three ways on one core, measured in turns, and their ratios."""
    works, close = actor_ways(settings)
    try:
        with torch_threads(1):
            rates = cpu_rates(works, options)
    finally:
        close()
    canvases = settings.system.canvases
    common: dict[str, Any] = {
        "preset": name,
        "canvas": list(settings.paint.canvas_shape),
        "actions": settings.paint.num_actions,
        "brush": settings.paint.brush,
        "policy": settings.policy.network,
        "precision": settings.policy.precision,
        "torch_threads": 1,
        "torch": torch.__version__,
    }
    runs = {
        "ours": {"runner": "actors.rollout.Rollout", "canvases": canvases},
        "rllib": {
            "runner": "ray.rllib SingleAgentEnvRunner",
            "canvases": canvases,
            "environment": "PaintVectorEnv by gym's vector_entry_point",
            "module": "cluster.painter.rl_modules.PolicyModule, the same weights",
            "connectors": "RLlib's defaults",
            "sample": f"num_episodes={canvases}, a local runner without Ray processes",
        },
        "single": {"runner": "actors.rollout.Rollout", "canvases": 1},
    }
    titles = {"ours": "actor", "rllib": "actor, RLlib's own runner", "single": "actor, one canvas"}
    for way, values in rates.items():
        detail = common | runs[way] | spread(values)
        yield figure(f"{titles[way]}, {name}", statistics.median(values), "steps/CPU-s", **detail)
    for way, title in (("rllib", "RLlib's own runner"), ("single", "one canvas")):
        ratio = median_ratio(rates["ours"], rates[way])
        yield figure(f"actor against {title}, {name}", ratio, "times", preset=name, repeats=len(rates[way]))
