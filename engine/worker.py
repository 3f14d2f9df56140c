"""The engine process: take a job, paint it, report, obey cancel, report what failed.

``python -m engine.worker '{"device": "cpu"}'`` reads requests from stdin and writes events to stdout, framed as in
`engine.wire`; its one argument is `wire.EngineSettings` as JSON. It ends on Stop, on SIGTERM, and when the bot at the
other end is gone.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine import cage, wire
from engine.stages import Painter, Picture, Refused, Stage

BEAT_SECONDS = 1.0  # between two beats while there is nothing to do
PROGRESS_SECONDS = 0.1  # a progress bar that moves ten times a second looks smooth
ORPHAN_SECONDS = 20.0  # for the current step to end once the bot is gone; then the process exits

NO_MEMORY = "There was not enough memory for this picture. Try a smaller photo, or a smaller size=."
BROKEN = "Something went wrong while I painted, and the log has the details. Please try again."

log = logging.getLogger("engine")


class Cancelled(Exception):
    """The bot has cancelled the job."""


class Stopped(Exception):
    """The bot has sent Stop, or is gone."""


class Inbox:
    """Requests as they arrive.

    A thread does nothing but read them from the pipe, so that the working loop, which must not wait, sees a Cancel in
    the middle of a job. ``at_end`` is called by that thread when the pipe is closed.
    """

    def __init__(self, stream: BinaryIO, at_end: Callable[[], None] = lambda: None) -> None:
        self._arrived: queue.SimpleQueue[wire.Request | None] = queue.SimpleQueue()
        self._orders: deque[wire.Paint] = deque()
        self._cancelled: set[str] = set()
        threading.Thread(target=self._read, args=(stream, at_end), name="inbox", daemon=True).start()

    def _read(self, stream: BinaryIO, at_end: Callable[[], None]) -> None:
        try:
            while (request := wire.read_request(stream)) is not None:
                self._arrived.put(request)
        except (wire.WireError, OSError, ValueError):
            log.exception("The bot sent an invalid request.")
        self._arrived.put(None)
        at_end()

    def order(self, seconds: float) -> wire.Paint | None:
        """The next picture to paint, or None when none has come in ``seconds``.

        Raises:
            Stopped
        """
        if not self._orders:
            with suppress(queue.Empty):
                self._take(self._arrived.get(timeout=seconds), working_on=None)
        return self._orders.popleft() if self._orders else None

    def poll(self, job: str) -> None:
        """Handle the requests that have arrived while ``job`` is being painted.

        Raises:
            Cancelled: ``job`` is to be abandoned.
            Stopped
        """
        with suppress(queue.Empty):
            while True:
                self._take(self._arrived.get_nowait(), working_on=job)
        if job in self._cancelled:
            self._cancelled.remove(job)
            raise Cancelled

    def _take(self, request: wire.Request | None, working_on: str | None) -> None:
        match request:
            case wire.Paint():
                self._orders.append(request)
            case wire.Cancel(job):
                # A job that has just been answered is cancelled too late, and must not be remembered.
                if job == working_on or any(order.job == job for order in self._orders):
                    self._cancelled.add(job)
            case wire.Stop() | None:
                raise Stopped


class Outbox:
    """Frames to the bot, each flushed at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, frame: bytes) -> None:
        """Raises Stopped when the bot has closed the pipe."""
        try:
            self._stream.write(frame)
            self._stream.flush()
        except BrokenPipeError:
            raise Stopped from None


class Report:
    """Sends the stages of one job, no more often than a person can follow."""

    def __init__(self, order: wire.Paint, outbox: Outbox, clock: Callable[[], float]) -> None:
        self._order, self._outbox, self._clock = order, outbox, clock
        self._progress_due = clock()
        self._preview_due = clock() + order.preview_seconds

    def __call__(self, stage: Stage) -> None:
        if stage.note or self._clock() >= self._progress_due:
            self._outbox.send(wire.encode(wire.Progress(self._order.job, stage.done, stage.text, stage.note)))
            self._progress_due = self._clock() + PROGRESS_SECONDS
        due = stage.at_once or self._clock() >= self._preview_due
        # After the last stage comes the picture itself, which a preview would only delay.
        if stage.preview and stage.done < 1 and self._order.preview_seconds > 0 and due:
            self._outbox.send(wire.encode(wire.Preview(self._order.job, stage.preview(), stage.cells)))
            # Counted from when it is sent, so that encoding previews, where it is slow, cannot take up the job's time.
            self._preview_due = self._clock() + self._order.preview_seconds


def serve(
    requests: BinaryIO,
    events: BinaryIO,
    painter: Painter,
    *,
    beat_seconds: float = BEAT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    at_rest: Callable[[], None] = lambda: None,
    at_end: Callable[[], None] = lambda: None,
) -> None:
    """Send Ready, then paint order after order until Stop, or until the bot is gone.

    Every order is answered by exactly one Done or Failed, unless the process is stopped in the middle of it.
    ``at_rest`` is called once after the last of them, before the first beat.
    """
    inbox, outbox = Inbox(requests, at_end), Outbox(events)
    try:
        outbox.send(wire.encode(painter.ready))
        rested = True
        while True:
            order = inbox.order(beat_seconds)
            if order:
                outbox.send(_answer(order, painter, inbox, outbox, clock))
            else:
                if not rested:
                    at_rest()
                outbox.send(wire.encode(wire.Beat()))
            rested = order is None
    except Stopped:
        return


def _answer(order: wire.Paint, painter: Painter, inbox: Inbox, outbox: Outbox, clock: Callable[[], float]) -> bytes:
    """Paint one picture; the frame that answers the order."""
    began, report = clock(), Report(order, outbox, clock)
    try:
        with closing(painter.paint(order)) as stages:
            for stage in stages:
                inbox.poll(order.job)
                if isinstance(stage, Picture):
                    return wire.encode(_done(order.job, stage, clock() - began))
                report(stage)
        raise RuntimeError("the painter ended without a picture")
    except Stopped:
        raise
    except Cancelled:
        failed = wire.Failed(order.job, "cancelled", "Cancelled.")
    except Refused as refusal:
        failed = wire.Failed(order.job, "refused", str(refusal))
    except MemoryError:
        log.exception("Out of memory in job %s.", order.job)
        failed = wire.Failed(order.job, "broken", NO_MEMORY)
    except Exception:
        log.exception("Job %s failed.", order.job)
        failed = wire.Failed(order.job, "broken", BROKEN)
    return wire.encode(failed)


def _done(job: str, picture: Picture, seconds: float) -> wire.Done:
    data, recipe, width, height, notes, findings, media_type, cells = picture
    return wire.Done(job, data, recipe, width, height, round(seconds, 2), notes, findings, media_type, cells)


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Private copies of stdin and stdout; from now on stdout is stderr, for Python and for C alike.

    To be called before anything is imported that might print: one stray line would break the stream of frames.
    """
    requests, events = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, events


def end_orphan(seconds: float = ORPHAN_SECONDS) -> None:
    """Exit, should the working loop not have ended by itself after the bot is gone, as it does between two steps."""
    time.sleep(seconds)
    os._exit(1)


def _offer_to_the_oom_killer() -> None:
    """When the machine runs out of memory, the kernel is to kill this process and not the bot."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def give_memory_back() -> None:
    """Let the system have the memory that jobs are done with: the bot has told the allocator to keep it."""
    gc.collect()
    with suppress(AttributeError):  # only glibc has this function
        ctypes.CDLL(None).malloc_trim(0)


def settings_of(arguments: Sequence[str]) -> wire.EngineSettings:
    """The settings of the command line; without an argument the defaults.

    Raises:
        SystemExit: with code 2, after a message to stderr.
    """
    try:
        match arguments:
            case []:
                return wire.EngineSettings()
            case [text]:
                return wire.decode_settings(text)
        raise wire.WireError(f"one argument is expected, and there are {len(arguments)}")
    except wire.WireError as error:
        sys.stderr.write(f"python -m engine.worker: the settings cannot be read: {error}\n")
        raise SystemExit(2) from error


def enter_cage(settings: wire.EngineSettings) -> tuple[str, ...]:
    """Keep within reach what the settings name; what holds of the cage."""
    folder = settings.cache or Path.home() / ".cache/torch"
    fetched = settings.weights is not None or any(folder.rglob("vgg19*"))
    if not fetched:  # an order may want the full encoder, which then is downloaded
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return cage.enter((settings.weights, settings.gallery), (folder, Path.home() / ".nv"), network=not fetched)


def main() -> None:
    cage.die_with_the_bot()
    requests, events = claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the bot handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    settings = settings_of(sys.argv[1:])
    _offer_to_the_oom_killer()
    held = enter_cage(settings) if settings.cage else ()  # before torch, which starts threads

    code = 1
    try:
        gc.disable()  # what importing torch makes is kept: to look for garbage in it took an eighth of the time
        from engine.painter import TorchPainter, set_up_process  # imports torch, so not before stdout is safe

        set_up_process(settings)
        painter = TorchPainter(settings)
        painter.ready = msgspec.structs.replace(painter.ready, cage=held)
        gc.freeze()
        gc.enable()
        serve(requests, events, painter, at_rest=give_memory_back, at_end=end_orphan)
        code = 0
    except BaseException:
        log.exception("The engine has failed.")
    finally:
        logging.shutdown()
        # Threads still sit in read() or in a download, and the interpreter's own shutdown would wait for them.
        os._exit(code)


if __name__ == "__main__":
    main()
