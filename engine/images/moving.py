"""Frames -> bytes: an animation of the kind that came in, or one that can be shown, within a limit of bytes."""

from __future__ import annotations

import importlib.util
import io
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from engine import wire
from engine.images.animation import Clip
from engine.images.formats import ImageRefused
from engine.images.metadata import Says
from engine.tensors import fit

NOTHING = Says()
COLOURS = 255  # of a GIF, and one that is transparent
SAMPLES, SAMPLE_SIDE = 16, 128  # frames, and their pixels, from which the palette is made
WEBP_QUALITIES = (82, 70, 55, 40)


class Level(NamedTuple):
    """How much is given up for fewer bytes."""

    quality: int  # of the kind's own, 0 for the best
    scale: float  # of the sides
    every: int  # of how many frames one is kept


# From all to little. What a size takes away is seen less than blocks are, and those less than missing frames.
LEVELS = tuple(
    Level(*level)
    for level in (
        *((0, 1.0, 1), (1, 1.0, 1), (1, 0.85, 1), (1, 0.7, 1), (2, 0.7, 1), (2, 0.7, 2), (2, 0.55, 2)),
        *((2, 0.45, 2), (3, 0.45, 2), (3, 0.35, 2), (3, 0.35, 3), (3, 0.25, 3), (3, 0.25, 4), (3, 0.18, 6)),
    )
)
GOOD = 6  # levels; before a kind goes beyond these, another kind is tried


class Encoded(NamedTuple):
    data: bytes
    kind: wire.PhotoFormat
    width: int
    height: int
    frames: int
    notes: tuple[str, ...]


def encode(clip: Clip, plays: Sequence[str], most_bytes: int = 0, says: Says = NOTHING) -> Encoded:
    """The clip as a file.

    Args:
        plays: media types that can be shown there; that of the clip comes first if it is among them.
        most_bytes: the file's limit; 0 for none.
        says: what the file is to say of itself.

    Raises:
        ImageRefused: it does not fit, however small.
    """
    kinds = kinds_for(clip, plays)
    for levels in (LEVELS[:GOOD], LEVELS):
        for kind in kinds:
            found = _within(clip, kind, levels, most_bytes, says)
            if found:
                return found
    raise ImageRefused(
        f"The clip does not fit into {most_bytes / 2**20:.1f} MiB. Send a shorter one, or add frames=1."
    )


def kinds_for(clip: Clip, plays: Sequence[str]) -> list[wire.PhotoFormat]:
    """What a clip is answered with, best first."""
    known = [kind for kind in wire.MOVING_RESULTS if kind.media_type in plays and (kind is not wire.MP4 or _has_av())]
    if clip.kind in wire.VIDEOS:
        return sorted(known, key=lambda kind: kind is not wire.MP4)
    return sorted(known, key=lambda kind: (kind is not clip.kind, kind is wire.MP4 and clip.alphas is not None))


def _has_av() -> bool:
    return importlib.util.find_spec("av") is not None


def _within(clip: Clip, kind: wire.PhotoFormat, levels: Sequence[Level], most: int, says: Says) -> Encoded | None:
    """The best of the levels that fits, found by halving."""
    best: Encoded | None = None
    low, high = 0, len(levels)
    at = 0  # most clips fit as they are
    while low < high:
        tried = _at(clip, kind, levels[at], says)
        if not most or len(tried.data) <= most:
            best, high = tried, at
        else:
            low = at + 1
        at = (low + high) // 2
    return best


def _at(clip: Clip, kind: wire.PhotoFormat, level: Level, says: Says) -> Encoded:
    frames, seconds, alphas = _thinned(clip, level)
    height, width = frames[0].shape[1:]
    if kind is wire.MP4:
        from engine.images.video import QUALITIES, encode_mp4  # PyAV is an extra

        data = encode_mp4(frames, seconds, QUALITIES[level.quality], clip.source, says.comment)
        height, width = height // 2 * 2, width // 2 * 2
    else:
        pictures = [_picture(x, None if alphas is None else alphas[i]) for i, x in enumerate(frames)]
        data = _ENCODERS[kind](
            pictures, _ticks(seconds, 10 if kind is wire.GIF else 1), clip.loop, level.quality, says
        )
    return Encoded(data, kind, width, height, len(frames), _notes(clip, kind, level, max(height, width)))


def _notes(clip: Clip, kind: wire.PhotoFormat, level: Level, side: int) -> tuple[str, ...]:
    notes = []
    if level.scale < 1 or level.every > 1:
        kept = f" and one of {level.every} frames" if level.every > 1 else ""
        notes.append(f"To fit into a message the clip has {side} pixels on its long side{kept}.")
    if kind is wire.MP4 and clip.alphas is not None:
        notes.append("An MP4 has no transparency, so transparent parts are white.")
    if clip.source and kind is not wire.MP4:
        notes.append(f"A {kind.name} has no sound.")
    return tuple(notes)


def _thinned(clip: Clip, level: Level) -> tuple[list[Tensor], list[Fraction], list[Tensor] | None]:
    """Fewer and smaller frames, each shown for as long as those that it stands for."""
    chosen = range(0, len(clip.frames), level.every)
    seconds = [sum(clip.seconds[i : i + level.every], Fraction(0)) for i in chosen]

    def small(x: Tensor) -> Tensor:
        if level.scale == 1:
            return x
        return fit(x.float() / 255, round(level.scale * max(x.shape[1:]))).mul(255).round().to(torch.uint8)

    alphas = None if clip.alphas is None else [small(clip.alphas[i]) for i in chosen]
    return [small(clip.frames[i]) for i in chosen], seconds, alphas


def _ticks(seconds: Sequence[Fraction], milliseconds: int) -> list[int]:
    """Times in milliseconds, multiples of a kind's own unit, whose sums never go wrong by more than half of it."""
    ends, total = [0], Fraction(0)
    for lasts in seconds:
        total += lasts
        ends.append(round(total * 1000 / milliseconds) * milliseconds)
    return [end - begin for begin, end in itertools.pairwise(ends)]


def _picture(x: Tensor, alpha: Tensor | None) -> Image.Image:
    pixels = x if alpha is None else torch.cat([x, alpha])
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _gif(pictures: list[Image.Image], times: list[int], loop: int | None, quality: int, says: Says) -> bytes:
    palette = _palette(pictures, COLOURS >> max(0, quality - 1))
    shown = [_indexed(picture, palette) for picture in pictures]
    through = {"transparency": COLOURS, "disposal": 2} if pictures[0].mode == "RGBA" else {"disposal": 1}
    return _saved(shown, "GIF", times, loop, optimize=False, comment=says.comment.encode(), **through)


def _palette(pictures: Sequence[Image.Image], colours: int) -> Image.Image:
    """One palette for all frames: with one for each, flat colours would flicker."""
    step = -(-len(pictures) // SAMPLES)
    samples = [picture.convert("RGB") for picture in pictures[::step]]
    for sample in samples:
        sample.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.NEAREST)
    sheet = Image.new("RGB", (samples[0].width, samples[0].height * len(samples)))
    for i, sample in enumerate(samples):
        sheet.paste(sample, (0, i * samples[0].height))
    return sheet.quantize(colours, Image.Quantize.MEDIANCUT, kmeans=2)


def _indexed(picture: Image.Image, palette: Image.Image) -> Image.Image:
    # Without dithering: its dots would be other ones in every frame, and take twice the bytes.
    indexed = picture.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
    if picture.mode == "RGBA":
        indexed.paste(COLOURS, mask=picture.getchannel("A").point(lambda a: 255 if a < 128 else 0))
    return indexed


def _webp(pictures: list[Image.Image], times: list[int], loop: int | None, quality: int, says: Says) -> bytes:
    if pictures[0].mode == "RGBA":
        for picture in pictures:
            _hold_corners(picture)
    return _saved(pictures, "WEBP", times, loop or 0, quality=WEBP_QUALITIES[quality], method=2, exif=says.exif)


def _hold_corners(picture: Image.Image) -> None:
    """Show a trace of the corners: libwebp crops frames to what shows, and may then call the whole file opaque."""
    for corner in ((0, 0), (picture.width - 1, picture.height - 1)):
        *colour, alpha = picture.getpixel(corner)  # type: ignore[misc]
        picture.putpixel(corner, (*colour, max(1, alpha)))


def _apng(pictures: list[Image.Image], times: list[int], loop: int | None, quality: int, says: Says) -> bytes:
    if quality:
        palette = _palette(pictures, COLOURS)
        pictures = [_indexed(p, palette) if p.mode == "RGB" else p for p in pictures]
    return _saved(pictures, "PNG", times, loop, pnginfo=says.texts)


def _saved(pictures: list[Image.Image], kind: str, times: list[int], loop: int | None, **settings: Any) -> bytes:
    file = io.BytesIO()
    repeats = {} if loop is None else {"loop": loop}
    first, *others = pictures
    first.save(file, kind, save_all=True, append_images=others, duration=times, **repeats, **settings)
    return file.getvalue()


_ENCODERS = {wire.GIF: _gif, wire.WEBP: _webp, wire.APNG: _apng}
KINDS = (*_ENCODERS, wire.MP4)  # what can be written; an MP4 where PyAV is installed
