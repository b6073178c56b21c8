"""TD3's losses against slow, obvious versions; the traps of terminations, noise scale, delay and slow copies."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor

from learners.networks.td3 import Actor, TD3Networks, TwinCritic
from learners.optimization import NonFiniteLoss
from learners.settings import TD3Settings
from learners.td3 import TD3Learner, actor_loss, critic_loss, critic_targets, smoothing_noise

OBSERVATION, ACTION, B = 3, 2, 7


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def networks() -> TD3Networks:
    return TD3Networks(OBSERVATION, ACTION, (16, 16))


def batch(count: int = B, **changes: Tensor) -> dict[str, Tensor]:
    made = {
        "observation": torch.randn(count, OBSERVATION),
        "action": torch.rand(count, ACTION) * 2 - 1,
        "reward": torch.randn(count),
        "discount": torch.full((count,), 0.9),
        "next_observation": torch.randn(count, OBSERVATION),
    }
    return made | changes


def batches(count: int, **changes: Tensor) -> dict[str, Tensor]:
    parts = [batch(**changes) for _ in range(count)]
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}


def test_targets_are_what_the_paper_says_one_transition_at_a_time() -> None:
    actor, critic = Actor(OBSERVATION, ACTION, (16, 16)), TwinCritic(OBSERVATION, ACTION, (16, 16))
    torch.nn.init.normal_(actor.body[-1].weight)  # or every action is near 0 and clipping is not seen
    data = batch(discount=torch.tensor([0.9, 0.9, 0.0, 0.81, 0.0, 0.9, 0.9]))
    noise = torch.randn(B, ACTION)
    found = critic_targets(
        actor, critic, reward=data["reward"], discount=data["discount"], next_observation=data["next_observation"],
        noise=noise,
    )  # fmt: skip
    clipped = 0
    for i in range(B):
        state = data["next_observation"][i : i + 1]
        action = [float(a) + float(e) for a, e in zip(actor(state)[0].detach(), noise[i], strict=True)]
        clipped += any(abs(each) > 1 for each in action)
        action = [min(1.0, max(-1.0, each)) for each in action]
        values = [float(value.detach()) for value in critic(state, torch.tensor([action]))]
        assert values[0] != values[1]
        expected = float(data["reward"][i]) + float(data["discount"][i]) * min(values)
        assert float(found[i]) == pytest.approx(expected, abs=1e-5)
    assert clipped


def test_a_terminated_transition_has_its_reward_for_target_and_a_truncated_one_has_more() -> None:
    actor, critic = Actor(OBSERVATION, ACTION, (16, 16)), TwinCritic(OBSERVATION, ACTION, (16, 16))
    data = batch(2, reward=torch.tensor([1.0, 1.0]), discount=torch.tensor([0.0, 0.9]))
    found = critic_targets(
        actor, critic, reward=data["reward"], discount=data["discount"], next_observation=data["next_observation"],
        noise=torch.zeros(2, ACTION),
    )  # fmt: skip
    assert found[0] == 1.0
    assert found[1] != 1.0


def test_losses_against_loops() -> None:
    actor, critic = Actor(OBSERVATION, ACTION, (16, 16)), TwinCritic(OBSERVATION, ACTION, (16, 16))
    data, target = batch(), torch.randn(B)
    loss, value = critic_loss(critic, data["observation"], data["action"], target)
    expected = 0.0
    for i in range(B):
        estimates = critic(data["observation"][i : i + 1], data["action"][i : i + 1])
        expected += sum((float(estimate) - float(target[i])) ** 2 for estimate in estimates) / B
        assert float(value[i]) == pytest.approx(float(estimates[0]), abs=1e-6)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    loss, action = actor_loss(actor, critic, data["observation"])
    values = [float(critic(data["observation"], action)[0][i]) for i in range(B)]
    assert float(loss) == pytest.approx(-sum(values) / B, abs=1e-6)


def test_noise_has_the_spread_asked_for_and_is_cut() -> None:
    noise = smoothing_noise(torch.empty(100_000), 0.1, 2.0)
    assert float(noise.abs().max()) == pytest.approx(0.2, abs=1e-6)
    assert float(noise.std()) == pytest.approx(0.1 * 0.9594, rel=0.02)  # a standard normal cut at 2


def test_the_actor_moves_every_other_update_and_the_slow_copies_with_it() -> None:
    learner = TD3Learner(networks(), TD3Settings(hidden=(16, 16), policy_delay=2), torch.device("cpu"))
    before = copy.deepcopy(learner.networks.state_dict())

    def moved(part: str) -> bool:
        now = learner.networks.state_dict()
        return any(not torch.equal(now[name], value) for name, value in before.items() if name.startswith(part))

    learner.update(batches(1), 0.0)
    assert [moved(part) for part in ("critic.", "actor.", "target_critic.", "target_actor.")] == [True] + 3 * [False]
    learner.update(batches(1), 0.0)
    assert all(moved(part) for part in ("critic.", "actor.", "target_critic.", "target_actor."))
    now = learner.networks.state_dict()
    for name, value in before.items():
        if name.startswith("target_"):
            expected = torch.lerp(value, now[name.removeprefix("target_")], 0.005)
            assert torch.allclose(now[name], expected, atol=1e-7)
    assert learner.updates == 2


def test_the_actors_step_leaves_the_critics_alone() -> None:
    learner = TD3Learner(networks(), TD3Settings(hidden=(16, 16)), torch.device("cpu"))
    learner.update(batches(2), 0.0)
    before = copy.deepcopy(learner.networks.critic.state_dict())
    learner.improve_actor(torch.randn(B, OBSERVATION))
    after = learner.networks.critic.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(parameter.requires_grad for parameter in learner.networks.critic.parameters())


def test_without_anything_to_bootstrap_from_the_target_networks_are_not_asked() -> None:
    learner = TD3Learner(networks(), TD3Settings(hidden=(16, 16)), torch.device("cpu"))
    for parameter in learner.networks.target_critic.parameters():
        parameter.fill_(float("nan"))
    data = batches(1, discount=torch.zeros(B))
    assert math.isfinite(learner.update(data, 0.0)["critic_loss"])
    with pytest.raises(NonFiniteLoss, match="critic_loss is nan"):
        learner.update(batches(1), 0.0)


def test_the_learning_rate_decays_to_its_end() -> None:
    settings = TD3Settings(hidden=(16, 16), learning_rate=1e-3, final_learning_rate=1e-4)
    learner = TD3Learner(networks(), settings, torch.device("cpu"))
    assert learner.update(batches(1), 0.5)["learning_rate"] == pytest.approx(5.5e-4)
    assert learner.optimizer.param_groups[1]["lr"] == pytest.approx(5.5e-4)
    assert settings.noise_share(0.0) == 1.0
    assert settings.noise_share(1.0) == settings.final_noise_share


def test_it_learns_the_best_action_of_a_bandit() -> None:
    """Reward `-|a - w s|^2`: the best action is known, the reward seen only for random ones."""
    learner = TD3Learner(TD3Networks(2, 2, (64, 64)), TD3Settings(hidden=(64, 64)), torch.device("cpu"))
    for round_ in range(60):
        state, action = torch.rand(10, 256, 2) * 2 - 1, torch.rand(10, 256, 2) * 2 - 1
        reward = -((action - 0.7 * state) ** 2).sum(-1)
        learner.update(
            {
                "observation": state, "action": action, "reward": reward, "discount": torch.zeros(10, 256),
                "next_observation": state,
            },
            round_ / 60,
        )  # fmt: skip
    state = torch.rand(500, 2) * 2 - 1
    with torch.no_grad():
        error = ((learner.networks.actor(state) - 0.7 * state) ** 2).sum(-1).mean()
    assert float(error) < 0.01, "an untrained actor has 0.33"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch: expected at least 1"),
        ({"polyak": 1.5}, "polyak: expected 0 to 1"),
        ({"target_noise": -0.1}, "target_noise: expected at least 0"),
        ({"hidden": ()}, "hidden: expected at least one width"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TD3Settings(**changes)  # type: ignore[arg-type]


def test_an_actor_driven_into_a_corner_comes_back() -> None:
    """Critics that are wrong at first leave it where the tanh is flat; with the penalty it follows when they turn."""
    observation = torch.randn(64, OBSERVATION, generator=torch.Generator().manual_seed(0))
    reached = {}
    for penalty in (0.0, 0.1):
        torch.manual_seed(0)
        actor = Actor(OBSERVATION, ACTION, (16, 16))
        optimizer = torch.optim.Adam(actor.parameters(), 1e-2)
        for direction in (1.0, -1.0):
            critic = TwinCritic(OBSERVATION, ACTION, ())
            with torch.no_grad():
                critic.first[0].weight.zero_()  # type: ignore[union-attr, operator]
                critic.first[0].weight[:, OBSERVATION:] = direction  # type: ignore[index]
            for _ in range(300):
                optimizer.zero_grad()
                loss, action = actor_loss(actor, critic, observation, penalty)
                torch.autograd.backward(loss)
                optimizer.step()
        reached[penalty] = float(action.mean())
    assert reached[0.1] < -0.9
    assert reached[0.0] > 0.9
