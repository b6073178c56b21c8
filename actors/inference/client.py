"""An actor's connection to the inference service of its node."""

from __future__ import annotations

import mmap
import os
import socket
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.inference.channel import (
    ACT,
    BEGIN,
    HELLO,
    LENGTH,
    REPLY,
    REQUEST,
    TELL,
    Agreement,
    ServiceLost,
    SharedArrays,
    read,
)

#: Seconds between two attempts to connect.
RETRY_SECONDS = 0.1


class InferenceClient:
    """A connection to the service at `path`, for N canvases.

    Every method raises `ServiceLost` if the service goes away; `connect` then waits for the next one.

    Attributes:
        agreed: sizes, and what is known of the policy.
        acted_by: (epoch, version) of the weights that acted last.
    """

    agreed: Agreement
    arrays: SharedArrays

    def __init__(self, path: Path, canvases: int) -> None:
        self.path, self.canvases = path, canvases
        self.connection: socket.socket | None = None
        self.acted_by = (-1, -1)
        self.fresh = False

    def connect(self) -> None:
        """Connect to the service, as soon as there is one: it may be starting, or being replaced."""
        self.close()
        while self.connection is None:
            try:
                self.open()
            except OSError:  # nobody listens yet; ServiceLost is one of them
                time.sleep(RETRY_SECONDS)

    def open(self) -> None:
        """Connect to the service now."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.path))
            connection.sendall(HELLO.pack(self.canvases))
            begin, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 1)
            if len(descriptors) != 1:
                raise ServiceLost("the service closed the connection")
            with os.fdopen(descriptors[0], "r+b") as file:
                begin += read(connection, LENGTH.size - len(begin))
                self.agreed = Agreement.unpack(read(connection, *LENGTH.unpack(begin)))
                memory = mmap.mmap(file.fileno(), SharedArrays.size(self.agreed))
            self.arrays = SharedArrays.within(memory, self.agreed)
        except BaseException:
            connection.close()
            raise
        self.connection = connection

    def begin(self, noise: NDArray[np.float32], target: NDArray[np.uint8] | None) -> None:
        """Begin episodes; the next request tells the service."""
        self.arrays.noise[...] = noise
        if target is not None:
            self.arrays.target[...] = target
        self.fresh = True

    def act(self, canvas: NDArray[np.uint8], step: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Actions int64 [N, K] and log-probabilities float32 [N], which the next request overwrites."""
        self.arrays.canvas[...] = canvas
        self.acted_by = self.ask(BEGIN if self.fresh else ACT, step)
        self.fresh = False
        return self.arrays.action, self.arrays.log_prob

    def recurrent_state(self) -> NDArray[np.float32]:
        """Recurrent state before the next action, float32 [N, S]."""
        if self.fresh:
            return np.zeros_like(self.arrays.state)
        self.ask(TELL, 0)
        return self.arrays.state.copy()

    def ask(self, kind: int, step: int) -> tuple[int, int]:
        """Send a request and wait for the reply."""
        if self.connection is None:
            raise ServiceLost("not connected")
        try:
            self.connection.sendall(REQUEST.pack(kind, step))
            epoch, version = REPLY.unpack(read(self.connection, REPLY.size))
        except OSError as error:
            self.close()
            raise ServiceLost("the inference service is gone") from error
        return epoch, version

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None
