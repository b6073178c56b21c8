"""What the dashboard's tests share: a folder of made-up runs, a server in this process, one Chromium."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from cluster.dashboard.server import bind, make_app
from tests.cluster.dashboard.browser import Browser, Page, chromium
from tests.cluster.dashboard.made_population import MadePopulation
from tests.cluster.dashboard.made_up import make_run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUNS with a run that trains, one that finished, one in a folder of its own, and a population."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root / "alpha", seconds=400, torn='{"update": 20')
    make_run(root / "finished", seconds=901, sheets=2, seed=1)
    make_run(root / "group" / "with space", seconds=40, sheets=1, seed=2)
    MadePopulation(root / "people", members=4, comparisons=5)
    return root


class Served:
    """A dashboard that is served by a thread of this process.

    Attributes:
        url: its address, without a slash at the end.
    """

    def __init__(self, root: Path, token: str = "") -> None:
        self.socket = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        config = uvicorn.Config(make_app(root, token), log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def close(self) -> None:
        """End it."""
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()


@pytest.fixture(scope="session")
def served(runs: Path) -> Iterator[str]:
    """The address of a dashboard of `runs`."""
    served = Served(runs)
    yield served.url
    served.close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests."""
    if chromium() is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of desk size, light."""
    page = browser.page()
    page.size((1360, 900))
    yield page
    page.close()
