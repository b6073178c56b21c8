"""A Redis for the tests of the replay, and a ring in it."""

from collections.abc import Iterator

import pytest

from cluster.replay.buffer import ReplaySpec
from cluster.replay.server import RedisServer
from tests.cluster.replay.replays import SHAPE


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def spec(server: RedisServer, request: pytest.FixtureRequest) -> ReplaySpec:
    return ReplaySpec(server.url, request.node.name, SHAPE, capacity=10)
