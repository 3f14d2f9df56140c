"""What is kept of a photo in an instant picture: its detail, and not its colours."""

import torch

from engine.subject.restraint import SHARE, restrained

BLUE = torch.tensor([0.1, 0.2, 0.7]).view(1, 3, 1, 1).expand(1, 3, 80, 120)


def photo() -> torch.Tensor:
    """Brown, with a fine chequered pattern."""
    rows, columns = torch.meshgrid(torch.arange(80), torch.arange(120), indexing="ij")
    pattern = 0.1 * ((rows // 2 + columns // 2) % 2).float() - 0.05
    return torch.tensor([0.6, 0.4, 0.2]).view(1, 3, 1, 1) + pattern


def test_the_photos_detail_shines_through_in_the_pictures_colours() -> None:
    x = restrained(BLUE, photo(), torch.ones(1, 1, 20, 30))
    assert torch.allclose(x.mean((2, 3)), BLUE.mean((2, 3)), atol=0.02)
    assert abs(float(x[0, 2].std()) - SHARE * 0.05) < 0.01


def test_where_nothing_is_kept_the_picture_is_the_painters() -> None:
    keep = torch.zeros(1, 1, 80, 120)
    keep[..., :30] = 1
    x = restrained(BLUE, photo(), keep)
    assert torch.equal(x[..., 40:], BLUE[..., 40:])
    assert not torch.equal(x[..., :20], BLUE[..., :20])


def test_it_stays_in_range_and_takes_any_shape() -> None:
    for height, width in ((32, 32), (33, 400), (1, 7)):
        x = restrained(torch.rand(1, 3, height, width), torch.rand(1, 3, height, width), torch.ones(1, 1, 4, 4))
        assert 0 <= x.min() <= x.max() <= 1
