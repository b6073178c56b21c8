"""What the tests of whole runs share: a data set, and one private Ray for all that run in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.tiny_run import make_images


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pictures."""
    return make_images(tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(scope="session")
def private_ray() -> Iterator[None]:
    """A Ray of this process's own. Never `ray stop`: it would end other people's."""
    import ray

    from cluster.training.ray_session import start_ray

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        start_ray(cpus=6)
    yield
    ray.shutdown()
