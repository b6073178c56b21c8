"""Every test's surroundings: one torch thread (machines of CI have few cores), fixed seeds, a line on what was
left out.
"""

from typing import Any

import pytest
import torch

from tests.optional_parts import left_out

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line which optional parts the run left out, and how to have them."""
    skipped = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    slow = sum("slow" in item.keywords for item in terminalreporter.stats.get("deselected", []))
    if line := left_out(skipped, slow):
        terminalreporter.write_line(line)
