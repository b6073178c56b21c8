from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from envs.latent import FrozenParts, LatentConfig, LatentVectorEnv, PartsShape
from envs.latent.rules import add_noise

SHAPE = PartsShape(
    (8, 8, 1), classes=10, latent=5, z=3, encoder_width=2, decoder_width=8, classifier_width=2, gan_width=8
)


@pytest.fixture
def parts() -> FrozenParts:
    """Untrained."""
    return FrozenParts(SHAPE)


def make(parts: FrozenParts, seed: int = 0, count: int = 6, **settings: object) -> LatentVectorEnv:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (50, 8, 8, 1), dtype=np.uint8)
    return LatentVectorEnv(count, LatentConfig(**settings), parts, images, rng.integers(0, 10, 50), seed)  # type: ignore[arg-type]


def test_spaces_and_arrays(parts: FrozenParts) -> None:
    env = make(parts, task="all")
    assert env.single_observation_space.shape == (15,)
    assert env.single_action_space.shape == (3,)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    first, info = env.reset(seed=3)
    assert env.observation_space.contains(first)
    actions = env.action_space.sample()
    asked = info["task"].copy()
    observation, reward, terminated, truncated, info = env.step(actions)
    assert env.observation_space.contains(observation)
    assert (reward.dtype, reward.shape) == (np.float32, (6,))
    assert terminated.all()
    assert not truncated.any()
    layout = SHAPE.layout
    assert (info["features"].dtype, info["features"].shape) == (np.float32, (6, layout.features))
    assert (info["source"].dtype, info["source"].shape) == (np.float32, (6, layout.source))
    np.testing.assert_array_equal(info["task"], asked)  # of the step, not of the episode that begins
    np.testing.assert_array_equal(info["final_obs"], first)
    with pytest.raises(ValueError, match="actions: expected"):
        env.step(actions[:, :2])


def test_seeds_decide_and_differ(parts: FrozenParts) -> None:
    runs = []
    for seed in (0, 0, 1):
        env = make(parts, seed, task="all")
        observation, _ = env.reset()
        runs.append(np.concatenate([observation, env.step(np.zeros((6, 3), np.float32))[0]]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    env = make(parts, 5)
    again = [env.reset(seed=9)[0] for _ in range(2)]
    np.testing.assert_array_equal(again[0], again[1])


def test_rewards_can_be_recomputed_and_relabelled_without_decoding(parts: FrozenParts) -> None:
    env = make(parts, task="add:1", count=40)
    before, _ = env.reset()
    _, reward, _, _, info = env.step(env.action_space.sample())
    np.testing.assert_allclose(env.score(info["features"], info["source"], info["task"]), reward, rtol=1e-6)
    done = env.relabel(info["features"], info["source"], info["task"], np.random.default_rng(0))
    shown = info["features"][:, :10].argmax(axis=1)
    np.testing.assert_array_equal((info["source"][:, 0].astype(int) + done) % 10, shown)
    assert env.score(info["features"], info["source"], done).mean() > reward.mean()
    retold = env.retell(before, done)
    np.testing.assert_array_equal(retold[:, 5:15].argmax(axis=1), done)
    np.testing.assert_array_equal(retold[:, :5], before[:, :5])
    assert (before[:, 5:15].argmax(axis=1) == 1).all()  # the original is left alone


def test_an_action_is_a_sample_of_the_prior_within_its_range(parts: FrozenParts) -> None:
    env = make(parts, action_range=2.0)
    env.reset()
    actions = np.full((6, 3), 5.0, np.float32)
    _, _, _, _, info = env.step(actions)
    np.testing.assert_allclose(info["features"], env.rules.features(np.full((6, 3), 2.0, np.float32)), atol=1e-6)


def test_noise_changes_what_is_seen_but_not_what_is_true(parts: FrozenParts) -> None:
    clean, noisy = (make(parts, 4, count=30, noise=share, max_sigma=1.0) for share in (0.0, 1.0))
    (seen, truth), (blurred, same) = (env.reset(seed=4) for env in (clean, noisy))
    np.testing.assert_array_equal(truth["source"], same["source"])
    np.testing.assert_allclose(seen[:, :5], truth["source"][:, -5:], rtol=1e-6)
    assert (np.abs(blurred - seen)[:, :5].max(axis=1) > 1e-4).mean() > 0.9


def test_added_noise_has_its_deviation_and_stays_in_range() -> None:
    gray = torch.full((2, 1, 100, 100), 0.5)
    made = add_noise(gray, torch.tensor([0.1, 0.0]), torch.Generator().manual_seed(0))
    assert float(made[0].std()) == pytest.approx(0.1, rel=0.05)
    torch.testing.assert_close(made[1], gray[1])
    assert add_noise(gray, torch.ones(2), torch.Generator()).min() >= 0


def test_a_longer_horizon_refines(parts: FrozenParts) -> None:
    env = make(parts, horizon=3, refinement=0.25, action_range=2.0, task="all")
    first, _ = env.reset()
    assert first.shape == (6, 15 + 3 + 1)
    assert (first[:, 15:] == 0).all()
    second, _, terminated, _, info = env.step(np.full((6, 3), 0.5, np.float32))
    assert not terminated.any()
    assert "final_obs" not in info
    np.testing.assert_allclose(second[:, 15:18], 0.5)
    np.testing.assert_allclose(second[:, 18], 1 / 3)
    third, _, _, _, _ = env.step(np.full((6, 3), -1.0, np.float32))
    np.testing.assert_allclose(third[:, 15:18], (1.0 - 0.25) / 2)
    _, _, terminated, _, info = env.step(np.ones((6, 3), np.float32))
    assert terminated.all()
    np.testing.assert_allclose(info["final_obs"][:, 18], 1.0)


def test_bad_worlds_are_refused(parts: FrozenParts) -> None:
    images = np.zeros((4, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match="images: expected uint8"):
        LatentVectorEnv(2, LatentConfig(), parts, images[:, :7], None)
    with pytest.raises(ValueError, match="labels: 3 for 4 images"):
        LatentVectorEnv(2, LatentConfig(), parts, images, np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="needs the labels"):
        LatentVectorEnv(2, LatentConfig(), parts, images, None)
    for wrong in ({"horizon": 0}, {"action_range": 0.0}, {"noise": 1.5}, {"max_sigma": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            LatentConfig(**wrong)  # type: ignore[arg-type]


def test_parts_are_saved_and_read(parts: FrozenParts, tmp_path: Path) -> None:
    parts.report = {"seconds": {"gan": 1.5}}
    parts.latent_mean.fill_(0.25)
    path = tmp_path / "parts.safetensors"
    parts.save(path)
    again = FrozenParts.load(path)
    assert again.shape == SHAPE
    assert again.report == parts.report
    images = torch.rand(3, 1, 8, 8)
    torch.testing.assert_close(again.encode(images), parts.encode(images))
    assert not any(parameter.requires_grad for parameter in again.parameters())
    assert not again.training


@pytest.mark.parametrize("content", [b"", b"half a file", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_damaged_parts_are_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "parts.safetensors"
    with pytest.raises(ValueError, match="holds no frozen parts"):
        FrozenParts.load(path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no frozen parts") as error:
        FrozenParts.load(path)
    assert "\n" not in str(error.value)


def test_data_without_labels_and_with_colors() -> None:
    shape = PartsShape((9, 7, 3), classes=0, latent=5, z=3, encoder_width=2, decoder_width=8, gan_width=8)
    images = np.random.default_rng(0).integers(0, 256, (10, 9, 7, 3), dtype=np.uint8)
    config = LatentConfig(task="envs.latent.examples.strokes:Thicker")
    env = LatentVectorEnv(2, config, FrozenParts(shape), images, None)
    assert env.observation_space.shape == (2, 6)
    _, info = env.reset()
    assert (info["source"][:, 0] == -1).all()
