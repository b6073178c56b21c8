"""Both learners keep everything on their device, shown on a device that refuses to mix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

from tests.helpers.fake_device import DISCRIMINATOR_CASES, POLICY_CASES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch has no devices made of Python",
)
def test_whole_updates_stay_on_their_device() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.fake_device"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    refusal, *updates = done.stdout.splitlines()
    assert "two devices" in refusal
    assert updates == [
        *(" ".join(["policy", *map(str, case)]) for case in POLICY_CASES),
        *(" ".join(["discriminator", *map(str, case)]) for case in DISCRIMINATOR_CASES),
    ]
