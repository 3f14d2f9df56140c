"""How long a picture will take, and the words for it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.estimate import Duration, Estimator, GoingOn, Pictures, in_words, kind, memory, quote, reduced, work
from bot.core.jobs import Job, Place
from engine.recipe import Memory, More, Recipe, Share
from engine.wire import KEPT_SECONDS, MOST_KEPT

MEMORY = Memory(free=4 * 10**9, slim=1800, full=2100)


def _recipe(size: int = 512, steps: int = 125) -> Recipe:
    return Recipe(styles=(Share("starrynight"),), mode="fine", encoder="slim", size=size, steps=steps)


def _took(recipe: Recipe, seconds: float) -> Duration:
    return Duration(kind(recipe), work(recipe), seconds)


def test_the_first_guess_is_of_the_right_order() -> None:
    assert 5 < Estimator().seconds(_recipe()) < 60


def test_a_dream_that_comes_nearer_counts_the_frames_that_are_painted_of_it() -> None:
    def dream(zoom: int, size: int) -> float:
        return work(Recipe(mode="dream", zoom=zoom, steps=3 * zoom, size=size))

    assert dream(24, 320) == pytest.approx(4 * dream(6, 320))
    assert dream(48, 2048) == pytest.approx(dream(24, 2048))


def test_an_estimate_follows_what_the_last_pictures_took() -> None:
    estimator = Estimator(_took(_recipe(), 4.0) for _ in range(5))
    assert estimator.seconds(_recipe()) == pytest.approx(4.0)
    assert estimator.seconds(_recipe(steps=250)) == pytest.approx(8.0)


def test_one_odd_picture_does_not_spoil_the_estimate() -> None:
    estimator = Estimator(_took(_recipe(), seconds) for seconds in (4.0, 4.0, 900.0, 4.0, 4.0))
    assert estimator.seconds(_recipe()) == pytest.approx(4.0)


def test_pictures_of_the_same_size_count_for_more_than_others() -> None:
    small = [_took(_recipe(size=128), 3.0)] * 20  # overhead: far slower per pixel
    large = [_took(_recipe(size=1024), 40.0)] * 9
    assert Estimator([*large, *small]).seconds(_recipe(size=1024)) == pytest.approx(40.0)


FIRST = msgspec.structs.replace(_recipe(), seed=7)
OF = Pictures(b"photo")


def then(*parts: More, size: int = 512) -> Recipe:
    return msgspec.structs.replace(FIRST, then=parts, size=size)


def test_what_goes_on_from_a_picture_that_was_just_painted_takes_the_rest_of_its_steps() -> None:
    going_on, estimator = GoingOn(), Estimator([_took(_recipe(), 30.0)])
    assert going_on.begun(OF, then(More(100))) == -1
    going_on.painted(OF, FIRST, FIRST, (384, 512), 1)
    assert going_on.begun(OF, then(More(100))) == 0
    going_on.painted(OF, then(More(100)), then(More(100)), (384, 512), 1)
    assert going_on.begun(OF, then(More(100), More(20, 80))) == 1
    whole, rest = (estimator.seconds(then(More(100), More(20, 80)), begun=begun) for begun in (-1, 1))
    assert rest / whole == pytest.approx(20 * (512 / 192) / (125 + 120 * (512 / 192)))


@pytest.mark.parametrize(
    ("of", "recipe"),
    [
        (Pictures(b"another"), then(More(100))),
        (Pictures(b"photo", b"style"), then(More(100))),
        (OF, then(More(100), size=256)),
        (OF, msgspec.structs.replace(then(More(100)), seed=8)),
        (OF, msgspec.structs.replace(then(More(100)), clip="yes")),
        (OF, FIRST),
    ],
)
def test_another_picture_or_the_same_once_more_begins_anew(of: Pictures, recipe: Recipe) -> None:
    going_on = GoingOn()
    going_on.painted(OF, FIRST, FIRST, (384, 512), 1)
    assert going_on.begun(of, recipe) == -1


def test_only_the_latest_are_likely_to_be_kept_and_not_for_long() -> None:
    now = 0.0
    going_on = GoingOn(clock=lambda: now)
    for seed in range(MOST_KEPT + 1):
        recipe = msgspec.structs.replace(FIRST, seed=seed)
        going_on.painted(OF, recipe, recipe, (384, 512), 1)
    kept = [going_on.begun(OF, msgspec.structs.replace(then(More(9)), seed=seed)) for seed in range(MOST_KEPT + 1)]
    assert kept == [-1, *[0] * MOST_KEPT]
    for seed in (8, 9):
        large = msgspec.structs.replace(FIRST, seed=seed, size=2048)
        going_on.painted(OF, large, large, (1536, 2048), 1)
    assert going_on.begun(OF, msgspec.structs.replace(then(More(9)), seed=2)) == -1, "for all of them take too much"
    now = KEPT_SECONDS + 1
    assert going_on.begun(OF, msgspec.structs.replace(large, then=(More(9),))) == -1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a moment"),
        (2, "a few seconds"),
        (4.9, "a few seconds"),
        (21, "about 20 s"),
        (41, "about 40 s"),
        (100, "about 2 min"),
        (3000, "about 50 min"),
        (7000, "about 2 h"),
    ],
)
def test_a_time_is_said_as_one_would_say_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@settings(deadline=None)
@given(st.floats(0, 1e6))
def test_no_time_is_said_far_from_what_it_is(seconds: float) -> None:
    words = in_words(seconds)
    if words in ("a moment", "a few seconds"):
        assert seconds < 5
    else:
        _, number, unit = words.split()
        said = int(number) * {"s": 1, "min": 60, "h": 3600}[unit]
        assert said == pytest.approx(seconds, rel=0.35)


def test_steps_at_the_full_size_count_for_more_than_those_over_all_scales() -> None:
    plain, more = _recipe(size=768, steps=90), _recipe(size=768, steps=90)
    more = msgspec.structs.replace(more, then=(More(90),))
    assert work(more) == pytest.approx(5 * work(plain))  # 90 steps up to 768 pixels are 22 of the last size


@pytest.mark.parametrize(
    ("cost", "size", "said"),
    [
        (30, 512, ""),
        (150, 512, "about 2 min of painting at 512 pixels"),
        (150, 1536, "about 2 min of painting at 1536 pixels and up to 3.2 GB of memory"),
    ],
)
def test_a_quote_says_seconds_and_memory_where_they_matter(cost: float, size: int, said: str) -> None:
    recipe = _recipe(size)
    job = Job(
        id="a", user="ann", place=Place("web", "r"), created=0, recipe=recipe, cost=cost, memory=memory(recipe, MEMORY)
    )
    assert quote(job) == said


def test_a_reduction_is_told_in_advance_where_memory_is_short() -> None:
    assert reduced(_recipe(1024), MEMORY) == ""
    assert reduced(_recipe(2048), MEMORY) == (
        "Memory is short for 2048 pixels, so it is likely to be painted at 1024."
    )
    assert reduced(_recipe(2048), Memory()) == "", "nobody knows"
    assert memory(msgspec.structs.replace(_recipe(2048), mode="fast"), MEMORY) == 0
