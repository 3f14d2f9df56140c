"""python -m tests.scaling.capacity WHAT: what one worker, one journal and one bot process can carry."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.live.tables import table
from tests.scaling.capacity import journal, loop, service


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scaling.capacity", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    of_service = what.add_parser("service", help=service.__doc__)
    of_service.add_argument("--rounds", type=int, default=3)
    of_service.add_argument("--photo", type=Path, help="instead of a drawn one")
    for name, module in (("journal", journal), ("loop", loop)):
        of = what.add_parser(name, help=module.__doc__)
        of.add_argument("--jobs", type=int, default=1000)
        of.add_argument("--photo-kb", type=int, default=250)
        of.add_argument("--picture-kb", type=int, default=400)
        of.add_argument("--folder", type=Path, help="on the disk that is meant; a temporary one without it")
    what.choices["journal"].add_argument("--at-once", type=int, nargs="+", default=[1, 32])
    what.choices["loop"].add_argument("--workers", type=int, nargs="+", default=[1, 64, 1000])
    what.choices["loop"].add_argument("--waiting", action="store_true", help="all are in line before the first begins")
    what.choices["loop"].add_argument("--progress", type=int, default=1, help="reports of a picture on its way")
    what.choices["loop"].add_argument("--in-memory", action="store_true", help="without the disk")
    return parser.parse_args(words)


async def measured(args: argparse.Namespace, folder: Path) -> list[msgspec.Struct]:
    if args.what == "service":
        photo = await asyncio.to_thread(args.photo.read_bytes) if args.photo else None
        return [*await service.measure(args.rounds, folder, photo)]
    sizes = {"photo": args.photo_kb * 1000, "picture": args.picture_kb * 1000}
    found: list[msgspec.Struct] = []
    for number in args.at_once if args.what == "journal" else args.workers:
        with tempfile.TemporaryDirectory(dir=args.folder or folder) as own:
            if args.what == "journal":
                found.append(await journal.measure(args.jobs, number, Path(own), **sizes))
            else:
                where = None if args.in_memory else Path(own)
                found.append(
                    await loop.measure(args.jobs, number, where, **sizes, progress=args.progress, waiting=args.waiting)
                )
    return found


def main(words: Sequence[str] | None = None) -> int:
    args = arguments(words)
    with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
        found = asyncio.run(measured(args, Path(folder)))
    rows = [list(msgspec.structs.asdict(row).values()) for row in found]
    names = [name.replace("_", " ") for name in msgspec.structs.asdict(found[0])]
    print(f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.", "", sep="\n")
    print(table(names, [[f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
