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
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from pickle import PickleBuffer

from bot.core.engine import Taken
from bot.core.errors import EngineError, Interrupted
from bot.engine_process.command import worker_command
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.supervisor import Supervisor
from bot.engine_ray import frames
from engine import wire

BEAT_SECONDS = 1.0
MOST_LINES = 200  # of its log that wait to be fetched
MOST_UNSAID = 32  # pieces of news about jobs that wait to be fetched; then their painting's news waits


class Painter:
    """Open while `watch` is listened to, which is to be called once.

    All that it says goes through that one stream, and what there is to say at a time is one item of it: a stream for
    each job cost a millisecond more to open and to end, and every item of one a quarter.
    """

    def __init__(self, plan: str, name: str) -> None:
        """Args: plan: `frames.Plan` as JSON, with the threads that this painter has."""
        self._plan, self._name = frames.decode_plan(plan), name
        self._stirred, self._fetched = asyncio.Event(), asyncio.Event()
        self._lines: deque[frames.News] = deque(maxlen=MOST_LINES)
        self._unsaid: deque[bytes] = deque()  # news about jobs, encoded
        self._lanes = {False: asyncio.Lock(), True: asyncio.Lock()}  # by whether their jobs are quick
        self._supervisor: Supervisor | None = None

    async def watch(self) -> AsyncGenerator[bytes | PickleBuffer, None]:
        """What happens, as `frames.unpacked` has it; a `frames.Standing` at least every `BEAT_SECONDS`."""
        log = logging.getLogger("impasto.engine")
        log.setLevel(logging.INFO)
        log.addHandler(_Told(self._tell))
        environ = for_the_engine(os.environ)
        self._supervisor = Supervisor(
            self._plan.command or worker_command(self._plan.settings),
            timings=self._plan.timings,
            env=environ,
            observer=self._happened,
            on_turn=self._stirred.set,
            name=self._name,
        )
        node, said = _node_id(), None
        async with self._supervisor as engine:
            while True:
                self._stirred.clear()
                standing = frames.Standing(engine.state, engine.ready, engine.busy or "", node)
                bodies = self._taken()
                if standing != said or not bodies:
                    bodies.insert(0, frames.encode(standing))
                    said = standing
                for item in frames.packed(bodies):
                    yield item
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await self._stirred.wait()
                await asyncio.sleep(0)  # who was stirred by the same frame of the engine speaks first

    def _taken(self) -> list[bytes]:
        """What is unsaid, which it then no longer is."""
        taken = [*map(frames.encode, self._lines), *self._unsaid]
        self._lines.clear()
        self._unsaid.clear()
        self._fetched.set()
        return taken

    async def paint(self, order: wire.Buffer) -> None:
        """Paint; what `Engine.run` says goes to `watch`. One job at a time in each lane, others wait."""
        paint = frames.decode_order(order)
        assert isinstance(paint, frames.Paint)
        assert self._supervisor, "watch comes first"
        async with self._lanes[paint.quick]:
            try:
                body = memoryview(paint.body)  # where Ray has it
                async with aclosing(self._supervisor.run_encoded(paint.job, paint.quick, body)) as events:
                    self._stirred.set()
                    async for event in events:
                        await self._say(frames.Begun(paint.job) if isinstance(event, Taken) else event)
            except EngineError as error:
                await self._say(frames.Lost(paint.job, str(error), isinstance(error, Interrupted)))
            finally:
                self._stirred.set()

    async def cancel(self, job: str) -> None:
        if self._supervisor:
            await self._supervisor.cancel(job)

    async def forget(self) -> None:
        if self._supervisor:
            await self._supervisor.forget()

    async def _say(self, news: frames.News) -> None:
        while len(self._unsaid) >= MOST_UNSAID:
            self._fetched.clear()
            await self._fetched.wait()
        self._unsaid.append(frames.encode(news))
        self._stirred.set()

    def _happened(self, event: ProcessEvent) -> None:
        self._tell(frames.Happened(event))

    def _tell(self, news: frames.News) -> None:
        self._lines.append(news)
        self._stirred.set()


def for_the_engine(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what is meant for this process and not for the engine."""
    # Ray sets it to the CPUs that an actor reserves; how many threads there are is for the settings to say.
    kept = {name: value for name, value in environ.items() if name != "OMP_NUM_THREADS"}
    # The engine has memory of its own kind, in huge pages.
    return {name: value for name, value in kept.items() if frames.MALLOC.get(name) != value}


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
