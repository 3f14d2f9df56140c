"""python -m tests.scaling.queue: how long people would wait with so many workers, how many a target takes, the price.

The bot's own queue, forecast and limits run in virtual time before workers that only count seconds. The same seed
gives the same figures, on any machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import msgspec

from tests.live.tables import table
from tests.scaling.queue.measures import Report, report
from tests.scaling.queue.scenario import PRESETS, Arrivals, Cards, Scenario, Trouble
from tests.scaling.queue.sizing import Target, sized


def rows(reports: Sequence[Report]) -> str:
    head = [
        "orders a second",
        "workers",
        "quick: 50 %",
        "99 %",
        "long: 50 %",
        "99 %",
        "busy",
        "refused",
        "lost in hand",
    ]
    head += ["eager / others", "told right", "an hour", "1,000 pictures"]
    return table(head, [_row(found) for found in reports])


def _row(found: Report) -> list[object]:
    scenario, quick, long = found.scenario, found.quick, found.long
    return [
        f"{scenario.arrivals.rate:g}",
        scenario.workers,
        *(f"{seconds:.1f}" for seconds in (quick.wait_50, quick.wait_99, long.wait_50, long.wait_99)),
        f"{found.utilisation:.0%}",
        f"{found.refused / max(1, found.orders):.1%}",
        found.lost_in_hand,
        f"{found.eager:.2f}",
        f"{found.told_right:.0%}",
        f"{found.per_hour:,.2f}",
        f"{found.per_1000:.3f}",
    ]


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scaling.queue", description=__doc__)
    add = parser.add_argument
    add("--rate", type=float, nargs="+", default=[10.0, 100.0, 1000.0], help="orders a second (10 100 1000)")
    add("--cards", choices=PRESETS, default="cpu", help="what a worker is: cpu was measured, gpu is assumed")
    add("--workers", type=int, help="so many; without it as few as hold the target")
    add("--quick", type=float, default=Target().quick_99, help="target: seconds that 99 %% of quick pictures wait")
    add("--long", type=float, default=Target().long_50, help="target: seconds that half of the long ones wait")
    add("--kind", action="append", default=[], metavar="NAME=SECONDS[:SHARE]", help="other times or another mix")
    add("--price", type=float, help="of one worker for an hour")
    add("--per-node", type=int, default=8, help="workers of a node (8)")
    add("--burst", type=float, default=Arrivals(rate=1).burst, help="the rate in bursts over that between (3)")
    add(
        "--skew",
        type=float,
        default=Arrivals(rate=1).skew,
        help="0: all order as often as each other (1.2)",
    )
    add("--stragglers", type=float, default=Trouble().stragglers, help="share of pictures that take 4 times as long")
    add("--node-hours", type=float, default=0.0, help="between two losses of a node; 0: none is lost")
    add("--restart-every", type=float, default=0.0, help="seconds between two rolling restarts; 0: there is none")
    add("--no-limits", action="store_true", help="nobody is refused, whatever they order")
    add("--seconds", type=float, default=600.0, help="of orders (600), of which 120 are not counted")
    add("--seed", type=int, default=1)
    add("--json", action="store_true", help="everything that is known of every run")
    return parser.parse_args(words)


def cards_of(args: argparse.Namespace) -> Cards:
    """The named ones, with what was said of them."""
    cards = PRESETS[args.cards]
    kinds = {kind.name: kind for kind in cards.kinds}
    for text in args.kind:
        name, _, figures = text.partition("=")
        if name not in kinds:
            sys.exit(f"There is no kind {name}; there are {', '.join(kinds)}.")
        seconds, _, share = figures.partition(":")
        changes = {"seconds": float(seconds)} | ({"share": float(share)} if share else {})
        kinds[name] = msgspec.structs.replace(kinds[name], **changes)
    price = cards.price if args.price is None else args.price
    measured = cards.measured and not args.kind
    return msgspec.structs.replace(cards, kinds=tuple(kinds.values()), price=price, measured=measured)


def scenarios(args: argparse.Namespace) -> list[Scenario]:
    trouble = Trouble(stragglers=args.stragglers, node_hours=args.node_hours, restart_every=args.restart_every)
    return [
        Scenario(
            cards=cards_of(args),
            arrivals=Arrivals(rate=rate, burst=args.burst, skew=args.skew),
            workers=args.workers or 0,
            per_node=args.per_node,
            trouble=trouble,
            limits=not args.no_limits,
            seconds=args.seconds,
            warm=min(120.0, args.seconds / 5),
            seed=args.seed,
        )
        for rate in args.rate
    ]


def main() -> int:
    args = arguments()
    target = Target(quick_99=args.quick, long_50=args.long)
    found = [report(one) if args.workers else sized(one, target) for one in scenarios(args)]
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
        return 0
    aim = f"as few workers as hold {target.quick_99:g} s quick (99 %) and {target.long_50:g} s long (50 %)"
    times = "measured" if cards_of(args).measured else "ASSUMED"
    print(f"Seed {args.seed}; the service times of {args.cards} are {times}.")
    print(f"Seconds before a picture is begun; {f'{args.workers} workers' if args.workers else aim}.")
    print("", rows(found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
