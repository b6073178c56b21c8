"""How the campaign measures: silence, lost training, the first update, starvation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.faults.lanes import Campaign
from tests.faults.log import FaultLog
from tests.faults.memory import MemoryGroup, starve
from tests.faults.system import longest_gap, longest_silence, training_lost

ROWS = [
    {"time": 10.0, "update": 5, "policy/loss": 0.1, "elapsed_s": 4.0},
    {"time": 11.0, "update": 6, "policy/loss": 0.1, "elapsed_s": 5.0},
    {"time": 40.0, "update": 6, "note": "no progress for 30 s"},
    {"time": 60.0, "update": 5, "event": "resume"},
    {"time": 63.0, "update": 6, "policy/loss": 0.1, "elapsed_s": 4.5},
]


def test_what_is_measured_of_rows() -> None:
    assert longest_silence(ROWS, 11.5, 63.0) == 28.5
    assert training_lost(ROWS, 11.5) == 0.5
    assert training_lost(ROWS[:3], 11.5) == 0.0
    assert longest_gap(ROWS, 10.5, resumed=False) == 52.0
    assert longest_gap(ROWS, 10.5, resumed=True) == 52.5
    assert longest_gap(ROWS[:3], 10.5, resumed=False) is None, "that was under way"


def test_the_plan_follows_from_the_seed_and_holds_every_fault_as_often(tmp_path: Path) -> None:
    one, same, other = (Campaign(3, seed, 60.0, tmp_path, FaultLog(None)).plan for seed in (1, 1, 2))
    assert one == same
    assert one != other
    for kinds in one.values():
        assert all(kinds.count(kind) == 3 for kind in kinds)
    struck = {part.name for kinds in one.values() for part, _ in kinds}
    wanted = {"actor", "policy learner", "discriminator learner", "Redis", "shared discriminator", "ledger", "member"}
    assert wanted | {"driver", "raylet", "node"} <= struck


def test_what_came_of_faults_is_kept_and_not_repeated(tmp_path: Path) -> None:
    log = FaultLog(tmp_path / "faults.jsonl")
    row = {"campaign": "first", "load": 2.0, "part": "actor", "fault": "kill", "went_on": True, "ended": True}
    row |= {"by_kernel": None, "seconds": 3.0, "lost": 1.0, "silence": 2.0, "events": 4, "events_lost": 0}
    log.add(row)
    log.add(row | {"campaign": "second", "went_on": False, "seconds": None, "silence": 61.0})
    log.add({"campaign": "second", "system": "run", "status": 0, "left": ""})
    again = FaultLog(tmp_path / "faults.jsonl")
    assert again.rows == log.rows
    campaign = Campaign(3, 1, 60.0, tmp_path, again)
    struck = [(part.name, fault) for kinds in campaign.plan.values() for part, fault in kinds]
    assert struck.count(("actor", "kill")) == 1
    assert all(struck.count(kind) == 3 for kind in campaign.kinds if kind != ("actor", "kill"))
    text = again.text(campaign.kinds)
    assert "2 faults in 2 campaigns (first; second), at a load of 2 on the average" in text
    assert "| actor | kill | 1 of 2 | 2 of 2 | 3 s | 3 s | 1 s | 61 s |" in text
    assert "| actor | starve | 0 of 0 | 0 of 0 | - | - | - | - |" in text


def test_a_starved_process_is_ended_by_the_kernel_and_nothing_stays() -> None:
    try:
        MemoryGroup().close()
    except OSError as error:
        pytest.skip(f"no control groups for this user: {error}")
    greedy = "held = []\nwhile True:\n    held.append(bytearray(1 << 18))\n    time.sleep(0.05)"
    victims = []
    for code in (greedy, "time.sleep(60)"):
        whole = f"import time\nprint('up', flush=True)\n{code}"
        victims.append(subprocess.Popen([sys.executable, "-c", whole], stdout=subprocess.PIPE))
        assert victims[-1].stdout.readline() == b"up\n"
    groups = set(Path("/sys/fs/cgroup").rglob("impasto-faults-*"))
    try:
        assert starve([psutil.Process(victim.pid) for victim in victims]) == 1
        assert victims[0].wait(10) == -9
        assert victims[1].poll() is None, "it wanted nothing"
        assert set(Path("/sys/fs/cgroup").rglob("impasto-faults-*")) <= groups
    finally:
        for victim in victims:
            victim.kill()
            victim.wait()
