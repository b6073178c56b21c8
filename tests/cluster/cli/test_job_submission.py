"""Jobs: what is uploaded, and, on a real Ray head, submitting, watching, scaling and stopping."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from ray.util.state import list_actors

from cluster.cli import job_submission as jobs
from cluster.cli.job_submission import Follower, check_upload, entrypoint
from cluster.errors import UserError
from cluster.metrics.catalogue import CATALOGUE
from cluster.metrics.log import read_metrics
from cluster.runs import checkpoints, manifests
from tests.helpers.ray_head import Head, free_ports, ray_head
from tests.helpers.tiny_run import REPOSITORY, options, wait_until


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
    assert Follower(client, "job-1", output).run() == 130  # type: ignore[arg-type]
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
    assert Follower(BreakingClient(), "job-1", output).run() == 0  # type: ignore[arg-type]
    assert output.getvalue().splitlines() == ["one", "two", "three", "job job-1: SUCCEEDED"]


def test_what_the_job_server_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(FakeClient):
        def submit_job(self, **given: Any) -> str:
            raise RuntimeError("Request failed with status code 500:\nno room.")

    monkeypatch.setattr(jobs, "check_upload", lambda folder, megabytes: jobs.Upload(0, frozenset()))
    monkeypatch.setattr(jobs, "client_for", lambda address: Refusing())
    with pytest.raises(UserError, match=r"submit: the job server http://head:8265: Request failed .* 500: no room\.$"):
        jobs.submit(
            ["train", "mnist"],
            address="http://head:8265",
            driver_on_workers=False,
            driver_gpus=0,
            megabytes=20,
            stop_seconds=1,
            follow=True,
            output=io.StringIO(),
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


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    with ray_head(tmp_path_factory.mktemp("home"), cpus=4) as running:
        yield running


def published(text: str, run: str) -> dict[str, float]:
    """Our metrics of a run in Prometheus's text format: value by name."""
    lines = [line for line in text.splitlines() if line.startswith("ray_impasto_") and f'run="{run}"' in line]
    return {re.split(r"[{ ]", line)[0]: float(line.rsplit(maxsplit=1)[1]) for line in lines}


@pytest.mark.slow
def test_ray_job_submit_works_from_the_checkout(head: Head, images: Path, tmp_path: Path) -> None:
    run = tmp_path / "plain"
    command = ["python", "-m", "cluster", "train", str(images), "--run", str(run), *options(minutes=0.1)]
    ray = shutil.which("ray", path=head.environment["PATH"]) or "ray"
    done = subprocess.run(
        [
            ray,
            "job",
            "submit",
            "--address",
            head.dashboard,
            "--working-dir",
            ".",
            "--",
            *command,
        ],
        cwd=REPOSITORY,
        env=head.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "finished after 0.1 minutes" in done.stdout
    assert "succeeded" in done.stdout + done.stderr
    values = published(head.scrape(), "plain")
    assert values["ray_impasto_progress"] > 0.5
    assert values["ray_impasto_env_steps_total"] > 0


@pytest.mark.slow
def test_a_job_is_submitted_watched_scaled_and_stopped(head: Head, images: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "watched", tmp_path / "log"
    arguments = ["train", str(images), "--run", str(run), *options(minutes=30, actors=1, checkpoint_minutes=30)]
    driver = head.impasto("submit", "--", *arguments, log=log)
    try:
        ending = {"gauge": "", "counter": "_total"}
        exported = [metric for metric in CATALOGUE.values() if metric.exported]
        names = {f"ray_impasto_{metric.exported}{ending[metric.kind]}" for metric in exported}
        # Counters of what has not happened yet are not there.
        expected = names - {f"ray_impasto_{name}_total" for name in ("actor_restarts", "redis_restarts")}
        expected -= {f"ray_impasto_{name}_total" for name in ("batches_lost", "batches_stale")}
        wait_until(lambda: expected <= published(head.scrape(), "watched").keys(), 240, "its metrics")
        assert published(head.scrape(), "watched").keys() <= names
        assert published(head.scrape(), "watched")["ray_impasto_actors_healthy"] == 1

        actors = list_actors(address=head.dashboard, filters=[("state", "=", "ALIVE")], detail=True)
        assert "painter-00/actor-1" in {actor.repr_name for actor in actors}

        ordered = head.impasto("submit", "--", "scale", "watched", "2")
        said, _ = ordered.communicate(timeout=180)
        assert ordered.returncode == 0, said
        assert "2 actors from now on" in said
        wait_until(lambda: published(head.scrape(), "watched")["ray_impasto_actors_healthy"] == 2, 120, "two actors")

        driver.send_signal(signal.SIGINT)
        assert driver.wait(120) == 130, log.read_text()
    finally:
        driver.kill()
        driver.wait()
    text = log.read_text()
    assert re.search(r"interrupted after .* updates", text), text
    assert f"next: impasto resume {run}" in text
    rows = [row for row in read_metrics(run / "metrics.jsonl") if "runners/healthy" in row]
    path, damaged = checkpoints.latest_good(run / "checkpoints")
    assert path is not None
    assert not damaged
    assert manifests.read_manifest(path)["update"] >= rows[-1]["update"]
    assert len(checkpoints.load(path).arrays["replay"]["canvases"]), "Redis was gone before the checkpoint"


@pytest.mark.slow
def test_the_head_takes_work_so_the_driver_might_land_there(head: Head, images: Path) -> None:
    refused = head.impasto("submit", "--driver-on-workers", "--", "train", str(images))
    said, _ = refused.communicate(timeout=120)
    assert refused.returncode == 2
    assert "the head node offers 4 CPUs" in said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus here: apt install prometheus")
def test_prometheus_finds_our_metrics_with_the_file_in_deploy(head: Head, images: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "deploy" / "monitoring" / "prometheus.yml").read_text()
    assert text.count("http://127.0.0.1:8265") == 1
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("http://127.0.0.1:8265", head.dashboard).replace("10s", "2s").replace("30s", "5s"))
    (port,) = free_ports(1)
    job = head.impasto("submit", "--", "train", str(images), "--run", str(tmp_path / "scraped"), *options(minutes=0.5))
    listen = f"--web.listen-address=127.0.0.1:{port}"
    server = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            listen,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def query(expression: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(expression)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return list(json.load(answer)["data"]["result"])
        except OSError:
            return []

    try:
        (series, *_) = wait_until(lambda: query('ray_impasto_env_steps_per_second{run="scraped"} > 0'), 240, "a rate")
        assert series["metric"]["member"] == "painter-00"
        assert series["metric"]["SessionName"]
        wait_until(lambda: query('rate(ray_impasto_policy_updates_total{run="scraped"}[1m]) > 0'), 60, "updates")
        said, _ = job.communicate(timeout=240)
        assert job.returncode == 0, said
    finally:
        server.terminate()
        server.wait()
        job.kill()
        job.wait()
