"""Widening the slim encoder: what a narrower one has learned is not lost."""

from __future__ import annotations

import pytest
import torch

from engine.encoders import slim
from engine.encoders.slim import SlimEncoder
from engine.train.trainers.refine import widen


def test_a_wider_encoder_begins_with_the_features_of_the_narrow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    with monkeypatch.context() as narrower:
        narrower.setattr(slim, "WIDTHS", (16, 32, 64, 96, 128))
        narrower.setitem(slim.FIRES, "fire8", (384, 96, 256))
        narrow = SlimEncoder().eval()
    wide = SlimEncoder().eval()
    widen(narrow, wide)
    assert wide.trunk.channels["conv5_1"] > narrow.trunk.channels["conv5_1"]
    x, layers = torch.rand(1, 3, 64, 64), tuple(SlimEncoder.channels())
    with torch.no_grad():
        wanted, found = narrow.features(x, layers), wide.features(x, layers)
    for name in layers:
        assert torch.allclose(found[name], wanted[name], rtol=1e-3, atol=1e-4 * float(wanted[name].max())), name
