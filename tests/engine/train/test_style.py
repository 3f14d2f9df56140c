"""Training the gallery's network and single styles, at postage-stamp size."""

import random
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.fast.network import load
from engine.train.data.crops import Crops
from engine.train.trainers.perceptual import Perceptual, StyleTarget, augmented
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
