"""The encoders, with torchvision's own graph as the second implementation."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg19

from engine.encoders import full, slim, weights
from engine.encoders.full import FullEncoder
from engine.encoders.slim import READOUTS, SlimEncoder
from engine.encoders.vgg import CONTENT_LAYERS, STYLE_LAYERS, TRUNK
from engine.encoders.weights import TORCHVISION
from engine.recipe import LAYERS, Pooling
from engine.wire import EncoderChoice


@pytest.fixture(scope="module")
def reference() -> nn.Sequential:
    torch.manual_seed(3)
    features: nn.Sequential = vgg19(weights=None).features[:30].eval()
    return features


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(4))


def state(reference: nn.Sequential) -> dict[str, Tensor]:
    return {f"features.{name}": tensor for name, tensor in reference.state_dict().items()}


def by_torchvision(reference: nn.Sequential, x: Tensor, pooling: str) -> dict[str, Tensor]:
    """Every ReLU's output, as torchvision's layers compute it one after the other."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    h = (x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    names = {i + 1: name for name, i in TORCHVISION.items()}
    found = {}
    with torch.no_grad():
        for i, layer in enumerate(reference):
            h = nn.AvgPool2d(2)(h) if isinstance(layer, nn.MaxPool2d) and pooling == "avg" else layer(h)
            if i in names:
                found[names[i]] = h.clone()
    return found


@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_every_layer_of_the_full_encoder_is_torchvisions(
    reference: nn.Sequential, x: Tensor, pooling: Pooling
) -> None:
    expected = by_torchvision(reference, x, pooling)
    found = FullEncoder(state(reference), pooling).features(x, TRUNK)
    assert set(found) == set(expected) == set(TRUNK)
    for name in TRUNK:
        torch.testing.assert_close(found[name], expected[name])


def test_nothing_is_computed_beyond_the_deepest_layer_asked_for(reference: nn.Sequential, x: Tensor) -> None:
    encoder = FullEncoder(state(reference))
    used = []
    for name, conv in encoder.trunk.convs.items():
        conv.register_forward_hook(lambda *_, name=name: used.append(name))
    encoder.features(x, ["conv2_1", "conv1_1"])
    assert used == ["conv1_1", "conv1_2", "conv2_1"]


def test_normalising_brings_every_mean_activation_to_one_and_changes_nothing_else(
    reference: nn.Sequential, x: Tensor
) -> None:
    plain, normal = FullEncoder(state(reference)), FullEncoder(state(reference))
    normal.normalise([x])
    before, after = plain.features(x, TRUNK), normal.features(x, TRUNK)
    for name in TRUNK:
        mean = before[name].mean((0, 2, 3))
        lively = mean > mean.mean() / 4  # the others are held back on purpose
        assert lively.any()
        torch.testing.assert_close(after[name].mean((0, 2, 3))[lively], torch.ones(int(lively.sum())))
        scaled = before[name] / mean.clamp_min(float(mean.mean()) / 4).view(1, -1, 1, 1)
        torch.testing.assert_close(after[name], scaled, rtol=1e-3, atol=1e-4)


def test_the_full_encoder_compares_at_the_papers_layers_with_average_pooling(reference: nn.Sequential) -> None:
    encoder = FullEncoder(state(reference))
    assert encoder.style_layers == STYLE_LAYERS == ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    assert encoder.content_layers == CONTENT_LAYERS == ("conv4_2",)
    assert encoder.trunk.pooling == "avg"


@pytest.mark.parametrize(
    ("wanted", "device", "at_hand", "taken"),
    [
        ("auto", "cuda", True, "full"),
        ("auto", "cuda", False, "slim"),
        ("auto", "cpu", True, "slim"),
        ("auto", "cpu", False, "slim"),
        ("full", "cpu", False, "full"),
        ("slim", "cuda", True, "slim"),
    ],
)
def test_fine_mode_takes_the_full_encoder_by_itself_where_it_is_quick_and_at_hand(
    wanted: EncoderChoice, device: str, at_hand: bool, taken: str
) -> None:
    assert full.usual(wanted, torch.device(device), at_hand) == taken


def test_the_full_encoder_is_downloaded_from_where_torchvision_has_it() -> None:
    assert VGG19_Weights.IMAGENET1K_V1.url == weights.URL


def test_the_package_carries_a_slim_encoder_of_at_most_sixteen_megabytes() -> None:
    assert slim.FILE.stat().st_size <= 16_000_000


def test_the_quick_encoder_has_the_same_features_in_fewer_passes(x: Tensor) -> None:
    encoder, layers = SlimEncoder.load(), tuple(SlimEncoder.channels())
    wanted, found = encoder.features(x, layers), encoder.quick(torch.float32).features(x, layers)
    rounded = encoder.quick(torch.bfloat16).features(x, layers)
    for name in layers:
        assert torch.allclose(found[name], wanted[name], atol=1e-3, rtol=1e-3), name
        assert (rounded[name].float() - wanted[name]).norm() < 0.03 * wanted[name].norm(), name


def test_the_slim_encoder_answers_for_every_layer_at_the_right_scale(x: Tensor) -> None:
    encoder = SlimEncoder.load()
    found = encoder.features(x, SlimEncoder.channels())
    scale = {"conv1": 2, "fire2": 4, "fire3": 4, "fire4": 4, "fire5": 8, "fire6": 8, "fire7": 8, "fire8": 8}
    scale |= {name: 2 ** (int(name[4]) - 1) for name in READOUTS}
    for name, channels in SlimEncoder.channels().items():
        assert found[name].shape == (1, channels, 64 // scale[name], 80 // scale[name]), name
        assert found[name].min() >= 0


def test_the_slim_encoder_computes_only_what_is_asked_for(x: Tensor) -> None:
    encoder = SlimEncoder.load()
    used = []
    for name, conv in encoder.trunk.convs.items():
        conv.register_forward_hook(lambda *_, name=name: used.append(name))
    assert list(encoder.features(x, ["conv2_1"])) == ["conv2_1"]
    for fire in encoder.branch.fires.values():
        fire.register_forward_hook(lambda *_: used.append("fire"))
    assert used == ["conv1_1", "conv1_2", "conv2_1"]
    used.clear()
    encoder.features(x, ["fire3"])
    assert used == ["fire", "fire"]


def test_recipes_name_the_layers_that_the_encoders_have() -> None:
    assert set(LAYERS["slim"]) == set(SlimEncoder.channels())
    assert LAYERS["full"] == TRUNK
