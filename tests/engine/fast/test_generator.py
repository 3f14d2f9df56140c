"""The generator of a collection against the published network, written here as its code has it; and its files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.fast import generator_file, pieces
from engine.fast.generator import ResNetGenerator
from engine.fast.generator_file import GeneratorError
from engine.fast.paint import TRAINED, paint_collection
from engine.recipe import Recipe

WIDTH, BLOCKS = 4, 2


class PublishedBlock(nn.Module):
    def __init__(self, width: int, norm: type[nn.Module], dropout: bool) -> None:
        super().__init__()
        bias = norm is nn.InstanceNorm2d
        layers: list[nn.Module] = []
        for last in (False, True):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width)]
            if not last:
                layers += [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Published(nn.Module):
    """pytorch-CycleGAN-and-pix2pix's ResnetGenerator, from -1..1 to -1..1."""

    def __init__(self, norm: type[nn.Module] = nn.InstanceNorm2d, dropout: bool = False) -> None:
        super().__init__()
        bias, w = norm is nn.InstanceNorm2d, WIDTH
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7, bias=bias), norm(w), nn.ReLU()]
        for n in (w, 2 * w):
            layers += [nn.Conv2d(n, 2 * n, 3, 2, 1, bias=bias), norm(2 * n), nn.ReLU()]
        layers += [PublishedBlock(4 * w, norm, dropout) for _ in range(BLOCKS)]
        for n in (4 * w, 2 * w):
            layers += [nn.ConvTranspose2d(n, n // 2, 3, 2, 1, 1, bias=bias), norm(n // 2), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(2 * x - 1)
        return (y + 1) / 2


def published(norm: type[nn.Module] = nn.InstanceNorm2d, dropout: bool = False) -> Published:
    torch.manual_seed(2)
    network = Published(norm, dropout)
    if norm is nn.BatchNorm2d:  # as if it had been trained
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values in (module.weight.data, module.running_var):
                    assert values is not None
                    values.copy_(0.5 + torch.rand_like(values))
                nn.init.normal_(module.bias, 0, 0.3)
                nn.init.normal_(module.running_mean, 0, 0.3)  # type: ignore[arg-type]
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> ResNetGenerator:
    path = tmp_path_factory.mktemp("weights") / "g.pth"
    torch.save(published().state_dict(), path)
    return generator_file.load(path)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    torch.manual_seed(3)
    return torch.nn.functional.interpolate(torch.rand(1, 3, 6, 8), (61, 83), mode="bilinear")[0]


def painted(generator: ResNetGenerator, photo: Tensor, **settings) -> Tensor:
    *_, (done, x) = paint_collection(generator, photo, Recipe(**{"strength": TRAINED, "seed": 1} | settings))
    assert done == 1
    return x


# --- the layout ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [nn.InstanceNorm2d, nn.BatchNorm2d])
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_the_published_network_makes_the_published_networks_picture(tmp_path, norm, dropout, suffix) -> None:
    network, path = published(norm, dropout), tmp_path / f"latest_net_G{suffix}"
    if suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path)
    x = torch.rand(2, 3, 36, 44)
    torch.testing.assert_close(generator_file.load(path)(x), network(x), atol=1e-5, rtol=1e-4)


def test_what_several_gpus_and_old_versions_of_torch_left_in_a_file_is_no_obstacle(tmp_path) -> None:
    network, path = published(), tmp_path / "g.pth"
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save(state | {"module.model.2.running_mean": torch.zeros(WIDTH)}, path)
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(generator_file.load(path)(x), network(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", [nn.InstanceNorm2d, nn.BatchNorm2d])
def test_a_generator_comes_back_from_the_file_that_we_write_of_it(tmp_path, norm) -> None:
    torch.save(published(norm).state_dict(), tmp_path / "g.pth")
    first = generator_file.load(tmp_path / "g.pth")
    generator_file.save(first, tmp_path / "g.safetensors", {"when": "today"})
    again = generator_file.load(tmp_path / "g.safetensors")
    assert again.kind == first.kind == ("instance" if norm is nn.InstanceNorm2d else "batch")
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(again(x), first(x), atol=5e-3, rtol=0)


# --- wrong files -----------------------------------------------------------------------------------------------------


def without(state: dict, name: str) -> dict:
    return {known: tensor for known, tensor in state.items() if known != name}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda state: {"features.0.weight": torch.zeros(4, 3, 3, 3)},
            "there is no model.1.weight of four dimensions",
        ),
        (lambda state: state | {"model.1.weight": torch.zeros(7)}, "there is no model.1.weight of four"),
        (lambda state: without(state, "model.7.bias"), "is incomplete: model.7.bias is missing."),
        (
            lambda state: state | {"model.11.conv_block.5.weight": torch.zeros(16, 8, 3, 3)},
            "has model.11.conv_block.5.weight of the shape 16×8×3×3, and it must be 16×16×3×3.",
        ),
        (lambda state: state | {"model.12.weight": torch.zeros(16, 8, 4, 4)}, "it must be 16×8×3×3."),
        (
            lambda state: state | {"extra.weight": torch.zeros(3)},
            "has extra.weight, which the ResNet generator of CycleGAN does not have.",
        ),
        (
            lambda state: state | {"model.1.bias": torch.tensor([1, 2, 3, float("nan")])},
            "has values in model.1.bias that are no numbers to paint with.",
        ),
        (lambda state: {k: t for k, t in state.items() if "block" not in k}, "has 0 residual blocks."),
        (lambda state: [1, 2, 3], "does not hold a network's weights by name."),
        (lambda state: {"model": state}, "does not hold a network's weights by name."),
        (lambda state: Path("x"), "is damaged, or holds more than weights."),
    ],
)
def test_a_wrong_file_is_told_by_its_first_wrong_layer(tmp_path, change, sentence) -> None:
    path = tmp_path / "g.pth"
    torch.save(change(dict(published().state_dict())), path)
    with pytest.raises(GeneratorError) as refusal:
        generator_file.load(path)
    assert str(refusal.value).startswith(f"{path} ")
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_file_and_a_missing_one_are_told_as_well(tmp_path, suffix) -> None:
    path = tmp_path / f"g{suffix}"
    with pytest.raises(GeneratorError, match="cannot be read: No such file"):
        generator_file.load(path)
    path.write_bytes(b"no weights at all, but longer than a header's length")
    with pytest.raises(GeneratorError, match="is damaged"):
        generator_file.load(path)


# --- painting --------------------------------------------------------------------------------------------------------


def test_strength_leads_from_the_photo_to_the_generators_picture_and_beyond(generator, photo) -> None:
    assert torch.equal(painted(generator, photo, strength=0), photo[None])
    distance = [(painted(generator, photo, strength=s) - photo).abs().mean() for s in (10, 30, TRAINED, 80)]
    assert distance == sorted(distance)
    assert distance[0] < 0.2 * distance[2]


def test_a_picture_has_its_photos_size_whatever_the_brush_and_the_same_seed_makes_the_same(generator, photo) -> None:
    made = [painted(generator, photo, brush=brush) for brush in (0.5, 1.0, 2.0)]
    assert {tuple(x.shape) for x in made} == {(1, *photo.shape)}
    assert not torch.equal(made[0], made[1])
    assert not torch.equal(made[1], made[2])
    assert torch.equal(made[1], painted(generator, photo))
    assert not torch.equal(made[1], painted(generator, photo, seed=3))


def test_the_photos_colours_are_kept_on_request(generator, photo) -> None:
    kept, free = painted(generator, photo, colors="photo"), painted(generator, photo)
    hue = [(x[:, 0] - x[:, 2]) for x in (kept, free, photo[None])]
    assert (hue[0] - hue[2]).abs().mean() < 0.3 * (hue[1] - hue[2]).abs().mean()


@pytest.mark.parametrize("norm", [nn.InstanceNorm2d, nn.BatchNorm2d])
def test_a_large_picture_by_tiles_looks_like_the_same_picture_in_one_piece(tmp_path, monkeypatch, norm) -> None:
    torch.save(published(norm).state_dict(), tmp_path / "g.pth")
    generator = generator_file.load(tmp_path / "g.pth")
    torch.manual_seed(6)
    photo = torch.rand(3, 30, 40).repeat_interleave(10, 1).repeat_interleave(10, 2)
    whole = painted(generator, photo)
    for name, pixels in (("WHOLE", 1000), ("TILE", 128), ("PATCH", 64)):
        monkeypatch.setattr(pieces, name, pixels)
    shares = [done for done, _ in paint_collection(generator, photo, Recipe(strength=TRAINED, seed=1))]
    assert shares == sorted(shares)
    assert len(shares) > 4
    difference = (painted(generator, photo) - whole).abs()
    # Instance normalisation takes its moments from a part of the picture; the other needs none.
    assert difference.mean() < (0.02 if norm is nn.InstanceNorm2d else 1e-5)
