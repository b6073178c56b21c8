"""Runs beside other libraries: one world and one policy for all, measured from outside, and what fails is told."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from cluster.bench import peers
from cluster.bench.options import BenchOptions
from cluster.bench.peer_runs.rllib_impala import Autoregressive
from cluster.bench.peer_runs.world import SituatedPaint, inputs_of, make_policy
from cluster.painter.settings import preset


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_the_worlds_observation_holds_all_that_the_policy_needs(mode: AutoresetMode) -> None:
    worlds, rng = SituatedPaint(3, autoreset_mode=mode), np.random.default_rng(0)
    spec, length = worlds.env.spec_actions, worlds.env.config.num_actions
    seen, _ = worlds.reset()
    noises, previous = [], np.zeros((3, len(spec.components)), int)
    for step in range(2 * length):
        assert worlds.observation_space.contains(seen)
        inputs = inputs_of(torch.from_numpy(seen["canvas"]), torch.from_numpy(seen["situation"]), spec)
        within = step % (length + (mode == AutoresetMode.NEXT_STEP))
        if within < length:
            assert inputs.step.tolist() == [within] * 3
            assert np.array_equal(inputs.previous_action.numpy(), previous if within else np.zeros_like(previous))
        noises.append(inputs.noise.numpy())
        previous = rng.integers(spec.sizes, size=previous.shape)
        seen, reward, *_ = worlds.step(previous)
        assert not reward.any()
    assert (noises[0] == noises[1]).all()
    assert (noises[0] != noises[-1]).any()
    worlds.close()


def test_the_others_policy_is_ours() -> None:
    """What it samples has the log-probability that our own evaluation gives it."""
    policy, worlds = make_policy(), SituatedPaint(4)
    seen, _ = worlds.reset()
    inputs = inputs_of(torch.from_numpy(seen["canvas"]), torch.from_numpy(seen["situation"]), policy.spec)
    state = torch.cat([policy.features(inputs), inputs.step[:, None]], 1)
    chosen = policy.act(inputs, policy.initial_state(4))
    told = Autoregressive(policy, state)
    torch.testing.assert_close(told.logp(chosen.action), chosen.log_prob, atol=0.02, rtol=0.01)  # one may be bfloat16
    assert (told.entropy() > 0).all()
    figures = peers.networks()
    given = preset("laptop")
    ours = sum(weight.numel() for weight in make_policy().parameters())
    assert figures["parameters"] == ours
    assert figures["flops_of_a_step"] > ours
    assert given.policy.network == "laptop"
    worlds.close()


def test_a_peer_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = peers.Peer("no_such_library", "nothing")
    assert peers.environment_of("none", nowhere, tmp_path) == Path(sys.executable)
    training = peers.Training("none", nowhere, Path(sys.executable))
    try:
        with pytest.raises(peers.PeerFailed, match=r"^none ended: .*No module named .*no_such_library"):
            training.wait(60.0)
    finally:
        training.end()
    impossible = peers.Peer("made_of_air", "nothing", packages=("--no-index", "made-of-air==0"))
    with pytest.raises(peers.PeerFailed, match=r"^air can not be installed: .*made-of-air"):
        peers.environment_of("air", impossible, tmp_path)
    assert not (tmp_path / "made_of_air" / "installed").exists()


def test_a_peer_that_stops_learning_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'a child has died' >&2\nsleep 0.2\necho 640\nexec sleep 100\n")
    script.chmod(0o755)
    monkeypatch.setattr(peers, "SECONDS_TO_GO_ON", 0.5)
    training = peers.Training("sleeper", peers.Peer("any", "nothing"), script)
    try:
        training.wait(0.0)
        assert training.steps == 640
        assert training.errors == ["a child has died"]
        with pytest.raises(peers.PeerFailed, match=r"sleeper learned nothing for 0 s; it printed: a child has died"):
            training.wait(60.0, least_steps=640)
    finally:
        training.end()


def test_an_environment_is_made_again_for_other_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(place: Path) -> Path:
        place.mkdir(exist_ok=True)
        made.append(place)
        return place / "bin" / "python"

    monkeypatch.setattr(peers, "make_environment", make)
    monkeypatch.setattr(peers, "install", lambda python, packages: "")
    for version in (1, 1, 2, 2):
        peer = peers.Peer("some", "nothing", packages=(f"some=={version}",))
        assert peers.environment_of("some", peer, tmp_path) == tmp_path / "some" / "bin" / "python"
    assert len(made) == 2


def test_cpu_time_that_can_not_be_read_is_a_failure_and_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "tree_cpu_seconds", lambda process: None)
    training: Any = SimpleNamespace(
        name="none", steps=0, process=SimpleNamespace(pid=1), wait=lambda *_, **__: None, require_life=lambda: None
    )
    with pytest.raises(peers.PeerFailed, match="none: its CPU time can not be read"):
        peers.measured(training, BenchOptions(quick=True))
