"""python -m tests.chaos --rounds N --seed S: bot and engine are killed among orders, and nothing may be lost."""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.rounds import Chaos, Report, judged
from tests.fakes.descriptions import missing
from tests.live.orders import GOOD, WRONG
from tests.live.tables import table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="the same seed draws the same rounds"
    )
    parser.add_argument("--only", type=int, metavar="ROUND", help="play one of the rounds alone")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which no more rounds are begun")
    parser.add_argument(
        "--real", type=float, default=0.05, help="share of the rounds on the real engine, not a tiny one"
    )
    return parser.parse_args()


def tables(report: Report) -> str:
    """By where it was ordered, and by what happened."""
    verdicts = (*GOOD, *WRONG)
    by_kind: dict[str, Counter[str]] = {}
    by_blow: dict[str, Counter[str]] = {}
    for round_ in report.rounds:
        blow = by_blow.setdefault(round_.blows[0].kind + (" twice" if len(round_.blows) > 1 else ""), Counter())
        blow["rounds"] += 1
        blow["trouble"] += len(round_.trouble)
        for order in round_.orders:
            kind = by_kind.setdefault(order.kind, Counter())
            for counter in (kind, blow):
                counter["orders"] += 1
                counter[judged((order, round_))] += 1
    in_all: Counter[str] = sum(by_kind.values(), Counter())
    rows = [[kind, *(counts[column] for column in ("orders", *verdicts))] for kind, counts in sorted(by_kind.items())]
    rows.append(["in all", *(in_all[column] for column in ("orders", *verdicts))])
    first = table(["ordered on", "orders", *verdicts], rows)
    columns = ("rounds", "orders", *verdicts, "trouble")
    second = table(["blow", *columns], [[b, *(c[column] for column in columns)] for b, c in sorted(by_blow.items())])
    real = sum(round_.real for round_ in report.rounds)
    said = (
        f"{len(report.rounds)} rounds, {real} of them on the real engine, seed {report.seed},"
        f" {report.starts} starts of the bot, {report.seconds:.0f} s"
    )
    return "\n\n".join([said, first, second])


async def main() -> int:
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        chaos = Chaos(Path(folder), args.seed, lambda text: print(text, file=sys.stderr, flush=True))
        report = await chaos.run(args.rounds, real_share=args.real, only=args.only, minutes=args.minutes)
    print(tables(report))
    for text in report.journal:
        print(text)
    if not report.violations:
        print("\nNothing was lost, answered twice, left unanswered or given up.")
        return 0
    print(f"\n{report.violations} violations. The first:\n{report.first}")
    return 1


if __name__ == "__main__":
    sys.exit(missing() or asyncio.run(main()))
