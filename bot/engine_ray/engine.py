"""The engine on a Ray cluster as the bot has it: a link process that is always there while the context is open.

Whatever is wrong with the link or the cluster's head, the remedy is the same: the link is ended, its jobs end, and the
next one joins the cluster anew. It never opens a photo: a link that is lost is the fault of no picture, unless it was
killed, as the system does when memory runs out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Self

from bot.backoff import Backoff
from bot.core.engine import Taken, Worker
from bot.core.errors import EngineError, Interrupted
from bot.engine_process.child import keep_log, shut_down, start, uncancelled
from bot.engine_process.command import without_secrets
from bot.engine_process.crew import picture_of
from bot.engine_process.outcomes import CANCELLED, NOT_STARTED, STOPPED, TOO_LARGE, ProcessEvent
from bot.engine_process.run import Run
from bot.engine_ray import frames
from engine import wire
from engine.recipe import EncoderName

NO_RAY = (
    'engine.backend = "ray" needs Ray, which is not installed. Install it here and on every machine of the cluster: '
    "pip install '.[ray]'"
)
STOP_SECONDS = 10.0  # for a cluster of our own to end
TERMINATE_SECONDS = 2.0
WAITING_SECONDS = 2.0  # between two looks at how many pictures wait
SLACK = 5.0  # seconds, for what the painter answers to reach us
CUT_OFF = "The connection to the painting engine was lost in the middle of this picture."

log = logging.getLogger("impasto.engine")


class RayEngine:
    """See `bot.core.engine.Engine`. Entering does not wait for the cluster: `run` does.

    Args:
        waiting: how many pictures wait for a worker.
        observer: is told what becomes of engine processes, and must be quick.
    """

    def __init__(
        self,
        plan: frames.Plan,
        *,
        waiting: Callable[[], int] = lambda: 0,
        observer: Callable[[ProcessEvent], None] = lambda event: None,
        environ: Mapping[str, str] | None = None,
        restart: Backoff = Backoff(first=1.0, longest=30.0),  # noqa: B008 (frozen)
    ) -> None:
        self._plan, self._waiting, self._observer, self._restart = plan, waiting, observer, restart
        self._environ = os.environ if environ is None else environ
        self._roster = frames.Roster((), None)
        self.encoder: EncoderName = "slim"  # of the last Ready
        self.trouble = ""  # why there is no cluster, as a sentence for the operator
        self._introduced, self._changed = asyncio.Event(), asyncio.Event()
        self._runs: dict[str, Run] = {}
        self._process: Process | None = None
        self._linked = False  # the link has joined the cluster
        self._tasks = asyncio.TaskGroup()
        self._runner: asyncio.Task[None] | None = None
        self._closed = True

    @property
    def workers(self) -> tuple[Worker, ...]:
        return self._roster.workers

    @property
    def ready(self) -> wire.Ready | None:
        return self._roster.ready

    async def introduced(self) -> None:
        """See `Engine.introduced`; it has an end because joining and loading have one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * self._plan.timings.load_seconds):
                await self._introduced.wait()

    async def until(self, true: Callable[[], bool]) -> None:
        """Until this is so of its `workers`, at which it looks whenever they change."""
        while not true():
            self._changed.clear()
            await self._changed.wait()

    # --- open and close ----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._runner = self._tasks.create_task(self._run_links(), name="link")
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._runner:
            self._runner.cancel()
        await self._tasks.__aexit__(None, None, None)

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def run(self, paint: wire.Paint) -> AsyncGenerator[Taken | wire.Event, None]:
        """See `Engine.run`. Waits for a cluster that is being joined."""
        if self._closed:
            raise EngineError(STOPPED)
        try:
            run = Run(paint.job, paint.quick, wire.encode_body(paint))
        except wire.WireError:
            yield wire.Failed(paint.job, "refused", TOO_LARGE)
            return
        self._runs[run.job] = run
        if paint.recipe.then or paint.recipe.rules.optimises:
            concerns = frames.Concerns(run.job, picture_of(paint), bool(paint.recipe.then))
            run.frame = (wire.frame(frames.encode(concerns)), *run.frame)
        if self._linked:
            self._send(*run.frame)
        try:
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
        finally:
            run.disarm()
            if not run.end:
                self._send(wire.encode(wire.Cancel(run.job)))
            if self._runs.get(run.job) is run:
                del self._runs[run.job]

    async def cancel(self, job: str) -> None:
        """See `Engine.cancel`. The painter enforces it; one that does not answer is no longer waited for."""
        if run := self._runs.get(job):
            self._send(wire.encode(wire.Cancel(job)))
            seconds = self._plan.timings.cancel_seconds + SLACK if run.sent else 0.0
            run.arm(seconds, lambda run: run.finish(wire.Failed(run.job, "cancelled", CANCELLED)))

    async def forget(self) -> None:
        """See `Engine.forget`."""
        self._send(wire.encode(wire.Forget()))

    def _send(self, *frame: wire.Buffer) -> None:
        # Not drained: the link reads whatever it is doing, and there are no more jobs than workers.
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            for part in frame:
                self._process.stdin.write(part)

    # --- the link ----------------------------------------------------------------------------------------------------

    async def _run_links(self) -> None:
        pauses = iter(self._restart)
        try:
            while True:
                if await self._run_link():
                    pauses = iter(self._restart)
                await asyncio.sleep(next(pauses))
        finally:
            self._end_jobs(lambda run: EngineError(STOPPED))

    async def _run_link(self) -> bool:
        """One link from spawn to reaped; whether it had joined the cluster."""
        command = [sys.executable, "-P", "-m", "bot.engine_ray.link", frames.encode_plan(self._plan)]
        environ = link_environment(self._environ, own=not self._plan.address)
        process, cancelled = await uncancelled(start(command, environ))
        self._process = process
        logged = self._tasks.create_task(keep_log(process), name="link log")
        telling = self._tasks.create_task(self._tell_who_waits(), name="waiting")
        joined, stop = False, STOP_SECONDS
        try:
            if cancelled:
                raise asyncio.CancelledError
            await self._read(process)
        except (TimeoutError, wire.WireError, asyncio.IncompleteReadError, ConnectionError) as error:
            log.warning("The link to the Ray cluster is lost: %s", self.trouble or type(error).__name__)
            stop = STOP_SECONDS if isinstance(error, asyncio.IncompleteReadError) else 0.0
        finally:
            telling.cancel()
            joined, self._linked = self._linked, False
            self._roster = frames.Roster((), None)
            ending = shut_down(process, logged, stop_seconds=stop, terminate_seconds=TERMINATE_SECONDS)
            _, cancelled = await uncancelled(ending)
            self._process = None
        self._introduced.set()
        self._observer("crashed")
        killed = process.returncode is not None and process.returncode < 0
        self._end_jobs(lambda run: EngineError(CUT_OFF) if killed else Interrupted(CUT_OFF))
        if cancelled:
            raise asyncio.CancelledError
        return joined

    async def _read(self, process: Process) -> None:
        """Take in its frames until it is lost."""
        assert process.stdout
        seconds = self._plan.timings.load_seconds
        while True:
            async with asyncio.timeout(seconds):
                news = frames.decode_news(await wire.read_body(process.stdout))
            self._on_news(news)
            seconds = self._plan.timings.hang_seconds

    def _on_news(self, news: frames.News) -> None:
        match news:
            case frames.Roster():
                self._on_roster(news)
            case frames.Trouble():
                self.trouble = news.text
                log.error("%s", news.text)
            case frames.Happened():
                self._observer(news.event)
            case frames.Said():
                log.log(news.level, "%s", news.text)
            case frames.Begun() if run := self._runs.get(news.job):
                run.take()
            case frames.Lost() if run := self._runs.get(news.job):
                # What was not begun was not interrupted.
                run.finish(Interrupted(news.text) if news.interrupted and run.sent else EngineError(news.text))
            case wire.Progress() | wire.Preview() if run := self._runs.get(news.job):
                run.tell(news)
            case wire.Done() | wire.Failed() if run := self._runs.get(news.job):
                run.finish(news)

    def _on_roster(self, roster: frames.Roster) -> None:
        new = roster.ready if roster.ready and not self._roster.ready else None
        self._roster = roster
        self._changed.set()
        if new:
            self.encoder, self.trouble = new.encoder, ""
            log.info("The cluster is ready: %s, encoders %s.", new.device, ", ".join(new.encoders))
            for note in new.notes:
                log.warning("%s", note)
            self._introduced.set()
        if not self._linked:
            self._linked = True
            for run in self._runs.values():
                self._send(*run.frame)

    def _end_jobs(self, error: Callable[[Run], EngineError]) -> None:
        """Those that the link had are lost; none of the others has found an engine."""
        for run in list(self._runs.values()):
            if not run.end:
                run.finish(error(run) if run.sent or self._closed else EngineError(NOT_STARTED))

    async def _tell_who_waits(self) -> None:
        told = 0
        while True:
            if self._linked and (waiting := self._waiting()) != told:
                told = waiting
                self._send(wire.frame(frames.encode(frames.Waiting(waiting))))
            await asyncio.sleep(WAITING_SECONDS)


def link_environment(environ: Mapping[str, str], *, own: bool) -> dict[str, str]:
    """What the link, and with a cluster of our own all of that, may know of our environment.

    Whoever reaches a Ray cluster can run what they like there. So our own listens on this machine only, and wants a
    token that other users of the machine cannot come by.
    """
    ray = {name: value for name, value in environ.items() if name.startswith("RAY_")}
    own_only = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # The name is Ray's, and means: an address of this machine alone, as elsewhere than on Linux.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Its painters are no less urgent than the process that paints without Ray, which has all others go first.
        "RAY_worker_niceness": "0",
        "RAY_max_direct_call_object_size": str(frames.OWN_INLINE),
    }
    quiet = {"RAY_USAGE_STATS_ENABLED": "0"}
    return frames.MALLOC | without_secrets(environ) | quiet | ray | (own_only if own else {})
