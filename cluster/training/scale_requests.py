"""Requests to resize a run that trains: the number of actors that it should have from now on.

They reach its driver in two ways, both read after every iteration: as a file in the run folder, for users who see that
folder, and through an actor that the driver starts on a Ray cluster, for users who reach the cluster.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ray
from ray.exceptions import RayActorError

from envs.data_files import write_atomically
from envs.untrusted import parse_json, read_file, read_json

if TYPE_CHECKING:
    from cluster.training.env_runner_pool import EnvRunnerPool

NAMESPACE = "impasto"


@dataclass(frozen=True)
class ResizeRequest:
    """A request to a run.

    Attributes:
        actors: Number of actors that there should be.
        ticket: Name of this request; its answer holds it.
    """

    actors: int
    ticket: str


def new_request(actors: int) -> ResizeRequest:
    """Make a request with a ticket of its own.

    Raises:
        ValueError: Fewer than one actor.
    """
    if actors < 1:
        raise ValueError(f"actors: expected at least 1, got {actors}")
    return ResizeRequest(actors, uuid.uuid4().hex)


class ResizeInbox(Protocol):
    """An inbox of the driver."""

    def take(self) -> ResizeRequest | None:
        """Return the newest request that was not answered yet."""

    def answer(self, request: ResizeRequest, text: str) -> None:
        """Answer `request` in one line."""

    def close(self) -> None:
        """Take no more requests."""


class FolderInbox:
    """Requests as files: `RUN/order.json`, answered by `RUN/answer.json`."""

    def __init__(self, folder: Path) -> None:
        self.request = folder / "order.json"
        self.reply = folder / "answer.json"

    def put(self, request: ResizeRequest) -> None:
        """Make a request; it replaces one that was not taken yet."""
        write_json(self.request, asdict(request))

    def take(self) -> ResizeRequest | None:
        """See `ResizeInbox`. A file that holds no request is removed."""
        try:
            content = read_file(self.request)
        except OSError:
            return None
        try:
            values = parse_json(content)
            return ResizeRequest(int(values["actors"]), str(values["ticket"]))
        except (ValueError, KeyError, TypeError, OverflowError):
            self.request.unlink(missing_ok=True)
            return None

    def answer(self, request: ResizeRequest, text: str) -> None:
        """See `ResizeInbox`."""
        write_json(self.reply, {"ticket": request.ticket, "text": text})
        self.request.unlink(missing_ok=True)

    def answered(self, request: ResizeRequest) -> str | None:
        """Return the answer to `request`; None while there is none."""
        try:
            values = read_json(self.reply)
            return str(values["text"]) if values.get("ticket") == request.ticket else None
        except (OSError, ValueError, KeyError, AttributeError):
            return None

    def withdraw(self, request: ResizeRequest) -> None:
        """Remove a request that is not answered yet; another one stays."""
        if self.take() == request:
            self.request.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove a request that was not taken, also one that an earlier driver left in the folder."""
        self.request.unlink(missing_ok=True)


class InboxActor:
    """Ray actor that holds the newest request and its answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.request: ResizeRequest | None = None
        self.reply: dict[str, str] = {}

    def __repr__(self) -> str:
        """Name the actor as Ray's dashboard shows it."""
        return f"resize requests of {self.name}"

    def put(self, request: ResizeRequest) -> None:
        """See `FolderInbox`."""
        self.request = request

    def take(self) -> ResizeRequest | None:
        """See `ResizeInbox`."""
        return self.request

    def answer(self, request: ResizeRequest, text: str) -> None:
        """See `ResizeInbox`."""
        self.reply = {request.ticket: text}
        if self.request == request:
            self.request = None

    def answered(self, request: ResizeRequest) -> str | None:
        """See `FolderInbox`."""
        return self.reply.get(request.ticket)

    def withdraw(self, request: ResizeRequest) -> None:
        """See `FolderInbox`."""
        if self.request == request:
            self.request = None


class ClusterInbox:
    """Requests through an `InboxActor` on the Ray cluster that this process has joined, found by the run's name.

    Raises:
        ValueError: A run of that name is on the cluster already.
    """

    def __init__(self, name: str) -> None:
        try:
            self.actor: Any = (
                ray.remote(InboxActor).options(name=name, namespace=NAMESPACE, num_cpus=0, max_restarts=-1).remote(name)
            )
        except ValueError:
            raise ValueError(f"a run named {name} is on this Ray cluster already: choose another --run") from None
        self.coming: Any = None

    def take(self) -> ResizeRequest | None:
        """See `ResizeInbox`. Never waits: a request comes with one of the next calls."""
        if self.coming is None:
            self.coming = self.actor.take.remote()
        ready, _ = ray.wait([self.coming], timeout=0)
        if not ready:
            return None
        self.coming = None
        try:
            request: ResizeRequest | None = ray.get(ready[0])
        except RayActorError:  # its node is gone; Ray starts it elsewhere
            return None
        return request

    def answer(self, request: ResizeRequest, text: str) -> None:
        """See `ResizeInbox`."""
        self.actor.answer.remote(request, text)
        self.coming = None  # what was asked for meanwhile may be the same request again

    def close(self) -> None:
        """See `ResizeInbox`."""
        ray.kill(self.actor)


def give(inbox: Any, request: ResizeRequest, seconds: float) -> str | None:
    """Put `request` into a `FolderInbox` or, through its handle, an `InboxActor`, and return the answer.

    Returns:
        None if no answer comes within `seconds`: the request is then withdrawn.
    """
    remote = not isinstance(inbox, FolderInbox)

    def call(method: str, *values: Any) -> Any:
        function = getattr(inbox, method)
        return ray.get(function.remote(*values)) if remote else function(*values)

    call("put", request)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text: str | None = call("answered", request)
        if text is not None:
            return text
        time.sleep(0.2)
    call("withdraw", request)
    late: str | None = call("answered", request)
    return late


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Replace `path` at once, so that nobody reads half of it."""
    write_atomically(path, json.dumps(values))


def carry_out(inboxes: Sequence[ResizeInbox], pool: EnvRunnerPool, most: int | None) -> Iterator[int]:
    """Resize a pool as requested, and answer.

    Args:
        inboxes: They are asked once each.
        pool: The actors.
        most: Maximum number of sample requests in flight, for a hint; None for no limit.

    Yields:
        The new number of actors, before the request is answered.
    """
    for inbox in inboxes:
        request = inbox.take()
        if request is None:
            continue
        try:
            pool.resize(request.actors)
        except ValueError as error:
            inbox.answer(request, str(error))
            continue
        yield request.actors
        idle = most is not None and request.actors > most
        note = f"; only {most} can have work at a time: raise max_lag at the next resume" if idle else ""
        inbox.answer(request, f"{request.actors} actors from now on{note}")
