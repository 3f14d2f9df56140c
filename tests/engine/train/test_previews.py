"""The pictures of the gallery are made of what the network is trained for."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine import gallery
from engine.fast.network import Network, Shape
from engine.train.gallery import samples
from engine.train.measure.painters import Way
from engine.train.pictures.results import FINE, TILE, sheet
from engine.train.pictures.sheet import GAP, LABEL
from engine.train.previews import PREVIEW_SIDE, write_previews


@pytest.fixture
def network() -> Network:
    torch.manual_seed(1)
    network = Network(["starrynight", "scream"], Shape((4, 4, 4, 4), 1, 1))
    network.pairs.data[2] *= 2
    return network.eval().requires_grad_(False)


def tinted(photo: Tensor, name: str) -> Tensor:
    """The photo as a style of this name is told from another by its colour alone."""
    return photo[None] * torch.tensor([1.0, 0.15 * (len(name) % 7), 0.5]).view(1, 3, 1, 1)


STYLES = [gallery.default()[name] for name in ("starrynight", "scream")]


def test_a_preview_is_written_for_every_style(tmp_path: Path) -> None:
    folder = tmp_path / "previews"
    assert list(write_previews(STYLES, tinted, "coffee", folder)) == ["starrynight", "scream"]
    for name in ("starrynight", "scream"):
        with Image.open(folder / f"{name}.webp") as preview:
            assert max(preview.size) == PREVIEW_SIDE
    assert (folder / "starrynight.webp").read_bytes() != (folder / "scream.webp").read_bytes()


def test_the_sheet_has_fine_pictures_above_a_tile_for_every_style() -> None:
    asked: list[tuple[str, str]] = []

    def way(mode: str) -> Way:
        def paint(photo: Tensor, name: str) -> Tensor:
            asked.append((mode, name))
            return tinted(photo, name)

        return paint

    paper = sheet(STYLES, {"fast": way("fast"), "fine": way("fine")})
    assert asked == [*(("fine", name) for name in FINE.values()), ("fast", "starrynight"), ("fast", "scream")]
    top = paper.height - GAP - LABEL - TILE
    tiles = [paper.crop((left, top, left + TILE, top + TILE)) for left in (GAP + i * (TILE + GAP) for i in range(3))]
    assert tiles[0].tobytes() != tiles[1].tobytes()
    assert tiles[2].getextrema() == ((255, 255),) * 3


def test_samples_have_a_row_for_every_style_and_a_column_for_every_photo(network: Network) -> None:
    photos = [torch.rand(1, 3, 40, 60), torch.rand(1, 3, 60, 40), torch.rand(1, 3, 48, 48)]
    assert samples(network, photos, 50).size == (150, 100)
