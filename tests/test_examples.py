"""The scripts of docs/examples learn: each beats random strokes by far."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.bench.environments import install, make_environment

#: What pip says if the index can not be reached.
NO_NETWORK = re.compile("connection broken by|connection error|Max retries exceeded|timed out", re.IGNORECASE)
ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "docs" / "examples"
LIBRARIES = {
    "sb3_ppo.py": ["stable-baselines3==2.9.2"],
    "torchrl_collector.py": ["torchrl==0.14.1"],
    "sample_factory_appo.py": ["--no-deps", "sample-factory==2.1.1", "signal-slot-mp", "faster-fifo", "colorlog"],
}


def run(python: str | Path, script: str) -> str:
    """Output of a script, as a user starts it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(python), str(EXAMPLES / script)], env=environment, capture_output=True, text=True, timeout=570
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def check(output: str) -> None:
    """Random strokes earn 0.145 and the best ones 0.5."""
    found = re.search(r"^random ([\d.]+), trained ([\d.]+)$", output, re.MULTILINE)
    assert found, output[-2000:]
    by_chance, trained = map(float, found.groups())
    assert 0.1 < by_chance < 0.2
    assert trained > 0.35


@pytest.fixture(scope="module")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own, in which this one's packages are found too; its Python."""
    return make_environment(tmp_path_factory.mktemp("examples") / "venv")


def test_cleanrl_style() -> None:
    check(run(sys.executable, "cleanrl_style.py"))


@pytest.mark.slow
def test_rllib_alone_and_with_tune() -> None:
    output = run(sys.executable, "rllib_ppo.py")
    check(output)
    by_rate = dict(re.findall(r"^learning rate (\S+): mean return (\S+)$", output, re.MULTILINE))
    assert float(by_rate["0.002"]) > float(by_rate["1e-05"]) + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("script", LIBRARIES)
def test_other_libraries(script: str, own_environment: Path) -> None:
    trouble = install(own_environment, LIBRARIES[script])
    if NO_NETWORK.search(trouble):
        pytest.skip(f"{LIBRARIES[script]} can not be fetched here: {trouble.splitlines()[-1]}")
    assert not trouble
    check(run(own_environment, script))


def test_only_a_lack_of_network_is_an_excuse() -> None:
    unreachable = (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/torchrl/\n"
        "ERROR: No matching distribution found for torchrl==0.14.1"
    )
    assert NO_NETWORK.search(unreachable)
    assert not NO_NETWORK.search("ERROR: No matching distribution found for torchrl==0.14.1")
    assert not NO_NETWORK.search("")


def test_each_library_of_the_table_has_a_script() -> None:
    table = (EXAMPLES / "README.md").read_text()
    scripts = {path.name for path in EXAMPLES.glob("*.py")} - {"task.py"}
    assert scripts == set(re.findall(r"^\| `(\w+\.py)` \|", table, re.MULTILINE))
    for script, wanted in LIBRARIES.items():
        for name, version in (word.split("==") for word in wanted if "==" in word):
            assert version in table
            assert name in (EXAMPLES / script).read_text()
