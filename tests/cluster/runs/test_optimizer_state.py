"""An optimizer's state in a checkpoint: without a pickle, and exact."""

from pathlib import Path

import pytest
import torch

from cluster.runs.checkpoints import Checkpoint, load, save
from cluster.runs.optimizer_state import flatten_optimizer, unflatten_optimizer


@pytest.mark.parametrize("amsgrad", [False, True])
def test_an_optimizer_goes_on_exactly_where_it_was(tmp_path: Path, amsgrad: bool) -> None:
    def build() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
        groups = [{"params": network[0].parameters(), "lr": 1e-2}, {"params": network[2].parameters()}]
        return network, torch.optim.Adam(groups, lr=3e-3, betas=(0.5, 0.95), amsgrad=amsgrad)

    def train(network: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
        generator = torch.Generator().manual_seed(steps)
        for _ in range(steps):
            optimizer.zero_grad()
            network(torch.randn(16, 4, generator=generator)).square().mean().backward()
            optimizer.step()

    network, optimizer = build()
    train(network, optimizer, 5)
    tensors, document = flatten_optimizer(optimizer.state_dict())
    path = save(
        tmp_path,
        Checkpoint(
            5, {"policy": network.state_dict(), "policy_optimizer": tensors}, {}, {"policy_optimizer": document}
        ),
    )
    train(network, optimizer, 7)

    resumed, its_optimizer = build()
    back = load(path)
    resumed.load_state_dict(back.tensors["policy"])
    state = unflatten_optimizer(back.tensors["policy_optimizer"], back.documents["policy_optimizer"])
    its_optimizer.load_state_dict(state)
    groups = its_optimizer.state_dict()["param_groups"]
    assert [(group["lr"], group["betas"]) for group in groups] == [(1e-2, (0.5, 0.95)), (3e-3, (0.5, 0.95))]
    train(resumed, its_optimizer, 7)
    for name, weight in network.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name

    fresh, its_own = build()  # without the optimizer's state the weights differ: the equality above says something
    fresh.load_state_dict(back.tensors["policy"])
    train(fresh, its_own, 7)
    assert any(not torch.equal(fresh.state_dict()[name], weight) for name, weight in network.state_dict().items())


def test_an_optimizer_that_json_can_not_hold_is_named() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([weight], lr=torch.tensor(0.1))
    with pytest.raises(ValueError, match="param_groups lr: a Tensor"):
        flatten_optimizer(optimizer.state_dict())
