"""Seconds of one worker for each kind of picture that the simulated queue has, by the real engine process, alone."""

from __future__ import annotations

import io
import statistics
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw

from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import gallery, recipe, wire

LINES = {
    "fast": "starrynight mode=fast size=512",
    "universal": "starrynight mode=universal size=512",
    "sheet": "mode=sheet",
    "clip": "starrynight mode=fast size=320 frames=24",
    "fine": "starrynight mode=fine size=512",
}


class Times(msgspec.Struct, frozen=True):
    """Of one kind."""

    kind: str
    seconds: float  # the median
    least: float
    most: float
    steps: int


async def measure(rounds: int, folder: Path, photo: bytes | None = None) -> list[Times]:
    """By turns, so that a machine that becomes busy is busy for all; the first of each kind is not counted."""
    still = photo or _picture(0)
    found: dict[str, list[float]] = {kind: [] for kind in LINES}
    steps: dict[str, int] = {}
    command = worker_command(wire.EngineSettings(device="cpu", cache=folder))
    async with Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300, growth=0)) as engine:
        for number in range(rounds + 1):
            for kind, text in LINES.items():
                data = _clip() if kind == "clip" else still + bytes([number])  # another file: sheets are remembered
                order = _paint(f"{kind}{number}", text, data, moves=kind == "clip")
                steps[kind] = order.recipe.steps or 1
                async for event in engine.run(order):
                    if isinstance(event, wire.Failed):
                        raise RuntimeError(f"{kind}: {event.message}")
                    if isinstance(event, wire.Done) and number:
                        found[kind].append(event.seconds)
    return [Times(kind, statistics.median(all_), min(all_), max(all_), steps[kind]) for kind, all_ in found.items()]


def _paint(job: str, text: str, photo: bytes, *, moves: bool) -> wire.Paint:
    styles = gallery.default()
    complete = recipe.complete(recipe.parse(text, styles), styles, size=512, seed=1, encoder="slim")
    return wire.Paint(job, photo, complete, 0.0, plays=("image/gif",) if moves else ())


def _clip() -> bytes:
    frames = [Image.open(io.BytesIO(_picture(4 * number))).resize((320, 240)) for number in range(24)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=80)
    return data.getvalue()


def _picture(shift: int) -> bytes:
    """Hills and a house, which a camera passes."""
    image = Image.linear_gradient("L").resize((1024, 768)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for number in range(6):
        left = number * 220 - shift
        draw.ellipse((left, 400, left + 420, 900), fill=(40 + number * 25, 120, 60))
    draw.rectangle((400 - shift, 360, 560 - shift, 520), fill=(170, 60, 50))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=92)
    return data.getvalue()
