"""python -m tests.soak --jobs N --people M: does the engine grow, does anybody starve, does the bot ever stall?"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.fakes.descriptions import missing
from tests.live.tables import table
from tests.soak import jobs, people


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--jobs", type=int, default=4000, help="pictures through the real engine; 0 leaves them out")
    parser.add_argument("--people", type=int, default=500, help="with three pictures each; 0 leaves them out")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    return parser.parse_args()


def of_jobs(report: jobs.Report) -> str:
    rows = [[s.jobs, s.seconds, s.at_rest, s.at_work, s.at_rest / report.samples[0].at_rest] for s in report.samples]
    modes = ", ".join(f"{mode} {count}" for mode, count in report.modes.most_common())
    return "\n\n".join(
        [
            table(["jobs", "after s", "MB at rest", "MB at work", "growth"], rows),
            f"At most {report.peak:.0f} MB. Modes: {modes}.",
        ]
    )


def of_people(report: people.Report) -> str:
    held = report.held
    rows = [
        ["people", ", ".join(f"{count} on {where}" for where, count in sorted(report.people.items()))],
        ["orders", ", ".join(f"{count} {kind}" for kind, count in report.verdicts.items())],
        ["seconds to take them all", report.order_seconds],
        ["seconds to answer them all", report.answer_seconds],
        ["the last first picture was at place", report.last_first],
        ["the first third one was at place", report.first_third],
        ["longest step of the bot's loop, ms", 1000 * held[0][0] if held else 0],
        ["steps over 50 ms", sum(seconds > people.LONGEST_STEP for seconds, _ in held)],
        ["steps over 20 ms", sum(seconds > 0.02 for seconds, _ in held)],
        ["the bot's memory at most, MB", report.bot_mb],
    ]
    return table(["", ""], rows)


async def main() -> int:
    args = arguments()
    violations: list[str] = []

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        print(f"Seed {args.seed}.")
        if args.jobs:
            painted = await jobs.soak(
                args.jobs, args.seed, Path(folder), early=min(jobs.EARLY, args.jobs // 2), say=say
            )
            print("", of_jobs(painted), sep="\n")
            violations += painted.violations
        if args.people:
            served = await people.Crowd(args.people, args.seed, Path(folder), say).run()
            print("", of_people(served), sep="\n")
            violations += served.violations
    print("", *(violations or ["Nothing grew, nobody starved, the bot never stood still."]), sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(missing() or asyncio.run(main()))
