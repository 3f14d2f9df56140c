"""The measure of distances, where the data that it needs lie beside the project."""

import os
from pathlib import Path

import pytest
import torch

from engine.tensors import resize
from engine.train.data.paintings import artwork
from engine.train.measure.distance import DistanceMeter

DATA = Path(os.environ.get("IMPASTO_DATA") or Path(__file__).parents[4] / "shared" / "data")


@pytest.mark.skipif(not (DATA / "teachers").is_dir(), reason=f"no training data in {DATA}")
def test_the_painting_itself_is_at_no_distance_in_style_and_the_photo_at_one() -> None:
    meter = DistanceMeter(DATA)
    a = resize(artwork(DATA, "starrynight")[None], (96, 128))
    torch.manual_seed(1)
    p = torch.rand(1, 3, 12, 16).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert meter(a, p, a, 1.0).style < 1e-3
    assert meter(p, p, a, 1.0).style == pytest.approx(1, abs=1e-3)
    assert meter(p, p, a, 1.0).content < 1e-6
    assert meter(a, p, a, 1.0).content > 0.1
    half = meter((a + p) / 2, p, a, 1.0)
    assert 0 < half.content < meter(a, p, a, 1.0).content
