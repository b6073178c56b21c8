"""Sampling by inversion: frequencies and the corners of the uniform number."""

import pytest
import torch

from learners.networks import policy as policy_module
from learners.networks.sampling import sample_categorical

LARGEST = 1 - 2.0**-24  # of torch.rand's float32 numbers


def stub_rand(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    def rand(*size: int, device: torch.device | None = None) -> torch.Tensor:
        return torch.full(size, value, device=device)

    monkeypatch.setattr(policy_module.torch, "rand", rand)


def test_frequencies() -> None:
    probabilities = torch.tensor([0.3, 0.0, 0.05, 0.2, 0.01, 0.14, 0.25, 0.05])
    draws = 40_000
    sample = sample_categorical(probabilities.log().expand(draws, -1))
    assert sample.shape == (draws,)
    assert sample.dtype == torch.int64
    counts = sample.bincount(minlength=8)
    assert counts[1] == 0
    possible = probabilities > 0
    expected = draws * probabilities[possible]
    chi_square = ((counts[possible] - expected) ** 2 / expected).sum()
    assert chi_square < 22.46  # 99.9 % quantile, 6 degrees of freedom


def test_rows_are_independent() -> None:
    log_p = torch.tensor([[0.5, 0.5]]).log().expand(10_000, 2)
    sample = sample_categorical(log_p)
    assert abs((sample[0::2] == sample[1::2]).float().mean() - 0.5) < 0.03


@pytest.mark.parametrize("uniform", [None, 0.0, LARGEST])
def test_certain_values_are_always_taken(monkeypatch: pytest.MonkeyPatch, uniform: float | None) -> None:
    if uniform is not None:
        stub_rand(monkeypatch, uniform)
    log_p = torch.log_softmax(2e4 * torch.eye(50), 1)
    torch.testing.assert_close(sample_categorical(log_p), torch.arange(50))
    torch.testing.assert_close(sample_categorical(torch.eye(50).log()), torch.arange(50))


@pytest.mark.parametrize("size", [3, 20, 1024])
@pytest.mark.parametrize("uniform", [0.0, LARGEST])
def test_impossible_ends_are_never_taken(monkeypatch: pytest.MonkeyPatch, size: int, uniform: float) -> None:
    """The smallest and the largest uniform number, where rounding could reach the impossible first or last value."""
    logits = 3 * torch.randn(500, size)
    logits[:, 0] = logits[:, -1] = -1e4
    log_p = torch.log_softmax(logits, 1)
    stub_rand(monkeypatch, uniform)
    sample = sample_categorical(log_p)
    assert (log_p.gather(1, sample[:, None]) > -1e3).all()
    if size > 3:
        assert (sample == 1).all() == (uniform == 0.0)


def test_a_single_value() -> None:
    assert sample_categorical(torch.zeros(5, 1)).tolist() == [0] * 5
