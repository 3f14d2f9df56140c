"""A recipe <-> its line: nothing is lost on the way, and errors name the word at fault."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import gallery, recipe
from engine.recipe import MINE, MODES, More, Recipe, RecipeError, Share, complete, line, parse
from engine.recipe.settings import as_text

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


def weighted(names: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    def with_weights(drawn: object) -> st.SearchStrategy[object]:
        assert isinstance(drawn, tuple)
        weights = st.floats(0.001, 1000).map(lambda w: "" if w == 1 else f":{as_text(w)}")
        return st.tuples(*(weights.map(name.__add__) for name in drawn))

    return names.flatmap(with_weights)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Every valid recipe; where no encoder is given it is the slim one."""
    mode: recipe.Mode | None = draw(st.none() | st.sampled_from(list(recipe.TABLE)))
    instead: recipe.Mode = draw(st.sampled_from(MODES))
    rules = recipe.TABLE[mode or instead]
    given_encoder: recipe.EncoderName | None = draw(st.none() | st.sampled_from(get_args(recipe.EncoderName)))
    encoder: recipe.EncoderName = given_encoder or "slim"
    settings: dict[str, st.SearchStrategy[object]] = {
        "mode": st.just(mode),
        "strength": st.integers(0, 100),
        "brush": st.floats(0.25, 4),
        "colors": st.sampled_from(get_args(recipe.Colors) if mode in ("fine", "explain") else ("style", "photo")),
        "alpha": st.sampled_from(get_args(recipe.Alpha)),
        "faces": st.sampled_from(get_args(recipe.Faces)),
        "size": st.integers(64, 4096),
        "frames": st.integers(1, 300),
        "seed": st.integers(0, recipe.SEEDS - 1),
        "steps": st.integers(1, 5000),
        "then": st.lists(further(), min_size=1, max_size=recipe.MOST_THEN).map(tuple),
        "layers": one_layer(encoder) if mode == "dream" else weighted(layers(encoder)),
        "content": layers(encoder),
        "pooling": st.sampled_from(get_args(recipe.Pooling) if encoder == "full" else ("avg",)),
        "optimizer": st.sampled_from(get_args(recipe.Optimizer)),
        "init": st.sampled_from(get_args(recipe.Init)),
        "ratio": st.floats(1e-9, 1e9),
        "encoder": st.just(given_encoder),
        "rate": st.floats(*recipe.RATE_BOUNDS),
        "tv": st.floats(*recipe.TV_BOUNDS),
        "normalize": st.sampled_from(get_args(recipe.Switch)),
        "plain": st.sampled_from(get_args(recipe.Switch)),
        "preset": st.sampled_from(get_args(recipe.Preset)),
        "depth": st.integers(*recipe.DEPTH_BOUNDS),
        "tile": st.sampled_from(get_args(recipe.Switch)),
        "octaves": st.integers(*recipe.OCTAVES_BOUNDS),
        "zoom": st.integers(*recipe.ZOOM_BOUNDS),
        "every": st.integers(213, 5000),  # with the most steps that there may be, few enough pictures
        "cell": st.integers(1, 15),
        "clip": st.sampled_from(get_args(recipe.Switch)),
    }
    assert set(settings) == set(recipe.SETTINGS), "a new setting: draw it here too"
    names = [name for name in settings if name in ("mode", *rules.settings)]
    given = {name: draw(given_or_not(settings[name])) for name in names}
    given["mode"] = mode
    if "encoder" in given:
        given["encoder"] = given_encoder
    drawn = {
        "none": st.just(()),
        "guide": st.just(()) | st.just((Share(MINE),)),
        "some": shares(),
        "any": st.just(()) | shares(),
    }
    return untangled(Recipe(styles=draw(drawn[rules.styles]), **given))


def further() -> st.SearchStrategy[More]:
    return st.builds(More, st.integers(1, 12), st.none() | st.integers(1, 100))


def one_layer(encoder: recipe.EncoderName) -> st.SearchStrategy[object]:
    return st.sampled_from(recipe.LAYERS[encoder]).map(lambda name: (name,))


def untangled(made: Recipe) -> Recipe:
    """The recipe without what contradicts the rest of it."""
    change: dict[str, object] = {}
    if made.strength is not None:
        change["ratio"] = None
    if made.strength == 0:
        change["then"] = None
    if made.depth is not None:
        change["layers"] = None
    elif made.layers is None:
        change["tile"] = None
    if made.optimizer == "lbfgs":
        change["rate"] = None
    if made.preset is not None:  # which names layers of the full encoder, and Adam's rate
        change |= {"encoder": "full", "layers": None, "content": None, "optimizer": None, "rate": None}
    if made.mode == "sheet" and made.styles:
        change |= {"strength": None, "brush": None}
    if made.mode == "sheet" and made.size is not None:
        change["size"] = min(made.size, recipe.TABLE["sheet"].largest)
    if made.mode == "variations" and made.cell is not None:
        change["cell"] = min(made.cell, 4)
    if made.mode == "fast" and made.mine:
        change["mode"] = "universal"
    if made.mode == "morph":
        change["styles"] = (Share("starrynight"), Share("greatwave"))
    if made.init == "fast" and made.mine:
        change["init"] = "universal"
    return msgspec.structs.replace(made, **change)


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
    if made.cell is not None:
        return  # which stands for settings of its own
    for name in recipe.SETTINGS:
        if name != "preset" and getattr(made, name) is not None:
            assert getattr(whole, name) == getattr(made, name)


@given(recipes())
@example(Recipe(styles=(Share("starrynight"),), mode="variations", preset="adam", cell=1))
def test_completing_twice_changes_nothing(made: Recipe) -> None:
    once = complete(made, STYLES, size=512, seed=7)
    assert complete(once, STYLES, size=1024, seed=8, encoder="full") == once


def test_a_morph_takes_two_styles_of_the_gallery_and_has_frames() -> None:
    whole = complete(parse("starrynight+greatwave mode=morph", STYLES), STYLES, size=512, seed=7)
    assert whole.frames == recipe.MORPH_FRAMES
    assert parse(line(whole), STYLES) == whole
    for text, fault in (
        ("starrynight mode=morph", "two or more"),
        ("starrynight+mine mode=morph", "gallery's styles only"),
        ("starrynight+greatwave mode=morph steps=9", "does not support steps="),
    ):
        with pytest.raises(RecipeError, match=fault):
            parse(text, STYLES)


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
        ("starrynight then=20@0", "such as 100,20@80"),
        ("starrynight then=20@", "such as 100,20@80"),
        ("starrynight then=1,1,1,1,1,1,1,1,1", "up to 8 numbers of steps"),
        ("starrynight strength=0 then=5", "nothing to go on with"),
        ("starrynight mode=fast then=5", "mode=fast does not support then=. Leave it out, or use mode=fine."),
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


def test_a_collection_is_painted_alone_in_fast_mode_and_in_a_mix_from_its_picture() -> None:
    pair = small_gallery(generator="monet.pth")
    assert complete(parse("two", pair), pair, size=512, seed=0).mode == "fast"
    assert complete(parse("two mode=fine", pair), pair, size=512, seed=0).init == "fast"
    assert complete(parse("one+two", pair), pair, size=512, seed=0).mode == "universal"
    assert complete(parse("one+two steps=9", pair), pair, size=512, seed=0).init == "universal"
    for setting in ("mode=fast", "init=fast"):
        with pytest.raises(RecipeError, match=rf"^{setting} paints the collection two alone, and in no mix\. Use "):
            parse(f"one+two {setting}", pair)


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("starrynight mode=content", "mode=content takes no style. Leave starrynight out."),
        ("mine mode=like", "mode=like takes no style. Leave mine out."),
        ("starrynight mode=dream", "mode=dream is guided by a picture of your own, mine, or by none."),
        ("mode=texture", "Which style?"),
        ("mode=dream layers=conv4_1,conv4_2", "A dream has one layer"),
        ("mode=dream layers=conv4_1:2", "A dream has one layer, without a weight"),
        ("mode=map strength=3", "mode=map does not support strength=. Leave it out."),
        ("starrynight mode=fast depth=3", "mode=fast does not support depth=. Leave it out, or use mode=texture."),
        ("starrynight depth=3 octaves=2", "mode=texture does not support octaves=. Leave it out."),
        ("starrynight depth=6", "depth is a whole number from 1 to 5"),
        ("starrynight depth=3 layers=conv1_1", "Keep one of them"),
        ("starrynight mode=texture tile=yes", "tile=yes is for one texture and not for the strip of five"),
        ("starrynight mode=sheet steps=9", "mode=sheet does not support steps=. Leave it out."),
        ("starrynight mode=sheet strength=9", "A style's sheet goes through strengths and brushes by itself."),
        ("mode=sheet size=513", "size= is that of each picture here, and the limit is 512 pixels."),
        ("starrynight mode=grid ratio=0.1", "mode=grid does not support ratio=. Leave it out."),
        (
            "starrynight every=4 steps=120",
            "every=4 with 120 steps would be more than 24 pictures. Write every=5 or more.",
        ),
        ("starrynight mode=fine every=4", "mode=fine does not support every=. Leave it out."),
        ("mode=dream zoom=49", "zoom is a whole number from 2 to 48"),
        ("starrynight mode=fine zoom=9", "mode=fine does not support zoom=. Leave it out, or use mode=dream."),
        ("mode=dream octaves=0", "octaves is a whole number from 1 to 10"),
        ("mode=content content=conv9_9 encoder=full", "encoder=full has no layer conv9_9"),
        ("starrynight mode=fast colors=matched", "mode=fast does not support colors=matched"),
        ("starrynight rate=3 optimizer=lbfgs", "rate= is the learning rate of optimizer=adam"),
        ("starrynight rate=51", "rate is a number from 0.1 to 50"),
        ("starrynight layers=conv1_1:0", "a number from 0.001 to 1000"),
        ("starrynight layers=conv1_1:", "a number from 0.001 to 1000"),
        ("starrynight content=conv4_2:2", "layer names with commas between"),
        ("starrynight preset=gatys mode=fast", "mode=fast does not support preset="),
    ],
)
def test_the_laboratory_says_what_cannot_be(text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(told)):
        parse(text, STYLES)


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("mode=content", "mode=content size=512 seed=7 steps=200 content=conv4_2 pooling=avg optimizer=lbfgs"),
        ("scream depth=3", "scream mode=texture brush=1 size=512 seed=7 steps=200 pooling=avg optimizer=lbfgs"),
        ("mode=dream", "mode=dream strength=50 size=512 seed=7 steps=60 layers=fire8 pooling=avg"),
        ("zoom=24 size=320", "mode=dream strength=50 size=320 seed=7 steps=72 layers=fire8 pooling=avg"),
        ("mine octaves=2", "mine mode=dream strength=50 size=512 seed=7 steps=60 layers=fire8 pooling=avg"),
        ("scream mode=sheet", "scream mode=sheet colors=style faces=keep size=512 seed=7"),
        ("mode=sheet strength=9", "mode=sheet strength=9 colors=style faces=keep size=512 seed=7"),
        (
            "scream mode=variations",
            "scream mode=variations strength=38 brush=1 colors=style faces=keep size=512 seed=7",
        ),
        ("mode=map", "mode=map size=512"),
        ("mode=like size=300", "mode=like size=300"),
        ("mode=suggest", "mode=suggest colors=style faces=keep size=512 seed=7"),
    ],
)
def test_every_mode_of_the_laboratory_has_defaults(text: str, completed: str) -> None:
    assert line(complete(parse(text, STYLES), STYLES, size=512, seed=7)).startswith(f"/stylize {completed}")


def test_a_dream_that_comes_nearer_is_no_larger_than_can_be_waited_for_unless_its_size_is_given() -> None:
    sizes = [complete(parse(f"zoom=9 {more}", STYLES), STYLES, size=768, seed=7).size for more in ("", "size=700")]
    assert sizes == [512, 700]


def test_a_preset_is_its_settings_except_those_that_were_given() -> None:
    whole = complete(parse("scream preset=adam steps=600 strength=80", STYLES), STYLES, size=512, seed=7)
    assert (whole.mode, whole.preset, whole.optimizer, whole.rate, whole.steps) == ("fine", None, "adam", 3, 600)
    assert (whole.strength, whole.ratio, whole.encoder, whole.init) == (80, None, "full", "noise")
    paper = complete(parse("scream preset=gatys", STYLES), STYLES, size=512, seed=7)
    assert (paper.content, paper.ratio, paper.optimizer) == (("conv4_2",), 1e-3, "lbfgs")
    assert len(paper.layers or ()) == 5


def test_a_rate_means_adam() -> None:
    assert complete(parse("scream rate=2", STYLES), STYLES, size=64, seed=1).optimizer == "adam"


def test_layers_may_have_weights() -> None:
    made = parse("scream layers=conv1_1:2,conv4_1:0.50,conv5_1:1", STYLES)
    assert made.layers == ("conv1_1:2", "conv4_1:0.5", "conv5_1")
    assert recipe.weighted(made.layers) == {"conv1_1": 2, "conv4_1": 0.5, "conv5_1": 1}


@pytest.mark.parametrize(
    "text",
    [
        "scream mode=grid brush=2 colors=photo",
        "scream+mine mode=sheet faces=free",
        "mode=sheet strength=70 colors=photo",
    ],
)
def test_each_cell_of_a_sheet_is_a_picture_that_can_be_ordered(text: str) -> None:
    whole = complete(parse(text, STYLES), STYLES, size=512, seed=7)
    rows = recipe.cells(whole, STYLES)
    every = [cell for row in rows for cell in row]
    assert len(set(map(line, every))) == len(every), "no two are the same"
    for number, one in enumerate(every, 1):
        assert recipe.cell(whole, number, STYLES) == one
        alone = complete(one, STYLES, size=768, seed=1)
        assert (alone.colors, alone.seed, alone.size) == (whole.colors, 7, 768)
        assert alone.styles == whole.styles or not whole.styles
        assert parse(line(alone), STYLES) == alone
    chosen = complete(parse(f"{text} cell=3 size=300 seed=7", STYLES), STYLES, size=512, seed=8)
    assert chosen == complete(recipe.cell(whole, 3, STYLES), STYLES, size=300, seed=8)
    with pytest.raises(RecipeError, match=f"the cells 1 to {len(every)}"):
        recipe.cell(whole, len(every) + 1, STYLES)


def test_a_sheet_without_a_style_has_every_style_of_the_gallery_in_its_order() -> None:
    whole = complete(parse("mode=sheet", STYLES), STYLES, size=224, seed=7)
    ((*every,),) = recipe.cells(whole, STYLES)
    assert [one.styles[0].name for one in every] == [style.name for style in STYLES]
    assert {one.seed for one in every} == {7}


@pytest.mark.parametrize("mode", ["fast", "universal", "fine"])
def test_four_variations_of_a_picture_are_painted_as_it_was(mode: recipe.Mode) -> None:
    first = complete(parse(f"scream:3+dore strength=50 mode={mode}", STYLES), STYLES, size=512, seed=7)
    whole = complete(msgspec.structs.replace(first, mode="variations"), STYLES, size=99, seed=1)
    ((*four,),) = recipe.cells(whole, STYLES)
    assert len({line(one) for one in four}) == 4
    made = [complete(one, STYLES, size=99, seed=1) for one in four]
    assert {(one.mode == "fine", one.size, one.strength) for one in made} == {(mode == "fine", 512, 50)}
    assert [one.seed for one in made] == [8, 9, 7, 7]
    assert [one.brush for one in made] == [1, 1.6, 1, 1]
    for mixed in made[2:]:
        *own, (name, weight) = [(share.name, share.weight) for share in mixed.styles]
        assert own == [("scream", 52), ("dore", 18)]
        assert (weight, name in ("scream", "dore")) == (30, False)


def test_variations_of_a_mix_that_is_full_are_four_seeds() -> None:
    names = "+".join(style.name for style in list(STYLES)[: recipe.MAX_STYLES])
    whole = complete(parse(f"{names} mode=variations", STYLES), STYLES, size=99, seed=recipe.SEEDS - 2)
    ((*four,),) = recipe.cells(whole, STYLES)
    assert [one.seed for one in four] == [recipe.SEEDS - 1, 0, 1, 2]


def test_what_shows_a_cell_in_a_moment_has_nothing_that_only_fine_mode_has() -> None:
    fine = complete(parse("scream steps=9 colors=matched faces=free", STYLES), STYLES, size=512, seed=7)
    small = complete(recipe.sketch(fine), STYLES, size=99, seed=1)
    assert (small.mode, small.colors, small.faces, small.seed, small.size) == ("fast", "style", "free", 7, 99)
