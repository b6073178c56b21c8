"""Connection between an actor and its inference service: a socket for short messages, and memory for the arrays.

The actor connects and sends a `HELLO`; the service answers with an `Agreement` in JSON, behind its length, and the file
descriptor of the shared memory. Then the actor writes its canvases there and sends a `REQUEST`; the service writes
actions there and sends a `REPLY`. The memory has no name: it goes with the two processes.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
import struct
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.settings import ComputedPrecision

#: Number of canvases.
HELLO = struct.Struct("<q")
#: Bytes of the agreement.
LENGTH = struct.Struct("<q")
#: One of `ACT`, `BEGIN` and `TELL`, and the step.
REQUEST = struct.Struct("<bq")
#: Epoch and version of the weights that acted.
REPLY = struct.Struct("<qq")

#: Act on the canvases.
ACT = 0
#: The same, at the first step of episodes whose noise and targets are in the shared memory.
BEGIN = 1
#: Write the recurrent state before the next action.
TELL = 2


class ServiceLost(ConnectionError):
    """The inference service is gone, and with it the recurrent states of the episodes that it acted in."""


@dataclass(frozen=True)
class Agreement:
    """Sizes of the arrays that an actor and its service share, and what the actor must know of the policy.

    Attributes:
        canvases: N.
        canvas_shape: (H, W, C).
        components: K, of an action.
        noise_size: Z.
        state_size: S, numbers of recurrent state.
        conditional: whether the policy reproduces a target.
        precision: that the policy is computed in.
    """

    canvases: int
    canvas_shape: tuple[int, int, int]
    components: int
    noise_size: int
    state_size: int
    conditional: bool
    precision: ComputedPrecision

    def pack(self) -> bytes:
        """The agreement as JSON behind its length."""
        content = json.dumps(asdict(self)).encode()
        return LENGTH.pack(len(content)) + content

    @classmethod
    def unpack(cls, content: bytes) -> Agreement:
        """The agreement from JSON."""
        values = json.loads(content)
        return cls(**values | {"canvas_shape": tuple(values["canvas_shape"])})


@dataclass(frozen=True)
class SharedArrays:
    """Arrays in memory that an actor and its service share.

    Attributes:
        canvas: uint8 [N, H, W, C], by the actor.
        target: uint8 [N, H, W, C] of a conditional policy, else [0, H, W, C], by the actor.
        noise: float32 [N, Z], by the actor.
        action: int64 [N, K], by the service.
        log_prob: float32 [N], by the service.
        state: float32 [N, S], by the service.
    """

    canvas: NDArray[np.uint8]
    target: NDArray[np.uint8]
    noise: NDArray[np.float32]
    action: NDArray[np.int64]
    log_prob: NDArray[np.float32]
    state: NDArray[np.float32]

    @staticmethod
    def kinds(agreed: Agreement) -> dict[str, tuple[Any, tuple[int, ...]]]:
        """Element type and shape of each array."""
        count = agreed.canvases
        return {
            "canvas": (np.uint8, (count, *agreed.canvas_shape)),
            "target": (np.uint8, (count if agreed.conditional else 0, *agreed.canvas_shape)),
            "noise": (np.float32, (count, agreed.noise_size)),
            "action": (np.int64, (count, agreed.components)),
            "log_prob": (np.float32, (count,)),
            "state": (np.float32, (count, agreed.state_size)),
        }

    @classmethod
    def size(cls, agreed: Agreement) -> int:
        """Bytes that the arrays take, each at a multiple of 64."""
        return sum(padded(kind, shape) for kind, shape in cls.kinds(agreed).values())

    @classmethod
    def within(cls, memory: mmap.mmap, agreed: Agreement) -> SharedArrays:
        """The arrays in `memory`."""
        arrays, offset = {}, 0
        for name, (kind, shape) in cls.kinds(agreed).items():
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(memory, kind, count, offset).reshape(shape)
            offset += padded(kind, shape)
        assert arrays.keys() == {field.name for field in fields(cls)}
        return cls(**arrays)


def padded(kind: Any, shape: tuple[int, ...]) -> int:
    """Bytes of an array, rounded up to a multiple of 64."""
    size: int = int(np.prod(shape)) * np.dtype(kind).itemsize
    return -(-size // 64) * 64


def share_memory(size: int) -> int:
    """Make memory of `size` bytes that other processes can map, and return its file descriptor."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("impasto-inference")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return int(descriptor)


def read(connection: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes.

    Raises:
        ServiceLost: The other side is gone.
    """
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise ServiceLost("the other side has closed the connection")
        content += part
    return content


def socket_path(name: str) -> Path:
    """Path of the socket of the service `name` on this node; it is the same for each service that replaces another."""
    return Path(tempfile.gettempdir(), f"impasto-{name}", "inference.sock")
