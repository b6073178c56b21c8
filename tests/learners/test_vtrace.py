"""V-trace against equation 1 of IMPALA, written out term by term."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from learners.vtrace import VTraceReturns, vtrace

Array = NDArray[np.float64]


def slow_vtrace(
    ratio: Array, rewards: Array, discounts: Array, values: Array, bootstrap: Array, rho_bar: float, c_bar: float
) -> tuple[Array, Array]:
    """vs and advantages [T, B]: v_s = V(x_s) + sum_t (prod_{s <= i < t} gamma_i c_i) delta_t V."""
    steps, batch = rewards.shape
    rho, c = np.minimum(rho_bar, ratio), np.minimum(c_bar, ratio)
    all_values = np.vstack([values, bootstrap])
    vs = np.vstack([np.zeros((steps, batch)), bootstrap])
    for b in range(batch):
        for s in range(steps):
            total = all_values[s, b]
            for t in range(s, steps):
                trace = 1.0
                for i in range(s, t):
                    trace *= discounts[i, b] * c[i, b]
                delta = rho[t, b] * (rewards[t, b] + discounts[t, b] * all_values[t + 1, b] - all_values[t, b])
                total += trace * delta
            vs[s, b] = total
    advantages = np.empty((steps, batch))
    for s, b in np.ndindex(steps, batch):
        advantages[s, b] = rho[s, b] * (rewards[s, b] + discounts[s, b] * vs[s + 1, b] - values[s, b])
    return vs[:-1], advantages


def example(steps: int, batch: int, spread: float, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    discounts = rng.choice([0.0, 0.5, 0.9, 1.0], (steps, batch))
    return {
        "behavior": rng.normal(-3, 1, (steps, batch)),
        "log_ratio": rng.normal(0, spread, (steps, batch)),
        "rewards": rng.normal(0, 1, (steps, batch)),
        "discounts": discounts,
        "values": rng.normal(0, 2, (steps, batch)),
        "bootstrap": rng.normal(0, 2, batch),
    }


def fast_vtrace(data: dict[str, Array], **bounds: float) -> VTraceReturns:
    tensors = {name: torch.from_numpy(value).float() for name, value in data.items()}
    target = tensors["behavior"] + tensors["log_ratio"]
    rest = (tensors[name] for name in ("rewards", "discounts", "values", "bootstrap"))
    return vtrace(tensors["behavior"], target, *rest, **bounds)


@pytest.mark.parametrize(("rho_bar", "c_bar"), [(1.0, 1.0), (2.0, 1.0), (0.7, 0.4), (1.5, 3.0), (1e9, 1e9)])
@pytest.mark.parametrize(("steps", "batch"), [(1, 3), (5, 2), (12, 4)])
def test_equals_the_sum_of_products(steps: int, batch: int, rho_bar: float, c_bar: float) -> None:
    data = example(steps, batch, spread=0.5, seed=steps)
    vs, advantages = slow_vtrace(
        np.exp(data["log_ratio"]), data["rewards"], data["discounts"], data["values"], data["bootstrap"], rho_bar, c_bar
    )
    returns = fast_vtrace(data, rho_bar=rho_bar, c_bar=c_bar)
    np.testing.assert_allclose(returns.vs, vs, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(returns.advantages, advantages, rtol=1e-4, atol=1e-4)


def test_on_policy_gives_n_step_returns() -> None:
    data = example(7, 3, spread=0.0, seed=1)
    returns = fast_vtrace(data)
    expected = data["bootstrap"]
    for t in reversed(range(7)):
        expected = data["rewards"][t] + data["discounts"][t] * expected
        np.testing.assert_allclose(returns.vs[t], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(returns.advantages[t], expected - data["values"][t], rtol=1e-4, atol=1e-4)
    assert returns.truncated == pytest.approx(0, abs=1e-6)


def test_nothing_passes_the_end_of_an_episode() -> None:
    data = example(6, 2, spread=0.5, seed=2)
    data["discounts"][:] = 1.0
    data["discounts"][2] = 0.0
    before = fast_vtrace(data)
    for name in ("rewards", "values", "log_ratio"):
        data[name][3:] += 1.0
    data["bootstrap"] += 1.0
    after = fast_vtrace(data)
    torch.testing.assert_close(after.vs[:3], before.vs[:3])
    torch.testing.assert_close(after.advantages[:3], before.advantages[:3])
    assert not torch.allclose(after.vs[3:], before.vs[3:])


def test_truncated_is_the_share_of_the_weights_above_the_bound() -> None:
    data = example(5, 2, spread=0.0, seed=3)
    ratios = np.array([[0.5, 1.0], [1.0, 1.0], [1.5, 0.5], [2.5, 1.0], [1.0, 3.0]])
    data["log_ratio"][:] = np.log(ratios)
    for bound in (1.0, 2.0, 5.0):
        expected = (ratios - np.minimum(ratios, bound)).sum() / ratios.sum()
        assert fast_vtrace(data, rho_bar=bound).truncated == pytest.approx(expected, abs=1e-6)


def test_targets_are_constants() -> None:
    data = {name: torch.from_numpy(value).float() for name, value in example(3, 2, 0.5, 4).items()}
    values = data["values"].requires_grad_()
    log_prob = data["behavior"].clone().requires_grad_()
    returns = vtrace(data["behavior"], log_prob, data["rewards"], data["discounts"], values, data["bootstrap"])
    assert not returns.vs.requires_grad
    assert not returns.advantages.requires_grad
