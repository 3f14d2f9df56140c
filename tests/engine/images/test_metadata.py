"""What a photo tells of a person is named and not kept; what our own pictures say of themselves goes along."""

from __future__ import annotations

import io
import re

import pytest
import torch
from PIL import ExifTags, Image

from bot.dialog.carried.line import carried
from engine import gallery
from engine.gallery import Gallery
from engine.images.decode import decode
from engine.images.encode import encode_png
from engine.images.export import export
from engine.images.metadata import made_with
from engine.images.thumbnails import jpeg
from tests.pictures import picture

LINE = "/stylize starrynight mode=fast strength=60"
POSITION = (48.0, 51.0, 29.6)


def told(kind: str = "JPEG", serial: str = "", owner: str = "", artist: str = "", position: bool = False) -> bytes:
    """A photo that tells this."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Artist] = "Kamera", artist
    exif.get_ifd(ExifTags.IFD.Exif).update({0xA430: owner, 0xA431: serial, 0x9003: "2026:01:02 03:04:05"})
    if position:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: POSITION, 3: "E", 4: POSITION})
    Image.new("RGB", (96, 64), "tan").save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_a_photo_told_of_a_person_is_named_once_and_never_quoted(kind: str) -> None:
    notes = decode(told(kind, serial="4711-0815", owner="Ann Example", position=True)).notes
    assert notes == ("Removed from the photo: GPS position, camera serial number, owner's name.",)


@pytest.mark.parametrize("photo", [picture(), picture(kind="JPEG"), told(), told(serial="0000", artist="  \0")])
def test_a_photo_that_tells_nothing_of_a_person_has_no_receipt(photo: bytes) -> None:
    assert decode(photo).notes == ()


def test_what_an_editor_has_written_is_seen_too() -> None:
    file = io.BytesIO()
    xmp = b'<x:xmpmeta><rdf:Description aux:SerialNumber="12" exif:GPSLatitude="48,51N" dc:creator="Ann"/></x:xmpmeta>'
    Image.new("RGB", (96, 64)).save(file, "JPEG", xmp=xmp)
    (note,) = decode(file.getvalue()).notes
    assert note == "Removed from the photo: GPS position, camera serial number, author's name."


def test_every_copy_of_a_picture_says_its_line_and_what_it_was_made_with() -> None:
    made = made_with(gallery.default())
    png = encode_png(torch.rand(3, 64, 96), LINE, made_with=made)
    for copy in (png, export(png, "jpeg"), export(png, "webp"), jpeg(png, 20_000)):
        found = carried(copy)
        assert found is not None
        assert (found.line, found.made_with) == (LINE, made)


def test_the_version_is_short_and_another_gallery_has_another() -> None:
    whole = gallery.default()
    made = made_with(whole)
    assert re.fullmatch(r"impasto \S+ w[0-9a-f]{4} g[0-9a-f]{4}", made)
    other = made_with(Gallery(tuple(whole)[1:]))
    assert other != made
    assert other.rpartition(" ")[0] == made.rpartition(" ")[0], "only the gallery is another"
