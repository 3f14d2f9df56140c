"""python -m tests.hostile --files N --seed S: files that nobody should send, to the whole bot with the real engine."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.fakes.descriptions import missing
from tests.hostile.attack import Outcome, Report, attack
from tests.hostile.files import hostile_files
from tests.live.tables import table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="the same seed draws the same files")
    parser.add_argument("--family", default="", help="only files of the families with this in their names")
    parser.add_argument("--answers", action="store_true", help="print every refusal")
    return parser.parse_args()


def tables(report: Report, seed: int) -> str:
    """By family of files."""
    families: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        families.setdefault(outcome.file.family, []).append(outcome)
    rows = [
        [
            family,
            len(mine),
            sum(o.answer == "picture" for o in mine),
            sum(o.answer == "refusal" for o in mine),
            sum(bool(o.trouble) for o in mine),
            max(o.seconds for o in mine),
        ]
        for family, mine in sorted(
            [*families.items(), ("in all", report.outcomes)], key=lambda f: (f[0] == "in all", f)
        )
    ]
    said = (
        f"{len(report.outcomes)} files, seed {seed}, {report.seconds:.0f} s; engine processes: {len(report.engines)},"
        f" at most {report.engine_mb:.0f} MB; the bot at most {report.bot_mb:.0f} MB"
    )
    head = ("family", "files", "pictures", "refusals", "trouble", "slowest, s")
    return f"{said}\n\n{table(head, rows)}"


async def main() -> int:
    args = arguments()
    files = [file for file in hostile_files(args.files, args.seed) if args.family in file.family]
    with tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as folder:
        report = await attack(files, args.seed, Path(folder), lambda text: print(text, file=sys.stderr, flush=True))
    print(tables(report, args.seed))
    if args.answers:
        for text in sorted({f"{o.file.family}, {o.file.about}: {o.text}" for o in report.outcomes if o.text}):
            print(text)
    if not report.violations:
        print("\nEvery file was answered with a picture or a clear sentence.")
        return 0
    print("", *report.violations, sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(missing() or asyncio.run(main()))
