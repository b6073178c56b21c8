"""The published policy, layer by layer (shared/design/spiral.md, section 2: Ganin et al. 2018, appendix A)."""

import pytest
import torch
from torch import nn

from envs.paint import PaintConfig
from learners.networks.build import build_discriminator, build_policy
from learners.networks.paper import ComponentEmbedding, LocationHead, PaperPolicy, ResidualBlock
from learners.networks.situation import coordinate_planes, unit_location
from learners.settings import DiscriminatorSettings, PolicySettings


@pytest.fixture(scope="module")
def policy() -> PaperPolicy:
    config = PaintConfig()
    network = build_policy(PolicySettings(), config.action_spec, config.canvas_shape, config.num_actions)
    assert isinstance(network, PaperPolicy)
    return network


def linear_sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in module.modules() if isinstance(layer, nn.Linear)]


def kinds(module: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in module]


def conv(layer: nn.Module) -> tuple[int, int, int, int]:
    """(in, out, kernel, stride)."""
    assert isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    return layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0]


def test_torso(policy: PaperPolicy) -> None:
    assert conv(policy.look) == (3 + 2, 32, 5, 1)
    assert linear_sizes(policy.action_mlp) == [(16 * 8, 64), (64, 32), (32, 32)]
    assert linear_sizes(policy.noise_mlp) == [(10, 64), (64, 32), (32, 32)]
    assert kinds(policy.action_mlp) == kinds(policy.noise_mlp) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert kinds(policy.down) == ["Conv2d", "ReLU"] * 3 + ["Conv2d"]
    assert [conv(layer) for layer in policy.down[::2]] == [(32, 32, 4, 2)] * 3 + [(32, 32, 3, 1)]
    assert kinds(policy.blocks) == ["ResidualBlock"] * 8
    assert (policy.flat.in_features, policy.flat.out_features) == (32 * 8 * 8, 256)
    assert (policy.lstm.input_size, policy.lstm.hidden_size, policy.lstm.num_layers) == (256, 256, 1)
    assert linear_sizes(policy.value) == [(256, 1)]
    assert policy.initial_state(7).shape == (7, 512)


def test_each_component_is_embedded_in_16_numbers(policy: PaperPolicy) -> None:
    sizes = dict(zip(policy.spec.names, [2, 2, 2, 10, 6, 20, 20, 20], strict=True))
    assert linear_sizes(policy.previous) == [(size, 16) for size in sizes.values()]
    decoded = ["flag", "end", "control", "size", "pressure", "red", "green"]  # blue, the last, conditions nothing
    assert {policy.spec.names[int(column)] for column in policy.embeddings} == set(decoded)
    for column, embedding in policy.embeddings.items():
        assert linear_sizes(embedding) == [(sizes[policy.spec.names[int(column)]], 16)]
    assert set(policy.residuals) == set(policy.embeddings)
    for residual in policy.residuals.values():
        assert linear_sizes(residual) == [(256 + 16, 16), (16, 32), (32, 256)]


def test_heads(policy: PaperPolicy) -> None:
    assert len(policy.heads) == 8
    for name, head in zip(policy.spec.names, policy.heads, strict=True):
        if name not in ("end", "control"):
            assert linear_sizes(head) == [(256, policy.spec.sizes[policy.spec.names.index(name)])]
            continue
        assert isinstance(head, LocationHead)
        layers = head.layers
        assert kinds(layers) == ["Conv2d"] + ["ResidualBlock"] * 8 + ["ConvTranspose2d", "ReLU"] * 3 + ["FullConv2d"]
        assert conv(layers[0]) == (16, 32, 3, 1)
        assert [conv(layer) for layer in layers[9:15:2]] == [(32, 32, 4, 2)] * 3
        assert conv(layers[-1]) == (32, 1, 3, 1)
        assert head(torch.randn(2, 256)).shape == (2, 1024)


def test_residual_block_adds_relu_3x3_relu_1x1() -> None:
    block, x = ResidualBlock(), torch.randn(2, 32, 5, 5)
    assert (conv(block.conv3), conv(block.conv1)) == ((32, 32, 3, 1), (32, 32, 1, 1))
    torch.testing.assert_close(block(x), x + block.conv1(block.conv3(x.clamp_min(0)).clamp_min(0)))


def test_location_logits_are_row_major_in_y_x() -> None:
    head = LocationHead(8)
    hidden = torch.randn(3, 256)
    image = head.layers(hidden.view(3, 16, 4, 4))
    assert image.shape == (3, 1, 8, 8)
    torch.testing.assert_close(head(hidden)[:, 3 * 8 + 5], image[:, 0, 3, 5])


@pytest.mark.parametrize("grid", [4, 16, 32])
def test_locations_are_divided_by_the_grid(grid: int) -> None:
    corners = torch.tensor([0, grid - 1, grid * (grid - 1), grid * grid - 1])
    expected = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    torch.testing.assert_close(unit_location(corners, grid), expected)
    cells = unit_location(torch.arange(grid * grid), grid)
    assert cells.abs().max() <= 1 + 1e-6
    torch.testing.assert_close(cells.mean(0), torch.zeros(2))
    planes = coordinate_planes(grid, grid)
    torch.testing.assert_close(cells.T.reshape(2, grid, grid), planes)


def test_location_embedding_sees_coordinates_in_the_unit_square(policy: PaperPolicy) -> None:
    column = str(policy.spec.names.index("end"))
    embedding = policy.embeddings[column]
    assert isinstance(embedding, ComponentEmbedding)
    y, x = embedding.linear.weight.T
    corners = embedding(torch.tensor([31, 1023])) - embedding.linear.bias
    torch.testing.assert_close(corners, torch.stack([x - y, x + y]))


def test_shapes_that_do_not_fit_are_named() -> None:
    settings, spec = PolicySettings(), PaintConfig(grid=12).action_spec
    with pytest.raises(ValueError, match=r"grid: .* got 12"):
        build_policy(settings, spec, (64, 64, 3), 19)
    fitting = PaintConfig(grid=4).action_spec
    for network in ("paper", "laptop"):
        with pytest.raises(ValueError, match=r"observation_size: .* got 20x20"):
            build_policy(PolicySettings(network=network), fitting, (20, 20, 3), 19)  # type: ignore[arg-type]
    for size in (4, 48):
        with pytest.raises(ValueError, match=rf"observation_size: .* got {size}x{size}"):
            build_discriminator(DiscriminatorSettings(), (size, size, 3))


@pytest.mark.parametrize(("size", "widths"), [(8, [6]), (32, [6, 12, 24]), (64, [6, 12, 24, 48])])
def test_discriminator_halves_down_to_4x4(size: int, widths: list[int]) -> None:
    network = build_discriminator(DiscriminatorSettings(discriminator_width=6), (size, size, 1))
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == widths
    assert all(conv(layer)[2:] == (4, 2) for layer in convolutions)
    assert linear_sizes(network) == [(16 * widths[-1], 1)]
    assert network(torch.rand(2, 1, size, size)).shape == (2,)


def test_spectral_norm_bounds_every_layer() -> None:
    settings = DiscriminatorSettings(discriminator_width=6, spectral_norm=True)
    network = build_discriminator(settings, (16, 16, 1))
    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        for layer in layers:
            layer.parametrizations.weight.original.mul_(100)  # type: ignore[union-attr]
        for _ in range(50):
            network(torch.rand(1, 1, 16, 16))
    network.eval()
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert largest.item() == pytest.approx(1.0, abs=0.02)
