"""The shared replay: contents, fairness, many writers at once, and Redis going away and coming back."""

import pickle

import numpy as np
import pytest
import redis

from cluster.replay.buffer import Replay, ReplayEmpty, ReplaySpec
from cluster.replay.server import RedisServer
from tests.cluster.replay.replays import SHAPE, numbered, values


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
    with pytest.raises(ValueError, match="expected 10"):
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
    replay = Replay(ReplaySpec(server.url, "brief", SHAPE, 10, lifetime_s=600))
    replay.push(numbered(1, 2))
    lives = {key: client.pttl(key) for key in client.scan_iter("impasto:brief:*")}
    assert len(lives) == 3
    assert all(0 < life <= 600_000 for life in lives.values())

    def grow_old() -> None:
        for key in lives:
            client.pexpire(key, 300_000)

    grow_old()
    replay.push(numbered(3))
    assert all(client.pttl(key) > 300_000 for key in lives), "the second push did not renew it"
    assert replay.total == 3
    grow_old()
    replay.load(*replay.dump())
    assert all(client.pttl(key) > 300_000 for key in lives)


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
    with pytest.raises(ValueError, match="records"):
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
        with pytest.raises(ValueError, match=r"^redis: expected") as caught:
            Replay(ReplaySpec(url, "a", SHAPE))
        assert "secret" not in str(caught.value)
        assert "pass/" not in str(caught.value)


def test_the_handle_travels_and_hides_the_password(spec: ReplaySpec) -> None:
    assert pickle.loads(pickle.dumps(spec)) == spec
    password = spec.url.split(":")[2].split("@")[0]
    assert password not in repr(spec)
