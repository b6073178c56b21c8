"""Jobs: what is uploaded, and what a job server answers, or does not; with clients that are none."""

from __future__ import annotations

import io
import os
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, TextIO

import pytest

from cluster.cli import job_submission as jobs
from cluster.cli.job_submission import Follower, check_upload, entrypoint
from cluster.errors import UserError
from tests.helpers.tiny_run import REPOSITORY


def test_the_checkout_is_small_enough_to_travel() -> None:
    upload = check_upload(REPOSITORY, 20)
    assert "cluster/cli/job_submission.py" in upload.names
    assert 50_000 < upload.size < 10_000_000, "4.3 MB of it are the agents that ship"


def test_too_large_an_upload_is_refused_and_names_the_cause(tmp_path: Path) -> None:
    (tmp_path / ".rayignore").write_text("/data/\n")
    (tmp_path / "code.py").write_text("pass\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big.bin").write_bytes(os.urandom(1_000_000))
    assert check_upload(tmp_path, 0.01).size < 10_000
    (tmp_path / "weights.bin").write_bytes(os.urandom(2_000_000))
    with pytest.raises(
        UserError, match=r"2\.0 MB would be uploaded, more than --megabytes 1; .*weights\.bin \(2\.0 MB"
    ):
        check_upload(tmp_path, 1)


def test_a_job_needs_a_command_and_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no command; for example"):
        entrypoint([])
    assert entrypoint(["train", "my pictures"]) == "exec python -m cluster train 'my pictures'"
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UserError, match=r"no Ray job server at http://127\.0\.0\.1:1: .*RAY_AUTH_TOKEN"):
        jobs.client_for("http://127.0.0.1:1")


class FakeClient:
    """A job whose log is sent from its start each time; the first time someone presses Ctrl-C after two lines."""

    def __init__(self) -> None:
        self.stopped = 0

    async def tail_job_logs(self, job: str) -> Any:
        yield "one\n"
        yield "two\n"
        if not self.stopped:
            raise KeyboardInterrupt
        yield "checkpoint\n"

    def stop_job(self, job: str) -> None:
        self.stopped += 1

    def get_job_status(self, job: str) -> Any:
        return jobs.JobStatus.STOPPED


def test_ctrl_c_stops_the_job_and_shows_its_end_once() -> None:
    client, output = FakeClient(), io.StringIO()
    assert Follower(client, "job-1", output, "http://head").run() == 130  # type: ignore[arg-type]
    assert client.stopped == 1
    lines = output.getvalue().splitlines()
    assert lines[:2] == ["one", "two"]
    assert "Ctrl-C again leaves it to itself" in lines[2]
    assert lines[3:] == ["checkpoint", "job job-1: STOPPED"]


class BreakingClient(FakeClient):
    """A job whose log breaks off twice, once by an error, while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses = iter([jobs.JobStatus.RUNNING, jobs.JobStatus.RUNNING])
        self.asked = 0

    async def tail_job_logs(self, job: str) -> Any:
        self.asked += 1
        for line in ["one\n", "two\n", "three\n"][: self.asked]:
            yield line
        if self.asked == 1:
            raise RuntimeError("WebSocket connection closed unexpectedly with close code 1006")

    def get_job_status(self, job: str) -> Any:
        return next(self.statuses, jobs.JobStatus.SUCCEEDED)


def test_a_log_that_breaks_off_is_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AGAIN_SECONDS", 0.01)
    output = io.StringIO()
    assert Follower(BreakingClient(), "job-1", output, "http://head").run() == 0  # type: ignore[arg-type]
    assert output.getvalue().splitlines() == ["one", "two", "three", "job job-1: SUCCEEDED"]


def test_what_the_job_server_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(FakeClient):
        def submit_job(self, **given: Any) -> str:
            raise RuntimeError("Request failed with status code 500:\nno room.")

    with pytest.raises(UserError, match=r"submit: the job server http://head:8265: Request failed .* 500: no room\.$"):
        submit_to(Refusing(), monkeypatch)


def test_a_job_server_that_goes_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(BreakingClient):
        def submit_job(self, **given: Any) -> str:
            return "job-1"

        def get_job_status(self, job: str) -> Any:
            raise ConnectionError("Connection refused")

    with pytest.raises(UserError, match=r"submit: the job server http://head:8265: Connection refused$"):
        submit_to(Away(), monkeypatch)


def test_an_output_that_nobody_reads_is_not_the_job_servers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Submitted(BreakingClient):
        def submit_job(self, **given: Any) -> str:
            return "job-1"

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        submit_to(Submitted(), monkeypatch, Closed())


def submit_to(client: FakeClient, monkeypatch: pytest.MonkeyPatch, output: TextIO | None = None) -> int:
    """Submit a command to a job server whose client is given, and follow it."""
    monkeypatch.setattr(jobs, "check_upload", lambda folder, megabytes: jobs.Upload(0, frozenset()))
    monkeypatch.setattr(jobs, "client_for", lambda address: client)
    return jobs.submit(
        ["train", "mnist"],
        address="http://head:8265",
        driver_on_workers=False,
        driver_gpus=0,
        megabytes=20,
        stop_seconds=1,
        follow=True,
        output=output or io.StringIO(),
    )


@pytest.mark.parametrize(
    ("address", "mode", "warns"),
    [
        ("http://10.0.0.1:8265", "token", True),
        ("http://head.example:8265", "token", True),
        ("http://10.0.0.1:8265", "", False),
        ("https://10.0.0.1:8265", "token", False),
        ("http://127.0.0.1:8265", "token", False),
        ("http://[::1]:8265", "token", False),
        ("", "token", False),
        ("http://[", "token", False),
    ],
)
def test_a_token_by_plain_http_is_warned_of(
    address: str, mode: str, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jobs.warn_of_readable_token(address)
    assert len(caught) == warns


def test_a_server_that_wants_a_token_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(jobs, "check_upload", lambda folder, megabytes: jobs.Upload(0, frozenset()))
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(UserError, match=rf"^submit: no Ray job server at {address}: .*RAY_AUTH_TOKEN"):
            jobs.client_for(address)
        server.shutdown()


@pytest.mark.parametrize("cpus", [0.0, 4.0])
def test_the_head_is_found_among_many_nodes(monkeypatch: pytest.MonkeyPatch, cpus: float) -> None:
    nodes = [SimpleNamespace(is_head_node=number == 150, resources_total={"CPU": cpus}) for number in range(200)]
    monkeypatch.setattr(jobs, "list_nodes", lambda *, limit=100, **given: nodes[:limit])
    if cpus:
        with pytest.raises(UserError, match="the head node offers 4 CPUs"):
            jobs.check_head_takes_no_work("http://head:8265")
    else:
        jobs.check_head_takes_no_work("http://head:8265")
