"""Strokes are drawn out along themselves: what lies across stays, what has no direction goes."""

import math

import pytest
import torch
from torch import Tensor

from engine.strokes import drawn as module
from engine.strokes.directions import directions, unit
from engine.strokes.drawn import drawn

HEIGHT, WIDTH = 96, 128


def stripes(degrees: float, period: float = 12.0, height: int = HEIGHT) -> Tensor:
    """Strokes that run this far anticlockwise from the right, (1, 3, height, WIDTH)."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(WIDTH).float(), indexing="ij")
    across = x * math.sin(math.radians(degrees)) + y * math.cos(math.radians(degrees))
    return (0.5 + 0.25 * torch.sin(2 * torch.pi * across / period)).expand(1, 3, -1, -1)


def noise(height: int = HEIGHT) -> Tensor:
    return 0.08 * torch.randn(1, 3, height, WIDTH, generator=torch.Generator().manual_seed(3))


def inner(x: Tensor) -> Tensor:
    return x[..., 16:-16, 16:-16]


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_a_stroke_has_its_direction_whichever_way_it_runs(degrees: float) -> None:
    found = unit(inner(directions(stripes(degrees), 3)))
    along = torch.tensor([math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))])  # y goes down
    assert (found @ along).abs().min() > 0.99


def test_what_runs_one_way_is_coherent_and_noise_is_not() -> None:
    one, many = (float(inner(directions(x, 3)).norm(dim=1).mean()) for x in (stripes(30), 0.5 + noise()))
    assert one > 0.95
    assert many < 0.5


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_noise_between_strokes_goes_and_the_strokes_stay(degrees: float) -> None:
    clean = stripes(degrees)
    x = drawn(clean + noise())
    left = inner(x - drawn(clean)).std()
    assert left < 0.5 * noise().std()
    contrast = inner(x).std() / inner(clean).std()
    assert 0.9 < contrast < 1.3


def test_an_edge_stays_where_it_is_and_sharp() -> None:
    x = torch.zeros(1, 3, HEIGHT, WIDTH)
    x[..., WIDTH // 2 :] = 1
    for crisp in (0.0, 0.2):
        assert (inner(drawn(x, crisp=crisp)) - inner(x)).abs().max() < 0.15


def test_crisp_strokes_have_more_contrast() -> None:
    soft, crisp = (float(inner(drawn(stripes(30), crisp=crisp)).std()) for crisp in (0.0, 0.3))
    assert crisp > 1.05 * soft


def test_a_flat_picture_is_left_as_it_is() -> None:
    x = torch.full((1, 3, HEIGHT, WIDTH), 0.4)
    assert torch.allclose(drawn(x), x, atol=1e-6)


def test_it_comes_by_degrees() -> None:
    x = stripes(30) + noise()
    steps = [float((drawn(x, share) - x).abs().mean()) for share in (0.0, 0.01, 0.5, 1.0)]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert steps[1] < 0.001


def test_broader_strokes_are_drawn_out_further() -> None:
    x = stripes(0, period=24) + noise()
    fine, broad = (float(inner(drawn(x, brush=brush) - x).std()) for brush in (0.5, 2.0))
    assert broad > fine


def test_very_broad_strokes_have_no_ripples() -> None:
    """Dots along a stroke are smeared into it, and not repeated at every step."""
    x = torch.full((1, 3, 256, 256), 0.5)
    x[..., ::32, :] = 0.2  # lines, which give the direction
    x[..., 126:131, 126:131] = 1.0
    along = drawn(x, brush=6)[0, 0, 128, 128:188]
    assert along.diff().max() < 0.012


def test_a_tall_picture_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn in strips."""
    x = stripes(30, height=333) + noise(333)
    strips = drawn(x)
    monkeypatch.setattr(module, "ROWS", 1000)
    assert torch.allclose(strips, drawn(x), atol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (33, 64), (65, 65), (258, 32)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    assert drawn(x).shape == x.shape
    assert drawn(x).isfinite().all()


def test_the_same_picture_is_drawn_the_same_way_twice() -> None:
    x = stripes(75) + noise()
    assert torch.equal(drawn(x), drawn(x))
