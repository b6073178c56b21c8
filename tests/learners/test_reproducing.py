"""Policies that reproduce with free strokes, and learning from what a search chose."""

import numpy as np
import pytest
import torch

from actors.search_rollout import SearchRollout
from envs.paint import PaintConfig
from learners.imitation import imitation_loss
from learners.networks.build import build_discriminator, build_policy
from learners.networks.picture import PicturePolicy
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.search_learner import SearchLearner
from learners.search_memory import SearchMemory, Situations
from learners.search_settings import SearchSettings
from learners.settings import DiscriminatorSettings, NetworkName, PolicySettings
from tests.learners.examples import LINES, PICTURES, SMALL

BOTH = pytest.mark.parametrize(("network", "config"), [("picture", PICTURES), ("line", LINES)])


def policy_of(network: NetworkName, config: PaintConfig) -> PaintPolicy:
    torch.manual_seed(0)
    settings = PolicySettings(network=network, conditional=True, noise_size=0)
    return build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)


def inputs_of(config: PaintConfig, count: int) -> PolicyInputs:
    generator = torch.Generator().manual_seed(1)
    canvas, target = (
        torch.randint(0, 256, (count, *config.canvas_shape), generator=generator).to(torch.uint8) for _ in range(2)
    )
    components = len(config.action_spec.names)
    step = torch.arange(count) % config.num_actions
    return PolicyInputs(canvas, torch.zeros(count, components).long(), step, torch.zeros(count, 0), target)


@BOTH
def test_actions_are_valid_and_several_are_rated_as_one(network: NetworkName, config: PaintConfig) -> None:
    policy, inputs = policy_of(network, config), inputs_of(config, 5)
    state = policy.initial_state(5)
    offered = policy.propose(inputs, state, 7)
    assert offered.shape == (5, 7, len(config.action_spec.names))
    config.action_spec.validate(offered.flatten(0, 1).numpy(), 35)
    assert (offered[..., config.action_spec.flag] == 1).all()
    several = policy.log_probs(inputs, offered, state)
    one = PolicyInputs(*(value if value is None else value[None] for value in vars(inputs).values()))
    for place in range(7):
        single = policy.evaluate(one, offered[None, :, place], state)
        torch.testing.assert_close(several[:, place], single.log_prob[0], rtol=1e-5, atol=1e-4)
    assert single.entropy.shape == single.value.shape == (1, 5)
    skipped = offered[:, 0].clone()
    skipped[:, config.action_spec.flag] = 0  # then nothing but the flag counts
    changed = policy.propose(inputs, state, 1)[:, 0]
    changed[:, config.action_spec.flag] = 0
    torch.testing.assert_close(
        policy.log_probs(inputs, skipped[:, None], state), policy.log_probs(inputs, changed[:, None], state)
    )


def test_lines_are_rated_as_they_were_drawn() -> None:
    policy, inputs = policy_of("line", LINES), inputs_of(LINES, 6)
    state = policy.initial_state(6)
    act = policy.act(inputs, state)
    torch.testing.assert_close(policy.log_probs(inputs, act.action[:, None], state)[:, 0], act.log_prob)
    torch.testing.assert_close(policy.value_of(inputs, state), act.value)


def test_strokes_of_large_radii_are_encoded_as_they_were_decided() -> None:
    policy = policy_of("picture", PICTURES)
    assert isinstance(policy, PicturePolicy)
    size, start = torch.full((225,), 2), torch.full((225,), 8 * 16 + 8)
    end = torch.arange(225)
    place = policy.located(start)
    reached = policy.end_of(place, end, size)
    inside = ((reached >= 0) & (reached <= 15)).all(1)
    told = {"start": start, "end": policy.location(reached), "control": start, "size": size}
    assert inside.sum() > 20
    torch.testing.assert_close(policy.encode(told)["end"][inside], end[inside])


@BOTH
def test_a_stroke_is_learned_by_imitation(network: NetworkName, config: PaintConfig) -> None:
    policy, inputs = policy_of(network, config), inputs_of(config, 8)
    state = policy.initial_state(8)
    wanted = policy.propose(inputs, state, 1)
    optimizer = torch.optim.Adam(policy.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = imitation_loss(policy.log_probs(inputs, wanted, state), torch.ones(8, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_loss_is_a_weighted_mean() -> None:
    log_prob, weight = torch.tensor([-1.0, -2.0, -9.0]), torch.tensor([1.0, 3.0, 0.0])
    assert imitation_loss(log_prob, weight).item() == pytest.approx(7 / 4)
    assert imitation_loss(log_prob, 0 * weight).item() == 0


def test_worlds_that_do_not_suit_are_refused() -> None:
    with pytest.raises(ValueError, match="network: picture and line paint free strokes"):
        policy_of("picture", SMALL)
    with pytest.raises(ValueError, match="network: line draws in one color"):
        policy_of("line", PICTURES)
    with pytest.raises(ValueError, match="network: line reproduces what it sees"):
        build_policy(PolicySettings(network="line"), LINES.action_spec, LINES.canvas_shape, 4)


def test_the_memory_keeps_the_newest_that_count() -> None:
    memory = SearchMemory(4, (2, 2, 1), (1, 3))
    assert not memory
    for value in range(6):
        pictures = np.full((1, 2, 2, 1), value, np.uint8)
        step, action = np.array([value]), np.full((1, 1, 3), value, np.int16)
        memory.push(Situations(pictures, pictures, step, action, np.array([[float(value != 4)]], np.float32)))
    assert len(memory) == 4
    found = memory.sample(200)
    assert set(found.step.tolist()) == {1, 2, 3, 5}
    np.testing.assert_array_equal(found.canvas[:, 0, 0, 0], found.step)


@pytest.mark.parametrize("reinforcement", [False, True])
def test_the_learner_gets_nearer_to_the_searchs_choices(reinforcement: bool) -> None:
    search = SearchSettings(
        candidates=6, variations=2, imitated=2, imitation_batch=32, imitation_updates=5, reinforcement=reinforcement
    )
    settings = PolicySettings(
        network="picture", conditional=True, noise_size=0, reward="difference", reward_source="l2",
        policy_learning_rate=2e-3, policy_final_learning_rate=2e-3, precision="float32",
    )  # fmt: skip
    torch.manual_seed(0)
    policy = build_policy(settings, PICTURES.action_spec, PICTURES.canvas_shape, PICTURES.num_actions)
    acting = SearchRollout(PICTURES, 8, policy, search, precision="float32")
    acting.targets = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=8), (16, 16, 6))
    learner = SearchLearner(policy, discriminator, settings, torch.device("cpu"), search=search)
    losses = []
    for update in range(6):
        metrics = learner.update(acting.next_unroll(0, version=update), progress=0.0)
        policy.eval()
        losses.append(metrics["imitation_loss"])
    assert learner.updates == 6
    assert losses[-1] < losses[0] - 0.5
    assert metrics["l2"] > 0
    assert ("value_loss" in metrics) == reinforcement
    assert len(learner.memory or ()) > 0
