"""Jobs on a real Ray head: submitting, watching, scaling and stopping."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.util.state import list_actors

from cluster.metrics.catalogue import CATALOGUE
from cluster.metrics.log import read_metrics
from cluster.runs import checkpoints, manifests
from tests.helpers.ray_head import Head, free_ports, ray_head
from tests.helpers.tiny_run import REPOSITORY, options, wait_until


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
