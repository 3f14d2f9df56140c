"""The pictures of the gallery are made of what the network at hand has learnt."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.fast import network as fast
from engine.train import pictures as showpieces


@pytest.fixture
def network() -> fast.Network:
    torch.manual_seed(1)
    network = fast.Network(["starrynight", "scream"], (4, 4, 4), 1)
    network.pairs.data[2] *= 2
    return network.eval().requires_grad_(False)


def test_a_preview_is_written_for_every_style_that_the_network_knows(network: fast.Network, tmp_path: Path) -> None:
    folder = tmp_path / "previews"
    assert list(showpieces.write_previews(network, "coffee", folder)) == ["starrynight", "scream"]
    for name in ("starrynight", "scream"):
        with Image.open(folder / f"{name}.webp") as preview:
            assert max(preview.size) == showpieces.PREVIEW_SIDE
    assert (folder / "starrynight.webp").read_bytes() != (folder / "scream.webp").read_bytes()


def test_the_sheet_has_a_tile_for_every_style_and_shows_different_pictures(network: fast.Network) -> None:
    sheet = showpieces.sheet(network)
    gap, tile = showpieces.GAP, showpieces.TILE
    assert sheet.height == 2 * gap + tile + showpieces.LABEL
    tiles = [
        sheet.crop((left, gap, left + tile, gap + tile)) for left in (gap, gap + tile + gap, gap + 2 * (tile + gap))
    ]
    assert tiles[0].tobytes() != tiles[1].tobytes()
    assert tiles[2].getextrema() == ((255, 255),) * 3


def test_samples_have_a_row_for_every_style_and_a_column_for_every_photo(network: fast.Network) -> None:
    photos = [torch.rand(1, 3, 40, 60), torch.rand(1, 3, 60, 40), torch.rand(1, 3, 48, 48)]
    assert showpieces.samples(network, photos, 50).size == (150, 100)
