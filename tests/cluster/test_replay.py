"""The shared replay: contents, fairness, many writers at once, and Redis going away and coming back."""

import multiprocessing
import os
import pickle
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest
import redis

from cluster.redis_server import RedisServer, find_redis_server
from cluster.replay import Replay, ReplayEmpty, ReplaySpec, ReplayUnavailable

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def spec(server: RedisServer, request: pytest.FixtureRequest) -> ReplaySpec:
    return ReplaySpec(server.url, request.node.name, SHAPE, capacity=10)


def numbered(*numbers: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Canvases, each filled with one value."""
    return np.stack([np.full(shape, number, np.uint8) for number in numbers])


def values(canvases: np.ndarray) -> list[int]:
    assert (canvases == canvases[:, :1, :1, :1]).all(), "a canvas is a mixture of two"
    return [int(canvas[0, 0, 0]) for canvas in canvases]


def test_an_empty_replay_has_nothing_to_sample(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    assert len(replay) == 0
    assert replay.fill == 0.0
    assert replay.total == 0
    with pytest.raises(ReplayEmpty, match="empty"):
        replay.sample(1, np.random.default_rng(0))


def test_the_ring_overwrites_its_oldest(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    assert replay.push(numbered(0, 1, 2, 3)) == 4
    assert (len(replay), replay.fill) == (4, 0.4)
    assert replay.push(numbered(4, 5, 6, 7)) == 8
    assert replay.push(numbered(8, 9, 10, 11)) == 12  # wraps round: 10 and 11 take the places of 0 and 1
    assert (len(replay), replay.fill, replay.total) == (10, 1.0, 12)
    canvases, total = replay.dump()
    assert values(canvases) == [10, 11, 2, 3, 4, 5, 6, 7, 8, 9]
    assert total == 12


def test_of_a_batch_larger_than_the_ring_the_last_stay(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    assert replay.push(numbered(*range(25))) == 25
    assert sorted(values(replay.dump()[0])) == list(range(15, 25))
    assert replay.push(numbered(99)) == 26
    assert sorted(values(replay.dump()[0])) == [*range(16, 25), 99]


def test_pixels_come_back_as_they_went_in(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    canvas = np.random.default_rng(0).integers(0, 256, (1, *SHAPE), dtype=np.uint8)
    replay.push(canvas)
    sampled = replay.sample(3, np.random.default_rng(0))
    assert sampled.dtype == np.uint8
    assert sampled.shape == (3, *SHAPE)
    assert (sampled == canvas).all()
    sampled[:] = 0  # the caller's own
    assert (replay.sample(1, np.random.default_rng(0)) == canvas).all()


def test_a_canvas_that_is_a_strided_view_is_stored_as_it_looks(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    wide = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 3), dtype=np.uint8)
    replay.push(wide[:, :, ::2])
    assert (replay.dump()[0] == wide[:, :, ::2]).all()


@pytest.mark.parametrize("pushed", [6, 10, 13])
def test_sampling_is_uniform_over_what_is_filled(spec: ReplaySpec, pushed: int) -> None:
    replay = Replay(spec)
    replay.push(numbered(*range(pushed)))
    there = values(replay.dump()[0])
    drawn = values(replay.sample(6000, np.random.default_rng(1)))
    counts = np.array([drawn.count(value) for value in there])
    assert counts.sum() == 6000  # nothing else was drawn
    expected = 6000 / len(there)
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 30  # 99.9 % quantile for 9 degrees of freedom: 27.9


def test_another_writers_growth_is_seen(spec: ReplaySpec) -> None:
    reader, writer = Replay(spec), Replay(spec)
    rng = np.random.default_rng(0)
    writer.push(numbered(1))
    assert set(values(reader.sample(50, rng))) == {1}
    writer.push(numbered(2, 3))
    assert set(values(reader.sample(50, rng))) == {1, 2, 3}


def test_the_same_generator_draws_the_same(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    replay.push(numbered(*range(10)))
    first = replay.sample(20, np.random.default_rng(7))
    assert (first == replay.sample(20, np.random.default_rng(7))).all()
    assert (first != replay.sample(20, np.random.default_rng(8))).any()


def test_slots_that_were_taken_but_never_filled_are_not_drawn(spec: ReplaySpec) -> None:
    """A writer that died between taking its slots and filling them leaves a hole."""
    replay = Replay(spec)
    replay.push(numbered(1))
    raw = redis.Redis.from_url(spec.url)
    raw.incrby(f"impasto:{spec.run_id}:total", 8)
    assert set(values(replay.sample(200, np.random.default_rng(0)))) == {1}
    replay.push(numbered(2))  # lands behind the hole
    assert set(values(replay.sample(200, np.random.default_rng(0)))) == {1, 2}
    canvases, total = replay.dump()
    assert (len(canvases), total) == (10, 10)
    assert set(values(canvases)) == {1, 2}


def test_a_hole_alone_counts_as_empty(spec: ReplaySpec) -> None:
    redis.Redis.from_url(spec.url).incrby(f"impasto:{spec.run_id}:total", 8)
    with pytest.raises(ReplayEmpty):
        Replay(spec).sample(1, np.random.default_rng(0))


def test_dump_and_load_go_on_where_they_stopped(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    replay.push(numbered(*range(13)))
    canvases, total = replay.dump()
    before = replay.sample(30, np.random.default_rng(3))
    replay.clear()
    assert len(replay) == 0
    replay.load(canvases, total)
    assert replay.total == 13
    assert (replay.sample(30, np.random.default_rng(3)) == before).all()
    replay.push(numbered(13))  # overwrites 3, the oldest
    assert sorted(values(replay.dump()[0])) == list(range(4, 14))


def test_load_replaces_everything(spec: ReplaySpec) -> None:
    replay = Replay(spec)
    replay.push(numbered(*range(10)))
    replay.load(numbered(50, 51), 2)
    assert set(values(replay.sample(100, np.random.default_rng(0)))) == {50, 51}
    replay.load(np.empty((0, *SHAPE), np.uint8), 0)
    with pytest.raises(ReplayEmpty):
        replay.sample(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="canvases must hold 10"):
        replay.load(numbered(1, 2), 12)


def test_runs_in_one_redis_do_not_mix(server: RedisServer) -> None:
    one = Replay(ReplaySpec(server.url, "mix-1", SHAPE, 10))
    two = Replay(ReplaySpec(server.url, "mix-2", (4, 4, 1), 5))
    one.push(numbered(1))
    two.push(numbered(2, shape=(4, 4, 1)))
    assert values(one.sample(5, np.random.default_rng(0))) == [1] * 5
    assert values(two.sample(5, np.random.default_rng(0))) == [2] * 5
    one.clear()
    assert (one.total, two.total) == (0, 1)
    two.clear()
    assert not list(redis.Redis.from_url(server.url).scan_iter("*mix-*"))


def test_what_nobody_pushes_to_expires(server: RedisServer) -> None:
    client = redis.Redis.from_url(server.url)
    replay = Replay(ReplaySpec(server.url, "brief", SHAPE, 10, lifetime_s=2))
    replay.push(numbered(1, 2))
    lives = {key: client.pttl(key) for key in client.scan_iter("impasto:brief:*")}
    assert len(lives) == 3
    assert all(0 < life <= 2000 for life in lives.values())
    time.sleep(1.2)
    replay.push(numbered(3))
    time.sleep(1.2)
    assert replay.total == 3, "the second push did not renew it"
    replay.load(*replay.dump())
    assert all(client.pttl(key) > 1000 for key in lives)
    time.sleep(2.1)
    assert not list(client.scan_iter("impasto:brief:*"))


@pytest.mark.parametrize(("shape", "capacity"), [((8, 8, 1), 10), (SHAPE, 11), ((3, 8, 8), 10)])
def test_another_layout_under_the_same_run_is_refused(
    spec: ReplaySpec, shape: tuple[int, int, int], capacity: int
) -> None:
    Replay(spec).push(numbered(1))
    other = Replay(ReplaySpec(spec.url, spec.run_id, shape, capacity))
    attempts = (
        other.check,
        other.dump,
        lambda: other.push(numbered(1, shape=shape)),
        lambda: other.sample(1, np.random.default_rng(0)),
        lambda: other.load(numbered(1, shape=shape), 1),
    )
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"already has a replay of shape \(8, 8, 3\), capacity 10") as caught:
            attempt()
        assert "\n" not in str(caught.value)
    assert Replay(spec).total == 1  # nothing was taken by the refused push
    other.clear()
    other.push(numbered(1, shape=shape))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, *SHAPE), np.float32),
        np.zeros(SHAPE, np.uint8),
        np.zeros((2, 8, 8, 1), np.uint8),
        np.zeros((0, *SHAPE), np.uint8),
        [[1, 2, 3]],
    ],
)
def test_wrong_canvases_are_named(spec: ReplaySpec, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="canvases"):
        Replay(spec).push(wrong)


def test_wrong_arguments_are_named(server: RedisServer) -> None:
    for fields, name in (
        ({"run_id": ""}, "run_id"),
        ({"shape": ()}, "shape"),
        ({"shape": (1, 8, 8, 3)}, "shape"),
        ({"shape": (8, 0, 3)}, "shape"),
        ({"capacity": 0}, "capacity"),
    ):
        with pytest.raises(ValueError, match=name):
            ReplaySpec(**{"url": server.url, "run_id": "a", "shape": SHAPE} | fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n must be at least 1"):
        Replay(ReplaySpec(server.url, "n", SHAPE)).sample(0, np.random.default_rng(0))
    for url in ("localhost:6379", "http://host", "redis://:pass/secret@host:1/0"):
        with pytest.raises(ValueError, match="url") as caught:
            Replay(ReplaySpec(url, "a", SHAPE))
        assert "secret" not in str(caught.value)
        assert "pass/" not in str(caught.value)


def test_the_handle_travels_and_hides_the_password(spec: ReplaySpec) -> None:
    assert pickle.loads(pickle.dumps(spec)) == spec
    password = spec.url.split(":")[2].split("@")[0]
    assert password not in repr(spec)


def test_a_wrong_password_fails_at_once_even_when_waiting(server: RedisServer) -> None:
    host = server.url.split("@")[1]
    replay = Replay(ReplaySpec(f"redis://:open-sesame@{host}", "a", SHAPE), wait=True, max_wait_s=60)
    start = time.monotonic()
    with pytest.raises(ReplayUnavailable, match="refuses the user or password") as caught:
        replay.push(numbered(1))
    assert time.monotonic() - start < 5
    assert "sesame" not in str(caught.value)


def _write(spec: ReplaySpec, first: int, go: Event, stop: Event) -> None:
    """Push batches of seven canvases, each canvas of one value in [first, first + 100), until told to stop."""
    replay = Replay(spec)
    rng = np.random.default_rng(first)
    go.wait(20)
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
        deadline = time.monotonic() + 30
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
    assert 0.3 <= time.monotonic() - start < 3
    password, host = url.removeprefix("redis://:").removesuffix("/0").split("@")
    assert host in str(caught.value)
    assert password not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_waiting_push_can_be_bounded_and_stopped() -> None:
    with RedisServer() as server:
        spec = ReplaySpec(server.url, "gone", SHAPE)
    waits: list[float] = []
    with pytest.raises(ReplayUnavailable, match="no Redis"):
        Replay(spec, timeout_s=0.1, wait=True, max_wait_s=0.6, on_wait=waits.append).push(numbered(1))
    assert len(waits) >= 2
    assert waits == sorted(waits)
    with pytest.raises(ReplayUnavailable, match="stopped waiting"):
        Replay(spec, timeout_s=0.1, wait=True, should_stop=lambda: True).push(numbered(1))


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
        waiting = threading.Event()
        actor = Replay(spec, timeout_s=0.2, wait=True, max_wait_s=20, on_wait=lambda seconds: waiting.set())
        learner = Replay(spec, timeout_s=5)
        rng = np.random.default_rng(0)
        actor.push(numbered(*range(1, 11)))
        assert set(values(learner.sample(100, rng))) == set(range(1, 11))

        os.kill(server.pid, signal.SIGKILL)
        totals: list[int] = []
        pushing = threading.Thread(target=lambda: totals.append(actor.push(numbered(42, 43))))
        pushing.start()
        assert waiting.wait(5)
        assert not totals
        server.restart()  # empty: no header, no canvases
        pushing.join(10)
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
