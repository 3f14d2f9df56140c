"""The read-out that finds subjects is fitted to a classifier's maps; here a made-up classifier that likes red."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.train import subject

CLASSES = 1000


class LikesRed:
    """Takes every photo for class 7, by what is red in it; or for a landscape."""

    def __init__(self, best: int = 7) -> None:
        self.best = best

    def buffers(self):
        yield torch.zeros(1)

    def scores(self, x: Tensor) -> Tensor:
        red = (x[:, :1] - x[:, 1:].mean(1, keepdim=True)).clamp_min(0)
        found = torch.zeros(1, CLASSES, x.shape[2] // 16, x.shape[3] // 16)
        found[:, self.best] = torch.nn.functional.adaptive_avg_pool2d(red, found.shape[2:])[:, 0]
        return found


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A red square somewhere before grey noise."""
    home = tmp_path_factory.mktemp("photos")
    for i in range(8):
        picture = Image.effect_noise((128, 96), 60).convert("RGB")
        left, top = 13 * i % 80, 7 * i % 48
        picture.paste((220, 30, 40), (left, top, left + 44, top + 44))
        picture.save(home / f"{i}.png")
    return sorted(home.glob("*.png"))


def test_the_readout_learns_what_the_classifier_looks_at(photos: list[Path]) -> None:
    encoder = SlimEncoder.load()
    found = list(subject.cases(photos, encoder, LikesRed()))
    weight, _ = subject.fitted(found[:6])
    assert subject.agreement(found[6:], weight) > 0.5


def test_landscapes_are_left_out(photos: list[Path]) -> None:
    assert list(subject.cases(photos, SlimEncoder.load(), LikesRed(subject.LANDSCAPES[0]))) == []
