"""A recipe <-> its line: nothing is lost on the way, and errors name the word at fault."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import gallery, recipe
from engine.recipe import MINE, MODES, Recipe, RecipeError, Share, complete, line, parse

STYLES = gallery.default()
NAMES = [style.name for style in STYLES]
WORDS = [*NAMES, MINE]


def shares() -> st.SearchStrategy[tuple[Share, ...]]:
    one = st.sampled_from(WORDS).map(lambda name: (Share(name),))
    mixed = st.lists(
        st.builds(Share, st.sampled_from(WORDS), st.integers(1, 1000)),
        min_size=2,
        max_size=recipe.MAX_STYLES,
        unique_by=lambda share: share.name,
    ).map(tuple)
    return one | mixed


def given_or_not(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


def layers(encoder: recipe.EncoderName) -> st.SearchStrategy[object]:
    return st.lists(st.sampled_from(recipe.LAYERS[encoder]), min_size=1, unique=True).map(tuple)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Every valid recipe; where no encoder is given it is the slim one."""
    given_encoder: recipe.EncoderName | None = draw(st.none() | st.sampled_from(get_args(recipe.EncoderName)))
    encoder: recipe.EncoderName = given_encoder or "slim"
    settings: dict[str, st.SearchStrategy[object]] = {
        "mode": st.sampled_from(MODES),
        "strength": st.integers(0, 100),
        "brush": st.floats(0.25, 4),
        "colors": st.sampled_from(get_args(recipe.Colors)),
        "alpha": st.sampled_from(get_args(recipe.Alpha)),
        "faces": st.sampled_from(get_args(recipe.Faces)),
        "size": st.integers(64, 4096),
        "seed": st.integers(0, recipe.SEEDS - 1),
        "steps": st.integers(1, 5000),
        "layers": layers(encoder),
        "content": layers(encoder),
        "pooling": st.sampled_from(get_args(recipe.Pooling) if encoder == "full" else ("avg",)),
        "optimizer": st.sampled_from(get_args(recipe.Optimizer)),
        "init": st.sampled_from(get_args(recipe.Init)),
        "ratio": st.floats(1e-9, 1e9),
        "encoder": st.just(given_encoder),
    }
    assert set(settings) == set(recipe.SETTINGS), "a new setting: draw it here too"
    given = {name: draw(given_or_not(values)) for name, values in settings.items()}
    given["encoder"] = given_encoder
    if given["strength"] is not None:
        given["ratio"] = None
    if given["mode"] in ("fast", "universal"):
        given |= dict.fromkeys(recipe.FINE_ONLY)
    styles = draw(shares())
    if given["mode"] == "fast" and any(share.name == MINE for share in styles):
        given["mode"] = "universal"
    if given["init"] == "fast" and any(share.name == MINE for share in styles):
        given["init"] = "universal"
    return Recipe(styles=styles, **given)


@given(recipes())
@example(Recipe(styles=(Share("starrynight"),), ratio=1e-9))
@example(Recipe(styles=(Share("starrynight"),), ratio=1e9))
@example(Recipe(styles=(Share("starrynight"),), brush=0.30000000000000004))
def test_a_line_reads_back_to_the_recipe_that_it_was_printed_from(made: Recipe) -> None:
    assert parse(line(made), STYLES) == made


@given(recipes(), st.integers(64, 4096), st.integers(0, recipe.SEEDS - 1))
def test_a_completed_recipe_keeps_what_was_given_and_survives_its_line(made: Recipe, size: int, seed: int) -> None:
    whole = complete(made, STYLES, size=size, seed=seed)
    assert parse(line(whole), STYLES) == whole
    for name in recipe.SETTINGS:
        if getattr(made, name) is not None:
            assert getattr(whole, name) == getattr(made, name)


@given(recipes())
def test_completing_twice_changes_nothing(made: Recipe) -> None:
    once = complete(made, STYLES, size=512, seed=7)
    assert complete(once, STYLES, size=1024, seed=8, encoder="full") == once


@given(st.text(max_size=60))
@example("starrynight size=६४")
@example("starrynight seed=" + "9" * 5000)
@example("starrynight brush=" + "1" * 5000)
@example("starrynight brush=1e999")
@example("starrynight:")
@example("+")
@example("=")
@example("starrynight layers=,")
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        made = parse(text, STYLES)
    except RecipeError as error:
        told = str(error)
    else:
        told = ""
        assert parse(line(made), STYLES) == made
    assert len(told) < 300, "a sentence to read, however long the line was"


def test_the_line_of_the_readme_says_what_it_seems_to_say() -> None:
    made = parse("/stylize starrynight:70+greatwave:30 mode=fine strength=80 brush=1.2 colors=photo size=1024", STYLES)
    assert made == Recipe(
        styles=(Share("starrynight", 70), Share("greatwave", 30)),
        mode="fine",
        strength=80,
        brush=1.2,
        colors="photo",
        size=1024,
    )


@pytest.mark.parametrize(
    "text",
    [
        "starrynight",
        "/stylize starrynight",
        "/STYLIZE@impasto_bot StarryNight",
        "Starry Night",
        "the starry-night",
        "starry_night",
        "vangogh",
    ],
)
def test_a_style_is_found_however_it_is_spelt(text: str) -> None:
    assert parse(text, STYLES) == Recipe(styles=(Share("starrynight"),))


def test_the_weight_of_a_style_that_stands_alone_means_nothing() -> None:
    assert parse("starrynight:70", STYLES) == parse("starrynight", STYLES)


def test_settings_may_be_spelt_the_british_way() -> None:
    assert parse("starrynight colours=photo optimiser=adam", STYLES) == parse(
        "starrynight colors=photo optimizer=adam", STYLES
    )


@pytest.mark.parametrize(
    ("text", "word", "nearest"),
    [
        ("starynight", "starynight", "starrynight"),
        ("greatwav", "greatwav", "greatwave"),
        ("starrynight+scram", "scram", "scream"),
        ("starrynight strenght=3", "strenght", "strength"),
        ("starrynight siz=512", "siz", "size"),
        ("starrynight mode=fien", "mode=fien", "fine"),
        ("starrynight optimizer=adams", "optimizer=adams", "adam"),
        ("starrynight colors=foto", "colors=foto", "photo"),
        ("starrynight encoder=slimm", "encoder=slimm", "slim"),
    ],
)
def test_an_error_names_the_word_at_fault_and_the_nearest_valid_one(text: str, word: str, nearest: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(word)) as caught:
        parse(text, STYLES)
    assert f"Did you mean {nearest}?" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Which style?"),
        ("/stylize size=512", "Which style?"),
        ("starrynight size = 512", "without spaces around its ="),
        ("starrynight size=63", "a whole number from 64 to 4096"),
        ("starrynight size=4097", "a whole number from 64 to 4096"),
        ("starrynight strength=101", "a whole number from 0 to 100"),
        ("starrynight strength=-1", "a whole number from 0 to 100"),
        ("starrynight strength=", "a whole number from 0 to 100"),
        ("starrynight brush=0.2", "a number from 0.25 to 4"),
        ("starrynight brush=nan", "a number from 0.25 to 4"),
        ("starrynight brush=1.2.3", "a number from 0.25 to 4"),
        ("starrynight layers=conv1_1,conv1_1", "layer names with commas between"),
        ("starrynight:0+scream", "a style's weight is a whole number from 1 to 1000"),
        ("starrynight+starry", "named twice"),
        ("starrynight size=512 size=256", "size= is given twice"),
        ("starrynight strength=50 ratio=0.001", "Keep one of them"),
        ("+".join(NAMES[: recipe.MAX_STYLES + 1]), "8 styles at most; this one has 9"),
    ],
)
def test_an_error_says_what_would_do(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(told)):
        parse(text, STYLES)


def test_a_fine_picture_starts_from_the_instant_one_in_fewer_steps() -> None:
    first = complete(parse("starrynight mode=fine", STYLES), STYLES, size=64, seed=1)
    assert (first.init, first.steps) == ("fast", recipe.STEPS["fast"])
    own = complete(parse("mine mode=fine", STYLES), STYLES, size=64, seed=1)
    assert own.init == "universal"
    photo = complete(parse("starrynight init=photo", STYLES), STYLES, size=64, seed=1)
    assert (photo.init, photo.steps) == ("photo", recipe.STEPS["photo"])
    assert recipe.STEPS["photo"] > recipe.STEPS["fast"]


def test_only_a_style_that_fast_mode_is_trained_for_can_be_started_from_fast() -> None:
    with pytest.raises(RecipeError, match=r"init=fast knows the gallery's styles only.*init=universal"):
        parse("mine init=fast", STYLES)


@pytest.mark.parametrize("mode", ["fast", "universal"])
@pytest.mark.parametrize("setting", ["steps=10", "content=conv4_2", "init=noise", "ratio=0.01", "encoder=slim"])
def test_a_setting_that_a_mode_does_not_support_is_an_error(mode: str, setting: str) -> None:
    told = f"mode={mode} does not support {setting.partition('=')[0]}=. Leave it out, or use mode=fine."
    with pytest.raises(RecipeError, match=re.escape(told)):
        parse(f"starrynight mode={mode} {setting}", STYLES)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("starrynight", "fast"),
        ("starrynight+greatwave strength=80 brush=2 colors=photo size=256 seed=1", "fast"),
        ("starrynight pooling=avg", "fine"),
        ("starrynight encoder=slim", "fine"),
        ("starrynight ratio=0.01", "fine"),
        ("mine", "universal"),
        ("mine+starrynight", "universal"),
        ("mine steps=30", "fine"),
        ("mine mode=fine", "fine"),
        ("starrynight mode=universal", "universal"),
    ],
)
def test_the_mode_is_the_quickest_that_supports_what_was_given(text: str, mode: str) -> None:
    assert complete(parse(text, STYLES), STYLES, size=512, seed=0).mode == mode


def test_only_what_the_mode_supports_is_filled_in() -> None:
    modes = {mode: complete(parse(f"scream mode={mode}", STYLES), STYLES, size=512, seed=7) for mode in MODES}
    assert (
        line(modes["fast"]) == f"/stylize scream mode=fast strength={STYLES['scream'].strength}"
        " brush=1 colors=style faces=keep size=512 seed=7"
    )
    assert line(modes["universal"]) == line(modes["fast"]).replace("fast", "universal")
    assert (modes["fine"].steps, modes["fine"].encoder) == (recipe.STEPS["fast"], "slim")


@pytest.mark.parametrize("text", ["mine", "Mine", "starrynight:70+MINE:30"])
def test_mine_is_the_picture_that_was_sent_along(text: str) -> None:
    assert parse(text, STYLES).mine
    assert not parse("starrynight", STYLES).mine


def small_gallery(**changes: object) -> gallery.Gallery:
    """Two styles; the second with ``changes``."""
    one = gallery.Style(name="one", title="One", artist="", year="", licence="", strength=40, brush=1.0)
    return gallery.Gallery((one, msgspec.structs.replace(one, name="two", title="Two", **changes)))


def test_fast_mode_is_refused_for_what_it_is_not_trained_for() -> None:
    with pytest.raises(RecipeError, match=r"no picture of your own\. Use mode=universal or mode=fine"):
        parse("starrynight+mine mode=fast", STYLES)
    pair = small_gallery(fast=False)
    assert complete(parse("one", pair), pair, size=512, seed=0).mode == "fast"
    assert complete(parse("one+two", pair), pair, size=512, seed=0).mode == "universal"
    with pytest.raises(RecipeError, match=r"mode=fast is not trained for two\. Use mode=universal"):
        parse("one+two mode=fast", pair)


def test_an_old_order_of_a_style_that_the_gallery_has_lost_is_refused_by_name() -> None:
    lost = Recipe(styles=(Share("starrynigth"),), mode="fast")
    with pytest.raises(RecipeError, match="style “starrynigth”"):
        complete(lost, STYLES, size=512, seed=0)
    assert recipe.titles(lost, STYLES) == recipe.credits(lost, STYLES) == ["starrynigth"]


def test_styles_are_called_by_their_titles_and_ones_own_picture_as_what_it_is() -> None:
    mixed = parse("scream+mine", STYLES)
    assert recipe.titles(mixed, STYLES) == [STYLES["scream"].title, "A picture of your own"]
    assert recipe.credits(mixed, STYLES) == [STYLES["scream"].credit, "A picture of your own"]


def test_a_mix_takes_the_weighted_mean_of_its_styles_own_settings() -> None:
    pair = small_gallery(strength=80, brush=2.0)
    whole = complete(parse("one:3+two:1", pair), pair, size=512, seed=0)
    assert (whole.strength, whole.brush) == (50, 1.25)


def test_a_ratio_leaves_no_room_for_a_strength() -> None:
    assert complete(parse("starrynight ratio=0.001", STYLES), STYLES, size=512, seed=0).strength is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("starrynight encoder=slim layers=conv1_1,conv3_2", "encoder=slim has no layer conv3_2"),
        ("starrynight encoder=full content=fire4", "encoder=full has no layer fire4"),
        ("starrynight encoder=slim pooling=max", "average pooling only"),
    ],
)
def test_what_an_encoder_lacks_is_refused(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        parse(text, STYLES)
