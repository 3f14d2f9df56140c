"""Pictures brought to size."""

from __future__ import annotations

import pytest
import torch

from engine.tensors import fit


@pytest.mark.parametrize(
    ("size", "long_side", "wanted"),
    [
        ((300, 400), 200, (150, 200)),
        ((400, 300), 200, (200, 150)),
        ((30, 40), 512, (384, 512)),
        ((100, 100), 100, (100, 100)),
        ((50, 1000), 400, (32, 400)),
        ((1001, 667), 512, (512, 341)),
    ],
)
def test_fit_gives_exactly_the_long_side_and_keeps_the_shape(
    size: tuple[int, int], long_side: int, wanted: tuple[int, int]
) -> None:
    pixels = torch.rand(3, *size)
    fitted = fit(pixels, long_side)
    assert fitted.shape == (3, *wanted)
    assert 0 <= fitted.min() <= fitted.max() <= 1


def test_fit_blends_fine_detail_instead_of_picking_from_it() -> None:
    lines = (torch.arange(640) % 10 == 0).float().expand(3, 640, -1)
    fitted = fit(lines, 64)
    assert torch.allclose(fitted[:, :, 4:-4], torch.tensor(0.1), atol=0.02)


def test_fit_leaves_a_flat_colour_flat() -> None:
    assert torch.allclose(fit(torch.full((3, 100, 70), 0.3), 333), torch.tensor(0.3), atol=1e-5)
