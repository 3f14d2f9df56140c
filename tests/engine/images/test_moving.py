"""Animations are written with exact times, as the kind that came in, within a limit of bytes."""

import io
from fractions import Fraction

import pytest
import torch
from PIL import Image

from engine import wire
from engine.images import moving
from engine.images.animation import Clip, fitting, read
from engine.images.formats import ImageRefused
from tests.scenes import as_bytes, pan

SECONDS = [Fraction(5, 100), Fraction(12, 100), Fraction(3, 100), Fraction(20, 100)]
EVERYWHERE = tuple(kind.media_type for kind in wire.MOVING_RESULTS)


def clip(kind: wire.PhotoFormat = wire.GIF, *, through: bool = False, source: bytes = b"") -> Clip:
    frames = as_bytes(pan(4, 40, 48))
    alpha = torch.full((1, 40, 48), 255, dtype=torch.uint8)
    alpha[..., :10] = 0
    return Clip(kind, frames, list(SECONDS), [alpha] * 4 if through else None, 0, source=source)


def again(data: bytes) -> Clip:
    return read(data, fitting(4096, enlarge=False), lambda _: 100, keep_alpha=True)


@pytest.mark.parametrize("kind", [wire.GIF, wire.WEBP, wire.APNG])
def test_a_clip_comes_back_as_the_kind_that_came_in(kind) -> None:
    found = moving.encode(clip(kind), EVERYWHERE)
    back = again(found.data)
    assert (found.kind, back.kind) == (kind, kind)
    assert back.seconds == SECONDS
    assert back.loop == 0
    for x, y in zip(back.frames, clip().frames, strict=True):
        assert (x.float() - y.float()).abs().mean() < 16


@pytest.mark.parametrize("kind", [wire.GIF, wire.WEBP, wire.APNG])
def test_what_was_transparent_is_transparent(kind) -> None:
    back = again(moving.encode(clip(kind, through=True), EVERYWHERE).data)
    assert back.alphas is not None
    assert [int(alpha[0, 20, 4]) for alpha in back.alphas] == [0] * 4
    assert [int(alpha[0, 20, 30]) for alpha in back.alphas] == [255] * 4


def test_a_kind_that_cannot_be_shown_is_replaced_by_one_that_can() -> None:
    assert moving.encode(clip(wire.WEBP), [wire.GIF.media_type]).kind is wire.GIF


def test_times_between_the_ticks_of_a_gif_do_not_add_up_to_an_error() -> None:
    thirds = moving._ticks([Fraction(1, 30)] * 30, 10)
    assert sum(thirds) == 1000
    assert set(thirds) == {30, 40}


def test_a_clip_is_made_to_fit_and_says_how() -> None:
    whole = moving.encode(clip(), [wire.GIF.media_type])
    small = moving.encode(clip(), [wire.GIF.media_type], len(whole.data) // 3)
    assert len(small.data) <= len(whole.data) // 3
    assert "pixels on its long side" in small.notes[0]
    assert sum(again(small.data).seconds) == sum(SECONDS)


def test_a_clip_that_cannot_fit_is_refused() -> None:
    with pytest.raises(ImageRefused, match="does not fit"):
        moving.encode(clip(), [wire.GIF.media_type], 200)


@pytest.mark.parametrize("kind", [wire.GIF, wire.MP4], ids=lambda kind: kind.name)
def test_frames_without_a_duration_are_shown_as_browsers_show_them(kind: wire.PhotoFormat) -> None:
    if kind is wire.MP4:
        pytest.importorskip("av")
    file = io.BytesIO()
    pictures = [Image.new("RGB", (64, 48), (60 * number, 0, 0)) for number in range(3)]
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=0)
    found = again(file.getvalue())
    assert found.seconds == [Fraction(1, 10)] * 3
    assert moving.encode(found, [kind.media_type]).frames == 3
