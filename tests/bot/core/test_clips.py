"""What the bot knows of a clip before it is painted."""

from __future__ import annotations

import pytest

from bot.core.estimate import Estimator, clip_order, moving, painted
from bot.core.jobs import Job, Place
from engine.recipe import Recipe, Share
from engine.wire import GIF
from tests.harness import ChatDouble, bot
from tests.pictures import clip, picture


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_says_how_long_and_how_large_it_is(kind: str) -> None:
    assert moving(clip(kind, 5)) == (5, 96, 64)


@pytest.mark.parametrize("data", [b"", b"GIF8", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBPVP8X", b"words"])
def test_what_says_nothing_is_a_still(data: bytes) -> None:
    assert moving(data) is None


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "JPEG", "AVIF"])
def test_a_photo_is_a_still(kind: str) -> None:
    assert moving(picture(kind=kind)) is None


def recipe(**more: object) -> Recipe:
    return Recipe(**dict(styles=(Share("starrynight"),), mode="fast", size=1024) | more)  # type: ignore[arg-type]


def test_no_more_is_painted_than_was_asked_for_or_is_allowed_and_that_is_told() -> None:
    data = clip(frames=40)
    whole = clip_order(recipe(), data, enlarge=False)
    assert whole is not None
    assert (whole.frames, whole.width, whole.height, whole.note) == (40, 96, 64, "")
    large = clip_order(recipe(mode="fine"), data, enlarge=True)
    assert large is not None
    assert 0 < large.frames < 40
    assert f"the first {large.frames}" in large.note
    few = clip_order(recipe(frames=7), data, enlarge=False)
    assert few is not None
    assert (few.frames, few.note) == (7, "")


async def test_what_moves_cannot_go_on_and_that_is_said_at_once() -> None:
    chat = ChatDouble()
    chat.plays = (GIF.media_type,)
    async with bot(chat=chat) as it:
        order = "/stylize starrynight mode=fine then=20"
        assert "A moving picture does not go on" in (await it.say(order, photo=clip())).text
        await it.order(f"{order} frames=1", photo=clip())
        await it.order(order, photo=picture())


@pytest.mark.parametrize("more", [{"frames": 1}, {"mode": "grid"}, {"mode": "fine", "clip": "yes"}])
def test_some_orders_are_for_a_still_of_it(more: dict[str, object]) -> None:
    assert clip_order(recipe(**more), clip(), enlarge=False) is None


def test_a_clip_takes_longer_than_a_photo_and_its_speed_is_learned_by_itself() -> None:
    estimator, order = Estimator(), clip_order(recipe(), clip(frames=40), enlarge=True)
    assert order is not None
    assert estimator.seconds(recipe(), order) > 5 * estimator.seconds(recipe())
    job = Job(
        id="a",
        user="u",
        place=Place("web", "r"),
        recipe=recipe(frames=order.frames),
        created=0.0,
        width=order.width,
        height=order.height,
        media_type=GIF.media_type,
    )
    still = estimator.seconds(recipe())
    estimator.learn(painted(job, 7.0))
    assert estimator.seconds(recipe(), order) == pytest.approx(7.0)
    assert estimator.seconds(recipe()) == still
