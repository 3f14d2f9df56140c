"""The figures of docs/laboratory.md, made anew from the photos that scikit-image brings.

python -m engine.figures [NAME ...] [--to docs/figures] [--size PIXELS]

Every picture of a figure is a recipe's, painted like an order. On two cores all of them together take half an hour.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from skimage import data

from engine.images.decode import decode
from engine.lab.sheet import labelled
from engine.painter import TorchPainter, set_up_process
from engine.recipe import complete, parse
from engine.stages import Picture, Stage
from engine.wire import EngineSettings, Paint

FOLDER = Path("docs/figures")
QUALITY = 80  # of WebP
SEED = 7


class Panel(NamedTuple):
    """One picture of a figure."""

    line: str
    label: str = ""
    photo: str = ""  # its name in skimage.data
    repeated: int = 1  # so many times across and down, to show that the edges fit


class Figure(NamedTuple):
    """Pictures side by side; a single one stands for itself, without a label."""

    panels: Sequence[Panel]
    size: int  # pixels, long side of each picture
    wide: int = 1000  # of the whole, in pixels, if there are several


def _each(photo: str, lines: dict[str, str]) -> list[Panel]:
    return [Panel(line, label, photo) for label, line in lines.items()]


_LOWER = "layers=conv1_1,conv1,conv2_1,fire2"
FIGURES = {
    "content": Figure(
        _each("chelsea", {f"conv{b}_1": f"mode=content content=conv{b}_1" for b in range(1, 6)}), size=176
    ),
    "texture": Figure([Panel("compositionvii mode=texture")], size=400),
    "tile": Figure([Panel("willowbough mode=texture depth=5 tile=yes", repeated=3)], size=160),
    "dream": Figure(
        _each("chelsea", {layer: f"mode=dream layers={layer}" for layer in ("fire4", "fire7", "fire8")}), size=320
    ),
    "layers": Figure(
        _each(
            "chelsea",
            {
                "conv1_1 and conv2_1": f"starrynight mode=fine init=photo {_LOWER}",
                "all five": "starrynight mode=fine init=photo",
            },
        ),
        size=384,
    ),
    "start": Figure(
        _each("astronaut", {f"init={i}": f"starrynight mode=fine init={i}" for i in ("noise", "photo", "fast")}),
        size=256,
    ),
    "optimizers": Figure(
        _each(
            "coffee",
            {
                "L-BFGS": "wheatfield mode=fine init=photo steps=100",
                **{f"Adam, rate={r}": f"wheatfield mode=fine init=photo steps=100 rate={r}" for r in (1, 5, 20)},
            },
        ),
        size=192,
    ),
    "colors": Figure(
        _each("coffee", {f"colors={c}": f"sunrise mode=fine colors={c}" for c in ("style", "matched", "photo")}),
        size=320,
    ),
    "grid": Figure([Panel("starrynight mode=grid", photo="chelsea")], size=768),
    "ladder": Figure([Panel("greatwave mode=sheet", photo="rocket")], size=224),
    "like": Figure([Panel("mode=like", photo="coffee")], size=768),
    "map": Figure([Panel("mode=map")], size=1024),
    "suggest": Figure([Panel("mode=suggest", photo="astronaut")], size=900),
    "explain": Figure([Panel("starrynight mode=explain init=noise steps=200", photo="astronaut")], size=288),
}


def make(painter: TorchPainter, figure: Figure, size: int | None = None) -> Image.Image:
    """Paint a figure; ``size`` in the place of its own makes a draft."""
    pictures = [_painted(painter, panel, size or figure.size) for panel in figure.panels]
    if len(pictures) == 1:
        return pictures[0]
    shape = (pictures[0].height, pictures[0].width)
    sheet = labelled("", [""], [panel.label for panel in figure.panels], figure.wide, shape)
    for index, picture in enumerate(pictures):
        file = io.BytesIO()
        picture.save(file, "PNG")
        sheet.put(index, decode(file.getvalue()).pixels)
    return sheet.image


def _painted(painter: TorchPainter, panel: Panel, size: int) -> Image.Image:
    recipe = complete(parse(panel.line, painter.gallery), painter.gallery, size=size, seed=SEED)
    for event in painter.paint(Paint("figure", _photo(panel.photo), recipe, preview_seconds=0, enlarge=False)):
        match event:
            case Picture(png):
                picture = Image.open(io.BytesIO(png)).convert("RGB")
                tiled = Image.new("RGB", (picture.width * panel.repeated, picture.height * panel.repeated))
                for index in range(panel.repeated**2):
                    across, down = index % panel.repeated, index // panel.repeated
                    tiled.paste(picture, (across * picture.width, down * picture.height))
                return tiled
            case Stage(done, text):
                sys.stderr.write(f"\r{panel.line[:70]}: {done:4.0%} {text:40}")
    raise AssertionError("a painter ends with a picture")


def _photo(name: str) -> bytes | None:
    if not name:
        return None
    file = io.BytesIO()
    Image.fromarray(getattr(data, name)()).save(file, "PNG")
    return file.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.figures", description="Make the laboratory's figures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}; without any, all")
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder for them (%(default)s)")
    parser.add_argument("--size", type=int, help="pixels, for drafts")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; without it torch's own choice")
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.names if name not in FIGURES]:
        parser.error(f"there is no figure {unknown[0]}; there are {', '.join(FIGURES)}")
    settings = EngineSettings(device="cpu", threads=arguments.threads)  # no graphics card: the same everywhere
    set_up_process(settings)
    painter = TorchPainter(settings)
    arguments.to.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or FIGURES:
        began, path = time.monotonic(), arguments.to / f"{name}.webp"
        make(painter, FIGURES[name], arguments.size).save(path, "WEBP", quality=QUALITY, method=6)
        sys.stderr.write(f"\r{path}: {time.monotonic() - began:.0f} s, {path.stat().st_size / 1024:.0f} KiB{'':60}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
