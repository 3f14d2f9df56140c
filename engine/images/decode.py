"""Bytes -> tensor: read an untrusted picture safely, as upright sRGB.

Pillow is asked for one format only, the one whose signature the file carries, and only if it is one of
`engine.images.formats`. Whatever goes wrong inside Pillow becomes an `ImageRefused`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import warnings
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from PIL import ExifTags, Image, ImageCms
from torch import Tensor

from engine.images.formats import KINDS, ImageRefused, kind_of
from engine.images.metadata import receipt
from engine.tensors import MIN_SIDE
from engine.wire import HEIC, MAX_PIXELS, MAX_SIDE, MP4, WEBM


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is accepted. Above Pillow's own ceiling of 89 million pixels `max_pixels` has no effect."""

    max_bytes: int = 20 * 2**20  # of the file
    max_pixels: int = MAX_PIXELS  # width times height, of the file's header
    max_side: int = MAX_SIDE  # pixels
    min_side: int = MIN_SIDE  # pixels
    max_ratio: float = 20.0  # long side to short side
    max_scans: int = 100  # of a JPEG; a progressive one has about ten


DEFAULT_LIMITS = Limits()
FIRST_FRAME = "The photo is an animation; I took its first frame."


class Photo(NamedTuple):
    """A decoded picture."""

    pixels: Tensor  # (3, H, W) float32 in 0..1, sRGB, upright
    alpha: Tensor | None  # (1, H, W) float32 in 0..1; None unless it was asked for and something shows through
    notes: tuple[str, ...]  # sentences for the sender about what was changed


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS, keep_alpha: bool = False, enough: int | None = None) -> Photo:
    """Read a picture: its first frame, upright, in sRGB, with nothing but its pixels.

    Transparent parts are put on white. With ``keep_alpha`` they come as `Photo.alpha` instead, colours unmixed, and
    white only where nothing shows at all.

    ``enough`` is the long side in pixels that the caller will reduce the picture to: a larger one may come back
    smaller, but never under twice that. It saves memory (a 50-megapixel photo takes 600 MB as floats).

    Raises:
        ImageRefused: and nothing else, whatever the bytes are.
    """
    if len(data) > limits.max_bytes:
        size, limit = len(data) / 2**20, limits.max_bytes / 2**20
        raise ImageRefused(f"The file has {size:.1f} MiB; the limit is {limit:g} MiB. Send a smaller version.")
    kind = kind_of(data)
    if kind == "HEIF":
        _register_heif()
    with refusing(kind, data), Image.open(io.BytesIO(data), formats=[kind]) as image:
        check_size(image.size, limits)
        if kind == "JPEG":
            _check_jpeg(data, image.width * image.height, limits)
        if kind == "PNG":
            _check_png(data, image.size)
        notes: list[str] = []
        frame = _upright(image, _reduced(_plain(image, data, enough), enough))
        frame, alpha = _split(frame)
        pixels = tensor_of(_to_srgb(frame, image.info.get("icc_profile"), notes))
        shown = None
        if alpha is not None:
            shown = tensor_of(alpha)
            if keep_alpha:
                pixels = torch.where(shown > 0, pixels, 1.0)
            else:
                pixels, shown = pixels * shown + (1 - shown), None
                notes.append("The photo's transparent parts were put on white; alpha=keep keeps them.")
        # Last, because looking for a GIF's second frame forgets the first.
        if kind != "JPEG" and _animated(image):
            notes.append(FIRST_FRAME)
        return Photo(pixels, shown, (*notes, *receipt(image)))


_NO_HEIC = (
    f"This is a {HEIC.name} photo, which this bot is not set up to read. Send it as JPEG: on an iPhone choose "
    "Settings, Camera, Formats, Most Compatible, or share the photo through an app that converts it."
)


def _register_heif() -> None:
    """Make Pillow open HEIC files, where pillow-heif is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False)
    except ImportError:
        raise ImageRefused(_NO_HEIC) from None


@contextlib.contextmanager
def refusing(kind: str, data: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises into a refusal; keep its warnings about odd files out of the operator's log."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except ImageRefused:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageRefused("The picture has far too many pixels. Send a smaller version.") from error
    except MemoryError as error:
        raise ImageRefused("The picture needs more memory than I have. Send a smaller version.") from error
    except Exception as error:  # Pillow's decoders raise nearly anything: SyntaxError, struct.error, KeyError, ...
        short_webp = kind == "WEBP" and len(data) < 8 + int.from_bytes(data[4:8], "little")
        if short_webp or "truncated" in str(error).lower():
            raise _cut_off(kind) from error
        film = kind in (MP4.name, WEBM.name)
        again = "Export it again as MP4" if film else "Open it in a picture viewer, save it again as PNG"
        raise ImageRefused(f"This {_called(kind)} file is damaged. {again} and send that.") from error


def _called(kind: str) -> str:
    """A format as people call it, by Pillow's name of it; what is no picture is called so already."""
    return KINDS[kind].name if kind in KINDS else kind


def _cut_off(kind: str) -> ImageRefused:
    return ImageRefused(f"This {_called(kind)} file ends too early; perhaps the upload was cut off. Send it again.")


def check_size(size: tuple[int, int], limits: Limits) -> None:
    """By the header alone, before any pixel is decoded."""
    short, long = sorted(size)
    shape = f"The picture has {size[0]} x {size[1]} pixels"
    if short * long > limits.max_pixels or long > limits.max_side:
        most = f"{limits.max_pixels / 1e6:g} megapixels, and {limits.max_side} pixels on a side"
        raise ImageRefused(f"{shape}; the limit is {most}. Send a smaller version.")
    if short < limits.min_side:
        raise ImageRefused(f"{shape}; I need {limits.min_side} on the short side at least. Send a larger version.")
    if long > limits.max_ratio * short:
        most = f"{limits.max_ratio:g} times as long as it is wide"
        raise ImageRefused(f"{shape}, which is too narrow to paint: it may be {most} at most. Crop it and send that.")


_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # those followed by a length, and the end of the image (0xd9)
_BLOCK = 8 * 8  # pixels; each costs at least one bit in the first scan, for the change of its mean


def _check_jpeg(data: bytes, pixels: int, limits: Limits) -> None:
    """Refuse what the decoder accepts: missing data come out grey, and a scan of a few bytes costs a whole pass.

    Thousands of such scans would take hours.
    """
    if len(data) * 8 * _BLOCK < pixels:
        raise _cut_off("JPEG")
    at, scans = 2, 0
    while (marker := _MARKER.search(data, at)) and marker[0] != b"\xff\xd9":
        scans += marker[0] == b"\xff\xda"
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    if scans > limits.max_scans:
        raise ImageRefused(f"This JPEG file has {scans} scans, far more than a photo needs. Save it again as PNG.")


_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's colour type


def _check_png(data: bytes, size: tuple[int, int]) -> None:
    """Refuse missing rows, which the header announces and Pillow would leave black."""
    width, height = size
    missing = height * (width * data[24] * _CHANNELS[data[25]] // 8)  # bytes
    inflate = zlib.decompressobj()
    at = 8
    while missing > 0 and at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        rest = data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        while rest and missing > 0:
            missing -= len(inflate.decompress(rest, 2**20))
            rest = inflate.unconsumed_tail
        at += 12 + length
    if missing > len(inflate.flush()):
        raise _cut_off("PNG")


def _plain(image: Image.Image, data: bytes, enough: int | None) -> Image.Image:
    """The decoded picture in one of the modes L, LA, RGB, RGBA and CMYK, eight bits a channel."""
    if enough and max(image.size) > 2 * enough:
        # Only JPEG honours it: its decoder can leave out the finest detail.
        share = 2 * enough / max(image.size)
        image.draft(None, (round(image.width * share), round(image.height * share)))
    image.load()
    if image.mode.startswith("I"):
        return _from_16_bit_grey(image)
    if "transparency" in image.info and image.format == "PNG":
        image.info["transparency"] = _at_8_bits(image.info["transparency"], image.mode, depth=data[24])
    alpha = image.has_transparency_data
    if image.mode in ("1", "L", "LA"):
        mode = "LA" if alpha else "L"
    else:
        mode = "CMYK" if image.mode == "CMYK" else "RGBA" if alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _from_16_bit_grey(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int32)
    grey = Image.fromarray(np.rint(values / 257).clip(0, 255).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
    return grey


def _at_8_bits(transparent: object, mode: str, depth: int) -> object:
    """A PNG's transparent colour as Pillow decodes its pixels; Pillow gives it at the file's own depth."""
    if mode == "L" and isinstance(transparent, int) and depth in (2, 4):
        return transparent * (255 // (2**depth - 1))
    if mode == "RGB" and isinstance(transparent, tuple) and depth == 16:
        return tuple(value >> 8 for value in transparent)
    return transparent


def _reduced(frame: Image.Image, enough: int | None) -> Image.Image:
    if not enough or max(frame.size) <= 4 * enough:
        return frame
    share = 2 * enough / max(frame.size)
    size = (max(1, round(frame.width * share)), max(1, round(frame.height * share)))
    return frame.resize(size, Image.Resampling.BICUBIC)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, frame: Image.Image) -> Image.Image:
    turn = None
    with contextlib.suppress(Exception):  # a broken EXIF block is no reason to refuse the photo
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return frame if turn is None else frame.transpose(turn)


def _split(frame: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour (L, RGB or CMYK) and alpha (L), the latter only if something shows through."""
    if frame.mode not in ("LA", "RGBA"):
        return frame, None
    alpha = frame.getchannel("A")
    return frame.convert(frame.mode[:-1]), None if alpha.getextrema() == (255, 255) else alpha


_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def _to_srgb(colour: Image.Image, icc: bytes | None, notes: list[str]) -> Image.Image:
    """RGB in sRGB by the file's own colour profile; one that cannot be used is ignored, with a note."""
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            space = profile.profile.xcolor_space.strip()
            if space == "RGB" and colour.mode == "L":
                colour = colour.convert("RGB")
            if space != _SPACES[colour.mode]:
                raise ValueError(f"a {space} profile for a picture in {colour.mode}")
            converted = ImageCms.profileToProfile(
                colour,
                profile,
                ImageCms.createProfile("sRGB"),
                # What browsers show.
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            assert converted is not None  # only a conversion in place returns None
            return converted
        except MemoryError:
            raise
        except Exception:
            notes.append("The photo's colour profile cannot be used, so its colours may look a little different.")
    elif colour.mode == "CMYK":
        notes.append("The photo is in printing colours without a profile, so its colours are approximate.")
    return colour.convert("RGB")


def _animated(image: Image.Image) -> bool:
    with contextlib.suppress(Exception):  # a broken second frame does not matter
        return bool(getattr(image, "is_animated", False))
    return False


def tensor_of(image: Image.Image) -> Tensor:
    """(C, H, W) in 0..1 of an L or RGB picture."""
    values = torch.from_numpy(np.array(image)).view(image.height, image.width, -1)
    return values.permute(2, 0, 1).contiguous().float().div_(255)
