"""An instant picture keeps its photo's middling forms, in the painting's colours; the rest is the painter's."""

import torch

from engine.style.palette import Palette, in_colours, palette_of
from engine.subject.forms import LIVELY, SHARE, with_forms

HEIGHT, WIDTH = 256, 384


def photo(period: int) -> torch.Tensor:
    """Grey, with upright bars of this many pixels' period."""
    columns = torch.arange(WIDTH).expand(3, HEIGHT, WIDTH)
    return (0.5 + 0.2 * torch.sin(2 * torch.pi * columns / period))[None]


def painted() -> torch.Tensor:
    """What a network may make of it: no bars, strokes of two pixels, blue on the left and yellow on the right."""
    x = torch.tensor([0.3, 0.35, 0.6]).view(1, 3, 1, 1).expand(1, 3, HEIGHT, WIDTH).clone()
    x[..., WIDTH // 2 :] = torch.tensor([0.8, 0.7, 0.2]).view(3, 1, 1)
    x[..., ::2, :] += 0.1
    return x


def bars(x: torch.Tensor, period: int) -> float:
    """How strong bars of this period are in the left half, as the amplitude of luminance."""
    y = x[0, :, :, : WIDTH // 2].mean((0, 1))
    columns = torch.arange(len(y))
    wave = torch.exp(2j * torch.pi * columns / period)
    return float((2 * (y - y.mean()) * wave).mean().abs())


def test_forms_that_the_network_lost_come_back() -> None:
    x = painted()
    kept = with_forms(x, in_colours(photo(48), palette_of(x)))
    assert bars(x, 48) < 0.01
    assert bars(kept, 48) > 0.3 * SHARE * 0.2


def test_what_is_finer_stays_the_painters() -> None:
    x = painted()
    kept = with_forms(x, in_colours(photo(4), palette_of(x)))
    assert bars(kept, 4) < 0.01
    strokes = (kept[..., ::2, :] - kept[..., 1::2, :]).mean()
    assert abs(float(strokes) - LIVELY * 0.1) < 0.01


def test_colours_of_large_areas_and_of_the_whole_stay_the_painters_and_are_a_little_livelier() -> None:
    x = painted()
    kept = with_forms(x, in_colours(photo(48), palette_of(x)))
    for half in (slice(0, WIDTH // 2), slice(WIDTH // 2, WIDTH)):
        assert torch.allclose(kept[..., half].mean((2, 3)), x[..., half].mean((2, 3)), atol=0.03)
    assert torch.allclose(palette_of(kept).covariance, LIVELY**2 * palette_of(x).covariance, atol=0.01)


def test_forms_have_the_styles_colours() -> None:
    """Brown bars come back in the blue and yellow that the style's light goes through."""
    x = painted()
    brown = photo(48) * torch.tensor([0.7, 0.5, 0.3]).view(1, 3, 1, 1)
    ramp = torch.linspace(0, 1, 100)
    style = palette_of(torch.stack([ramp, ramp, 0.6 - 0.5 * ramp]).view(1, 3, 10, 10))
    change = with_forms(x, in_colours(brown, style)) - x
    light = change[..., 60:130].flatten(2)[0]
    assert torch.corrcoef(light)[0, 2] < -0.5  # where it grows yellow it loses blue


def test_a_grey_photo_brings_no_colours_of_its_own() -> None:
    x = painted()
    grey = photo(48) + 0.01 * torch.randn(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    change = with_forms(x, in_colours(grey, palette_of(x))) - with_forms(x, in_colours(photo(48), palette_of(x)))
    assert float(change.abs().mean()) < 0.01


def test_any_shape_and_no_variety_at_all_stay_in_range() -> None:
    style = Palette(torch.full((3,), 0.5).double(), torch.eye(3).double())
    for height, width in ((32, 32), (33, 400), (1, 7)):
        for p in (torch.rand(1, 3, height, width), torch.full((1, 3, height, width), 0.4)):
            x = with_forms(torch.rand(1, 3, height, width), in_colours(p, style))
            assert 0 <= x.min() <= x.max() <= 1
