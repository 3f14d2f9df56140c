"""The link to the cluster: a process that belongs to it, and speaks with the bot over its pipes.

``python -m bot.engine_ray.link PLAN`` reads `frames.Order`s from stdin and writes `frames.News` to stdout; its
argument is `frames.Plan` as JSON. It ends when stdin does.

It is a process of its own because Ray ends every process of a cluster that has missed its head for a minute, takes
over signals, and hands its environment to all that it starts: the bot is to live on, and to keep its tokens to itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import BinaryIO

import msgspec

from bot.core.errors import EngineError, Interrupted
from bot.engine_process.crew import Crew, Kept, Member
from bot.engine_ray import frames
from bot.engine_ray.cluster import Cluster, NoCluster, joined
from bot.engine_ray.staff import Staff
from engine import wire

BEAT_SECONDS = 1.0
END_SECONDS = 15.0  # for Ray to end what it has started
PATIENCE = 15.0  # that a job waits for a painter where there is none; then the bot says so, and asks again
BROKEN = "Something went wrong on the way to the painting engine, and the log has the details. Please try again."

log = logging.getLogger("impasto.engine")


class Closed(Exception):
    """The bot wants no more, or is gone."""


class Painters(Crew[frames.Paint, memoryview]):
    """Who paints; an order that goes on with a picture is for who has kept it."""

    def __init__(self, *, patience: float) -> None:
        super().__init__(patience=patience)
        self._kept = Kept[Member[frames.Paint, memoryview]]()

    async def run(self, paint: frames.Paint) -> AsyncGenerator[memoryview, None]:
        async with aclosing(super().run(paint)) as events:
            async for event in events:
                if paint.concerns and frames.brief(event).type == "Done":
                    self._kept.remember(paint.concerns.picture, self._at[paint.job])
                yield event

    async def forget(self) -> None:
        await super().forget()
        self._kept.forget()

    def _preferred(self, paint: frames.Paint) -> Member[frames.Paint, memoryview] | None:
        concerns = paint.concerns
        return self._kept.painter(concerns.picture) if concerns and concerns.goes_on else None


class Link:
    """What the bot has ordered, and who paints it."""

    def __init__(self, plan: frames.Plan, cluster: Cluster, events: BinaryIO) -> None:
        self._events = events
        self._cluster = cluster
        self._crew = Painters(patience=PATIENCE)
        self._concerns: dict[str, frames.Concerns] = {}  # by job: the order itself is the next that comes
        self._staff = Staff(self._crew, cluster, plan, self._send, self._announce)
        self._roster: frames.Roster | None = None

    async def run(self, requests: BinaryIO) -> None:
        """Until the bot wants no more.

        Raises:
            NoCluster: its head is gone.
        """
        self._crew.open()
        orders = _arriving(requests)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._staff.run(), name="staff")
                tasks.create_task(self._cluster.follow(self._staff.changed), name="cluster")
                tasks.create_task(self._beat(), name="beat")
                while body := await orders.get():
                    await self._take(frames.decode_order(body), tasks)
                raise Closed
        except* (Closed, BrokenPipeError):
            pass
        except* NoCluster as group:
            raise group.exceptions[0] from None

    async def _take(self, order: frames.Order, tasks: asyncio.TaskGroup) -> None:
        match order:
            case frames.Paint():
                order = msgspec.structs.replace(order, concerns=self._concerns.pop(order.job, None))
                tasks.create_task(self._paint(order), name=f"job {order.job}")
            case frames.Concerns():
                self._concerns[order.job] = order
            case wire.Cancel():
                await self._crew.cancel(order.job)
            case wire.Forget():
                await self._crew.forget()
            case wire.Stop():
                raise Closed
            case frames.Waiting():
                self._staff.want(order.pictures)

    async def _paint(self, paint: frames.Paint) -> None:
        try:
            async with aclosing(self._crew.run(paint)) as events:
                async for body in events:
                    self._write(body)
        except EngineError as error:
            self._send(frames.Lost(paint.job, str(error), isinstance(error, Interrupted)))
        except (asyncio.CancelledError, BrokenPipeError):
            raise
        except Exception:
            log.exception("Job %s failed.", paint.job)
            self._send(wire.Failed(paint.job, "broken", BROKEN))

    async def _beat(self) -> None:
        while True:
            self._announce()
            self._send(wire.Beat())
            await asyncio.sleep(BEAT_SECONDS)

    def _announce(self) -> None:
        roster = frames.Roster(self._crew.workers, self._crew.ready)
        if roster != self._roster:
            self._roster = roster
            self._send(roster)

    def _send(self, news: frames.News) -> None:
        self._write(frames.encode(news))

    def _write(self, body: wire.Buffer) -> None:
        # The bot reads whatever it is doing: it knows of one job in each lane of a worker, and of their newest events.
        self._events.write(wire.HEADER.pack(len(body)))
        self._events.write(body)
        self._events.flush()


def _arriving(requests: BinaryIO) -> asyncio.Queue[bytes | None]:
    """What the bot orders, which is never much, as there are no more jobs than workers; None at the end.

    Read by a thread, in one go: the loop would be woken for every part of a photo.
    """
    arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        body: bytes | None = b""
        while body is not None:
            try:
                body = wire.next_body(requests)
            except (wire.WireError, OSError):
                body = None
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(arrived.put_nowait, body)

    threading.Thread(target=read, name="orders", daemon=True).start()
    return arrived


def serve(plan: frames.Plan, requests: BinaryIO, events: BinaryIO) -> None:
    """Raises NoCluster."""
    with joined(plan):
        try:
            asyncio.run(Link(plan, Cluster(plan), events).run(requests))
        finally:
            # Whatever holds Ray up; the processes of a cluster of our own die with this one.
            threading.Timer(END_SECONDS, os._exit, [1]).start()


def main() -> None:
    requests, events = wire.claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the bot handles it
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    code = 0
    try:
        serve(frames.decode_plan(sys.argv[1]), requests, events)
    except NoCluster as trouble:
        events.write(wire.frame(frames.encode(frames.Trouble(str(trouble)))))
        events.flush()
        code = 3
    except BaseException:
        log.exception("The link to the Ray cluster has failed.")
        code = 1
    logging.shutdown()
    os._exit(code)  # threads of Ray's, and of ours that wait for it, would be waited for


if __name__ == "__main__":
    main()
