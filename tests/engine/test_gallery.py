"""The curated styles: found by any of their names, and every entry whole."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save_file

from engine import gallery
from engine.fast import network as fast
from engine.gallery import Gallery, GalleryError, Style, key
from engine.recipe import complete, parse


def style(name: str, *aliases: str) -> Style:
    return Style(name=name, title=name.title(), artist="A", year="1900", licence="public domain", aliases=aliases)


def test_no_two_styles_answer_to_the_same_name(styles: Gallery) -> None:
    words = [key(word) for entry in styles for word in {key(entry.name), key(entry.title), *map(key, entry.aliases)}]
    assert len(words) == len(set(words))


def test_a_gallery_whose_names_collide_is_refused() -> None:
    with pytest.raises(GalleryError, match="two styles answer to “Wave”: one and two"):
        Gallery((style("one", "wave"), style("two", "Wave")))
    with pytest.raises(GalleryError, match="no style may be called “Mine”, for that is a person's own picture: one"):
        Gallery((style("one", "Mine"),))


def test_every_name_can_stand_in_a_recipe_line(styles: Gallery) -> None:
    for entry in styles:
        for word in (entry.name, *entry.aliases):
            assert word == key(word), f"{word} is not written as it is compared"
            assert not set("=+:") & set(word)


def test_every_entry_says_whose_it_is_and_why_it_is_free_to_use(styles: Gallery) -> None:
    for entry in styles:
        assert all((entry.title, entry.artist, entry.year))
        assert "public domain" in entry.licence
        assert 0 <= entry.strength <= 100
        assert 0.25 <= entry.brush <= 4


def test_starrynight_is_there_among_at_least_twenty_four(styles: Gallery) -> None:
    assert len(styles) >= 24
    assert styles["starrynight"].credit == "The Starry Night, Vincent van Gogh, 1889"


@pytest.mark.parametrize(
    "word", ["GreatWave", "great wave", "great-wave", "GREAT_WAVE", "hokusai", " great wave ", "Great Wåve"]
)
def test_names_match_whatever_their_case_spaces_dashes_and_underscores(styles: Gallery, word: str) -> None:
    assert styles.find(word) is styles["greatwave"]


def test_an_unknown_name_is_nobodys(styles: Gallery) -> None:
    assert styles.find("nosuchpainting") is None
    assert styles.find("") is None


def test_near_names_are_offered_nearest_first_and_each_style_once(styles: Gallery) -> None:
    near = styles.nearest("starynight")
    assert near[0].name == "starrynight"
    assert len({entry.name for entry in near}) == len(near) <= 3


def test_the_beginning_of_a_name_is_near_enough(styles: Gallery) -> None:
    assert styles.nearest("star")[0].name == "starrynight"


def test_nothing_is_near_to_nonsense(styles: Gallery) -> None:
    assert styles.nearest("qqqqqqqqq") == []


def test_every_style_has_its_picture_and_none_is_large(styles: Gallery) -> None:
    shipped = {swatch.name: swatch.stat().st_size for swatch in (gallery.HERE / "swatches").glob("*.webp")}
    assert set(shipped) <= {entry.swatch.name for entry in styles}
    assert max(shipped.values()) <= 220_000


# --- what a style would look like ------------------------------------------------------------------------------------


def test_a_preview_is_shown_where_it_was_made_and_the_swatch_elsewhere(tmp_path: Path) -> None:
    entry = msgspec.structs.replace(style("one"), home=tmp_path)
    assert entry.preview == entry.swatch == tmp_path / "swatches" / "one.webp"
    made = tmp_path / "previews" / "one.webp"
    made.parent.mkdir()
    made.write_bytes(b"a picture")
    assert entry.preview == made


def test_the_packages_previews_are_of_its_styles(styles: Gallery) -> None:
    made = {file.name for file in (gallery.HERE / "previews").glob("*")}
    assert made <= {entry.preview.name for entry in styles}


# --- an operator's own styles ----------------------------------------------------------------------------------------

OWN = """
[[style]]
name = "ourmural"
title = "Our Mural"
artist = "The neighbours"
year = "2021"
licence = "ours"
tags = ["spray", "blue"]
"""


def folder(path: Path, text: str = OWN, *pictures: str) -> Path:
    (path / "swatches").mkdir()
    (path / "styles.toml").write_text(text, "utf-8")
    for name in pictures:
        (path / "swatches" / f"{name}.webp").write_bytes(b"a picture")
    return path


def test_an_operators_own_styles_follow_those_of_the_package(styles: Gallery, tmp_path: Path) -> None:
    found = gallery.load(folder(tmp_path, OWN, "ourmural"))
    assert list(found)[:-1] == list(styles)
    ours = found["Our Mural"]
    assert ours.credit == "Our Mural, The neighbours, 2021"
    assert ours.swatch == tmp_path / "swatches" / "ourmural.webp"


def test_an_own_style_is_for_fast_mode_when_its_pair_is_there(tmp_path: Path) -> None:
    own = folder(tmp_path, OWN, "ourmural")
    assert not gallery.load(own)["ourmural"].fast
    pair = tmp_path / "pairs" / "ourmural.safetensors"
    pair.parent.mkdir()
    save_file({"pair": torch.zeros(2, 4)}, pair, {"network": fast.load(torch.device("cpu")).fingerprint()})
    ours = gallery.load(own)["ourmural"]
    assert ours.fast
    assert ours.pair == pair


@pytest.mark.parametrize("wrong", ["of other weights", "cut off", "no weights at all"])
def test_a_pair_for_other_weights_or_a_damaged_one_leaves_the_style_to_universal_mode(tmp_path: Path, wrong) -> None:
    own = folder(tmp_path, OWN, "ourmural")
    pair = tmp_path / "pairs" / "ourmural.safetensors"
    pair.parent.mkdir()
    network = fast.load(torch.device("cpu"))
    ours = wrong if wrong == "of other weights" else network.fingerprint()
    save_file({"pair": network.pairs[1].contiguous()}, pair, {"network": ours})
    if wrong == "cut off":
        pair.write_bytes(pair.read_bytes()[:-10])
    elif wrong == "no weights at all":
        pair.write_bytes(b"\xff" * 30)
    styles = gallery.load(own)
    assert not styles["ourmural"].fast
    assert complete(parse("ourmural", styles), styles, size=64, seed=1).mode == "universal"
    assert not fast.load(torch.device("cpu"), own).knows("ourmural")


def test_a_collection_is_for_fast_mode_by_the_file_that_its_entry_names(tmp_path: Path) -> None:
    own = folder(tmp_path, OWN + 'generator = "generators/mural.pth"', "ourmural")
    with pytest.raises(GalleryError, match=r"the collection ourmural has no generator .*generators/mural\.pth"):
        gallery.load(own)
    (tmp_path / "generators").mkdir()
    (tmp_path / "generators" / "mural.pth").write_bytes(b"weights")
    ours = gallery.load(own)["ourmural"]
    assert ours.fast
    assert ours.generator_file == tmp_path / "generators" / "mural.pth"


def test_a_collections_file_may_lie_anywhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.safetensors"
    elsewhere.write_bytes(b"weights")
    (tmp_path / "own").mkdir()
    own = folder(tmp_path / "own", OWN + f'generator = "{elsewhere}"', "ourmural")
    assert gallery.load(own)["ourmural"].generator_file == elsewhere


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (OWN, "the style ourmural has no picture"),
        (OWN.replace("ourmural", "starrynight"), "two styles answer to “starrynight”: starrynight and starrynight"),
        (OWN.replace("ourmural", "../ourmural"), "name"),
        (OWN.replace("ourmural", "Our Mural"), "name"),
        (OWN + 'aliases = ["photo"]', "no style may be called “photo”, for that is the photo itself: ourmural"),
        (OWN + "strength = 101", "strength"),
        (OWN + "brush = 9.0", "brush"),
        (OWN + "brushh = 2.0", "brushh"),
        (OWN + 'home = "/"', "home"),
        (OWN.replace("title", "titel"), "titel|title"),
        ("[[style", "does not describe styles"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_with_the_reason(tmp_path: Path, text: str, sentence: str) -> None:
    pictures = ("starrynight", "ourmural") if text != OWN else ()
    with pytest.raises(GalleryError, match=sentence):
        gallery.load(folder(tmp_path, text, *pictures))


def test_a_folder_without_styles_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match=r"nowhere/styles\.toml cannot be read: No such file"):
        gallery.load(tmp_path / "nowhere")
