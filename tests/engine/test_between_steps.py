"""A picture is the same, bit for bit, whether or not another one was painted between its steps."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator

import pytest
import torch

from engine import gallery
from engine.painter import TorchPainter, set_up_process
from engine.recipe import complete, parse
from engine.stages import Picture, Stage
from engine.wire import GIF, EngineSettings, Paint
from tests.scenes import file, pan, pictures

THREADS = 2  # with one, what a small picture does to the number would not show


@pytest.fixture(scope="module")
def painter() -> Iterator[TorchPainter]:
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    set_up_process(EngineSettings(device="cpu", threads=THREADS))
    yield TorchPainter(EngineSettings(device="cpu"))
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def order(text: str, size: int, photo: bytes) -> Paint:
    recipe = complete(parse(text, gallery.default()), gallery.default(), size=size, seed=7)
    return Paint(text, photo, recipe, plays=(GIF.media_type,))


def still() -> bytes:
    out = io.BytesIO()
    pictures(pan(1, 200, 300))[0].save(out, "PNG")
    return out.getvalue()


def alone(painter: TorchPainter, paint: Paint) -> bytes:
    *_, picture = painter.paint(paint)
    assert isinstance(picture, Picture)
    return picture.data


def with_another_in_between(painter: TorchPainter, long: Paint, quick: Paint) -> tuple[bytes, list[bytes]]:
    """The long order's picture, and the quick one's, painted twice between its steps."""
    stages: Generator[Stage | Picture, None, None] = painter.paint(long)
    between: list[bytes] = []
    for number, stage in enumerate(stages):
        if isinstance(stage, Picture):
            return stage.data, between
        if number in (2, 4):
            between.append(alone(painter, quick))
    raise AssertionError("no picture")


@pytest.mark.parametrize(
    ("text", "between"),
    [
        ("starrynight mode=fine steps=5 size=64", "greatwave size=264"),  # which takes another number of threads
        ("starrynight mode=fine steps=4 optimizer=adam size=64", "greatwave mode=universal size=64"),
        ("scream mode=fine steps=4 plain=yes init=noise size=64", "scream brush=2 size=64"),
        ("mode=dream steps=6 octaves=2 size=64", "greatwave mode=universal size=64"),
    ],
)
def test_a_picture_of_many_steps_and_the_quick_ones_between_them_are_what_they_are_alone(
    painter: TorchPainter, text: str, between: str
) -> None:
    long, quick = (order(line, int(line.rpartition("=")[2]), still()) for line in (text, between))
    torch.manual_seed(1)
    whole, quick_one = alone(painter, long), alone(painter, quick)
    torch.manual_seed(2)  # nobody draws from the generator that all share
    interrupted, quick_ones = with_another_in_between(painter, long, quick)
    assert interrupted == whole
    assert quick_ones == [quick_one] * 2


def test_a_clip_in_fast_mode_with_a_fast_picture_of_another_style_between_its_frames(painter: TorchPainter) -> None:
    clip = order("starrynight size=64", 64, file("GIF", pictures(pan(3)), [100] * 3))
    quick = order("greatwave size=64", 64, still())
    whole, quick_one = alone(painter, clip), alone(painter, quick)
    interrupted, quick_ones = with_another_in_between(painter, clip, quick)
    assert interrupted == whole
    assert set(quick_ones) == {quick_one}
