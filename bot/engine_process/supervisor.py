"""Owns the engine process: start, heartbeat, cancel, restart with back-off, stop.

One process, from spawn to reaped, is `Supervisor._run_process`; `_run_processes` starts one after the other. Whatever
is wrong with a process, the remedy is the same: it is killed, its jobs end, and the next one starts. It has at most
two of them, a long one and a quick one, and says which of them it is painting.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Self

import msgspec

from bot.backoff import Backoff
from bot.core.engine import Taken, Worker, WorkerState
from bot.core.errors import EngineError, Interrupted
from bot.engine_process.child import keep_log, shut_down, start, uncancelled, wait_for_exit
from bot.engine_process.command import clean_environment
from bot.engine_process.outcomes import (
    CANCELLED,
    ENDED_BY_US,
    FAULTS,
    INTERRUPTED,
    NOT_STARTED,
    REAP_SECONDS,
    SENTENCES,
    STOPPED,
    TOO_LARGE,
    ProcessEvent,
)
from bot.engine_process.rest import Rest
from bot.engine_process.run import Lane, Lanes, Run
from engine import wire
from engine.recipe import EncoderName

log = logging.getLogger("impasto.engine")


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Every deadline; all in seconds."""

    load_seconds: float = 120.0  # from spawn to Ready: torch from a cold disk takes half a minute, weights the rest
    hang_seconds: float = (
        120.0  # between two frames; a step at 512 pixels took 36 s on two cores that ten others wanted
    )
    cancel_seconds: float = 5.0  # from asking to killing
    job_seconds: float = 3600.0  # for one picture; what takes longer keeps everybody else waiting
    stop_seconds: float = 3.0  # from Stop to SIGTERM
    terminate_seconds: float = 2.0  # from SIGTERM to SIGKILL, and for the kernel to reap
    growth: int = 1000 * 2**20  # bytes since its first rest, beyond which a process is replaced; 0 is no limit
    rest_seconds: float = 60.0  # without a job before it is: who has ordered often orders again
    # Before the restart after a fault; the longest so that an engine that cannot start costs one core for a tenth of
    # the time.
    restart: Backoff = Backoff(first=0.25, longest=30.0)


class Supervisor:
    """The engine as a child process, always there while the context is open.

    Entering does not wait for the process: `run` does. ``command`` starts it (see `worker_command`), in ``env`` (see
    `clean_environment`). ``observer`` is told what happens to processes, and ``on_turn`` that another job is being
    painted; both must be quick.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        timings: Timings = Timings(),  # noqa: B008 (frozen)
        env: Mapping[str, str] | None = None,
        observer: Callable[[ProcessEvent], None] = lambda event: None,
        on_turn: Callable[[], None] = lambda: None,
        name: str = "1",
    ) -> None:
        self._name, self._on_turn = name, on_turn
        self.ready: wire.Ready | None = None
        self.encoder: EncoderName = "slim"  # of the last Ready
        self._introduced = asyncio.Event()
        self._command, self._timings, self._observer = tuple(command), timings, observer
        self._env = clean_environment(os.environ if env is None else env)
        self._tasks = asyncio.TaskGroup()
        self._runner: asyncio.Task[None] | None = None
        self._closed = True
        self._process: Process | None = None
        self._lanes = Lanes()
        self._killed = False
        self._rest = Rest(timings.growth, timings.rest_seconds)
        self._pauses = iter(timings.restart)  # anew when a job is answered

    @property
    def busy(self) -> str | None:
        """The job that the engine works on; if there are two, the one that it is at."""
        return self._lanes.busy

    @property
    def workers(self) -> tuple[Worker, ...]:
        """See `Engine.workers`: this one, also while its process is being restarted."""
        return (Worker(self._name, self.state),)

    @property
    def state(self) -> WorkerState:
        if self.ready is None:
            return "restarting" if self._introduced.is_set() else "starting"
        return "busy" if self.busy else "idle"

    def has_room(self, *, quick: bool) -> bool:
        """Whether it takes such a job: it is sent as soon as the process is ready, and has given up the one before."""
        return self._lanes[quick].run is None

    @property
    def pid(self) -> int | None:
        """The engine process, while there is one."""
        return self._process.pid if self._process else None

    async def introduced(self) -> None:
        """See `Engine.introduced`; it has an end because loading has one."""
        await self._introduced.wait()

    # --- open and close ----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._runner = self._tasks.create_task(self._run_processes(), name="engine")
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._runner:
            self._runner.cancel()
        # What went wrong in the body is not the group's business: told of it, it would wrap it.
        await self._tasks.__aexit__(None, None, None)

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def run(self, paint: wire.Paint) -> AsyncGenerator[Taken | wire.Event, None]:
        """See `Engine.run`. Waits for a process that is loading or being restarted."""
        async with aclosing(self.run_encoded(paint.job, paint.quick, wire.encode_body(paint))) as events:
            async for event in events:
                yield event

    async def run_encoded(self, job: str, quick: bool, order: wire.Buffer) -> AsyncGenerator[Taken | wire.Event, None]:
        """The same of an order that is encoded already."""
        lane = self._lanes[quick]
        if lane.run:
            raise RuntimeError(f"job {lane.run.job} is running; one at a time in each lane")
        if self._closed:
            raise EngineError(STOPPED)
        try:
            run = Run(job, quick, order)
        except wire.WireError:
            yield wire.Failed(job, "refused", TOO_LARGE)
            return
        lane.run = run
        self._dispatch()
        try:
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
        finally:
            if lane.run is run:
                self._abandon(lane, run)

    async def cancel(self, job: str) -> None:
        """See `Engine.cancel`. What is not given up within the deadline is killed with its process."""
        for run in self._lanes.runs:
            if run.job == job and not run.verdict:
                self._give_up(run, wire.Failed(job, "cancelled", CANCELLED))

    async def forget(self) -> None:
        """See `Engine.forget`. A process that is not ready keeps nothing; and it reads this before its next order."""
        if self.ready:
            self._send(wire.encode(wire.Forget()))

    def _abandon(self, lane: Lane, run: Run) -> None:
        """Nobody listens any more: the engine may drop it, and takes the next job as soon as it has."""
        if not run.verdict:
            self._give_up(run, wire.Failed(run.job, "cancelled", CANCELLED))
        lane.run = None
        if not run.end:
            lane.abandoned = run

    def _give_up(self, run: Run, verdict: wire.Failed) -> None:
        run.verdict = verdict
        if run.sent:
            self._send(wire.encode(wire.Cancel(run.job)))
            run.arm(self._timings.cancel_seconds, self._enforce)
        else:
            self._end(run, verdict)

    def _enforce(self, run: Run) -> None:
        log.warning("Job %s was not given up within %g s: killing the engine.", run.job, self._timings.cancel_seconds)
        self._killed = True
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _too_long(self, run: Run) -> None:
        minutes = self._timings.job_seconds / 60
        sentence = f"This picture took longer than {minutes:.0f} minutes. Try a smaller size=, or fewer steps=."
        self._give_up(run, wire.Failed(run.job, "broken", sentence))

    def _dispatch(self) -> None:
        """Hand jobs over, if there are any to hand and an engine free to take them."""
        for lane in self._lanes:
            if self.ready and lane.run and not lane.run.sent and not lane.abandoned:
                lane.run.take()
                lane.run.arm(self._timings.job_seconds, self._too_long)
                self._send(*lane.run.frame)

    @staticmethod
    def _end_of(run: Run, outcome: ProcessEvent, *, suspect: bool) -> wire.Failed | EngineError:
        """How a job ends whose process is lost; only the suspect may be why."""
        if outcome == "stopped":
            return EngineError(STOPPED)
        if run.verdict:
            return run.verdict
        return EngineError(SENTENCES[outcome]) if suspect else Interrupted(INTERRUPTED)

    def _send(self, *frame: wire.Buffer) -> None:
        # Not drained: with two jobs at a time little can pile up, and a process that reads nothing answers nothing.
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            for part in frame:
                self._process.stdin.write(part)

    def _end(self, run: Run, end: wire.Done | wire.Failed | EngineError) -> None:
        run.finish(end)
        self._lanes[run.quick].drop(run)

    def _turn(self, job: str) -> None:
        self._lanes.turn(job)
        self._on_turn()

    # --- processes ---------------------------------------------------------------------------------------------------

    async def _run_processes(self) -> None:
        while True:
            outcome = await self._run_process()
            if outcome in FAULTS:
                await asyncio.sleep(next(self._pauses))

    async def _run_process(self) -> ProcessEvent:
        """One process from spawn to reaped; why it ended."""
        self._killed, self._rest = False, Rest(self._timings.growth, self._timings.rest_seconds)
        try:
            # asyncio can wait for ever when it is cancelled between fork and exec.
            process, cancelled = await uncancelled(start(self._command, self._env))
        except OSError as error:
            log.error("The engine cannot be started: %s.", error)
            return self._on_exit("crashed")
        self._process = process
        outcome: ProcessEvent = "stopped"
        log_lines: asyncio.Task[None] | None = None
        try:
            if cancelled:
                raise asyncio.CancelledError
            log_lines = self._tasks.create_task(keep_log(process), name="engine log")
            self._observer("started")
            outcome = await self._read_events(process)
        finally:
            self._on_exit(outcome)
            stop, terminate = self._timings.stop_seconds, self._timings.terminate_seconds
            gently = stop if outcome in ENDED_BY_US else 0.0
            ending = shut_down(process, log_lines, stop_seconds=gently, terminate_seconds=terminate)
            _, cancelled = await uncancelled(ending)
            self._process = None
        if cancelled:
            raise asyncio.CancelledError
        log.warning("The engine process %d %s (exit code %s).", process.pid, outcome, process.returncode)
        return outcome

    async def _read_events(self, process: Process) -> ProcessEvent:
        """Take in its frames until there are no more; the first must be Ready, and soon enough."""
        assert process.stdout
        seconds = self._timings.load_seconds
        try:
            while True:
                async with asyncio.timeout(seconds):
                    event = await wire.read_event(process.stdout)
                if isinstance(event, wire.Ready) == (self.ready is not None):
                    raise wire.WireError(f"{type(event).__name__} out of turn")
                self._on_event(event)
                if isinstance(event, wire.Beat) and not self.busy and self._rest.is_over(process.pid, event.kept):
                    return "recycled"
                seconds = self._timings.hang_seconds
        except TimeoutError:
            log.warning("The engine sent nothing for %g s.", seconds)
            return "hung"
        except wire.WireError as error:
            log.warning("The engine broke the protocol: %s.", error)
            return "protocol_error"
        except (asyncio.IncompleteReadError, ConnectionError):
            if self._killed:
                return "killed"
            await wait_for_exit(process, REAP_SECONDS)
            return "oom_killed" if process.returncode == -signal.SIGKILL else "crashed"

    def _on_event(self, event: wire.Event) -> None:
        match event:
            case wire.Ready():
                self.ready, self.encoder = event, event.encoder
                self._introduced.set()
                log.info("The engine is ready: %s, encoders %s.", event.device, ", ".join(event.encoders))
                for note in event.notes:
                    log.warning("%s", note)
                self._observer("ready")
            case wire.Turn():
                self._turn(event.job)
            case wire.Progress() | wire.Preview():
                self._rest.disturb()
                for run in self._lanes.runs:
                    if run.sent and run.job == event.job:
                        run.tell(event)
            case wire.Done() | wire.Failed():
                self._rest.disturb()
                self._pauses = iter(self._timings.restart)
                if self._lanes.at == event.job:
                    self._turn("")
                given_up = isinstance(event, wire.Failed) and event.kind == "cancelled"
                for run in self._lanes.sent:
                    if run.job == event.job:
                        self._end(run, run.verdict if given_up and run.verdict else event)
        self._dispatch()

    def _on_exit(self, outcome: ProcessEvent) -> ProcessEvent:
        """The process is lost: tell its job. One that still waits for a process may wait on, if that makes sense."""
        was_ready, self.ready = self.ready is not None, None
        self._introduced.set()
        sent = self._lanes.sent
        killed_for = [run for run in sent if run.verdict] if self._killed else []
        for run in sent:
            suspect = run in killed_for or (not killed_for and self._lanes.at in ("", run.job))
            self._end(run, self._end_of(run, outcome, suspect=suspect))
        for waiting in self._lanes.runs:
            if outcome == "stopped":
                self._end(waiting, EngineError(STOPPED))
            elif not was_ready:
                self._end(waiting, EngineError(NOT_STARTED))
        self._lanes.at = ""
        self._observer(outcome)
        return outcome
