"""A finished picture made small enough for a chat's upload limit: PNG in, JPEG out, in a process of its own.

    python -m engine.shrink BYTES < picture.png > picture.jpg

It knows no tensors, so it starts at once; the bot never decodes a picture itself.
"""

from __future__ import annotations

import io
import sys

from PIL import Image

QUALITIES = (92, 85, 75)  # below, the strokes suffer more than from a smaller picture
STEP = 0.8  # of the sides, when no quality is small enough
SMALLEST = 64  # pixels


def shrink(picture: bytes, limit: int) -> bytes:
    """The picture as a JPEG of at most ``limit`` bytes, as large as it can be.

    Raises:
        ValueError: not even the smallest one is.
    """
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    while max(image.size) >= SMALLEST:
        for quality in QUALITIES:
            file = io.BytesIO()
            image.save(file, "JPEG", quality=quality, optimize=True)
            if file.tell() <= limit:
                return file.getvalue()
        width, height = (max(1, int(side * STEP)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    raise ValueError(f"{limit} bytes are too few for any picture.")


if __name__ == "__main__":
    sys.stdout.buffer.write(shrink(sys.stdin.buffer.read(), int(sys.argv[1])))
