"""Getting the full encoder ahead of time: ``python -m engine.fetch SETTINGS``, as `engine.worker` is started.

Writes frames to stdout: Progress while it works, then one Fetched or Failed.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from contextlib import suppress

from engine import wire
from engine.worker.loop import PROGRESS_SECONDS, Outbox, Stopped
from engine.worker.process import settings_of

JOB = "full"


def fetch(settings: wire.EngineSettings, outbox: Outbox) -> wire.Fetched | wire.Failed:
    """Have the weights in the cache, and say how far that is."""
    from engine.encoders import weights  # imports torch, so not before stdout is safe

    due = 0.0

    def report(done: float, text: str) -> None:
        nonlocal due
        if time.monotonic() >= due or done == 1:
            outbox.send(wire.encode(wire.Progress(JOB, done, text)))
            due = time.monotonic() + PROGRESS_SECONDS

    try:
        new = weights.fetch(settings.cache, settings.weights, report)
    except weights.NoWeights as error:
        return wire.Failed(JOB, "refused", str(error))
    file = weights.kept(settings.cache)
    return wire.Fetched(str(file), file.stat().st_size, new)


def main() -> None:
    requests, events = wire.claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the bot handles it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exception, so that what is half written is removed
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    with suppress(Stopped, BrokenPipeError), requests, events:  # of these two nobody is there to hear
        outbox = Outbox(events)
        end = fetch(settings_of(sys.argv[1:]), outbox)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        outbox.send(wire.encode(end))


if __name__ == "__main__":
    main()
