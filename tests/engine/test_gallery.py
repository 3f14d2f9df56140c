"""The curated styles: found by any of their names, and every entry whole."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine import gallery
from engine.gallery import Gallery, Style, key


def style(name: str, *aliases: str) -> Style:
    return Style(name=name, title=name.title(), artist="A", year="1900", licence="public domain", aliases=aliases)


def test_no_two_styles_answer_to_the_same_name(styles: Gallery) -> None:
    words = [key(word) for entry in styles for word in {key(entry.name), key(entry.title), *map(key, entry.aliases)}]
    assert len(words) == len(set(words))


def test_a_gallery_whose_names_collide_is_refused() -> None:
    with pytest.raises(ValueError, match="two styles answer to “Wave”: one and two"):
        Gallery((style("one", "wave"), style("two", "Wave")))


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


def test_starrynight_is_there_among_at_least_eight(styles: Gallery) -> None:
    assert len(styles) >= 8
    assert styles["starrynight"].credit == "The Starry Night, Vincent van Gogh, 1889"


@pytest.mark.parametrize("word", ["GreatWave", "great wave", "great-wave", "GREAT_WAVE", "hokusai", " great wave "])
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


def test_a_field_that_no_style_has_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "styles.toml"
    file.write_text('[[style]]\nname = "x"\ntitle = "X"\nartist = "A"\nyear = "1"\nlicence = "l"\nbrushh = 2.0\n')
    with pytest.raises(msgspec.ValidationError, match="brushh"):
        gallery.load(file)


def test_every_style_has_its_picture_and_none_is_large(styles: Gallery) -> None:
    shipped = {swatch.name: swatch.stat().st_size for swatch in (gallery.HERE / "swatches").glob("*")}
    assert set(shipped) == {entry.swatch.name for entry in styles}
    assert max(shipped.values()) <= 120_000
