"""The judge of distances, where the data that it needs lie beside the project."""

import os
from pathlib import Path

import pytest
import torch

from engine.fine.gatys import resize
from engine.train.distances import Judge
from engine.train.trainers import reconstruction as swatches

DATA = Path(os.environ.get("IMPASTO_DATA") or Path(__file__).parents[4] / "shared" / "data")


@pytest.mark.skipif(not (DATA / "teachers").is_dir(), reason=f"no training data in {DATA}")
def test_the_painting_itself_is_at_no_distance_in_style_and_the_photo_at_one() -> None:
    judge = Judge(DATA)
    a = resize(swatches.artwork(DATA, "starrynight")[None], (96, 128))
    torch.manual_seed(1)
    p = torch.rand(1, 3, 12, 16).repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert judge(a, p, a, 1.0).style < 1e-3
    assert judge(p, p, a, 1.0).style == pytest.approx(1, abs=1e-3)
    assert judge(p, p, a, 1.0).content < 1e-6
    assert judge(a, p, a, 1.0).content > 0.1
    half = judge((a + p) / 2, p, a, 1.0)
    assert 0 < half.content < judge(a, p, a, 1.0).content
