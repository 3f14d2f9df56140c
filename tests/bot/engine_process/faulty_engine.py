"""An engine process that misbehaves on demand, around the real engine's own loop.

``python faulty_engine.py [START]`` starts as START says; after that each order's photo names what happens to it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path

from engine import wire
from engine.cage import die_with_the_bot
from engine.stages import Picture, Refused, Stage
from engine.worker.loop import serve
from engine.worker.process import end_orphan

FOREVER = 3600.0


class FaultyPainter:
    """Paints the photo's own bytes, unless they are an order to fail."""

    ready = wire.Ready("a faulty device", ("slim", "full"), "0", encoder="full")

    def __init__(self, events) -> None:
        self.events = events

    def paint(self, order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        yield Stage(0.1, "begun", note=f"process {os.getpid()}", preview=lambda: b"JPEG")
        word, _, rest = (order.photo or b"").decode().partition(" ")
        if word == "once":
            # Misbehaves unless the named file is there, and leaves it there for the next process.
            path, _, fault = rest.partition(" ")
            word = "well" if Path(path).exists() else fault
            Path(path).touch()
        self.rest = rest
        said = getattr(self, word)()
        yield from said or ()
        yield Stage(1.0, "finished", note="finished")
        picture = repr(sorted(os.environ.items())).encode() if word == "environment" else order.photo
        yield Picture(picture, order.recipe, 1, 1)

    def well(self) -> None: ...

    def environment(self) -> None: ...

    def refuse(self) -> None:
        raise Refused("I do not like it.")

    def crash(self) -> None:
        os._exit(42)

    def segfault(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def hang(self) -> None:
        time.sleep(FOREVER)

    def patient(self):
        """Works until it is cancelled."""
        while True:
            time.sleep(0.01)
            yield Stage(0.5, "working")

    def between(self):
        """Works until the named file is there."""
        path = Path(self.rest)  # of this order; a quick one may come in between
        while not path.exists():
            time.sleep(0.01)
            yield Stage(0.5, "working")

    def stopped(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def grow(self) -> None:
        """Keeps fifty megabytes."""
        self.kept = b"x" * 50 * 2**20

    def deaf(self) -> None:
        """Beats, but never looks at what has come in."""
        while True:
            time.sleep(0.05)
            self.events.write(wire.encode(wire.Beat()))
            self.events.flush()

    def stubborn(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.deaf()

    def babble(self) -> None:
        self.events.write(b"\0\0\0\x05Hello")
        self.events.flush()
        self.hang()

    def announce(self) -> None:
        """Announces a frame of two gigabytes."""
        self.events.write(wire.HEADER.pack(2**31))
        self.events.flush()
        self.hang()

    def boast(self) -> None:
        """Says Ready again."""
        self.events.write(wire.encode(self.ready))
        self.events.flush()
        self.hang()

    def chatter(self) -> None:
        """Answers for a job that nobody gave it, and prints, from Python and from C."""
        self.events.write(wire.encode(wire.Failed("another", "broken", "Not yours.")))
        print("a stray line from Python", flush=True)  # noqa: T201 (that is the fault)
        sys.stderr.write("ERROR a serious one\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"a stray line from C")
        libc.fflush(None)
        sys.stderr.write("x" * 3 * 2**20 + "\n")
        sys.stderr.flush()


def main(start: str = "well") -> None:
    die_with_the_bot()
    requests, events = wire.claim_pipes()
    if start == "dies":
        sys.exit("no weights")
    if start == "silent":
        time.sleep(FOREVER)
    if start.startswith("dies-once:"):
        path = Path(start.partition(":")[2])
        if not path.exists():
            path.touch()
            sys.exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(
        requests, events, FaultyPainter(events), beat_seconds=0.05, at_end=functools.partial(end_orphan, seconds=0.2)
    )
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
