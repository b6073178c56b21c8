"""Orders to a run: how they travel, what the driver does with them, what happens to the actors."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray

from cluster import cli
from cluster.errors import UserError
from cluster.painter.trainer import PainterTrainer
from cluster.runs.folder import RunFolder, is_being_written
from cluster.runs.lease import Lease
from cluster.runs.remote import ORDER, Mirror, RemoteFolder
from cluster.training.algorithm import RunAlgorithm
from cluster.training.launch import run_connections
from cluster.training.scale import scale
from cluster.training.scale_requests import NAMESPACE, ClusterInbox, FolderInbox, InboxActor, give, new_request
from tests.helpers.live_run import build, train_until
from tests.helpers.tiny_run import tiny_settings, wait_until


def test_an_order_in_the_folder_is_taken_until_it_is_answered(tmp_path: Path) -> None:
    box, order = FolderInbox(tmp_path), new_request(3)
    assert box.take() is None
    box.put(order)
    assert box.take() == order == box.take()
    assert box.answered(order) is None
    box.answer(order, "done")
    assert box.take() is None
    assert box.answered(order) == "done"
    assert box.answered(new_request(3)) is None, "an answer to another order"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"actors": 3}', '{"actors": "many", "ticket": "a"}'])
def test_what_is_no_order_is_removed(tmp_path: Path, text: str) -> None:
    (tmp_path / "order.json").write_text(text)
    assert FolderInbox(tmp_path).take() is None
    assert not (tmp_path / "order.json").exists()


def test_no_order_for_less_than_one_actor() -> None:
    with pytest.raises(ValueError, match="expected at least 1, got 0"):
        new_request(0)


def test_scale_says_when_nothing_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scale", str(tmp_path / "none"), "2"]) == 2
    assert "no run in" in capsys.readouterr().err
    with RunFolder.create(tmp_path / "run", {}):
        assert is_being_written(tmp_path / "run")
    assert not is_being_written(tmp_path / "run")
    assert cli.main(["scale", str(tmp_path / "run"), "2"]) == 2
    assert f"impasto resume {tmp_path / 'run'} --actors 2" in capsys.readouterr().err
    with RunFolder.create(tmp_path / "deaf", {}), pytest.raises(UserError, match="did not answer within"):
        scale(str(tmp_path / "deaf"), 2, "", 0.3)
    assert not (tmp_path / "deaf" / "order.json").exists(), "nobody waits for it any more"


def test_only_ones_own_order_is_withdrawn(tmp_path: Path) -> None:
    first, second = new_request(2), new_request(3)
    boxes: list[FolderInbox | InboxActor] = [FolderInbox(tmp_path), InboxActor("run")]
    for box in boxes:
        box.put(first)
        box.put(second)
        box.withdraw(first)
        assert box.take() == second
        box.withdraw(second)
        assert box.take() is None


def test_a_run_does_not_begin_with_an_order_to_another_driver(images: Path, tmp_path: Path) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/shared")
    trainer = PainterTrainer(tiny_settings(images))
    with RunFolder.create(tmp_path / "run", {}) as folder:
        FolderInbox(folder.path).put(new_request(9))
        remote.write(ORDER, b'{"actors": 9, "ticket": "old"}')
        with run_connections(trainer, folder, Lease.claim(remote), cluster=False):
            assert trainer.inboxes[0].take() is None
            assert remote.read(ORDER) is None
    trainer.close()


def test_members_of_a_population_take_no_orders(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"population": {}}')
    with RunFolder.create(tmp_path / "members" / "00", {}) as member:
        for run in (tmp_path, member.path):
            with pytest.raises(UserError, match="is of a population, whose members keep the actors"):
                scale(str(run), 2, "", 60)


@pytest.mark.usefixtures("private_ray")
def test_a_run_that_ends_meanwhile_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_none(desk: Any, order: object, seconds: float) -> None:
        ray.kill(desk)
        ray.get(desk.take.remote())

    monkeypatch.setattr("cluster.training.scale.give", give_none)
    with closing(ClusterInbox("short")), pytest.raises(UserError, match="the run short ended before it answered"):
        scale("short", 2, "auto", 1)


def serve(box: FolderInbox | ClusterInbox, answers: list[int]) -> None:
    """A driver that answers one order."""
    while not answers:
        if (order := box.take()) is not None:
            answers.append(order.actors)
            box.answer(order, f"{order.actors} it is")
        time.sleep(0.05)


def test_scale_reaches_a_driver_through_shared_storage(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", {}) as folder:
        remote = RemoteFolder(f"file://{tmp_path}/shared")
        mirror = Mirror(folder.path, remote)
        answers: list[int] = []
        driver = threading.Thread(target=serve, args=(FolderInbox(folder.path), answers))
        driver.start()
        assert scale(remote.uri, 5, "", 60) == "5 it is"
        driver.join()
        mirror.close()
    assert answers == [5]


@pytest.mark.usefixtures("private_ray")
def test_scale_reaches_a_driver_through_the_cluster() -> None:
    box = ClusterInbox("far-away")
    with pytest.raises(ValueError, match="named far-away is on this Ray cluster already"):
        ClusterInbox("far-away")
    answers: list[int] = []
    driver = threading.Thread(target=serve, args=(box, answers))
    driver.start()
    assert give(ray.get_actor("far-away", namespace=NAMESPACE), new_request(7), 30) == "7 it is"
    driver.join()
    with pytest.raises(UserError, match="no run named near-by trains on this cluster; there are far-away"):
        scale("near-by", 2, "auto", 1)
    box.close()
    assert answers == [7]


@contextmanager
def ordered(images: Path, folder: Path, actors: int) -> Iterator[tuple[RunAlgorithm, Callable[[int], str]]]:
    """A run in ``folder``, and what gives it an order for a number of actors and returns the answer."""
    settings = tiny_settings(images, minutes=60, actors=actors, max_lag=4)
    trainer = PainterTrainer(settings)
    algorithm = build(settings)
    try:
        with RunFolder.create(folder, settings.to_json()) as run:
            trainer.folder, box = run, FolderInbox(run.path)
            trainer.inboxes = [box]

            def order(actors: int) -> str:
                given = new_request(actors)
                box.put(given)
                trainer.handle_requests(algorithm)
                answer = box.answered(given)
                assert answer is not None
                return answer

            yield algorithm, order
    finally:
        algorithm.stop()
        trainer.sampler.close()


def stored_actors(folder: Path) -> int:
    """The number of actors that a resumed run would begin with."""
    return int(json.loads((folder / "config.json").read_text())["system"]["actors"])


@pytest.mark.usefixtures("private_ray")
def test_a_run_gets_more_actors_and_fewer(images: Path, tmp_path: Path) -> None:
    with ordered(images, tmp_path / "run", 1) as (algorithm, order):
        train_until(algorithm, lambda latest: latest["updates"] > 2)
        assert algorithm.latest["runners/wanted"] == algorithm.latest["runners/healthy"] == 1
        with pytest.raises(ValueError, match="answers the driver's node alone, which has room for 6, not for 99"):
            algorithm.pool.resize(99)
        assert order(2) == "2 actors from now on"
        updates = algorithm.policy_updates
        train_until(algorithm, lambda latest: latest["updates"] > updates, 30)
        assert algorithm.latest["runners/wanted"] == 2
        train_until(algorithm, lambda latest: latest["runners/healthy"] == 2, 120)
        assert algorithm.latest["runners/restarts"] == 0, "a new actor is no restart"
        seen: set[int] = set()

        def all_paint(latest: object) -> bool:
            seen.update(batch["actor"] for batch in algorithm.queue.batches)
            return {1, 2} <= seen | set(algorithm.queue.update_of_actor)

        train_until(algorithm, all_paint, 60)
        names = algorithm.runners.foreach_env_runner(repr, local_env_runner=False)
        assert sorted(names) == ["painter-00/actor-1", "painter-00/actor-2"]
        assert stored_actors(tmp_path / "run") == 2

        lost = algorithm.lost_batches
        assert order(1) == "1 actors from now on"
        train_until(algorithm, lambda latest: algorithm.runners.num_remote_env_runners() == 1, 60)
        updates = algorithm.policy_updates
        train_until(algorithm, lambda latest: latest["updates"] > updates + 5)
        assert algorithm.latest["runners/wanted"] == algorithm.latest["runners/healthy"] == 1
        assert algorithm.lost_batches == lost, "those that left had delivered everything"
        assert stored_actors(tmp_path / "run") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_actors_that_were_let_go_come_back_under_their_numbers(images: Path, tmp_path: Path) -> None:
    with ordered(images, tmp_path / "run", 2) as (algorithm, order):
        order(1)
        train_until(algorithm, lambda latest: algorithm.runners.num_remote_env_runners() == 1, 120)
        assert "only 4 can have work at a time" in order(5)
        order(2)
        train_until(algorithm, lambda latest: latest["runners/healthy"] == 2, 120)
        wait_until(lambda: algorithm.train() and algorithm.runners.num_remote_env_runners() == 2, 120, "two")
        names = algorithm.runners.foreach_env_runner(repr, local_env_runner=False)
        assert sorted(names) == ["painter-00/actor-1", "painter-00/actor-2"]
