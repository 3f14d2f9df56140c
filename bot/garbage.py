"""When Python looks for objects that only hold each other: often, at what is new, so that nobody waits for it long.

Everybody waits while it looks, and a look at everything took 60 to 120 ms with 1500 pictures in the line. Nearly all
such objects are garbage a moment after they came, so what was there at the last look is left alone until nobody waits.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

LOOK_SECONDS = 2.0
EVERYTHING_SECONDS = 3600.0  # between two looks at everything
LONGEST_SECONDS = 6 * 3600.0  # for which a bot that is never idle may put that off
NEVER = 2**30  # of the younger objects' collections, after which Python would look at all by itself


async def collect(
    idle: Callable[[], bool],
    *,
    look_seconds: float = LOOK_SECONDS,
    everything_seconds: float = EVERYTHING_SECONDS,
    longest_seconds: float = LONGEST_SECONDS,
) -> None:
    """Look at what is new again and again, and at everything now and then while ``idle``, until cancelled."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(before[0], before[1], NEVER)
    try:
        last = time.monotonic()
        while True:
            await asyncio.sleep(look_seconds)
            if time.monotonic() - last >= (everything_seconds if idle() else longest_seconds):
                gc.unfreeze()
                last = time.monotonic()
            gc.collect()
            gc.freeze()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
