"""The loop of an inference service: takes the canvases of whoever waits, acts on them in one batch, and replies."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

import torch
from torch import Tensor

from actors.inference.channel import (
    BEGIN,
    HELLO,
    REPLY,
    REQUEST,
    TELL,
    Agreement,
    SharedArrays,
    read,
    share_memory,
)
from learners.networks.acting import ActingCopy
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.networks.weights import FlatWeights
from learners.precision import resolve
from learners.settings import Precision

#: Seconds after which a loop without requests gives a sign of life.
HEARTBEAT_SECONDS = 1.0
#: Seconds in which an actor that connects must say how many canvases it has.
HELLO_SECONDS = 10.0
#: Device that computes: actors share the memory of the CPU with it.
CPU = torch.device("cpu")


@dataclass
class Episodes:
    """Episodes of one actor, as the service keeps them between two requests.

    Attributes:
        connection: to the actor.
        arrays: that both share.
        step: of the request that waits for an answer.
        state: float32 [N, S], recurrent state before that step.
        previous: int64 [N, K], the last actions.
        noise: float32 [N, Z].
        target: uint8 [N, H, W, C]; None if the policy has none.
    """

    connection: socket.socket
    arrays: SharedArrays
    step: int
    state: Tensor
    previous: Tensor
    noise: Tensor
    target: Tensor | None

    def __len__(self) -> int:
        return len(self.arrays.canvas)


class InferenceServer:
    """A policy that acts for all actors that connect.

    Args:
        path: of the socket, in a folder of its own, for this user only; both are made, and removed at the end.
        policy: acts; its weights come with `load`.
        canvas_shape: (H, W, C).
        precision: of the policy's forward passes.
        most: canvases of one forward pass, at most, unless one actor has more.

    Attributes:
        acted_by: (epoch, version) of the present weights; (-1, -1) before the first.
        beat: time of the last sign of life, by the monotonic clock.
        batches: number of forward passes.
        steps: number of actions.
    """

    def __init__(
        self,
        path: Path,
        policy: PaintPolicy,
        canvas_shape: tuple[int, int, int],
        *,
        precision: Precision = "auto",
        most: int = 256,
    ) -> None:
        self.path = path
        self.policy = policy.eval()
        self.acting = ActingCopy(self.policy, precision)
        self.canvas_shape = canvas_shape
        self.precision = precision
        self.most = most
        self.acted_by = (-1, -1)
        self.batches = self.steps = 0
        self.beat = time.monotonic()
        self.newest: tuple[FlatWeights, tuple[int, int]] | None = None
        self.has_weights = threading.Event()
        self.selector = selectors.DefaultSelector()
        self.ended = False

    def load(self, weights: FlatWeights, version: int, epoch: int) -> None:
        """Act with these weights from the next batch on; may be called by another thread.

        Args:
            weights: of the policy.
            version: policy updates behind them.
            epoch: number of checkpoints that the algorithm has restored.
        """
        self.newest = weights, (epoch, version)
        self.has_weights.set()

    def run(self) -> None:
        """Serve until `close` is called. Nobody can connect before there are weights."""
        while not self.has_weights.wait(HEARTBEAT_SECONDS) and not self.ended:
            self.beat = time.monotonic()
        try:
            self.listen()
            while not self.ended:
                self.turn()
        finally:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()
            for key in [*self.selector.get_map().values()]:
                key.fileobj.close()  # type: ignore[union-attr]
            self.selector.close()

    def turn(self) -> None:
        """Take in what actors send, and act for those who wait."""
        ready = self.selector.select(HEARTBEAT_SECONDS)
        self.beat = time.monotonic()
        waiting: list[Episodes] = []
        for key, _ in ready:
            if key.data is None:
                self.accept()
            elif self.receive(key.data):
                waiting.append(key.data)
        for batch in self.batched(waiting):
            self.act(batch)
            self.beat = time.monotonic()

    def close(self) -> None:
        """End `run` soon; may be called by another thread."""
        self.ended = True

    def listen(self) -> None:
        """Open the socket, in place of that of a service that ended."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1024)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def accept(self) -> None:
        """Take in an actor: make the memory that it shares with this process."""
        connection, _ = self.listener.accept()
        try:
            connection.settimeout(HELLO_SECONDS)
            (canvases,) = HELLO.unpack(read(connection, HELLO.size))
            policy = self.policy
            agreed = Agreement(
                canvases,
                self.canvas_shape,
                len(policy.spec.components),
                policy.noise_size,
                policy.state_size,
                policy.conditional,
                resolve(self.precision, CPU),
            )
            descriptor = share_memory(SharedArrays.size(agreed))
            try:
                arrays = SharedArrays.within(mmap(descriptor, SharedArrays.size(agreed)), agreed)
                socket.send_fds(connection, [agreed.pack()], [descriptor])
            finally:
                os.close(descriptor)
            connection.settimeout(None)
        except OSError:  # it went away meanwhile
            connection.close()
            return
        episodes = Episodes(
            connection,
            arrays,
            0,
            policy.initial_state(canvases),
            torch.zeros(canvases, agreed.components, dtype=torch.long),
            torch.zeros(canvases, agreed.noise_size),
            None,
        )
        self.selector.register(connection, selectors.EVENT_READ, episodes)

    def receive(self, episodes: Episodes) -> bool:
        """Take in a request; true if it wants an action."""
        try:
            kind: int
            kind, episodes.step = REQUEST.unpack(read(episodes.connection, REQUEST.size))
        except OSError:  # ServiceLost is one of them
            self.selector.unregister(episodes.connection)
            episodes.connection.close()
            return False
        if kind == TELL:
            episodes.arrays.state[...] = episodes.state.float().numpy()
            self.reply(episodes)
        elif kind == BEGIN:
            episodes.state = self.policy.initial_state(len(episodes))
            episodes.previous = torch.zeros_like(episodes.previous)
            episodes.noise = torch.tensor(episodes.arrays.noise)
            if self.policy.conditional:
                episodes.target = torch.tensor(episodes.arrays.target)
        return kind != TELL

    def reply(self, episodes: Episodes) -> None:
        """Tell an actor that its arrays are written; one that went away is noticed with its next request."""
        with contextlib.suppress(OSError):
            episodes.connection.sendall(REPLY.pack(*self.acted_by))

    def batched(self, waiting: list[Episodes]) -> list[list[Episodes]]:
        """Those who wait, in batches of at most `most` canvases."""
        batches: list[list[Episodes]] = []
        room = 0
        for episodes in waiting:
            if len(episodes) > room:
                batches.append([])
                room = max(self.most, len(episodes))
            batches[-1].append(episodes)
            room -= len(episodes)
        return batches

    @torch.inference_mode()
    def act(self, batch: list[Episodes]) -> None:
        """Act on the canvases of all in `batch`, and reply."""
        if self.newest is not None and self.newest[1] != self.acted_by:
            weights, acted_by = self.newest
            weights.load_into(self.policy)
            self.acting.refresh()
            self.acted_by = acted_by
        targets = [each.target for each in batch if each.target is not None]
        counts = [len(each) for each in batch]
        steps = torch.tensor([each.step for each in batch])
        inputs = PolicyInputs(
            torch.cat([torch.from_numpy(each.arrays.canvas) for each in batch]),
            torch.cat([each.previous for each in batch]),
            steps.repeat_interleave(torch.tensor(counts)),
            torch.cat([each.noise for each in batch]),
            torch.cat(targets) if targets else None,
        )
        choice = self.acting.act(inputs, torch.cat([each.state for each in batch]))
        actions, log_probs = choice.action.numpy(), choice.log_prob.float().numpy()
        self.batches += 1
        self.steps += sum(counts)
        first = 0
        previous, states = torch.split(choice.action, counts), torch.split(choice.state, counts)
        for each, action, state in zip(batch, previous, states, strict=True):
            each.previous, each.state = action, state
            each.arrays.action[...] = actions[first : first + len(each)]
            each.arrays.log_prob[...] = log_probs[first : first + len(each)]
            self.reply(each)
            first += len(each)
