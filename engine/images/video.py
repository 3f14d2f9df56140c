"""MP4 and WebM by PyAV: the frames of one, and an MP4 of frames with the sound of the clip they came from.

The demuxer is named, never guessed: a stranger's file must not be taken for a playlist, which names other files.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from torch import Tensor

from engine import wire
from engine.images.frames import USUAL, Frame, Reader

DEMUXERS = {wire.MP4: "mp4", wire.WEBM: "matroska"}
CLOCK = 90_000  # ticks of a second, in which frame times of every usual rate are whole
QUALITIES = (20, 25, 30, 36)  # x264's constant rate factors, best first
IN_MP4 = ("aac", "mp3")  # sound that is copied as it is; other kinds not every player has
SOUND_RATE = 48_000


@contextlib.contextmanager
def opened(data: bytes, kind: wire.PhotoFormat) -> Iterator[Reader]:
    """Raises ValueError where there is no moving picture in it, and whatever PyAV raises."""
    with av.open(io.BytesIO(data), format=DEMUXERS[kind]) as container:
        if not container.streams.video:
            raise ValueError("no picture")
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "NONE"
        size = (stream.codec_context.height, stream.codec_context.width)
        if not all(size):
            raise ValueError("no size")
        frames = _upright(container, stream)
        yield Reader(kind, size, None, bool(container.streams.audio), frames)


def _upright(container: Any, stream: Any) -> Iterator[Frame]:
    """Every frame, each known only once the next one says when it begins."""
    waiting: tuple[np.ndarray, Fraction] | None = None
    last = Fraction(0)
    usual = 1 / Fraction(stream.average_rate) if stream.average_rate else USUAL
    most = 4 * stream.codec_context.width * stream.codec_context.height
    for frame in _decoded(container, stream):
        if frame.width * frame.height > most:  # a stream may change its size on the way
            raise ValueError("a frame far larger than the header says")
        begins = Fraction(frame.pts) * frame.time_base if frame.pts is not None else None
        if waiting is not None:
            lasted = usual if begins is None or begins <= waiting[1] else begins - waiting[1]
            yield Frame(waiting[0], lasted)
        elif begins is None:
            begins = Fraction(0)
        after = begins if begins is not None else waiting[1] + usual if waiting else Fraction(0)
        last = Fraction(frame.duration or 0) * (frame.time_base or 0)
        pixels = frame.to_ndarray(format="rgba" if "a" in frame.format.name.split("p")[0] else "rgb24")
        waiting = np.rot90(pixels, (frame.rotation // 90) % 4), after
    if waiting is not None:
        yield Frame(waiting[0], last or usual)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    if stream.metadata.get("alpha_mode") != "1":
        yield from container.decode(stream)
        return
    # A sticker's transparency, which FFmpeg's own decoders of VP8 and VP9 leave out.
    context: Any = av.CodecContext.create(f"libvpx{'-vp9' * (stream.codec_context.name == 'vp9')}", "r")
    for packet in container.demux(stream):
        for frame in context.decode(packet):
            frame.time_base = stream.time_base
            yield frame


def comment(data: bytes, kind: wire.PhotoFormat) -> str:
    """What a video says of itself; nothing where it says nothing."""
    with contextlib.suppress(av.error.FFmpegError), av.open(io.BytesIO(data), format=DEMUXERS[kind]) as container:
        return str(container.metadata.get("comment", ""))
    return ""


def encode_mp4(
    frames: Sequence[Tensor], seconds: Sequence[Fraction], quality: int, source: bytes = b"", comment: str = ""
) -> bytes:
    """Frames (3, H, W) uint8 as H.264, with the sound of ``source`` for as long as they last, and a comment."""
    height, width = (side // 2 * 2 for side in frames[0].shape[1:])  # with 4:2:0 sides are even
    # A file with a name: what a player needs first is known last, and written by opening the file once more.
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file, contextlib.ExitStack() as closing:
        sound = _sound(closing, source) if source else None
        out = closing.enter_context(av.open(file.name, "w", format="mp4", options={"movflags": "faststart"}))
        if comment:
            out.metadata["comment"] = comment
        # No frame is predicted from later ones: their order would blur how long the last one lasts.
        stream = out.add_stream("libx264", rate=30, options={"crf": str(quality), "preset": "fast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, CLOCK)
        copied = _sound_stream(out, sound) if sound else None
        begins, durations = Fraction(0), dict[int, int]()
        for pixels, lasts in zip(frames, seconds, strict=True):
            frame = av.VideoFrame.from_ndarray(_array(pixels, height, width), format="rgb24")
            frame.pts, frame.time_base = round(begins * CLOCK), Fraction(1, CLOCK)
            begins += lasts
            durations[frame.pts] = round(begins * CLOCK) - frame.pts
            _mux(out, stream.encode(frame), durations)
        _mux(out, stream.encode(None), durations)
        if sound and copied:
            for packet in _sound_packets(*sound, copied, begins):
                out.mux(packet)
        out.close()
        return Path(file.name).read_bytes()


def _mux(out: Any, packets: Sequence[Any], durations: dict[int, int]) -> None:
    """The encoder forgets how long a frame lasts, which matters for the last one."""
    for packet in packets:
        packet.duration = durations[packet.pts]
        out.mux(packet)


def _array(pixels: Tensor, height: int, width: int) -> np.ndarray:
    return pixels[:, :height, :width].permute(1, 2, 0).contiguous().numpy()


def _sound(closing: contextlib.ExitStack, source: bytes) -> tuple[Any, Any] | None:
    """The file and its stream of sound; a sound that cannot be read is left out."""
    kind = "mp4" if source[4:8] == b"ftyp" else "matroska"
    container = closing.enter_context(av.open(io.BytesIO(source), format=kind))
    return (container, container.streams.audio[0]) if container.streams.audio else None


def _sound_stream(out: Any, sound: tuple[Any, Any]) -> Any:
    if sound[1].codec_context.name in IN_MP4:
        return out.add_stream_from_template(sound[1])
    return out.add_stream("aac", rate=SOUND_RATE)


def _sound_packets(container: Any, sound: Any, into: Any, until: Fraction) -> Iterator[Any]:
    """The sound's packets, copied or encoded anew; a broken tail ends it."""
    copied = sound.codec_context.name in IN_MP4
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(sound):
            if packet.pts is not None and packet.pts * packet.time_base >= until:
                break
            if copied and packet.dts is not None:
                packet.stream = into
                yield packet
            elif not copied:
                for frame in packet.decode():
                    yield from into.encode(frame)
    if not copied:
        yield from into.encode(None)
