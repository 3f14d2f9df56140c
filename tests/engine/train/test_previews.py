"""The pictures of the gallery are made of what the network is trained for."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.fast.network import Network, Shape
from engine.train.gallery import samples
from engine.train.pictures.results import TILE, sheet
from engine.train.pictures.sheet import GAP, LABEL
from engine.train.previews import PREVIEW_SIDE, write_previews


@pytest.fixture
def network() -> Network:
    torch.manual_seed(1)
    network = Network(["starrynight", "scream"], Shape((4, 4, 4, 4), 1, 1))
    network.pairs.data[2] *= 2
    return network.eval().requires_grad_(False)


def test_a_preview_is_written_for_every_style_that_the_network_knows(network: Network, tmp_path: Path) -> None:
    folder = tmp_path / "previews"
    assert list(write_previews(network, "coffee", folder)) == ["starrynight", "scream"]
    for name in ("starrynight", "scream"):
        with Image.open(folder / f"{name}.webp") as preview:
            assert max(preview.size) == PREVIEW_SIDE
    assert (folder / "starrynight.webp").read_bytes() != (folder / "scream.webp").read_bytes()


def test_the_sheet_has_a_tile_for_every_style_and_shows_different_pictures(network: Network) -> None:
    paper = sheet(network)
    gap, tile = GAP, TILE
    assert paper.height == 2 * gap + tile + LABEL
    tiles = [
        paper.crop((left, gap, left + tile, gap + tile)) for left in (gap, gap + tile + gap, gap + 2 * (tile + gap))
    ]
    assert tiles[0].tobytes() != tiles[1].tobytes()
    assert tiles[2].getextrema() == ((255, 255),) * 3


def test_samples_have_a_row_for_every_style_and_a_column_for_every_photo(network: Network) -> None:
    photos = [torch.rand(1, 3, 40, 60), torch.rand(1, 3, 60, 40), torch.rand(1, 3, 48, 48)]
    assert samples(network, photos, 50).size == (150, 100)
