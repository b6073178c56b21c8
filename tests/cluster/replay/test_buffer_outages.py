"""The replay beside others: many writers, and a Redis that is gone, hangs, is killed or wants a certificate."""

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest
import redis

from cluster.replay.buffer import Replay, ReplayEmpty, ReplaySpec, ReplayUnavailable
from cluster.replay.server import RedisServer, find_redis_server
from tests.cluster.replay.replays import SHAPE, numbered, values


def test_a_wrong_password_fails_at_once_even_when_waiting(server: RedisServer) -> None:
    host = server.url.split("@")[1]
    replay = Replay(ReplaySpec(f"redis://:open-sesame@{host}", "a", SHAPE), wait_s=60)
    start = time.monotonic()
    with pytest.raises(ReplayUnavailable, match="refuses the user or password") as caught:
        replay.push(numbered(1))
    assert time.monotonic() - start < 30, "it waited, as for a Redis that is away"
    assert "sesame" not in str(caught.value)


def _write(spec: ReplaySpec, first: int, go: Event, stop: Event) -> None:
    """Push batches of seven canvases, each canvas of one value in [first, first + 100), until told to stop."""
    replay = Replay(spec)
    rng = np.random.default_rng(first)
    go.wait(120)
    while not stop.is_set():
        filled = rng.integers(first, first + 100, 7).astype(np.uint8)
        replay.push(np.broadcast_to(filled[:, None, None, None], (7, *spec.shape)))
    replay.close()


def test_many_writers_never_tear_a_canvas_nor_lose_a_count(server: RedisServer) -> None:
    """Two processes push while this one samples: a canvas of two values is torn, one of zeros was never written."""
    spec = ReplaySpec(server.url, "tearing", (32, 32, 3), capacity=40)
    context = multiprocessing.get_context("spawn")
    go, stop = context.Event(), context.Event()
    writers = [context.Process(target=_write, args=(spec, first, go, stop)) for first in (1, 101)]
    for writer in writers:
        writer.start()
    replay = Replay(spec)
    rng = np.random.default_rng(0)
    seen: set[int] = set()
    samples = 0
    try:
        go.set()
        deadline = time.monotonic() + 120
        while (samples < 150 or min(seen) > 100 or max(seen) <= 100) and time.monotonic() < deadline:
            try:
                drawn = values(replay.sample(32, rng))
            except ReplayEmpty:
                continue
            seen |= set(drawn)
            samples += 1
    finally:
        stop.set()
        for writer in writers:
            writer.join(10)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert samples >= 150
    assert 0 not in seen
    assert min(seen) <= 100 < max(seen), "one of the writers was never seen"
    canvases, total = replay.dump()
    assert total % 7 == 0
    assert 0 not in values(canvases)


def test_without_redis_the_error_names_the_place_and_not_the_password() -> None:
    with RedisServer() as server:
        url = server.url
    replay = Replay(ReplaySpec(url, "gone", SHAPE), timeout_s=0.3)
    start = time.monotonic()
    with pytest.raises(ReplayUnavailable) as caught:
        replay.push(numbered(1))
    assert 0.3 <= time.monotonic() - start < 30
    password, host = url.removeprefix("redis://:").removesuffix("/0").split("@")
    assert host in str(caught.value)
    assert password not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_waiting_push_is_bounded() -> None:
    with RedisServer() as server:
        spec = ReplaySpec(server.url, "gone", SHAPE)
    start = time.monotonic()
    with pytest.raises(ReplayUnavailable, match=r"no Redis at .* for \d+\.\d"):
        Replay(spec, timeout_s=0.1, wait_s=0.6).push(numbered(1))
    assert time.monotonic() - start >= 0.6


def test_a_redis_that_hangs_is_as_gone() -> None:
    with RedisServer() as server:
        replay = Replay(ReplaySpec(server.url, "hang", SHAPE), timeout_s=0.3)
        replay.push(numbered(1))
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ReplayUnavailable, match="no Redis"):
                replay.push(numbered(2))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert replay.push(numbered(3)) >= 2


def test_push_waits_for_a_killed_redis_and_fills_the_empty_one() -> None:
    with RedisServer() as server:
        spec = ReplaySpec(server.url, "killed", SHAPE, 10)
        actor = Replay(spec, timeout_s=0.2, wait_s=60)
        learner = Replay(spec, timeout_s=5)
        rng = np.random.default_rng(0)
        actor.push(numbered(*range(1, 11)))
        assert set(values(learner.sample(100, rng))) == set(range(1, 11))

        os.kill(server.pid, signal.SIGKILL)
        totals: list[int] = []
        pushing = threading.Thread(target=lambda: totals.append(actor.push(numbered(42, 43))))
        pushing.start()
        pushing.join(0.5)
        assert pushing.is_alive()
        server.restart()  # empty: no header, no canvases
        pushing.join(60)
        assert totals == [2]
        assert set(values(learner.sample(100, rng))) == {42, 43}
        with pytest.raises(ValueError, match="already has a replay"):  # the header is there again
            Replay(ReplaySpec(server.url, "killed", SHAPE, 11)).check()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program to make a certificate")
def test_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {certificate}"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*request.split(), *names], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--port 0 --tls-port {port} --bind 127.0.0.1 --tls-auth-clients no --requirepass secret --dir {tmp_path}"
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--save", ""]
    command = [find_redis_server(), *options.split(), *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if "Ready to accept" in line:
                    break
            else:
                pytest.skip("this redis-server was built without TLS")
            url = f"rediss://:secret@127.0.0.1:{port}/0"
            replay = Replay(ReplaySpec(f"{url}?ssl_ca_certs={certificate}", "tls", SHAPE, 10))
            replay.push(numbered(1, 2))
            assert set(values(replay.sample(50, np.random.default_rng(0)))) == {1, 2}
            with pytest.raises(ReplayUnavailable, match=f"127.0.0.1:{port}.*certificate") as caught:
                Replay(ReplaySpec(url, "tls", SHAPE, 10), timeout_s=0.2).check()
            assert "secret" not in str(caught.value)
        finally:
            server.terminate()


def test_a_learner_that_knew_a_full_ring_finds_it_emptied(spec: ReplaySpec) -> None:
    learner, actor = Replay(spec), Replay(spec)
    rng = np.random.default_rng(0)
    actor.push(numbered(*range(10)))
    learner.sample(5, rng)
    server = redis.Redis.from_url(spec.url)
    server.flushall()
    server.config_resetstat()
    with pytest.raises(ReplayEmpty):
        learner.sample(5, rng)
    assert actor.push(numbered(77)) == 1
    assert values(learner.sample(5, rng)) == [77] * 5
    assert "cmdstat_exists" not in server.info("commandstats")  # never had to ask for every slot
