"""Style vectors, traits in words, and what /like, /map and /suggest make of them."""

import pytest
import torch
from PIL import ImageFont
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.images.decode import decode
from engine.images.lettering import wrapped
from engine.lab.like import nearest
from engine.lab.likeness import aspects, library
from engine.lab.likeness import plane as the_map
from engine.lab.likeness.library import Library, Looks
from engine.lab.likeness.traits import COLOURS, QUANTILES, Traits, of_row, traits
from engine.lab.likeness.vectors import bases_of, plane, triangle, vector
from engine.lab.sheet import LINES, Card, carded
from engine.lab.suggest import choice, kind, suggestions


@pytest.fixture(scope="module")
def known() -> Library:
    return library.load()


def stripes(period: int, *, upright: bool, colour: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Tensor:
    """A picture of soft stripes on black."""
    wave = (0.5 + 0.5 * torch.sin(torch.arange(256) * 2 * torch.pi / period)).expand(256, 256)
    return torch.tensor(colour).view(3, 1, 1) * (wave if upright else wave.mT)


def described(palette: float = 50.0, contrast: float = 15.0, scale: float = 2.3, blue: float = 1.0) -> Traits:
    colours = torch.zeros(len(COLOURS))
    colours[COLOURS.index("blue")] = blue
    colours[COLOURS.index("brown")] = 1 - blue
    return Traits(torch.full((3, QUANTILES), palette), colours, contrast, scale, (0.0, 0.0))


# --- vectors ---------------------------------------------------------------------------------------------------------


def test_the_triangle_of_a_symmetric_matrix_is_as_long_as_the_matrix() -> None:
    G = torch.randn(5, 9, generator=torch.Generator().manual_seed(1))
    G = G @ G.mT
    assert len(triangle(G)) == 15
    assert float(triangle(G).norm()) == pytest.approx(float(G.norm()), rel=1e-5)


def test_two_styles_are_apart_by_one_in_the_mean() -> None:
    generator = torch.Generator().manual_seed(2)
    factors = [{layer: torch.randn(20, 40, generator=generator) for layer in ("one", "two")} for _ in range(6)]
    made = [{layer: 100**i * F @ F.mT for i, (layer, F) in enumerate(by_layer.items())} for by_layer in factors]
    bases = bases_of(made)
    vectors = torch.stack([vector(G, bases) for G in made])
    assert float(torch.pdist(vectors).square().mean().sqrt()) == pytest.approx(1, rel=1e-3)
    halves = vectors.split(vectors.shape[1] // 2, dim=1)
    assert float(torch.pdist(halves[0]).square().mean()) == pytest.approx(
        float(torch.pdist(halves[1]).square().mean()), rel=1e-3
    )


def test_the_packages_file_knows_every_style_and_what_it_says_is_what_the_swatch_looks_like(known) -> None:
    assert list(known.styles) == [style.name for style in gallery.default()]
    swatch = decode(gallery.default()["greatwave"].swatch.read_bytes()).pixels
    anew, stored = known.looks(SlimEncoder.load(), swatch), known.styles["greatwave"]
    assert float((anew.vector - stored.vector).norm()) < 0.02
    assert aspects.palette(anew.traits) == aspects.palette(stored.traits)
    found = nearest(known, anew)
    assert (found[0].style, len(found)) == ("greatwave", 5)
    assert [near.distance for near in found] == sorted(near.distance for near in found)


def test_a_plane_keeps_what_lies_in_it() -> None:
    flat = torch.randn(8, 2, generator=torch.Generator().manual_seed(3)) @ torch.eye(2, 50)
    places, share = plane(flat)
    assert share == pytest.approx(1, abs=1e-5)
    assert torch.allclose(torch.pdist(places), torch.pdist(flat), atol=1e-4)


# --- traits ----------------------------------------------------------------------------------------------------------


def test_stripes_have_a_direction_and_a_scale() -> None:
    upright, level = (traits(stripes(32, upright=upright)) for upright in (True, False))
    assert aspects.direction(upright) == "up and down"
    assert aspects.direction(level) == "from side to side"
    noise = traits(torch.rand(3, 256, 256, generator=torch.Generator().manual_seed(4)))
    assert aspects.direction(noise) == "in all directions"
    assert noise.scale < traits(stripes(16, upright=True)).scale < upright.scale


def test_colours_have_their_names() -> None:
    assert aspects.palette(traits(stripes(32, upright=True, colour=(0.1, 0.2, 0.9)))).startswith("dark blue")
    assert aspects.palette(traits(torch.full((3, 64, 64), 0.95))) == "pale greys"


def test_traits_survive_a_row_of_numbers() -> None:
    found = traits(stripes(20, upright=True))
    again = of_row(found.row())
    assert torch.equal(again.palette, found.palette)
    assert again[2:4] == pytest.approx(found[2:4])
    assert again.slope == pytest.approx(found.slope)


def test_a_reason_names_what_is_alike_and_the_greatest_difference() -> None:
    usually = aspects.usual([described(), described(60.0, 25.0, 3.0), described(40.0, 10.0, 1.5)])
    asked = described(contrast=14.0)
    assert aspects.reason(aspects.compare(asked, described(contrast=40.0), usually | {"direction": 1.0})) == (
        "its palette (blue) and its middle-sized strokes, but its contrast is stronger"
    )
    assert aspects.suits(aspects.compare(asked, described(90.0, 14.0), usually | {"direction": 1.0})) == (
        "its middle-sized strokes suit the photo's detail, its moderate contrast is the photo's and it brings its own"
        " colours (pale blue)"
    )


# --- choosing --------------------------------------------------------------------------------------------------------


def test_no_two_suggested_styles_are_alike_while_there_are_others() -> None:
    places = {"a": 0.0, "b": 0.1, "c": 1.0, "d": 2.0, "e": 3.0}
    styles = {name: Looks(torch.tensor([place]), described()) for name, place in places.items()}
    scores = {name: float(rank) for rank, name in enumerate(styles)}
    assert choice(scores, styles) == ["a", "c", "d", "e"]
    assert choice(scores, {name: styles["a"] for name in styles}) == ["a", "b", "c", "d"]


def test_a_face_is_given_to_styles_that_keep_it(known) -> None:
    photo = known.styles["mondrian"]
    without, with_face = (suggestions(known, gallery.default(), photo, face) for face in (False, True))
    assert without[0].style == "mondrian"
    assert all(kind(gallery.default()[found.style]) for found in with_face)
    assert all(found.reason.endswith("a face keeps its features") for found in with_face)
    assert len(with_face) == len(without) == 4


# --- drawing ---------------------------------------------------------------------------------------------------------


def test_previews_at_one_place_are_moved_apart() -> None:
    centres = torch.tensor([[0.0, 0.0], [100.0, 100.0], [50.0, 50.0], [50.0, 50.0], [52.0, 50.0]])
    moved = the_map.apart(centres, (20.0, 20.0))
    between = (moved[:, None] - moved[None]).abs().amax(2) + 100 * torch.eye(5)
    assert float(between.min()) > 19
    assert torch.equal(moved[:2], centres[:2])


def test_a_sheet_is_as_wide_as_asked_and_its_words_fit() -> None:
    cards = [Card(torch.rand(3, 40, 60), "Größe", "word " * 40)] * 3
    made = carded(cards, 2, 400, (2, 3)).tensor()
    assert made.shape[:2] == (1, 3)
    assert made.shape[3] == pytest.approx(400, abs=12)
    lines = wrapped("word " * 40, ImageFont.load_default(12), 100, LINES)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
