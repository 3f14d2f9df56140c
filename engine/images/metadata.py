"""What stands in a picture file beside its pixels: what a photo tells of a person, and what our pictures say of how
they were made."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from importlib import metadata
from typing import NamedTuple

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from engine.gallery import HERE, Gallery

LINE_KEY = "impasto"  # the PNG text that carries the recipe line
MADE_WITH_KEY = "Software"  # and the one that says with which version it was painted, a keyword of the PNG standard
DESCRIPTION = 0x010E  # the EXIF field that carries the line in other files: ImageDescription
SOFTWARE = 0x0131  # and the one for the version
DIGITS = 4  # of a fingerprint: enough to tell a person's few versions apart


class Says(NamedTuple):
    """What a picture of ours says of how it was made."""

    line: str = ""  # the recipe line
    made_with: str = ""

    @property
    def comment(self) -> str:
        """Both, for a file that has one comment."""
        return "\n".join(filter(None, self))

    @property
    def exif(self) -> Image.Exif:
        """Both, for a file that has EXIF."""
        exif = Image.Exif()
        for field, text in ((DESCRIPTION, self.line), (SOFTWARE, self.made_with)):
            if text:
                exif[field] = text
        return exif

    @property
    def texts(self) -> PngInfo:
        """Both, for a PNG."""
        info = PngInfo()
        for key, text in ((LINE_KEY, self.line), (MADE_WITH_KEY, self.made_with)):
            if text:
                info.add_text(key, text)
        return info


_POSITION = {ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSDestLatitude}
# What a photo may tell: its kind, the EXIF fields that tell it, and the names that XMP has for it.
_TELLS = (
    ("GPS position", set[int](), rb"exif:GPSLatitude"),
    ("place name", set[int](), rb"photoshop:City|Iptc4xmpCore:Location|Iptc4xmpExt:LocationShown"),
    ("camera serial number", {0xA431}, rb"(aux|exifEX|exif):(Body)?SerialNumber"),
    ("lens serial number", {0xA435}, rb"(aux|exifEX):LensSerialNumber"),
    ("owner's name", {0xA430}, rb"(aux|exifEX):(Camera)?OwnerName"),
    ("author's name", {ExifTags.Base.Artist, ExifTags.Base.XPAuthor, ExifTags.Base.Copyright}, rb"dc:creator"),
)
_TAGS = {tag for _, tags, _ in _TELLS for tag in tags}


def receipt(image: Image.Image) -> tuple[str, ...]:
    """A sentence about what a photo tells of a person and its painting will not; kinds are named, never values."""
    told = []
    fields, xmp = _fields(image), _xmp(image)
    for kind, tags, names in _TELLS:
        if tags & fields or re.search(names, xmp) or (kind == "GPS position" and _has_position(image)):
            told.append(kind)
    return (f"Removed from the photo: {', '.join(told)}.",) if told else ()


def _fields(image: Image.Image) -> set[int]:
    """The EXIF fields that are filled in."""
    found: set[int] = set()
    with contextlib.suppress(Exception):  # a broken block tells what it told before it breaks
        exif = image.getexif()
        for fields in (exif, exif.get_ifd(ExifTags.IFD.Exif)):
            found |= {tag for tag in _TAGS if _says_something(fields.get(tag, ""))}
    return found


def _has_position(image: Image.Image) -> bool:
    with contextlib.suppress(Exception):
        return bool(_POSITION & set(image.getexif().get_ifd(ExifTags.IFD.GPSInfo)))
    return False


def _says_something(value: object) -> bool:
    """Cameras fill names in with blanks and zeros where nobody entered one."""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return bool(text.strip("\0 0"))


def _xmp(image: Image.Image) -> bytes:
    for name in ("xmp", "XML:com.adobe.xmp"):
        if found := image.info.get(name):
            return found if isinstance(found, bytes) else str(found).encode("utf-8", "replace")
    return b""


def carried(image: Image.Image) -> Image.Exif:
    """What a finished PNG says of how it was made, for the same picture in another format."""
    return Says(image.info.get(LINE_KEY, ""), image.info.get(MADE_WITH_KEY, "")).exif


def made_with(styles: Gallery) -> str:
    """The versions of program, weights and gallery, in a few letters: ``impasto 0.1.0 w3f2a g91c0``.

    Pictures with the same are painted alike, on the same machine.
    """
    gallery = hashlib.sha256()
    for style in sorted(styles, key=lambda style: style.name):
        gallery.update(f"{style.name} {style.strength} {style.brush:g} {style.flow:g}\n".encode())
        for file in filter(None, (style.swatch, style.pair, style.generator_file)):
            if file.is_file():
                gallery.update(hashlib.sha256(file.read_bytes()).digest())
    try:
        version = metadata.version("impasto")
    except metadata.PackageNotFoundError:
        version = "unreleased"
    return f"impasto {version} w{_weights()[:DIGITS]} g{gallery.hexdigest()[:DIGITS]}"


@functools.cache
def _weights() -> str:
    """A fingerprint of the package's weights."""
    seen = hashlib.sha256()
    for file in sorted((HERE / "weights").glob("*.safetensors")):
        with file.open("rb") as weights:
            seen.update(hashlib.file_digest(weights, "sha256").digest())
    return seen.hexdigest()
