"""Both learners keep everything on their device, shown on a device that refuses to mix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils import backend_registration

from learners.device_settings import prepare_device
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


def test_a_gpus_arithmetic_is_chosen_and_a_cpus_left_alone() -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn

    def chosen() -> list[bool]:
        return [matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark]

    before = chosen()
    try:
        matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
        prepare_device(torch.device("cpu"), tf32=True, cudnn_benchmark=True)
        assert chosen() == [False] * 3
        prepare_device(torch.device("cuda"), tf32=True, cudnn_benchmark=True)
        assert chosen() == [True] * 3
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before
