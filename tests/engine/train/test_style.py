"""Training the gallery's network and single styles, at postage-stamp size."""

import random
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.fast import network
from engine.fast.network import load
from engine.train.data.crops import Crops
from engine.train.gallery import replace_pairs
from engine.train.trainers.gallery import different
from engine.train.trainers.perceptual import Palettes, Perceptual, StyleTarget, augmented
from engine.train.trainers.style import StyleSettings, StyleTrainer


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def stripes() -> Tensor:
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    stripe = ((torch.minimum(x, 95 - x) + y) % 12 < 6).float()  # as its mirror image
    return torch.stack([stripe, 0.5 * stripe, 1 - stripe])[None]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    rng = random.Random(1)
    paths = []
    for k in range(4):
        picture = Image.effect_noise((120, 100), 40).convert("RGB")
        picture.paste((rng.randrange(256), rng.randrange(256), 90), (20, 20, 70, 60))
        paths.append(folder / f"{k}.png")
        picture.save(paths[-1])
    return paths


def test_a_picture_has_no_error_against_itself_and_an_unrelated_one_has_much(encoder, stripes) -> None:
    perceptual = Perceptual(encoder)
    perceptual.set_styles([stripes], (96,))
    targets = [StyleTarget(0, 0, 1.0, 1.0)]
    content, style = perceptual.errors(stripes, stripes, targets)
    assert content.item() < 1e-3
    assert style.item() < 1e-3
    content, style = perceptual.errors(stripes, torch.rand(1, 3, 96, 96), targets)
    assert content.item() > 0.1
    assert style.item() > 0.1


def test_a_mixture_of_styles_is_between_them(encoder, stripes) -> None:
    perceptual = Perceptual(encoder)
    perceptual.set_styles([stripes, stripes.flip(1)], (96,))
    errors = [
        float(perceptual.errors(stripes, stripes, [StyleTarget(0, 1, share, 1.0)])[1]) for share in (1.0, 0.7, 0.0)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 1e-3 < errors[1]


def test_some_photos_are_made_dark_pale_or_flat_and_stay_photos(photos) -> None:
    x = Crops(photos, 64, seed=1).batch(24)
    y = augmented(x, random.Random(1))
    changed = [not torch.equal(a, b) for a, b in zip(x, y, strict=True)]
    assert 2 < sum(changed) < 20
    assert y.min() >= 0
    assert y.max() <= 1


def test_a_new_style_is_learned_without_touching_the_others(encoder, stripes, photos) -> None:
    network = load(torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    settings = StyleSettings(steps=30, crop=64, painting_sides=(96,), style_weight=50, rate=5e-2)
    trainer = StyleTrainer(network, encoder, stripes, Crops(photos, 64, seed=1), settings)
    errors = [errors["style"] for errors in trainer.run()]
    assert sum(errors[-5:]) < 0.9 * sum(errors[:5])
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    network.add("stripes", trainer.pair.detach())
    assert torch.equal(network.pair([("stripes", 1)]), trainer.pair)


def patches(seed: int) -> Tensor:
    """Patches of 8 pixels, (1, 3, 192, 192)."""
    return (
        torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(seed))
        .repeat_interleave(8, 2)
        .repeat_interleave(8, 3)
    )


def test_a_palette_is_at_no_distance_from_itself_wherever_its_colours_lie() -> None:
    palettes, target = Palettes([patches(1)]), [StyleTarget(0, 0, 1.0, 1.0)]
    assert float(palettes.errors(patches(1).transpose(2, 3).flip(2), target)) < 1e-3
    assert float(palettes.errors(0.5 * patches(1), target)) > 0.3


def test_a_little_green_that_is_missing_counts_and_can_be_learned() -> None:
    grey = patches(1).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    leaf = grey.clone()
    leaf[..., 16:48, 16:48] = torch.tensor([0.1, 0.6, 0.2]).view(1, 3, 1, 1)
    palettes, target = Palettes([leaf]), [StyleTarget(0, 0, 1.0, 1.0)]

    def error(x: Tensor) -> Tensor:
        torch.manual_seed(1)  # the same directions each time
        return palettes.errors(x, target).sum()

    x = grey.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(error(x), x)
    greener = (grey - 0.1 * gradient / gradient.abs().max()).clamp(0, 1)
    assert 1e-3 < float(error(greener)) < float(error(grey))
    assert float((greener[:, 1] - greener[:, 0]).max()) > 0.02


def test_only_the_pairs_that_are_named_change_in_the_packages_weights(tmp_path: Path) -> None:
    path = tmp_path / "gallery.safetensors"
    shutil.copy(network.FILE, path)
    before = network.load(torch.device("cpu"), path=path)
    pair = before.pair([("udnie", 1.0)]) + 1
    replace_pairs({"udnie": pair}, path, "by hand")
    after = network.load(torch.device("cpu"), path=path)
    assert after.names == before.names
    assert after.fingerprint() == before.fingerprint()
    changed = [name for k, name in enumerate(after.names) if not torch.equal(after.pairs[k], before.pairs[k])]
    assert changed == ["udnie"]
    torch.testing.assert_close(after.pair([("udnie", 1.0)]), pair, atol=2e-3, rtol=2e-3)


def test_a_batch_has_every_style_once_before_any_twice() -> None:
    drawn = different(random.Random(1), 3, 7)
    assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 1, 2]
    assert len(drawn) == 7
