"""What crosses the process boundary arrives as it was sent, or not at all."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import wire
from engine.recipe import Recipe, Share

RECIPE = Recipe(
    styles=(Share("starrynight", 70), Share("greatwave", 30)), size=512, brush=1.2, layers=("conv1_1",), seed=2**32 - 1
)
REQUESTS = [
    wire.Paint("job", b"\xff\xd8\0photo", RECIPE, 0.0, b"\xff\xd8\0style", enlarge=False),
    wire.Paint("job", None, Recipe(mode="map", size=512)),
    wire.Cancel("job"),
    wire.Stop(),
]
EVENTS = [
    wire.Ready("CPU, 2 threads", ("slim", "full"), "0.1.0", ("A note.",), encoder="full"),
    wire.Fetched("/cache/ü/vgg19.safetensors", 25_892_256, new=True),
    wire.Beat(),
    wire.Progress("job", 0.5, "step 1 of 2", "A note with “quotes”."),
    wire.Preview("job", b"\xff\xd8"),
    wire.Done("job", b"\x89PNG", RECIPE, 512, 384, 20.5, ("A note.",)),
    wire.Failed("job", "refused", "No."),
]


def stream_of(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: type(r).__name__)
def test_a_request_arrives_as_it_was_sent(request_: wire.Request) -> None:
    assert wire.read_request(io.BytesIO(wire.encode(request_))) == request_


async def test_events_arrive_one_by_one_as_they_were_sent() -> None:
    stream = stream_of(b"".join(wire.encode(event) for event in EVENTS))
    assert [await wire.read_event(stream) for _ in EVENTS] == EVENTS


async def test_the_end_of_the_engine_is_told_from_a_frame() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await wire.read_event(stream_of(b""))


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
async def test_half_an_event_is_none(event: wire.Event) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await wire.read_event(stream_of(wire.encode(event)[:-1]))


@pytest.mark.parametrize("length", [0, 3, 4, 20])
def test_half_a_request_is_none(length: int) -> None:
    assert wire.read_request(io.BytesIO(wire.encode(REQUESTS[0])[:length])) is None


async def test_a_huge_frame_is_refused_by_its_header() -> None:
    header = wire.HEADER.pack(wire.MAX_FRAME + 1)
    with pytest.raises(wire.WireError, match="limit"):
        await wire.read_event(stream_of(header))
    with pytest.raises(wire.WireError, match="limit"):
        wire.read_request(io.BytesIO(header))


def test_a_frame_too_large_to_be_read_is_not_sent() -> None:
    with pytest.raises(wire.WireError, match="limit"):
        wire.encode(wire.Preview("job", bytes(wire.MAX_FRAME)))


def test_a_request_is_no_event() -> None:
    with pytest.raises(wire.WireError):
        wire.decode_event(wire.encode(wire.Stop())[wire.HEADER.size :])
    with pytest.raises(wire.WireError):
        wire.decode_request(wire.encode(wire.Beat())[wire.HEADER.size :])


def test_settings_arrive_as_they_were_given_whatever_bytes_a_path_has() -> None:
    every = wire.EngineSettings(
        device="cuda",
        threads=2,
        cache=Path("/with space/ü"),
        weights=Path(os.fsdecode(b"/latin-1 \xfc")),
        encoder="auto",
        max_photo_mb=60,
        gallery=Path("mine"),
    )
    for settings in (every, wire.EngineSettings()):
        text = wire.encode_settings(settings)
        assert text.isascii()
        assert wire.decode_settings(text) == settings


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"threads": "two"}', '{"cache": 3}', '{"nonsense": 1}', "[" * 100_000]
)
def test_settings_that_are_none_are_a_wire_error(text: str) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_settings(text)


def test_every_photo_format_has_endings_and_a_media_type_of_its_own() -> None:
    endings = [ending for known in wire.PHOTO_FORMATS for ending in known.endings]
    assert len(endings) == len(set(endings))
    assert all(ending.startswith(".") for ending in endings)
    assert len({known.media_type for known in wire.PHOTO_FORMATS}) == len(wire.PHOTO_FORMATS)
    assert wire.ACCEPTED == "JPEG, PNG, WebP, GIF, AVIF or HEIC"


@given(st.binary(max_size=200))
def test_rubbish_is_a_wire_error_and_nothing_worse(body: bytes) -> None:
    for decode in (wire.decode_event, wire.decode_request):
        with pytest.raises(wire.WireError):
            decode(body)


def test_rubbish_nested_deeply_is_a_wire_error_as_well() -> None:
    with pytest.raises(wire.WireError):
        wire.decode_event(b"\x91" * 100_000)
    with pytest.raises(wire.WireError):
        wire.decode_event(b"\x82\xa4type\xa4Beat\xa1x" + b"\x91" * 100_000)
