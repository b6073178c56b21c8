"""The benchmarks run, say what they measured, and compare like with like."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import multiprocessing.dummy
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from cluster import cli
from cluster.bench import train
from cluster.bench.measure import figure as measurement
from cluster.bench.options import BenchOptions
from cluster.bench.processes import machine_cpu_seconds, tree_cpu_seconds
from cluster.bench.registry import BENCHES, run
from cluster.painter.settings import preset
from envs.data_files import DataError
from envs.pictures import TEST_PHOTOS, photo_paths
from tests.helpers.shared_data import shared_path

QUICK = BenchOptions(quick=True, preset="laptop")


def check(lines: list[str]) -> dict[str, dict[str, Any]]:
    """Figures by name, from the lines that the command line would print."""
    figures = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    for each in figures:
        assert set(each) == {"figure", "value", "unit", "detail"}
        assert math.isfinite(each["value"])
        assert each["value"] > 0
        assert each["unit"]
        assert isinstance(each["detail"], dict)
    by_name = {each["figure"]: each for each in figures}
    assert len(by_name) == len(figures)
    return by_name


def measure(name: str) -> dict[str, dict[str, Any]]:
    return check([json.dumps(each) for each in run([name], QUICK)])


def test_canvas() -> None:
    figures = measure("canvas")
    for brush in ("classic/dry_brush", "deevad/2B_pencil", "classic/pen"):
        assert figures[f"canvas {brush}"]["unit"] == "strokes/CPU-s"
        assert f"canvas {brush}, two threads against one" in figures


def test_pictures() -> None:
    try:
        photo_paths(TEST_PHOTOS)
    except DataError as error:
        pytest.skip(str(error))
    figures = measure("pictures")
    for agent in (
        "agent none, climbing until 20",
        "agent pictures, climbing until 20",
        "agent pictures, climbing until 4",
    ):
        assert f"astronaut, {agent} gain nothing, 8 strokes" in figures
    for way in ("hill climb", "agent pictures, climbing until 20 gain nothing"):
        errors = [figures[f"astronaut, {way}, {count} strokes"]["value"] for count in (4, 8)]
        assert errors[1] < errors[0] < 0.4
        assert figures[f"astronaut, {way}, 8 strokes"]["detail"]["cpu_seconds"] > 0


def test_actor() -> None:
    threads = torch.get_num_threads()
    figures = measure("actor")
    rates = [
        figures[name]["value"]
        for name in ("actor, laptop", "actor, RLlib's own runner, laptop", "actor, one canvas, laptop")
    ]
    # With a single repeat the median ratio is the ratio of the rates.
    assert figures["actor against RLlib's own runner, laptop"]["value"] == pytest.approx(rates[0] / rates[1], rel=1e-2)
    assert figures["actor against one canvas, laptop"]["value"] == pytest.approx(rates[0] / rates[2], rel=1e-2)
    assert torch.get_num_threads() == threads


def test_learners() -> None:
    figures = measure("learners")
    assert {"policy update laptop, float32, channels last", "both learners laptop"} <= set(figures)
    assert all(each["detail"]["preset"] == "laptop" for each in figures.values())


def test_replay() -> None:
    assert len(measure("replay")) == 12


@pytest.mark.slow
def test_train() -> None:
    options = BenchOptions(quick=True, data_dir=str(shared_path("data")))
    figures = check([json.dumps(each) for each in run(["train"], options)])
    shares = figures["train laptop"]["detail"]["shares_of_time"]
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)


def test_rllib_does_the_same_work() -> None:
    """Its episodes are whole, from the same policy, each from one noise, and its log-probabilities are right."""
    from cluster.bench.actor import rllib_runner
    from learners.networks.policy import PolicyInputs

    settings = preset("laptop").replace(canvases=3, precision="float32")
    runner = rllib_runner(settings)
    try:
        episodes = runner.sample(num_episodes=3)
        network: Any = runner.module.network  # type: ignore[union-attr]
    finally:
        runner.stop()
    length = settings.paint.num_actions
    assert [len(episode) for episode in episodes] == [length] * 3
    for episode in episodes:
        action = np.stack(episode.get_actions())
        noise = np.stack(episode.get_extra_model_outputs("state_out")["noise"])
        assert (noise == noise[0]).all()
        canvas = episode.get_observations()["canvas"]
        assert (canvas[0] == 255).all()
        assert (canvas[-1] != 255).any() == (action[:, network.spec.flag] == 1).any()
        inputs = PolicyInputs(
            torch.from_numpy(np.array(canvas[:-1]))[:, None],
            torch.from_numpy(np.concatenate([np.zeros_like(action[:1]), action[:-1]]))[:, None].long(),
            torch.arange(length)[:, None],
            torch.from_numpy(noise)[:, None],
        )
        with torch.no_grad():
            expected = network.evaluate(inputs, torch.from_numpy(action)[:, None].long(), network.initial_state(1))
        got = torch.as_tensor(np.array(episode.get_extra_model_outputs("action_logp")))
        torch.testing.assert_close(got, expected.log_prob[:, 0], atol=1e-4, rtol=1e-4)


def test_rllib_leaves_torch_as_it_is() -> None:
    """Told a seed, RLlib would switch this process to deterministic algorithms, and slow both sides down."""
    from cluster.bench.actor import rllib_runner

    rllib_runner(preset("laptop").replace(canvases=1)).stop()
    assert not torch.are_deterministic_algorithms_enabled()


def test_names_and_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"unknown 'canvass'; valid are canvas, .*all"):
        next(run(["canvass"], QUICK))
    with pytest.raises(ValueError, match="repeats: expected at least 1, got 0"):
        BenchOptions(repeats=0)
    with pytest.raises(ValueError, match="seconds: expected more than 0, got 0"):
        BenchOptions(seconds=0)


def test_all_is_every_benchmark_and_some_run_only_if_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in BENCHES:
        module = importlib.import_module(f"cluster.bench.{name}")
        monkeypatch.setattr(module, "bench", lambda options, name=name: [{"figure": name}])
    assert [each["figure"] for each in run(["all"], QUICK)] == list(BENCHES)
    assert cli.main(["bench"]) == 0
    unnamed = [json.loads(line)["figure"] for line in capsys.readouterr().out.splitlines()]
    assert unnamed == [name for name in BENCHES if name not in ("gpu", "scale", "peers")]
    assert cli.main(["bench", "peers", "canvas"]) == 0
    assert [json.loads(line)["figure"] for line in capsys.readouterr().out.splitlines()] == ["peers", "canvas"]


def test_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    """With threads in place of its processes, each of which would load torch."""
    threads = SimpleNamespace(Pipe=multiprocessing.dummy.Pipe, Process=threading.Thread)
    monkeypatch.setattr(multiprocessing, "get_context", lambda kind: threads)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    options = dataclasses.replace(QUICK, actors=1)
    figures = check([json.dumps(each) for each in run(["inference"], options)])
    rates = [figures[f"actors with {way}, laptop"] for way in ("an inference service", "a policy each")]
    assert {each["detail"]["actors"] for each in rates} == {1}
    # With a single repeat the median ratio is the ratio of the rates.
    ratio = figures["inference service against actors, laptop"]["value"]
    assert ratio == pytest.approx(rates[0]["value"] / rates[1]["value"], rel=1e-2)


def test_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of runs that are made up: 100 steps/s, and 60 more for each further actor."""

    def run_of(options: BenchOptions) -> list[dict[str, Any]]:
        rate, detail = 40.0 + 60.0 * options.actors, {"actors": options.actors}
        return [measurement("train", rate, "steps/s", **detail), measurement("train, CPU", 7.0, "CPU-us/step")]

    monkeypatch.setattr(train, "bench", run_of)
    figures = check([json.dumps(each) for each in run(["scale"], BenchOptions(actors=3))])
    names = ["scale laptop, 1 actor", "scale laptop, 2 actors", "scale laptop, 3 actors"]
    assert list(figures) == [each for name in names for each in (name, f"{name}, efficiency")]
    assert [figures[name]["value"] for name in names] == [100, 160, 220]
    assert [figures[f"{name}, efficiency"]["value"] for name in names] == pytest.approx([1, 0.8, 220 / 300], rel=1e-3)
    assert figures[names[1]]["detail"] == {"actors": 2, "cpu_us_per_step": 7.0}
    (only, _) = run(["scale"], BenchOptions(quick=True, actors=3))
    assert only["figure"] == names[0]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_cpu_seconds_of_the_process_tree() -> None:
    before, machine = tree_cpu_seconds(), machine_cpu_seconds()
    start = time.process_time()
    while time.process_time() - start < 0.2:
        pass
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        after, machine_after = tree_cpu_seconds(), machine_cpu_seconds()
        assert tree_cpu_seconds(child.pid) == pytest.approx(0.3, abs=0.05)
        child.communicate(b"\n")
    assert before is not None
    assert after is not None
    assert 0.45 < after - before < 1.0
    assert machine is not None
    assert machine_after is not None
    assert machine_after - machine > after - before - 0.05
    assert tree_cpu_seconds(os.getpid(), Path("/nowhere")) is None


@pytest.mark.slow
def test_transport() -> None:
    figures = measure("transport")
    settings = preset("laptop")
    paint = settings.paint
    canvas = math.prod(paint.canvas_shape)
    record = figures["transport laptop, trajectory"]
    components = 2 * 4 + 4  # at least an int16 for each of four components, and the log-probability
    least = canvas * (paint.num_actions + 1) / paint.num_actions + components
    assert least < record["value"] < least + 64
    assert figures["transport laptop, final canvas"]["value"] == pytest.approx(canvas / paint.num_actions, rel=1e-3)
    assert len(figures) == 6


@pytest.mark.slow
def test_td3_and_sac_are_trained_alike() -> None:
    figures = [json.loads(json.dumps(each)) for each in run(["td3"], QUICK)]
    assert [each["figure"].split(" on ")[0] for each in figures] == ["TD3", "RLlib's SAC"]
    for each in figures:
        assert -3000 < each["value"] < 0
        assert each["detail"]["episodes"] == 100
        assert 600 <= each["detail"]["env_steps"] < 1200
