"""Orders to a run that trains: how many actors it should have from now on.

They reach its driver by two ways, both looked at after every iteration: a file in the run folder, for whoever sees that
folder, and an actor that the driver starts on a Ray cluster, for whoever reaches the cluster.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import ray
from ray.exceptions import RayActorError

from envs.data_files import write_atomically

NAMESPACE = "impasto"


@dataclass(frozen=True)
class Order:
    """What is asked of a run.

    Attributes:
        actors: how many there should be.
        ticket: names this order; its answer holds it.
    """

    actors: int
    ticket: str


def new_order(actors: int) -> Order:
    """An order with a ticket of its own.

    Raises:
        ValueError: fewer than one actor.
    """
    if actors < 1:
        raise ValueError(f"actors: expected at least 1, got {actors}")
    return Order(actors, uuid.uuid4().hex)


class OrderBox(Protocol):
    """The driver's end of a way for orders."""

    def take(self) -> Order | None:
        """The newest order that was not answered yet."""

    def answer(self, order: Order, text: str) -> None:
        """Tell whoever gave ``order`` what came of it, in one line."""

    def close(self) -> None:
        """No orders are taken any more."""


class FolderBox:
    """Orders as files: RUN/order.json, answered by RUN/answer.json."""

    def __init__(self, folder: Path) -> None:
        self.order = folder / "order.json"
        self.reply = folder / "answer.json"

    def put(self, order: Order) -> None:
        """Give an order; it replaces one that was not taken yet."""
        write_json(self.order, asdict(order))

    def take(self) -> Order | None:
        """See :class:`OrderBox`. What can not be read as an order is removed."""
        try:
            text = self.order.read_text()
        except FileNotFoundError:
            return None
        try:
            values = json.loads(text)
            return Order(int(values["actors"]), str(values["ticket"]))
        except (ValueError, KeyError, TypeError):
            self.order.unlink(missing_ok=True)
            return None

    def answer(self, order: Order, text: str) -> None:
        """See :class:`OrderBox`."""
        write_json(self.reply, {"ticket": order.ticket, "text": text})
        self.order.unlink(missing_ok=True)

    def answered(self, order: Order) -> str | None:
        """The answer to ``order``; None while there is none."""
        try:
            values = json.loads(self.reply.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return str(values["text"]) if values.get("ticket") == order.ticket else None

    def withdraw(self, order: Order) -> None:
        """Take back an order that is not answered yet; another one stays."""
        if self.take() == order:
            self.order.unlink(missing_ok=True)

    def close(self) -> None:
        """See :class:`OrderBox`; an order that nobody took is void. Also what a box begins with, in a folder where an
        earlier driver may have left one."""
        self.order.unlink(missing_ok=True)


class Desk:
    """Holds the newest order and its answer; runs as an actor."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.order: Order | None = None
        self.reply: dict[str, str] = {}

    def __repr__(self) -> str:
        """Ray shows this as the actor's name."""
        return f"orders of {self.name}"

    def put(self, order: Order) -> None:
        """See :class:`FolderBox`."""
        self.order = order

    def take(self) -> Order | None:
        """See :class:`OrderBox`."""
        return self.order

    def answer(self, order: Order, text: str) -> None:
        """See :class:`OrderBox`."""
        self.reply = {order.ticket: text}
        if self.order == order:
            self.order = None

    def answered(self, order: Order) -> str | None:
        """See :class:`FolderBox`."""
        return self.reply.get(order.ticket)

    def withdraw(self, order: Order) -> None:
        """See :class:`FolderBox`."""
        if self.order == order:
            self.order = None


class ClusterBox:
    """Orders through a :class:`Desk` on the Ray cluster that this process has joined, found by the run's name.

    Raises:
        ValueError: a run of that name is on the cluster already.
    """

    def __init__(self, name: str) -> None:
        try:
            self.desk: Any = (
                ray.remote(Desk).options(name=name, namespace=NAMESPACE, num_cpus=0, max_restarts=-1).remote(name)
            )
        except ValueError:
            raise ValueError(f"a run named {name} is on this Ray cluster already: choose another --run") from None
        self.coming: Any = None

    def take(self) -> Order | None:
        """See :class:`OrderBox`. Never waits: an order comes with one of the next calls."""
        if self.coming is None:
            self.coming = self.desk.take.remote()
        ready, _ = ray.wait([self.coming], timeout=0)
        if not ready:
            return None
        self.coming = None
        try:
            order: Order | None = ray.get(ready[0])
        except RayActorError:  # its node is gone; Ray starts it elsewhere
            return None
        return order

    def answer(self, order: Order, text: str) -> None:
        """See :class:`OrderBox`."""
        self.desk.answer.remote(order, text)
        self.coming = None  # what was asked for meanwhile may be the same order again

    def close(self) -> None:
        """See :class:`OrderBox`."""
        ray.kill(self.desk)


def give(box: Any, order: Order, seconds: float) -> str | None:
    """Put ``order`` into a :class:`FolderBox` or, through its handle, a :class:`Desk`; returns the answer, or None if
    none comes within ``seconds``: it is then withdrawn."""
    remote = not isinstance(box, FolderBox)

    def call(method: str, *values: Any) -> Any:
        function = getattr(box, method)
        return ray.get(function.remote(*values)) if remote else function(*values)

    call("put", order)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text: str | None = call("answered", order)
        if text is not None:
            return text
        time.sleep(0.2)
    call("withdraw", order)
    late: str | None = call("answered", order)
    return late


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Replace ``path`` at once, so that nobody reads half of it."""
    write_atomically(path, json.dumps(values))
