"""What ordinary sentences speak of."""

from __future__ import annotations

import pytest

from bot.dialog.talk.sentences import Kind, kind_of, mentioned
from engine import gallery

STYLES = gallery.default()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Please paint it like The Great Wave", ["greatwave"]),
        ("make it look like van Gogh please", ["starrynight", "wheatfield", "nightcafe", "strawhat"]),
        ("in the style of Klimt", ["thekiss", "adele"]),
        ("can you do a Monet?", ["waterlilies", "haystack"]),
        ("starry nigth please", ["starrynight"]),
        ("like Hokusai's great wave", ["greatwave"]),
        ("Composition VII", ["compositionvii"]),
    ],
)
def test_a_sentence_asks_for_the_styles_that_it_names(text: str, names: list[str]) -> None:
    found = mentioned(text, STYLES)
    assert found.asked
    assert {style.name for style in found.styles} >= set(names[:1])
    assert [style.name for style in found.styles if style.name in names] == [s.name for s in STYLES if s.name in names]


def test_a_sentence_may_have_the_name_of_a_style_in_it_without_asking_for_it() -> None:
    found = mentioned("I scream every time I see him", STYLES)
    assert ([style.name for style in found.styles], found.asked) == (["scream"], False)


def test_a_word_for_a_kind_of_style_counts_where_a_sentence_asks() -> None:
    asked = mentioned("could you use a mosaic", STYLES)
    assert asked.asked
    assert all("mosaic" in style.tags for style in asked.styles)
    assert asked.styles
    assert not mentioned("our bathroom has a new mosaic", STYLES).styles


@pytest.mark.parametrize("text", ["Look at my new dog!", "my cat on the balcony", "this is our house", ""])
def test_most_sentences_speak_of_no_style(text: str) -> None:
    assert not mentioned(text, STYLES).styles


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Thanks!", Kind.THANKS),
        ("thank you so much", Kind.THANKS),
        ("❤️", Kind.THANKS),
        ("Wow, beautiful", Kind.THANKS),
        ("Hi there", Kind.GREETING),
        ("good morning", Kind.GREETING),
        ("hi, this is my dog Waldo and he is three", None),
        ("starrynight", None),
        ("strength=80", None),
    ],
)
def test_kindness_is_recognised(text: str, kind: Kind | None) -> None:
    assert kind_of(text) is kind
