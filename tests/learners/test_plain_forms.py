"""Networks that are laid out for speed compute what their plain forms do: outputs, losses, gradients, in float32."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from learners.networks.build import build_discriminator
from learners.networks.heads import product
from learners.networks.laptop import PATCH, LaptopPolicy
from learners.networks.one_hot import one_hot
from learners.networks.policy import PolicyInputs
from learners.networks.situation import SituationEncoding, unit_location
from learners.policy_learner import PolicyLearner
from learners.settings import DiscriminatorSettings, PolicySettings
from tests.learners.examples import LINES, SMALL, make_policy, paint_batch, random_batch, weights_of

CPU = torch.device("cpu")


def plain_encoding(encoding: SituationEncoding, inputs: PolicyInputs) -> Tensor:
    """Noise, step and previous action, component by component."""
    spec = encoding.spec
    mask = spec.mask(inputs.previous_action)
    parts = [inputs.noise, one_hot(inputs.step.clamp_max(encoding.num_actions - 1), encoding.num_actions)]
    for column, component in enumerate(spec.components):
        value = inputs.previous_action[:, column]
        encoded = unit_location(value, spec.grid) if component.location else one_hot(value, component.size)
        parts.append(encoded * mask[:, column, None])
    return torch.cat(parts, 1)


class PlainLaptopPolicy(LaptopPolicy):
    """The laptop's policy with one operation for each step of the text."""

    def features(self, inputs: PolicyInputs) -> Tensor:
        """Features of patches cut from floats, in which white is 0 and black is 1."""
        seen = self.seen(inputs)
        count, height, width, channels = seen.shape
        rows, columns = height // PATCH, width // PATCH
        ink = 1 - seen.float() / 255
        patches = ink.view(count, rows // 2, 2, PATCH, columns // 2, 2, PATCH * channels)
        patches = patches.permute(0, 1, 4, 2, 5, 3, 6).reshape(count, rows * columns, -1)
        grid = functional.relu(self.patches(patches) + self.patch_position)
        grid = functional.relu(self.quads(grid.view(count, rows * columns // 4, -1)))
        situation = self.situation(plain_encoding(self.encoding, inputs))
        hidden = functional.relu(self.flat(grid.flatten(1)) + situation)
        return hidden + functional.relu(self.mix(hidden))

    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """State after a decision."""
        component = self.spec.components[column]
        encoded = self.cosines[value] if component.location else one_hot(value, component.size)
        return hidden + functional.relu(self.residuals[str(column)](hidden) + self.embeddings[str(column)](encoded))


def update(policy: Any, trajectory: Any) -> tuple[dict[str, float], dict[str, Tensor], dict[str, Tensor]]:
    """Metrics, gradients and weights after one update of a policy's learner in float32."""
    torch.manual_seed(5)
    discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
    learner = PolicyLearner(policy, discriminator, PolicySettings(network="laptop", noise_size=3), CPU)
    metrics = learner.update(trajectory, 0.0)
    gradients = {name: value.grad.clone() for name, value in policy.named_parameters() if value.grad is not None}
    return metrics, gradients, weights_of(policy)


def test_an_update_of_the_laptops_policy_is_that_of_its_plain_form() -> None:
    fast = make_policy("laptop")
    plain = PlainLaptopPolicy(fast.spec, SMALL.canvas_shape, 3, SMALL.num_actions)
    plain.load_state_dict(fast.state_dict())
    trajectory = paint_batch(fast, batch=16)
    (metrics, gradients, weights), (expected, slopes, result) = update(fast, trajectory), update(plain, trajectory)
    assert metrics.keys() == expected.keys()
    for name, value in metrics.items():
        assert value == pytest.approx(expected[name], rel=1e-5, abs=1e-5), name
    assert gradients.keys() == slopes.keys() == dict(plain.named_parameters()).keys()
    for name in gradients:
        torch.testing.assert_close(gradients[name], slopes[name], rtol=1e-4, atol=1e-5)
    assert weights.keys() == result.keys()
    before = weights_of(make_policy("laptop"))
    moved = sum((weights[name] - before[name]).abs().sum() for name in weights)
    apart = sum((weights[name] - result[name]).abs().sum() for name in weights)
    # Adam's first step is of one size whatever the gradient's, so where that is next to nothing its sign decides.
    assert moved > 0
    assert apart < 0.02 * moved


@pytest.mark.parametrize("config", [SMALL, LINES])
def test_the_encoding_of_a_situation_is_that_of_its_components(config: Any) -> None:
    policy = make_policy("laptop")
    encoding = SituationEncoding(config.action_spec, config.num_actions)
    generator = torch.Generator().manual_seed(0)
    sizes = torch.from_numpy(config.action_spec.sizes)
    inputs, _ = random_batch(policy, SMALL, 6, 8)
    flat = inputs.flattened()
    flat.previous_action = (torch.rand(48, len(sizes), generator=generator) * sizes).long()
    torch.testing.assert_close(encoding(flat), plain_encoding(encoding, flat), rtol=0, atol=1e-6)
    assert encoding(flat).shape == (48, 3 + encoding.size)


@pytest.mark.parametrize("rows", [1, 7, 640])
@pytest.mark.parametrize("size", [1, 2, 256])
def test_a_product_in_float32_is_a_linear_layer(rows: int, size: int) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(256, size), torch.randn(rows, 256)
    with torch.no_grad():
        torch.testing.assert_close(product(x, layer.weight, layer.bias), layer(x), rtol=1e-5, atol=1e-5)
