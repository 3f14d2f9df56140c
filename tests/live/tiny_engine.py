"""An engine process with a quick painter: the real engine's own loop, pipes and answers, without torch.

``python -m tests.live.tiny_engine SECONDS [LIST [GATE]]`` takes so long for a picture, writes the seed of every order
that it begins into LIST, and begins none before there is a file GATE.
"""

from __future__ import annotations

import functools
import io
import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path

from PIL import Image

from engine import wire
from engine.cage import die_with_the_bot
from engine.stages import Picture, Stage
from engine.worker.loop import serve
from engine.worker.process import end_orphan

STEPS = 10


def picture(kind: str) -> bytes:
    """An image file; not from `tests.pictures`, for pytest would take half of the time of a start."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "steelblue").save(file, kind)
    return file.getvalue()


PICTURE, PREVIEW = picture("PNG"), picture("JPEG")


class TinyPainter:
    """Paints one and the same picture, in ten steps."""

    ready = wire.Ready("a tiny painter", ("slim",), "0")

    def __init__(self, seconds: float, begun: Path | None = None, gate: Path | None = None) -> None:
        self._seconds, self._begun, self._gate = seconds, begun, gate

    def paint(self, order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        while self._gate and not self._gate.exists():
            time.sleep(0.05)
            yield Stage(0.0, "waiting")
        if self._begun:
            with self._begun.open("a") as file:
                file.write(f"{order.recipe.seed}\n")
        for step in range(STEPS):
            time.sleep(self._seconds / STEPS)
            yield Stage(step / STEPS, f"step {step} of {STEPS}", preview=lambda: PREVIEW)
        yield Picture(PICTURE, order.recipe, 64, 48)


def main(seconds: str, *files: str) -> None:
    die_with_the_bot()
    requests, events = wire.claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    painter = TinyPainter(float(seconds), *map(Path, files))
    serve(requests, events, painter, at_end=functools.partial(end_orphan, seconds=1.0))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
