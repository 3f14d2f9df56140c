"""MP4 and WebM by PyAV; skipped where it is not installed."""

import io
from fractions import Fraction

import numpy as np
import pytest

from engine import wire
from engine.images import moving
from engine.images.animation import Clip, fitting, kind_of_animation, read
from engine.images.formats import ImageRefused
from tests.scenes import as_bytes, pan

av = pytest.importorskip("av")
from engine.images.video import encode_mp4  # noqa: E402

SECONDS = [Fraction(5, 100), Fraction(12, 100), Fraction(4, 100), Fraction(20, 100)]


def clip(data: bytes, most: int = 100) -> Clip:
    return read(data, fitting(4096, enlarge=False), lambda _: most, keep_alpha=True)


def with_sound(codec: str = "aac") -> bytes:
    """An MP4 of four frames and half a second of a tone."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        picture, sound = out.add_stream("libx264", rate=10), out.add_stream(codec, rate=48_000)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        for x in as_bytes(pan(4, 48, 64)):
            out.mux(picture.encode(av.VideoFrame.from_ndarray(x.permute(1, 2, 0).numpy(), format="rgb24")))
        out.mux(picture.encode(None))
        tone = np.sin(np.arange(24_000) / 20).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = 48_000
        for part in av.AudioResampler(sound.format, sound.layout, 48_000, sound.frame_size or 1024).resample(frame):
            out.mux(sound.encode(part))
        out.mux(sound.encode(None))
    return file.getvalue()


def test_frame_times_of_an_mp4_are_kept() -> None:
    data = encode_mp4(as_bytes(pan(4, 48, 64)), SECONDS, 20)
    assert kind_of_animation(data) is wire.MP4
    found = clip(data)
    assert found.seconds == SECONDS
    assert (found.frames[1].float() - as_bytes(pan(4, 48, 64))[1].float()).abs().mean() < 16


@pytest.mark.parametrize("spoil", [lambda data: data.replace(b"avc1", b"zzzz"), lambda data: data[: len(data) // 2]])
def test_a_damaged_film_is_to_be_sent_again_as_a_film(spoil) -> None:
    with pytest.raises(ImageRefused, match=r"This MP4 file is damaged\. Export it again as MP4 and send that\."):
        clip(spoil(with_sound()))


def test_sound_is_kept() -> None:
    source = clip(with_sound())
    made = moving.encode(source, [wire.MP4.media_type]).data
    with av.open(io.BytesIO(made)) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]
        assert sum(frame.samples for frame in container.decode(audio=0)) > 10_000


def test_sound_that_is_lost_is_mentioned() -> None:
    assert "A GIF has no sound." in moving.encode(clip(with_sound()), [wire.GIF.media_type]).notes


def test_of_a_video_that_breaks_off_the_whole_frames_are_taken() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as out:
        stream = out.add_stream("libvpx-vp9", rate=10, options={"lag-in-frames": "0", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for x in as_bytes(pan(8, 48, 64)):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(x.permute(1, 2, 0).numpy(), format="rgb24")))
        out.mux(stream.encode(None))
    data = file.getvalue()
    assert kind_of_animation(data) is wire.WEBM
    assert len(clip(data).frames) == 8
    assert 0 < len(clip(data[: len(data) * 9 // 10]).frames) < 8


def test_a_transparent_sticker_keeps_its_transparency() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as out:
        stream = out.add_stream("libvpx-vp9", rate=10, options={"auto-alt-ref": "0", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        for x in as_bytes(pan(3, 48, 64)):
            pixels = np.dstack([x.permute(1, 2, 0).numpy(), np.full((48, 64), 255, np.uint8)])
            pixels[:, :20, 3] = 0
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
        out.mux(stream.encode(None))
    if b"AlphaMode" not in file.getvalue() and b"\x53\xc0\x81\x01" not in file.getvalue():
        pytest.skip("this FFmpeg writes no transparency into WebM")
    found = clip(file.getvalue())
    assert found.alphas is not None
    assert int(found.alphas[1][0, 20, 8]) < 20
    assert int(found.alphas[1][0, 20, 50]) > 235


def test_rubbish_in_the_shape_of_a_video_is_refused() -> None:
    for data in (b"\x1a\x45\xdf\xa3" + bytes(500), b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(500)):
        with pytest.raises(ImageRefused, match="damaged"):
            clip(data)


def test_a_video_is_cut_where_it_is_too_long() -> None:
    found = clip(with_sound(), most=2)
    assert len(found.frames) == 2
    assert found.cut
