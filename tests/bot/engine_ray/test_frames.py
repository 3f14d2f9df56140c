"""What painters say in one go: what is small together, pictures by themselves, in order."""

from __future__ import annotations

from pickle import PickleBuffer

import pytest

from bot.engine_ray import frames
from engine import wire

SMALL, OTHER = b"small", b"x" * frames.TOGETHER
LARGE = b"y" * (frames.TOGETHER + 1)


def test_what_is_small_goes_together_and_a_picture_is_not_copied() -> None:
    first, large, last = frames.packed([SMALL, OTHER, LARGE, SMALL])
    assert isinstance(large, PickleBuffer)
    assert large.raw().obj is LARGE
    assert list(frames.unpacked(first)) == [SMALL, OTHER]
    assert list(frames.unpacked(large.raw())) == [LARGE]
    assert list(frames.unpacked(last)) == [SMALL]


def test_what_is_cut_off_is_a_broken_protocol() -> None:
    [item] = frames.packed([SMALL, OTHER])
    assert isinstance(item, bytes)
    with pytest.raises(wire.WireError):
        list(frames.unpacked(item[:-1]))


def test_of_a_picture_only_what_it_is_and_whose_is_read() -> None:
    news = frames.encode(frames.Lost("a job", "text", interrupted=True))
    assert frames.brief(memoryview(news)) == frames.Brief("Lost", "a job")
    assert frames.brief(news).last
    assert not frames.brief(frames.encode(frames.Begun("a job"))).last
    with pytest.raises(wire.WireError):
        frames.brief(b"\xff")
