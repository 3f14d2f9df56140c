"""What is simulated: who orders what how often, what paints it, and what goes wrong."""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One sort of picture."""

    name: str
    share: float  # of all orders
    seconds: float  # of a worker, alone: the median
    quick: bool  # its lane
    spread: float = 0.15  # standard deviation of the logarithm


class Cards(msgspec.Struct, frozen=True, kw_only=True):
    """What paints: workers, a card or two cores each, and what one does to a picture."""

    kinds: tuple[Kind, ...]
    step: float  # seconds of a step of a long picture, which a quick one waits for
    price: float  # of one worker for an hour
    measured: bool  # or assumed


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """Orders: a Poisson process whose rate jumps between two values, each event a message of one or more photos."""

    rate: float  # orders a second, in the long run
    burst: float = 3.0  # the higher rate over the lower
    burst_seconds: float = 20.0  # the mean of a burst
    quiet_seconds: float = 100.0  # the mean between two
    photos: float = 1.2  # the mean of a message
    people_per_rate: float = 600.0  # people for an order a second: each orders so many seconds apart in the mean
    skew: float = 1.2  # deviation of the logarithm of how often a person orders: a tenth of the people order half


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong; nought is never."""

    stragglers: float = 0.01  # share of the pictures
    straggle: float = 4.0  # how much longer these take
    node_hours: float = 0.0  # between two losses of the same node
    repair_seconds: float = 180.0  # until a new one is there
    restart_every: float = 0.0  # seconds between the beginnings of two rolling restarts
    restart_seconds: float = 40.0  # that a node is away in one, when it has finished what it paints


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """All of one run. Nothing in it depends on the clock, so that a seed gives the same figures again."""

    cards: Cards
    arrivals: Arrivals
    workers: int
    per_node: int = 8  # workers
    trouble: Trouble = Trouble()
    limits: bool = True  # each person's, as they are without a configuration
    open_jobs: int = 3
    burst: int = 6
    per_minute: float = 6.0
    seconds: float = 600.0  # of arrivals
    warm: float = 120.0  # of which are not counted
    seed: int = 1


# Two cores of a Xeon, by themselves, which paint with all of their threads: docs/benchmarks.md, docs/scaling.md.
CPU = Cards(
    kinds=(
        Kind(name="fast", share=0.70, seconds=0.30, quick=True),
        Kind(name="universal", share=0.08, seconds=0.48, quick=True),
        Kind(name="sheet", share=0.08, seconds=2.0, quick=True),
        Kind(name="clip", share=0.02, seconds=5.0, quick=True, spread=0.4),
        Kind(name="fine", share=0.12, seconds=13.8, quick=False, spread=0.3),
    ),
    step=0.15,
    price=0.10,
    measured=True,
)

# Nobody has measured this: a card that does everything eight times as fast as the two cores, and fine steps ten times.
GPU = Cards(
    kinds=(
        Kind(name="fast", share=0.70, seconds=0.038, quick=True),
        Kind(name="universal", share=0.08, seconds=0.06, quick=True),
        Kind(name="sheet", share=0.08, seconds=0.25, quick=True),
        Kind(name="clip", share=0.02, seconds=0.63, quick=True, spread=0.4),
        Kind(name="fine", share=0.12, seconds=1.38, quick=False, spread=0.3),
    ),
    step=0.015,
    price=2.0,
    measured=False,
)

PRESETS = {"cpu": CPU, "gpu": GPU}
