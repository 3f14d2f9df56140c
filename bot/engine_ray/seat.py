"""One seat in the cluster: a painter, and the next one when it is lost. What `Supervisor` is for a process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from pickle import PickleBuffer
from typing import Any

from bot.core.engine import Worker, WorkerState
from bot.core.errors import EngineError, Interrupted
from bot.engine_process.outcomes import INTERRUPTED, NOT_STARTED, SENTENCES, ProcessEvent
from bot.engine_ray import frames
from bot.engine_ray.cluster import Cluster, apart
from engine import wire

NODE_LOST = "The machine that painted this picture is gone."

log = logging.getLogger("impasto.engine")


class Seat:
    """Kept by `keep`, in a task of its own.

    Args:
        tell: gets what the painter says beside its jobs' events.
        changed: is called whenever `workers` or the room for jobs may have.
    """

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        plan: frames.Plan,
        tell: Callable[[frames.News], None],
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self._cluster, self._timings, self._inline = cluster, plan.timings, plan.inline
        self._tell, self._changed = tell, changed
        self._painter: Any = None  # the actor's handle
        self._standing: frames.Standing | None = None  # as it last said; None while it waits for its place
        self._jobs: dict[bool, str] = {}  # by whether they are quick: what it has in hand
        # By job: what its painter has said of it, or what is wrong. Never much: whoever reads it does nothing else.
        self._said: dict[str, asyncio.Queue[memoryview | Exception]] = {}
        self._lost = False  # had a painter, and has none
        self._has_painted = False  # the engine of its painter was ready once
        self._node, self._at = "", ""  # of the last painter, which may be dead
        self._moving, self._resting = asyncio.Event(), asyncio.Event()
        self._resting.set()
        self.idle_since = asyncio.get_running_loop().time()

    # --- as a member of the crew -------------------------------------------------------------------------------------

    @property
    def ready(self) -> wire.Ready | None:
        return self._standing.ready if self._standing and not self._moving.is_set() else None

    @property
    def busy(self) -> str | None:
        return next(iter(self._jobs.values()), None)

    @property
    def state(self) -> WorkerState:
        if self._jobs:
            return "busy"
        if self._standing:
            return self._standing.state
        return "restarting" if self._lost else "waiting"

    @property
    def workers(self) -> tuple[Worker, ...]:
        node = self._cluster.nodes.get(self._node)
        where = node.address if node and self._standing else ""
        return (Worker(self.name, self.state, where),)

    @property
    def node(self) -> str:
        """Ray's id of the machine that it is on; nothing while it is on none."""
        return self._standing.node if self._standing else ""

    def has_room(self, *, quick: bool) -> bool:
        return self._standing is not None and quick not in self._jobs and not self._moving.is_set()

    async def run(self, paint: frames.Paint) -> AsyncGenerator[memoryview, None]:
        """What the painter says of the job, as it came; raises as `Engine.run` does when the painter is lost."""
        painter, node = self._painter, self._node
        if painter is None:
            raise EngineError(NOT_STARTED)
        self._jobs[paint.quick] = paint.job
        said = self._said[paint.job] = asyncio.Queue()
        self._resting.clear()
        self._changed()
        ended = False
        try:
            order = await apart(lambda: _put(paint.body)) if len(paint.body) > self._inline else paint.body
            call = asyncio.ensure_future(painter.paint.remote(order))
            call.add_done_callback(lambda call: _failed(call, said))
            while not ended:
                news = await said.get()
                if isinstance(news, Exception):
                    raise news
                ended = frames.brief(news).last
                yield news
        except _errors() as error:
            ended = True
            raise await self._verdict(paint.job, node, error) from error
        finally:
            if not ended:
                painter.cancel.remote(paint.job)
            del self._jobs[paint.quick], self._said[paint.job]
            if not self._jobs:
                self._resting.set()
            self.idle_since = asyncio.get_running_loop().time()
            self._changed()

    async def cancel(self, job: str) -> None:
        if self._painter is not None:
            self._painter.cancel.remote(job)

    async def forget(self) -> None:
        if self._painter is not None:
            self._painter.forget.remote()

    async def _verdict(self, job: str, node: str, error: Exception) -> EngineError:
        """Whose fault a painter's death is: only of what it was painting, and not where its machine is gone."""
        log.warning("Job %s has lost its painter (worker %s): %s", job, self.name, str(error).partition("\n")[0])
        if self._at not in ("", job):
            return Interrupted(INTERRUPTED)
        if await self._cluster.is_gone(node, error):
            return Interrupted(NODE_LOST)
        return EngineError(SENTENCES["crashed"])

    # --- its painters ------------------------------------------------------------------------------------------------

    def move(self) -> None:
        """Leave the machine that it is on once what it has in hand is finished."""
        self._moving.set()

    async def keep(self) -> None:
        """One painter after the other, until cancelled."""
        pauses = iter(self._timings.restart)
        while True:
            event = await self._employ()
            self._tell(frames.Happened(event))
            self._changed()
            if event == "recycled":
                continue
            if self._has_painted:
                pauses = iter(self._timings.restart)
            await asyncio.sleep(next(pauses))

    async def _employ(self) -> ProcessEvent:
        """One painter from hired to gone; why."""
        import ray

        self._moving.clear()
        self._has_painted = False
        self._wrong: Exception = _errors()(SENTENCES["crashed"])  # how its jobs end when it is gone
        self._painter = self._cluster.hire(self.name)
        listening = asyncio.create_task(self._listen(self._painter))
        moving = asyncio.create_task(self._moved())
        try:
            await asyncio.wait({listening, moving}, return_when=asyncio.FIRST_COMPLETED)
            return "recycled" if moving.done() else listening.result()
        finally:
            for task in (listening, moving):
                task.cancel()
            await asyncio.gather(listening, moving, return_exceptions=True)
            self._lost, self._standing = self._standing is not None, None
            ray.kill(self._painter)
            self._painter = None
            for said in self._said.values():
                said.put_nowait(self._wrong)

    async def _listen(self, painter: Any) -> ProcessEvent:
        """Take in what it says until it is silent."""
        stream = painter.watch.options(num_returns="streaming").remote()
        patience = None  # it may wait for its place as long as it takes
        try:
            while True:
                async with asyncio.timeout(patience):
                    item = await (await anext(stream))
                patience = self._timings.hang_seconds
                for body in frames.unpacked(item):
                    self._hear(body)
        except TimeoutError:
            log.warning("Worker %s has said nothing for %g s.", self.name, self._timings.hang_seconds)
            return "hung"
        except wire.WireError:
            return "protocol_error"
        except StopAsyncIteration:
            return "crashed"
        except _errors() as error:
            log.warning("Worker %s is lost: %s", self.name, str(error).partition("\n")[0])
            self._wrong = error
            return "crashed"

    def _hear(self, body: memoryview) -> None:
        brief = frames.brief(body)
        if brief.job:
            if said := self._said.get(brief.job):  # or nobody wants to know any more
                said.put_nowait(body)
        elif isinstance(news := frames.decode_news(body), frames.Standing):
            self._stands(news)
        else:
            self._tell(news)

    def _stands(self, standing: frames.Standing) -> None:
        before, self._standing = self._standing, standing
        self._node, self._at = standing.node, standing.at
        self._has_painted = self._has_painted or standing.ready is not None
        if standing != before:
            self._changed()

    async def _moved(self) -> None:
        """Until it is to leave its machine and has nothing in hand."""
        await self._moving.wait()
        await self._resting.wait()


def _put(body: wire.Buffer) -> Any:
    import ray

    return ray.put(PickleBuffer(body))  # which the painter has without a copy


def _failed(call: asyncio.Future[None], said: asyncio.Queue[memoryview | Exception]) -> None:
    """Tell whoever waits for what is said that nothing more comes."""
    error = None if call.cancelled() else call.exception()
    if isinstance(error, Exception):
        said.put_nowait(error)


def _errors() -> type[Exception]:
    import ray.exceptions

    errors: type[Exception] = ray.exceptions.RayError
    return errors
