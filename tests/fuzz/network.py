"""Inputs that come over the network, and addresses: requests to the dashboard, answers of a job server, URLs."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

from cluster.replay.connection import RedisConnection, ReplayUnavailable
from cluster.runs.location import RunPlace
from tests.fuzz.harness import Outcome, attempt
from tests.fuzz.home import Home
from tests.fuzz.mutations import mutate_bytes

TOKEN = "secret"
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer secret\r\n\r\n",
    b"GET /?token=secret HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n",
    b"GET /runs/one/ HTTP/1.1\r\nHost: x\r\nCookie: impasto-token=abc; a=b\r\nRange: bytes=0-5\r\n\r\n",
    b"GET /runs/one/sheets/00000000/image.png HTTP/1.1\r\nAuthorization: Bearer secret\r\nRange: bytes=0-5,9-\r\n\r\n",
    b"GET /runs/one/sheets/00000000/7/frames.png HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n",
    b"GET /runs/..%2f..%2fetc/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nIf-None-Match: *\r\n\r\n",
    b"GET /static/page.js HTTP/1.1\r\nAuthorization: Bearer secret\r\nIf-Modified-Since: x\r\n\r\n",
    b"POST /runs/one/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nabcd",
    b"GET /populations/two/events/99999999999999999999/ HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n",
    b"HEAD / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Basic c2VjcmV0\r\n\r\n",
)
ANSWERS = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 78\r\n\r\n{"version": "4", "ray_version": '
    b'"2.60.0", "ray_commit": "x", "session_name": ""}',
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nnope\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 Error\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"submission_id": "raysubm"}',
)
URLS = (
    "s3://bucket/run", "s3://key:secret@bucket/run?region=x", "gs://bucket/run", "hdfs://nobody:1/run",
    "file:///nonexistent/run", "http://127.0.0.1:1/run", "s3://bucket/run?endpoint_override=127.0.0.1:1&region=x",
    "file://user:pw@host/run", "s3://", "viewfs://x/y",
)  # fmt: skip
REDIS = (
    "redis://127.0.0.1:1/0", "rediss://:pw@127.0.0.1:1/0?ssl_ca_certs=/nobody", "unix:///nonexistent?db=1",
    "redis://:p@ss/w#ord@127.0.0.1:1/0", "redis://[::1]:1/0", "redis://127.0.0.1:99999/0?socket_timeout=x",
    "redis://127.0.0.1:1/x?protocol=9&health_check_interval=a",
)  # fmt: skip
COMMANDS = (
    ["dashboard", "/nonexistent", "--port", "99999"],
    ["train", "mnist", "--canvas-size", "32", "--brush-sizes", "1", "2", "--policy-learning-rate", "1e-3"],
    ["train", "mnist", "--seed", "-1", "--redis", "redis://x", "--run", "r", "--or-resume"],
    ["paint", "--from", "x.json", "--size", "5", "--formats", "png", "svg"],
    ["submit", "--address", "http://127.0.0.1:1", "--megabytes", "1", "--", "train"],
    ["tune", "mnist", "--members", "2", "--fitness", "x"],
    ["scale", "nobody", "2", "--seconds", "1"],
    ["sample", "nobody", "--count", "1"],
    ["export", "nobody", "--out", "x", "--paintings", "1"],
)

Attempt = Callable[[random.Random], tuple[str, Outcome]]


@contextlib.contextmanager
def kinds_of_network(home: Home) -> Iterator[dict[str, Attempt]]:
    """All kinds; a dashboard serves meanwhile."""
    with dashboard(home.runs) as server:
        yield {
            "address of a run": lambda rng: fuzz_words(rng, [[url] for url in URLS], find_run),
            "address of Redis": lambda rng: fuzz_words(rng, [[url] for url in REDIS], find_redis),
            "command line": lambda rng: fuzz_words(rng, COMMANDS, parse_only),
            "request to the dashboard": server.ask,
            "answer of a job server": fuzz_job_server,
        }


def fuzz_words(
    rng: random.Random, samples: tuple[list[str], ...] | list[list[str]], read: Callable[[list[str]], None]
) -> tuple[str, Outcome]:
    """Mutate one word, as the shell would give it."""
    words = list(rng.choice(samples))
    place = rng.randrange(len(words))
    mutated = mutate_bytes(words[place].encode(), rng)[:100_000].replace(b"\0", rng.choice((b"", b"%00")))
    words[place] = os.fsdecode(mutated)
    return repr(words)[:200], attempt(lambda: read(words))


def find_run(words: list[str]) -> None:
    """Find the place of a run, and what is there."""
    place = RunPlace.find(words[0])
    if place.remote is not None:
        place.remote.read("config.json")


def find_redis(words: list[str]) -> None:
    """Connect with Redis, where there is none."""
    connection = RedisConnection(words[0], timeout_s=0.5, wait_s=0.0)
    with contextlib.suppress(ReplayUnavailable):
        connection.call(connection.client.ping)


def parse_only(words: list[str]) -> None:
    """Read a command line to the point at which the command begins."""
    from cluster.cli.catalogue import Command
    from cluster.cli.entry import main

    with patch.object(Command, "load_function", lambda self: lambda chosen: 0):
        status = main(words)
    if status:
        sys.exit(status)


def fuzz_job_server(rng: random.Random) -> tuple[str, Outcome]:
    """Submit a job to a server whose answers are mutated."""
    answers = [each if rng.random() < 0.4 else mutate_bytes(each, rng)[:200_000] for each in ANSWERS]
    rng.shuffle(answers)
    return repr(answers[0][:60]), attempt(lambda: submit(answers))


def submit(answers: list[bytes]) -> None:
    """Submit to a server that gives these answers in turn, then ends connections at once."""
    from cluster.cli import job_submission

    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for number in range(1000):
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(0.3)
                connection.recv(65536)
                connection.sendall(answers[number % len(answers)] if number < 8 else b"")

    threading.Thread(target=serve, daemon=True).start()
    os.environ.pop("RAY_ADDRESS", None)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").write_text("x")
        with patch.object(job_submission, "REPOSITORY", Path(folder)):
            from cluster.cli import main

            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            if status := main(["submit", "--address", address, "--detach", "--", "train"]):
                sys.exit(status)


class Served:
    """A dashboard in a process of its own."""

    def __init__(self, pid: int, port: int, said: Path) -> None:
        self.pid, self.port, self.said = pid, port, said

    def ask(self, rng: random.Random) -> tuple[str, Outcome]:
        """Send a mutated request; the server has to answer it, or end the connection, and to go on."""
        request = rng.choice(REQUESTS)
        if rng.random() < 0.9:
            request = mutate_bytes(request, rng)
        begin, told = time.monotonic(), self.said.stat().st_size
        answer, kind = b"", "read"
        with (
            contextlib.suppress(ConnectionError, BrokenPipeError),
            socket.create_connection(("127.0.0.1", self.port), 30) as connection,
        ):
            connection.sendall(request)
            with contextlib.suppress(OSError):  # the server has gone already
                connection.shutdown(socket.SHUT_WR)
            try:
                while part := connection.recv(65536):
                    answer += part
            except TimeoutError:
                kind = "hang"
        text = self.said.read_text(errors="replace")[told:]
        status = answer.split(b"\r\n", 1)[0].split(b" ")
        if len(status) > 1 and not status[1].startswith(b"2"):
            kind = "refused" if status[1][:1] in b"34" else "crash"
        if "Traceback" in text or os.waitpid(self.pid, os.WNOHANG)[0]:
            kind = "crash"
        return repr(request[:200]), Outcome(kind, text + repr(answer[:200]), 0.0, time.monotonic() - begin)


@contextlib.contextmanager
def dashboard(root: Path) -> Iterator[Served]:
    """Serve a dashboard from a forked process."""
    from cluster.dashboard.server import bind, serve

    listening = bind("127.0.0.1", 0)
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        said.write_bytes(b"")
        pid = os.fork()
        if not pid:
            try:
                output = os.open(said, os.O_WRONLY | os.O_APPEND)
                os.dup2(output, 1)
                os.dup2(output, 2)
                serve(root, listening, TOKEN)
            finally:
                os._exit(0)
        try:
            yield Served(pid, listening.getsockname()[1], said)
        finally:
            listening.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
