"""The other systems of the campaign: a population that shares its discriminator, a run whose actors have nodes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from cluster.metrics.log import read_metrics
from cluster.replay.server import RedisServer
from cluster.training.ray_session import patience
from tests.faults.parts import NODE, POPULATION_PARTS, Part, kill
from tests.faults.system import Row, System
from tests.helpers.tiny_run import SMALL_POPULATION, options, running

POPULATION = SMALL_POPULATION | {
    "actors": 1,
    "steps": 100_000_000,
    "interval_steps": 20_000,
    "burn_in_steps": 20_000,
    "policy_warmup_updates": 10,
    "checkpoint_minutes": 0.5,
}
#: Starts of a part of Ray until one succeeds.
ATTEMPTS = 3
NODES = {"minutes": 600, "actors": 2, "checkpoint_minutes": 0.5, "max_lag": 6}


class Population(System):
    """Two members that share a discriminator."""

    name = "population"
    parts = POPULATION_PARTS

    @property
    def arguments(self) -> list[str]:
        """The command's."""
        given = options(**POPULATION, share_discriminator=True)
        return ["tune", str(self.images), "--run", str(self.run), "--or-resume", *given]

    def rows(self) -> list[list[Row]]:
        """All rows of metrics so far, of each member, with what the record says of it."""
        told = [event for event in self.record() if event["event"] in ("silence", "crash", "restart", "stop")]
        found = []
        for number in range(int(POPULATION["members"])):
            path = self.run / "members" / f"{number:02d}" / "metrics.jsonl"
            own = [{"time": event["time"], "note": event["reason"]} for event in told if event["member"] == number]
            found.append(sorted([*(read_metrics(path) if path.exists() else []), *own], key=lambda row: row["time"]))
        return found

    def record(self) -> list[Row]:
        """All events so far."""
        path = self.run / "lineage.jsonl"
        return read_metrics(path) if path.exists() else []

    def events(self) -> bytes:
        """The record, up to its last whole line."""
        path = self.run / "lineage.jsonl"
        content = path.read_bytes() if path.exists() else b""
        return content[: content.rfind(b"\n") + 1]


class Nodes(System):
    """A run whose two actors have a node each: processes of this machine, under a head without room for work."""

    name = "nodes"
    parts = (NODE,)
    waits_for_whole = True

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        os.environ["RAY_AUTH_MODE"] = "disabled"  # as the tests of nodes have it; a private Ray does not ask either
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100_000_000}
        self.cluster = patiently(lambda: Cluster(True, head_node_args=head, shutdown_at_exit=False))  # in a thread
        self.redis = RedisServer().start()
        self.restarts = -1
        self.nodes: list[Any] = []
        self.mend()

    @property
    def arguments(self) -> list[str]:
        """The command's."""
        place = ["--address", self.cluster.address, *options(**NODES, redis=self.redis.url)]
        return ["train", str(self.images), "--run", str(self.run), "--or-resume", *place]

    def victims(self, part: Part) -> list[list[psutil.Process]]:
        """All processes of each node."""
        found = []
        for node in self.nodes:
            started = [info.process.pid for kind in node.all_processes.values() for info in kind]
            own = [psutil.Process(pid) for pid in started if psutil.pid_exists(pid)]
            found.append([*own, *(child for process in own for child in process.children(recursive=True))])
        return [each for each in found if running(each)]

    def look(self) -> None:
        """Remember the processes that there are now."""
        super().look()
        self.seen |= {process.pid: process for group in self.victims(NODE) for process in group}

    def newest(self, name: str) -> int:
        """A number in the newest row that has it; 0 in none."""
        return int(next((row[name] for row in reversed(self.rows()[0]) if name in row), 0))

    def mark(self) -> None:
        """Remember how often actors were replaced so far."""
        self.restarts = self.newest("runners/restarts")

    def whole(self, since: float) -> bool:
        """Whether both actors work: after one was replaced, or if none is known to be gone within a minute."""
        noticed = self.newest("runners/restarts") > self.restarts or time.time() > since + 60.0
        return noticed and self.newest("runners/healthy") == 2

    def mend(self) -> None:
        """Remove nodes that are gone or were given up, and add others in their place, as an autoscaler does."""
        time.sleep(5.0 if self.nodes else 0.0)  # Ray ends what was on a node that it gave up
        for node in list(self.nodes):
            raylets = node.all_processes.get("raylet", [])
            if not raylets or raylets[0].process.poll() is not None:
                self.nodes.remove(node)
                with contextlib.suppress(Exception):  # part of it is gone already
                    self.cluster.remove_node(node, allow_graceful=False)
        while len(self.nodes) < 2:
            self.nodes.append(patiently(lambda: self.cluster.add_node(num_cpus=1, object_store_memory=100_000_000)))

    def left_behind(self) -> list[str]:
        """What the driver left; the nodes are the campaign's own, and are ended here."""
        theirs = {process.pid for group in self.victims(NODE) for process in group}
        self.seen = {pid: process for pid, process in self.seen.items() if pid not in theirs}
        try:
            return super().left_behind()
        finally:
            self.cluster.shutdown()
            self.redis.stop()


def patiently(start: Callable[[], Any]) -> Any:
    """Start a part of Ray, on a machine that is full."""
    for attempt in range(ATTEMPTS):
        before = {process.pid for process in rays_processes()}
        try:
            with patience():
                return start()
        except Exception:  # Ray raises nothing more special, and leaves the processes that it has started
            kill([process for process in rays_processes() if process.pid not in before])
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def rays_processes() -> list[psutil.Process]:
    """Ray's processes that this one started; only one lane at a time has nodes."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any("/ray/" in word for word in process.cmdline()[:3]):
                found.append(process)
    return found


SYSTEMS: dict[str, type[System]] = {each.name: each for each in (System, Population, Nodes)}
