"""A private Ray: reached by this machine alone, under quotas, long paths, proxies and `uv run`."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import psutil
import pytest
from ray._private import ray_constants

from cluster.errors import UserError
from cluster.training import private_ray
from cluster.training.cpus import available_cpus, quotas
from cluster.training.private_ray import ADDED, LONGEST_SOCKET, private_surroundings, ray_folder
from tests.helpers.tiny_run import REPOSITORY


def test_it_listens_on_loopback_only(private_ray: None) -> None:
    import ray

    assert ray.get(ray.remote(lambda: os.getpid()).remote())  # so that there is a worker too
    me = psutil.Process()
    mine = {process.pid for process in me.children(recursive=True)} | {me.pid}
    ports = [each.laddr for each in psutil.net_connections("inet") if each.status == "LISTEN" and each.pid in mine]
    assert len(ports) >= 5, ports  # GCS, raylet, its agent, the driver, a worker
    assert {port.ip for port in ports} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_cpus_follow_the_affinity() -> None:
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from cluster.training.cpus import available_cpus; print(available_cpus())"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert said.stdout == "1\n"


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000"}, [1.5]),
        ("0::/a/b\n", {"cpu.max": "max 100000", "a/cpu.max": "400000 100000"}, [4.0]),
        ("0::/../../x\n", {"cpu.max": "50000 100000"}, [0.5]),  # a container sees its own group as the root
        ("0::/a\n", {"a/cpu.max": "nonsense"}, []),
        (
            "4:cpu,cpuacct:/job\n0::/\n",
            {"cpu,cpuacct/job/cpu.cfs_quota_us": "200000", "cpu,cpuacct/job/cpu.cfs_period_us": "100000"},
            [2.0],
        ),
        ("4:cpu:/job\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, []),
        ("5:cpuset:/job\n", {"cpuset/job/cpu.cfs_quota_us": "100", "cpuset/job/cpu.cfs_period_us": "100"}, []),
    ],
)
def test_cpus_follow_the_quota(tmp_path: Path, membership: str, files: dict[str, str], expected: list[float]) -> None:
    root = tmp_path / "cgroup"
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content + "\n")
    groups = tmp_path / "groups"
    groups.write_text(membership)
    assert sorted(set(quotas(root, groups))) == expected
    machine = len(os.sched_getaffinity(0))
    assert available_cpus(root, groups) == max(1, min([machine, *(int(-(-quota // 1)) for quota in expected)]))


def test_no_control_groups_are_no_limit(tmp_path: Path) -> None:
    assert quotas(tmp_path, tmp_path / "nothing") == []


def test_a_long_temporary_folder_is_left_for_a_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    folder = ray_folder()
    assert not folder.is_relative_to(tmp_path)
    assert len(str(folder.parent)) + ADDED <= LONGEST_SOCKET
    monkeypatch.setattr(private_ray, "SHORT_FOLDERS", ())
    with pytest.raises(UserError, match=r"TMPDIR: .* at most 32 bytes") as caught:
        ray_folder()
    assert "\n" not in str(caught.value)


def test_proxies_are_passed_by_and_the_hook_of_uv_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.delenv("NO_PROXY", raising=False)
    before = ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV
    with private_surroundings():
        assert os.environ["no_proxy"] == "example.org,127.0.0.1,localhost,::1"
        assert not ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV
    assert before == ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV
    with private_surroundings():  # once is enough
        assert os.environ["no_proxy"].count("localhost") == 1
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("NO_PROXY", "internal.corp")
    with private_surroundings():  # whichever spelling a library prefers
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "internal.corp,127.0.0.1,localhost,::1"
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY")


def test_an_interpreter_in_a_folder_with_a_space(tmp_path: Path) -> None:
    made = tmp_path / "my programs"
    venv.create(made, symlinks=True)
    (packages,) = made.glob("lib/python*/site-packages")
    (packages / "these.pth").write_text("\n".join(path for path in sys.path if path) + "\n")
    code = (
        "import ray, sys; from cluster.training.ray_session import start_ray\n"
        "start_ray(cpus=1); print(ray.get(ray.remote(lambda: sys.executable).remote(), timeout=120))"
    )
    said = subprocess.run([made / "bin" / "python", "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert said.stdout.splitlines()[-1:] == [str(made / "bin" / "python")], said.stderr
