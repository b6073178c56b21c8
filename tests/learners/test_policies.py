"""Both policies: the faults of public re-implementations, each with a test that fails on it."""

import dataclasses
import itertools
from collections.abc import Callable

import pytest
import torch

from envs.spec import ActionComponent, ActionSpec
from learners.networks.laptop import LaptopPolicy, cosine_features
from learners.networks.policy import PaintPolicy, PolicyEvaluation, PolicyInputs
from learners.settings import NetworkName
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import NETWORKS, SMALL, make_policy, paint_batch, random_batch

FIELDS = ("log_prob", "entropy", "value")
both = pytest.mark.parametrize("network", NETWORKS)


def values(evaluation: PolicyEvaluation) -> torch.Tensor:
    """[3, T, B]."""
    return torch.stack([getattr(evaluation, name) for name in FIELDS])


def each_input(inputs: PolicyInputs, change: Callable[[torch.Tensor], torch.Tensor]) -> PolicyInputs:
    """The inputs with `change` applied to each tensor."""
    given = {field.name: getattr(inputs, field.name) for field in dataclasses.fields(inputs)}
    return PolicyInputs(**{name: value if value is None else change(value) for name, value in given.items()})


def select(inputs: PolicyInputs, rows: torch.Tensor) -> PolicyInputs:
    return each_input(inputs, lambda values: values[:, rows])


@both
def test_rows_of_the_batch_never_mix(network: NetworkName) -> None:
    policy = make_policy(network)
    inputs, actions = random_batch(policy, SMALL, time=3, batch=5)
    state = 0.5 * torch.randn(5, policy.state_size)
    with torch.no_grad():
        before = values(policy.evaluate(inputs, actions, state))
        order = torch.tensor([3, 0, 4, 2, 1])
        permuted = values(policy.evaluate(select(inputs, order), actions[:, order], state[order]))
        torch.testing.assert_close(permuted, before[:, :, order], rtol=1e-5, atol=2e-5)
        for name in ("canvas", "previous_action", "noise"):
            changed = dataclasses.replace(inputs, **{name: getattr(inputs, name).clone()})
            other, _ = random_batch(policy, SMALL, time=3, batch=5, seed=1)
            getattr(changed, name)[:, 2] = getattr(other, name)[:, 2]
            if name == "previous_action":  # a move's masked components would hide the change
                changed.previous_action[:, 2, policy.spec.flag] = 1
            after = values(policy.evaluate(changed, actions, state))
            rest = [0, 1, 3, 4]
            torch.testing.assert_close(after[:, :, rest], before[:, :, rest], rtol=1e-5, atol=2e-5)
            assert ((after[:, :, 2] - before[:, :, 2]).abs() > 1e-3).float().mean() > 0.8, name
        later = actions.clone()
        later[:, 2] = (later[:, 2] + 1) % torch.from_numpy(policy.spec.sizes)
        after = values(policy.evaluate(inputs, later, state))
        torch.testing.assert_close(after[:, :, rest], before[:, :, rest], rtol=1e-5, atol=2e-5)
        torch.testing.assert_close(after[2], before[2], rtol=1e-5, atol=2e-5)  # the value does not see the action


@both
def test_evaluation_of_a_rollout_equals_what_was_recorded(network: NetworkName) -> None:
    policy = make_policy(network)
    trajectory = paint_batch(policy)
    batch = TrajectoryTensors.of(trajectory, torch.device("cpu"))
    assert len(batch.action.flatten(0, 1).unique(dim=0)) > 15
    state = policy.initial_state(6)
    with torch.no_grad():
        first = policy.evaluate(batch.inputs, batch.action, state)
        torch.manual_seed(99)
        second = policy.evaluate(batch.inputs, batch.action, state)
    torch.testing.assert_close(first.log_prob, torch.from_numpy(trajectory.log_prob), rtol=1e-4, atol=1e-4)
    assert first.log_prob.std() > 0.1
    for name in FIELDS:  # nothing is sampled
        assert torch.equal(getattr(first, name), getattr(second, name))


@both
def test_acting_and_evaluating_agree_on_values_and_states(network: NetworkName) -> None:
    policy = make_policy(network)
    inputs, _ = random_batch(policy, SMALL, time=4, batch=3)
    start = torch.randn(3, policy.state_size)
    state, steps = start, []
    with torch.no_grad():
        for t in range(4):
            single = each_input(inputs, lambda values: values[t])  # noqa: B023 - used at once
            steps.append(policy.act(single, state))
            state = steps[-1].state
        actions = torch.stack([step.action for step in steps])
        whole = policy.evaluate(inputs, actions, start)
        torch.testing.assert_close(whole.value, torch.stack([s.value for s in steps]), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(whole.log_prob, torch.stack([s.log_prob for s in steps]), rtol=1e-4, atol=1e-4)
        # in two halves with the state carried over
        head = each_input(inputs, lambda values: values[:2])
        tail = each_input(inputs, lambda values: values[2:])
        halves = [policy.evaluate(head, actions[:2], start), policy.evaluate(tail, actions[2:], steps[1].state)]
        torch.testing.assert_close(torch.cat([values(h) for h in halves], 1), values(whole), rtol=1e-4, atol=1e-4)
        if policy.state_size:
            zero = policy.evaluate(inputs, actions, policy.initial_state(3))
            assert (zero.value - whole.value).abs().min() > 1e-4


@both
def test_each_component_has_an_mlp_of_its_own(network: NetworkName) -> None:
    policy = make_policy(network)
    assert isinstance(policy.residuals, torch.nn.ModuleDict)
    parts = {str(c): [*policy.residuals[str(c)].parameters()] for c in policy.spec.decode_order[:-1]}
    addresses = [weight.data_ptr() for weights in parts.values() for weight in weights]
    assert len(set(addresses)) == len(addresses)
    hidden = torch.randn(4, 256)
    for column in policy.spec.decode_order[:-1]:
        policy.zero_grad(set_to_none=True)
        policy.condition(column, hidden, torch.zeros(4, dtype=torch.long)).square().sum().backward()
        touched = {name for name, weight in policy.named_parameters() if weight.grad is not None}
        assert {name.rsplit(".", 1)[0].split(".")[1] for name in touched} == {str(column)}
        assert {name.split(".")[0] for name in touched} == {"residuals", "embeddings"}


@both
def test_no_parameter_is_idle(network: NetworkName) -> None:
    policy = make_policy(network)
    inputs, actions = random_batch(policy, SMALL, time=3, batch=4)
    actions[..., policy.spec.flag] = 1
    sum(getattr(policy.evaluate(inputs, actions, policy.initial_state(4)), name).sum() for name in FIELDS).backward()
    for name, weight in policy.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


@both
def test_later_components_depend_on_earlier_ones(network: NetworkName) -> None:
    policy = make_policy(network)
    inputs, _ = random_batch(policy, SMALL, time=1, batch=4)
    flat = inputs.flattened()
    with torch.no_grad():
        core, _ = policy.core(policy.features(flat)[None], policy.initial_state(4))
        hidden = core[0]
        for column, after in itertools.pairwise(policy.spec.decode_order):
            one = policy.condition(column, hidden, torch.zeros(4, dtype=torch.long))
            two = policy.condition(column, hidden, torch.ones(4, dtype=torch.long))
            log_p = [policy.log_softmax(after, hidden, None, flat.step) for hidden in (one, two)]
            difference = log_p[0] - log_p[1]
            assert difference.abs().max() > 1e-4, policy.spec.names[column]
            hidden = one


@both
def test_masked_components_count_in_nothing(network: NetworkName) -> None:
    policy = make_policy(network)
    inputs, actions = random_batch(policy, SMALL, time=3, batch=4)
    actions[..., policy.spec.flag] = inputs.previous_action[..., policy.spec.flag] = 0
    other_inputs = dataclasses.replace(inputs, previous_action=inputs.previous_action.clone())
    other_actions = actions.clone()
    masked = torch.from_numpy(policy.spec.painting_only)
    sizes = torch.from_numpy(policy.spec.sizes)
    for array in (other_actions, other_inputs.previous_action):
        array[..., masked] = (array[..., masked] + 1) % sizes[masked]
    state = policy.initial_state(4)
    with torch.no_grad():
        before = values(policy.evaluate(inputs, actions, state))
        after = values(policy.evaluate(other_inputs, other_actions, state))
        assert torch.equal(before, after)
        painted = actions.clone()
        painted[..., policy.spec.flag] = 1
        evaluation = policy.evaluate(inputs, painted, state)
        assert (evaluation.entropy > before[1]).all()


@both
def test_effective_actions_are_a_distribution(network: NetworkName) -> None:
    """Enumerated: probabilities of distinct effective actions sum to 1; entropies and their gradients mean theirs."""
    spec = ActionSpec(
        (
            ActionComponent("control", 16, location=True),
            ActionComponent("end", 16, location=True, painting_only=False),
            ActionComponent("flag", 2, painting_only=False),
            ActionComponent("size", 2),
        ),
        grid=4,
    )
    policy = make_policy(network, spec=spec)
    actions = torch.tensor(
        [(control, end, 1, size) for control, end, size in itertools.product(range(16), range(16), range(2))]
        + [(3, end, 0, 1) for end in range(16)]
    )[None]
    inputs, _ = random_batch(policy, SMALL, time=1, batch=1)
    count = actions.shape[1]
    alike = select(inputs, torch.zeros(count, dtype=torch.long))
    evaluation = policy.evaluate(alike, actions, policy.initial_state(count))
    log_p, probability = evaluation.log_prob[0].double(), evaluation.log_prob[0].double().exp()
    assert probability.sum().item() == pytest.approx(1.0, abs=1e-4)
    assert 0.02 < probability[-16:].sum() < 0.98  # both flags matter
    entropy = -(probability * log_p).sum()
    estimate = (probability.detach() * evaluation.entropy[0]).sum()
    assert estimate.item() == pytest.approx(entropy.item(), abs=1e-3)
    weights = [weight for name, weight in policy.named_parameters() if "value" not in name]
    gradients = [
        torch.cat(
            [
                grad.flatten()
                for grad in torch.autograd.grad(of, weights, retain_graph=True, allow_unused=True)
                if grad is not None
            ]
        )
        for of in (entropy, estimate)
    ]
    assert gradients[0].norm() > 0.01
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-4)


@both
def test_the_first_action_never_paints_where_it_must_be_a_move(network: NetworkName) -> None:
    config = dataclasses.replace(SMALL, first_is_move=True)
    policy = make_policy(network, config)
    flag = policy.spec.flag
    with torch.no_grad():
        policy.heads[flag].bias.copy_(torch.tensor([-30.0, 30.0]))  # type: ignore[index, union-attr, operator]
    trajectory = paint_batch(policy, config, batch=16)
    assert (trajectory.action[0, :, flag] == 0).all()
    assert (trajectory.action[1:, :, flag] == 1).all()
    batch = TrajectoryTensors.of(trajectory, torch.device("cpu"))
    evaluation = policy.evaluate(batch.inputs, batch.action, policy.initial_state(16))
    torch.testing.assert_close(evaluation.log_prob.detach(), batch.log_prob, rtol=1e-4, atol=1e-4)
    assert torch.isfinite(values(evaluation)).all()
    (evaluation.log_prob + evaluation.entropy).sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in policy.parameters() if weight.grad is not None)


def test_cosines_tell_every_cell_apart_and_keep_near_cells_near() -> None:
    cosines = cosine_features(16, 36)
    assert cosines.shape == (256, 36)
    torch.testing.assert_close(cosines[:, 0], torch.ones(256))  # the lowest frequency is constant
    distance = torch.cdist(cosines, cosines)
    assert (distance + 10 * torch.eye(256)).min() > 0.1
    assert distance[0, 1] < distance[0, 8] < distance[0, 255] * 1.5
    torch.testing.assert_close(cosines[5 * 16 + 3], cosine_features(16, 36)[83])


def test_laptop_patches_cover_the_canvas_once() -> None:
    """Each pixel reaches exactly one patch, at the position that the parameter names say."""
    policy = make_policy("laptop")
    assert isinstance(policy, LaptopPolicy)
    canvas = torch.arange(16 * 16 * 3).remainder(251).to(torch.uint8).view(1, 16, 16, 3)
    patches = policy.cut(canvas).view(2, 2, 2, 2, 4, 4, 3)
    # [quad row, quad column, row and column in the quad, pixel, channel]
    for qy, qx, py, px in itertools.product(range(2), repeat=4):
        y, x = 8 * qy + 4 * py, 8 * qx + 4 * px
        assert torch.equal(patches[qy, qx, py, px], canvas[0, y : y + 4, x : x + 4])


@both
def test_state_is_per_episode(network: NetworkName) -> None:
    policy: PaintPolicy = make_policy(network)
    assert policy.initial_state(3).shape == (3, policy.state_size)
    assert not policy.initial_state(3).any()
    assert policy.state_size == (512 if network == "paper" else 0)
