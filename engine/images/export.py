"""A finished picture as a JPEG or WebP file of full size, with its recipe line. A process of its own, without torch.

python -m engine.images.export jpeg|webp < picture.png > picture
"""

from __future__ import annotations

import io
import sys

from PIL import Image

from engine.images.metadata import carried
from engine.images.thumbnails import on_white

JPEG_QUALITY = 93  # with colours in full: brushwork has edges in colour that are none in brightness
WEBP_QUALITY = 90


def export(picture: bytes, kind: str) -> bytes:
    """The picture in the other format; what is transparent gets white paper in a JPEG, and stays so in WebP."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        exif = carried(image)
        if kind == "jpeg":
            on_white(image).save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True, exif=exif)
        else:
            image.save(file, "WEBP", quality=WEBP_QUALITY, exif=exif)
    return file.getvalue()


def main(argv: list[str]) -> int:
    if argv not in (["jpeg"], ["webp"]):
        return 1
    sys.stdout.buffer.write(export(sys.stdin.buffer.read(), argv[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
