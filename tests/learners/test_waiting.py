"""How often the host waits for its device in an update, counted on the CPU by what would make it wait for a GPU."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.policy_learner import PolicyLearner
from learners.settings import DiscriminatorSettings, PolicySettings
from tests.learners.examples import NETWORKS, SMALL, make_policy, paint_batch

CPU = torch.device("cpu")


class Waits(TorchDispatchMode):
    """Counts operators for whose result, or its size, the host must wait, and `tolist`, which is no operator."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.names: list[str] = []
        to_list = torch.Tensor.tolist

        def counted(tensor: torch.Tensor) -> Any:
            self.names.append("tolist")
            return to_list(tensor)

        monkeypatch.setattr(torch.Tensor, "tolist", counted)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        boolean = name in ("index", "index_put", "index_put_") and any(
            each is not None and each.dtype == torch.bool for each in args[1]
        )
        if name in ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero") or boolean:
            self.names.append(name)
        return function(*args, **(kwargs or {}))


def test_the_count_sees_what_makes_a_host_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.arange(4.0)
    with Waits(monkeypatch) as waits:
        values.sum().item()
        values[values > 1]
        bool(values.sum() > 0)
        values.tolist()
    assert len(waits.names) == 4


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_policy_update_waits_for_its_loss_and_its_metrics(
    monkeypatch: pytest.MonkeyPatch, network: Any, normalize: bool
) -> None:
    policy = make_policy(network)
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
    settings = PolicySettings(network=network, noise_size=3, normalize_reward=normalize)
    learner = PolicyLearner(policy, discriminator, settings, CPU)
    trajectory = paint_batch(policy)
    learner.update(trajectory, 0.0)
    with Waits(monkeypatch) as waits:
        metrics = learner.update(trajectory, 0.0)
    assert len(metrics) > 12
    # The running mean of the scores is plain numbers; the loss must be finite; the metrics come at once.
    assert waits.names == ["tolist"] * normalize + ["_local_scalar_dense", "tolist"]


def test_a_discriminator_update_waits_for_its_loss_and_its_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = DiscriminatorSettings(discriminator_width=4)
    learner = DiscriminatorLearner(build_discriminator(settings, SMALL.canvas_shape), settings, CPU)
    real, fake = np.random.default_rng(0).integers(0, 256, (2, 4, *SMALL.canvas_shape), dtype=np.uint8)
    on_device = learner.update(torch.from_numpy(real), fake)
    assert on_device.keys() == learner.update(real, fake).keys()
    with Waits(monkeypatch) as waits:
        learner.update(real, fake)
    assert waits.names == ["_local_scalar_dense", "tolist"]
