"""The engine's working loop: orders in, one step of the one whose turn it is, what there is to report out.

There is at most one long order in hand, and beside it one quick one, which is painted between two steps of the long
one from its first step to its last. Then the long one goes on for at least as long as that took, so that it has about
half of the time however many quick ones keep coming.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from engine import wire
from engine.stages import Painter, Picture, Refused, Stage

BEAT_SECONDS = 1.0  # between two beats while there is nothing to do
PROGRESS_SECONDS = 0.1  # a progress bar that moves ten times a second looks smooth

NO_MEMORY = "There was not enough memory for this picture. Try a smaller photo, or a smaller size=."
CROWDED = "There was not enough memory for this picture beside another one."
BROKEN = "Something went wrong while I painted, and the log has the details. Please try again."

log = logging.getLogger("engine")


class Stopped(Exception):
    """The bot has sent Stop, or is gone."""


class Inbox:
    """Requests as they arrive.

    A thread does nothing but read them from the pipe, so that the working loop, which must not wait, sees a Cancel in
    the middle of a job. ``at_end`` is called by that thread when the pipe is closed, ``forget`` by the loop.
    """

    def __init__(
        self,
        stream: BinaryIO,
        at_end: Callable[[], None] = lambda: None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._forget = forget
        self._arrived: queue.SimpleQueue[wire.Request | None] = queue.SimpleQueue()
        self._orders: dict[bool, deque[wire.Paint]] = {True: deque(), False: deque()}  # by whether they are quick
        self._in_hand: set[str] = set()
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

    def wait(self, seconds: float) -> bool:
        """Whether there is an order to paint, once there is one or ``seconds`` are over.

        Raises:
            Stopped
        """
        if not any(self._orders.values()):
            with suppress(queue.Empty):
                self._take(self._arrived.get(timeout=seconds))
        return any(self._orders.values())

    def look(self) -> None:
        """Take in what has arrived.

        Raises:
            Stopped
        """
        with suppress(queue.Empty):
            while True:
                self._take(self._arrived.get_nowait())

    def order(self, *, quick: bool) -> wire.Paint | None:
        """The next order of its kind, if there is one; it is in hand until `settled`."""
        if not self._orders[quick]:
            return None
        order = self._orders[quick].popleft()
        self._in_hand.add(order.job)
        return order

    def is_cancelled(self, job: str) -> bool:
        """Whether a job in hand is to be abandoned."""
        return job in self._cancelled

    def settled(self, job: str) -> None:
        """The job was answered: one that is cancelled from now on is cancelled too late, and not remembered."""
        self._in_hand.discard(job)
        self._cancelled.discard(job)

    def _take(self, request: wire.Request | None) -> None:
        match request:
            case wire.Paint():
                self._orders[request.quick].append(request)
            case wire.Cancel(job):
                waiting = (order.job for orders in self._orders.values() for order in orders)
                if job in self._in_hand or job in waiting:
                    self._cancelled.add(job)
            case wire.Forget():
                self._forget()
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

    def __call__(self, stage: Stage, seconds: float) -> None:
        """Args: seconds: that the job has taken."""
        if stage.note or self._clock() >= self._progress_due:
            said = wire.Progress(self._order.job, stage.done, stage.text, stage.note, round(seconds, 2))
            self._outbox.send(wire.encode(said))
            self._progress_due = self._clock() + PROGRESS_SECONDS
        due = stage.at_once or self._clock() >= self._preview_due
        # After the last stage comes the picture itself, which a preview would only delay.
        if stage.preview and stage.done < 1 and self._order.preview_seconds > 0 and due:
            self._outbox.send(wire.encode(wire.Preview(self._order.job, stage.preview(), stage.cells)))
            # Counted from when it is sent, so that encoding previews, where it is slow, cannot take up the job's time.
            self._preview_due = self._clock() + self._order.preview_seconds


class InHand:
    """One order that is being painted, a step at a time."""

    def __init__(
        self, order: wire.Paint, painter: Painter, inbox: Inbox, outbox: Outbox, clock: Callable[[], float]
    ) -> None:
        self.job = order.job
        self.seconds = 0.0  # that it has taken, without those of others in between
        self._stages = painter.paint(order)
        self._report = Report(order, outbox, clock)
        self._inbox = inbox
        self._clock = clock

    def close(self) -> None:
        self._stages.close()

    def step(self, *, alone: bool) -> wire.Done | wire.Failed | None:
        """Take one step; the answer, if it was the last.

        Args:
            alone: whether nothing else is in hand, so that all the memory is there for this one.
        """
        began = self._clock() - self.seconds
        try:
            stage = next(self._stages, None)
            self.seconds = self._clock() - began
            self._inbox.look()
            if isinstance(stage, Picture):
                return _done(self.job, stage, self.seconds)
            if stage is None:
                raise RuntimeError("the painter ended without a picture")
            if not self._inbox.is_cancelled(self.job):
                self._report(stage, self.seconds)
            return None
        except Stopped:
            raise
        except Refused as refusal:
            return wire.Failed(self.job, "refused", str(refusal))
        except MemoryError:
            if not alone:
                log.warning("Job %s finds too little memory beside another one.", self.job)
                return wire.Failed(self.job, "crowded", CROWDED)
            log.exception("Out of memory in job %s.", self.job)
            return wire.Failed(self.job, "broken", NO_MEMORY)
        except Exception:
            log.exception("Job %s failed.", self.job)
            return wire.Failed(self.job, "broken", BROKEN)
        finally:
            self.seconds = self._clock() - began


def _done(job: str, picture: Picture, seconds: float) -> wire.Done:
    data, recipe, width, height, notes, findings, media_type, cells, went_on = picture
    return wire.Done(job, data, recipe, width, height, round(seconds, 2), notes, findings, media_type, cells, went_on)


class Easel:
    """What is in hand: a long order and a quick one, either or neither."""

    def __init__(self, painter: Painter, inbox: Inbox, outbox: Outbox, clock: Callable[[], float]) -> None:
        self._painter, self._inbox, self._outbox, self._clock = painter, inbox, outbox, clock
        self._long: InHand | None = None
        self._quick: InHand | None = None
        self._quick_from = 0.0  # by the clock: until then it is the long one's turn
        self._told = ""  # the job that the bot thinks is being painted

    def work(self) -> None:
        """Paint, step by step, until nothing is in hand.

        Raises:
            Stopped
        """
        try:
            self._inbox.look()
            while job := self._whose_turn():
                self._step(job)
        finally:
            for job in (self._quick, self._long):
                if job:
                    job.close()

    def _whose_turn(self) -> InHand | None:
        for job in (self._quick, self._long):
            if job and self._inbox.is_cancelled(job.job):
                self._end(job, wire.Failed(job.job, "cancelled", "Cancelled."))
        self._long = self._long or self._begin(quick=False)
        if not self._quick and (not self._long or self._clock() >= self._quick_from):
            self._quick = self._begin(quick=True)
        return self._quick or self._long

    def _begin(self, *, quick: bool) -> InHand | None:
        """The next order of its kind; one that was cancelled while it waited is answered."""
        while order := self._inbox.order(quick=quick):
            job = InHand(order, self._painter, self._inbox, self._outbox, self._clock)
            if not self._inbox.is_cancelled(order.job):
                return job
            self._end(job, wire.Failed(order.job, "cancelled", "Cancelled."))
        return None

    def _step(self, job: InHand) -> None:
        if self._told != job.job:
            self._told = job.job
            self._outbox.send(wire.encode(wire.Turn(job.job)))
        if answer := job.step(alone=not (self._long and self._quick)):
            self._end(job, answer)

    def _end(self, job: InHand, answer: wire.Done | wire.Failed) -> None:
        job.close()
        self._inbox.settled(job.job)
        if job is self._quick:
            self._quick, self._quick_from = None, self._clock() + job.seconds
        elif job is self._long:
            self._long = None
        self._told = "" if self._told == job.job else self._told
        self._outbox.send(wire.encode(answer))


def serve(
    requests: BinaryIO,
    events: BinaryIO,
    painter: Painter,
    *,
    beat_seconds: float = BEAT_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    at_rest: Callable[[], None] = lambda: None,
    at_end: Callable[[], None] = lambda: None,
    tidy: Callable[[], int] = lambda: 0,
    forget: Callable[[], None] = lambda: None,
) -> None:
    """Send Ready, then paint order after order until Stop, or until the bot is gone.

    Every order is answered by exactly one Done or Failed, unless the process is stopped in the middle of it.
    ``at_rest`` is called once after the last of them, before the first beat. ``tidy`` gives up what was kept for too
    long, and says how many bytes are kept still; where these are fewer than before, ``at_rest`` is called again.
    ``forget`` gives up all of it.
    """
    inbox, outbox = Inbox(requests, at_end, forget), Outbox(events)
    easel = Easel(painter, inbox, outbox, clock)
    with suppress(Stopped):
        outbox.send(wire.encode(painter.ready))
        rested, kept = True, 0
        while True:
            if inbox.wait(beat_seconds):
                easel.work()
                rested = False
                continue
            before, kept = kept, tidy()
            if not rested or kept < before:
                at_rest()
                rested = True
            outbox.send(wire.encode(wire.Beat(kept)))
