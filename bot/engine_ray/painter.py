"""The painter on the cluster: an actor that supervises an engine process, the same and as caged as on one machine.

An actor cannot be caged itself: it has to speak with the cluster, and whoever can do that can run what they like on
every machine of it. So strangers' photos never meet a decoder in here, and everything that is known of engine
processes (deadlines, heartbeat, whose fault a death was, when to replace one that has grown) stands once, in
`Supervisor`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from bot.core.engine import Taken
from bot.core.errors import EngineError, Interrupted
from bot.engine_process.command import worker_command
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.supervisor import Supervisor
from bot.engine_ray import frames
from engine import wire

BEAT_SECONDS = 1.0
MOST_LINES = 200  # of its log that wait to be fetched


class Painter:
    """Open while `watch` is listened to, which is to be called once."""

    def __init__(self, plan: str, name: str) -> None:
        """Args: plan: `frames.Plan` as JSON, with the threads that this painter has."""
        self._plan, self._name = frames.decode_plan(plan), name
        self._stirred = asyncio.Event()
        self._told: deque[frames.News] = deque(maxlen=MOST_LINES)
        self._lanes = {False: asyncio.Lock(), True: asyncio.Lock()}  # by whether their jobs are quick
        self._supervisor: Supervisor | None = None

    async def watch(self) -> AsyncGenerator[bytes, None]:
        """What happens, encoded; a `frames.Standing` at least every `BEAT_SECONDS`."""
        log = logging.getLogger("impasto.engine")
        log.setLevel(logging.INFO)
        log.addHandler(_Told(self._tell))
        # Ray sets it to the CPUs that an actor reserves; how many threads there are is for the settings to say.
        environ = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        self._supervisor = Supervisor(
            self._plan.command or worker_command(self._plan.settings),
            timings=self._plan.timings,
            env=environ,
            observer=self._happened,
            on_turn=self._stirred.set,
            name=self._name,
        )
        node = _node_id()
        async with self._supervisor as engine:
            while True:
                self._stirred.clear()
                while self._told:
                    yield frames.encode(self._told.popleft())
                yield frames.encode(frames.Standing(engine.state, engine.ready, engine.busy or "", node))
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await self._stirred.wait()

    async def run(self, order: bytes) -> AsyncGenerator[bytes, None]:
        """Paint, and say what `Engine.run` says, encoded; one job at a time in each lane, others wait."""
        paint = wire.decode_request(order)
        assert isinstance(paint, wire.Paint)
        assert self._supervisor, "watch comes first"
        async with self._lanes[paint.quick]:
            try:
                async with aclosing(self._supervisor.run(paint)) as events:
                    self._stirred.set()
                    async for event in events:
                        yield frames.encode(frames.Begun(paint.job) if isinstance(event, Taken) else event)
            except EngineError as error:
                yield frames.encode(frames.Lost(paint.job, str(error), isinstance(error, Interrupted)))
            finally:
                self._stirred.set()

    async def cancel(self, job: str) -> None:
        if self._supervisor:
            await self._supervisor.cancel(job)

    async def forget(self) -> None:
        if self._supervisor:
            await self._supervisor.forget()

    def _happened(self, event: ProcessEvent) -> None:
        self._tell(frames.Happened(event))

    def _tell(self, news: frames.News) -> None:
        self._told.append(news)
        self._stirred.set()


def _node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


class _Told(logging.Handler):
    """The supervisor's log and its engine's, to be read where the bot is; all from the loop that `watch` runs on."""

    def __init__(self, tell: Callable[[frames.News], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(frames.Said(record.levelno, record.getMessage()))
