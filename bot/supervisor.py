"""Owns the engine process: start, heartbeat, cancel, restart with back-off, stop.

The life of one process is `Supervisor._live`, from spawn to reaped; `Supervisor._keep` puts one life after the other.
Whatever is wrong with a process has the same cure: it is killed, its job is told, and the next one starts.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar

import msgspec

from bot.errors import EngineBroken
from engine import wire
from engine.recipe import EncoderName

T = TypeVar("T")
log = logging.getLogger("impasto.engine")

# What becomes of engine processes; `Supervisor` tells its observer each of them as it happens.
Happening = Literal[
    "started",
    "ready",
    "crashed",  # ended by itself
    "starved",  # was killed, and not by us: so the kernel does when memory runs out
    "hung",  # said nothing for too long, at the start or later
    "babbled",  # wrote something that is no frame
    "killed",  # by us, because a cancelled job would not end
    "stopped",  # by us, because the bot ends
]
FAULTS: tuple[Happening, ...] = ("crashed", "starved", "hung", "babbled")

NOT_STARTED = "My painting engine does not start, and the log says why. Please try again later."
STOPPED = "I am shutting down."
SENTENCES: dict[Happening, str] = {
    "crashed": "My painting engine stopped in the middle of this picture.",
    "starved": "The system ended my painting engine in the middle of this picture, as it does when memory runs out:"
    " a smaller size= may help.",
    "hung": "My painting engine fell silent in the middle of this picture.",
    "babbled": "My painting engine lost its words in the middle of this picture.",
    "killed": "My painting engine had to be restarted in the middle of this picture.",
    "stopped": STOPPED,
}
REAP_SECONDS = 1.0  # from the end of a process's pipe until its exit code is there
TOO_LARGE = "This photo is too large for my painting engine. Send a smaller one."
CANCELLED = "Cancelled."


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
    first_pause_seconds: float = 0.25  # before the restart after a first fault; doubles with every further one
    longest_pause_seconds: float = 30.0  # so that an engine that cannot start costs one core for a tenth of the time


class Engine(Protocol):
    """What runs jobs, as the studio sees it; a supervised process is one way to have it."""

    @property
    def ready(self) -> wire.Ready | None:
        """What the engine said of itself, or None while it is not up."""
        ...

    def run(self, paint: wire.Paint) -> AsyncIterator[wire.Event]:
        """Paint one picture: the newest Progress and Preview whenever asked, then exactly one Done or Failed.

        One job at a time. To give a job up, `cancel` it, or just close the iterator.

        Raises:
            EngineBroken: the engine failed, not the job; a second attempt may succeed.
        """
        ...

    async def cancel(self, job: str) -> None:
        """Have `run` end soon, normally with a Failed of kind ``cancelled``. A job that is not running is ignored."""
        ...


class _Run:
    """One job in the engine, and what its consumer has not seen yet: only the newest of each kind."""

    def __init__(self, paint: wire.Paint) -> None:
        self.job = paint.job
        self.frame = wire.encode(paint)
        self.sent = False
        self.verdict: wire.Failed | None = None  # our own: how the job ends unless the engine finishes it yet
        self.end: wire.Done | wire.Failed | EngineBroken | None = None
        self._progress: wire.Progress | None = None
        self._preview: wire.Preview | None = None
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, event: wire.Progress | wire.Preview) -> None:
        if isinstance(event, wire.Preview):
            self._preview = event
        else:
            # A note is said once, and must outlive the progress that it came with.
            unread = self._progress.note if self._progress else ""
            self._progress = msgspec.structs.replace(event, note=f"{unread} {event.note}".strip())
        self._news.set()

    def finish(self, end: wire.Done | wire.Failed | EngineBroken) -> None:
        self.disarm()
        self.end = end
        self._news.set()

    async def news(self) -> list[wire.Progress | wire.Preview | wire.Done | wire.Failed | EngineBroken]:
        """What is new since the last call, the end last; waits until something is."""
        await self._news.wait()
        self._news.clear()
        found = [event for event in (self._progress, self._preview, self.end) if event]
        self._progress = self._preview = None
        return found

    def arm(self, seconds: float, overdue: Callable[[_Run], None]) -> None:
        """Call ``overdue`` unless the job ends within ``seconds``; replaces the deadline before."""
        self.disarm()
        self._timer = asyncio.get_running_loop().call_later(seconds, overdue, self)

    def disarm(self) -> None:
        if self._timer:
            self._timer.cancel()


class Supervisor:
    """The engine as a child process, always there while the context is open.

    Entering does not wait for the process: `run` does. ``command`` starts it (see `worker_command`), in ``env`` (see
    `clean_environment`). ``observer`` is told what happens to processes, and must be quick.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        timings: Timings = Timings(),  # noqa: B008 (frozen)
        env: Mapping[str, str] | None = None,
        observer: Callable[[Happening], None] = lambda happening: None,
    ) -> None:
        self.ready: wire.Ready | None = None
        self.restarts = 0
        self._command, self._timings, self._observer = tuple(command), timings, observer
        self._env = clean_environment(os.environ if env is None else env)
        self._tasks = asyncio.TaskGroup()
        self._keeper: asyncio.Task[None] | None = None
        self._closed = True
        self._process: Process | None = None
        self._run: _Run | None = None
        self._leaving: _Run | None = None  # given up by its consumer, not yet by the engine
        self._killed = False
        self._faults = 0  # in a row, since a job was answered

    @property
    def busy(self) -> str | None:
        """The job that the engine works on."""
        run = self._leaving or self._run
        return run.job if run else None

    @property
    def pid(self) -> int | None:
        """The engine process, while there is one."""
        return self._process.pid if self._process else None

    # --- open and close ----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._keeper = self._tasks.create_task(self._keep(), name="engine")
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._keeper:
            self._keeper.cancel()
        # What went wrong in the body is not the group's business: told of it, it would wrap it.
        await self._tasks.__aexit__(None, None, None)

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def run(self, paint: wire.Paint) -> AsyncGenerator[wire.Event, None]:
        """See `Engine.run`. Waits for a process that is loading or being restarted."""
        if self._run:
            raise RuntimeError(f"job {self._run.job} is running; one at a time")
        if self._closed:
            raise EngineBroken(STOPPED)
        try:
            run = _Run(paint)
        except wire.WireError:
            yield wire.Failed(paint.job, "refused", TOO_LARGE)
            return
        self._run = run
        self._dispatch()
        try:
            while True:
                for event in await run.news():
                    if isinstance(event, EngineBroken):
                        raise event
                    yield event
                    if isinstance(event, wire.Done | wire.Failed):
                        return
        finally:
            if self._run is run:
                self._abandon(run)

    async def cancel(self, job: str) -> None:
        """See `Engine.cancel`. What is not given up within the deadline is killed with its process."""
        if self._run and self._run.job == job and not self._run.verdict:
            self._give_up(self._run, wire.Failed(job, "cancelled", CANCELLED))

    def _abandon(self, run: _Run) -> None:
        """Nobody listens any more: the engine may drop it, and takes the next job as soon as it has."""
        if not run.verdict:
            self._give_up(run, wire.Failed(run.job, "cancelled", CANCELLED))
        self._run = None
        if not run.end:
            self._leaving = run

    def _give_up(self, run: _Run, verdict: wire.Failed) -> None:
        run.verdict = verdict
        if run.sent:
            self._send(wire.encode(wire.Cancel(run.job)))
            run.arm(self._timings.cancel_seconds, self._enforce)
        else:
            self._end(run, verdict)

    def _enforce(self, run: _Run) -> None:
        log.warning("Job %s was not given up within %g s: killing the engine.", run.job, self._timings.cancel_seconds)
        self._killed = True
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _too_long(self, run: _Run) -> None:
        minutes = self._timings.job_seconds / 60
        sentence = f"This picture took longer than {minutes:.0f} minutes. Try a smaller size=, or fewer steps=."
        self._give_up(run, wire.Failed(run.job, "broken", sentence))

    def _dispatch(self) -> None:
        """Hand the job over, if there is one to hand and an engine free to take it."""
        if self.ready and self._run and not self._run.sent and not self._leaving:
            self._run.sent = True
            self._run.arm(self._timings.job_seconds, self._too_long)
            self._send(self._run.frame)

    def _send(self, frame: bytes) -> None:
        # Not drained: with one job at a time little can pile up, and a process that reads nothing answers nothing.
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(frame)

    def _end(self, run: _Run, end: wire.Done | wire.Failed | EngineBroken) -> None:
        run.finish(end)
        if self._leaving is run:
            self._leaving = None
        elif self._run is run:
            self._run = None

    # --- processes ---------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            happening = await self._live()
            self._faults += happening in FAULTS
            pause = self._timings.first_pause_seconds * 2 ** (self._faults - 1) if self._faults else 0.0
            await asyncio.sleep(min(pause, self._timings.longest_pause_seconds))
            self.restarts += 1

    async def _live(self) -> Happening:
        """One process from spawn to reaped; why it ended."""
        self._killed = False
        spawn = asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._env, limit=2**20
        )
        try:
            # asyncio can wait for ever when it is cancelled between fork and exec.
            process, cancelled = await _to_the_end(spawn)
        except OSError as error:
            log.error("The engine cannot be started: %s.", error)
            return self._fallen("crashed")
        self._process = process
        happening: Happening = "stopped"
        diary: asyncio.Task[None] | None = None
        try:
            if cancelled:
                raise asyncio.CancelledError
            diary = self._tasks.create_task(_log_lines(process), name="engine log")
            self._observer("started")
            happening = await self._listen(process)
        finally:
            self._fallen(happening)
            _, cancelled = await _to_the_end(self._bury(process, diary, gently=happening == "stopped"))
            self._process = None
        if cancelled:
            raise asyncio.CancelledError
        log.warning("The engine process %d %s (exit code %s).", process.pid, happening, process.returncode)
        return happening

    async def _listen(self, process: Process) -> Happening:
        """Take in its frames until there are no more; the first must be Ready, and soon enough."""
        assert process.stdout
        seconds = self._timings.load_seconds
        try:
            while True:
                async with asyncio.timeout(seconds):
                    event = await wire.read_event(process.stdout)
                if isinstance(event, wire.Ready) == (self.ready is not None):
                    raise wire.WireError(f"{type(event).__name__} out of turn")
                self._heard(event)
                seconds = self._timings.hang_seconds
        except TimeoutError:
            log.warning("Nothing was heard from the engine for %g s.", seconds)
            return "hung"
        except wire.WireError as error:
            log.warning("The engine does not speak our language: %s.", error)
            return "babbled"
        except (asyncio.IncompleteReadError, ConnectionError):
            if self._killed:
                return "killed"
            await _gone(process, REAP_SECONDS)
            return "starved" if process.returncode == -signal.SIGKILL else "crashed"

    def _heard(self, event: wire.Event) -> None:
        match event:
            case wire.Ready():
                self.ready = event
                log.info("The engine is ready: %s, encoders %s.", event.device, ", ".join(event.encoders))
                for note in event.notes:
                    log.warning("%s", note)
                self._observer("ready")
            case wire.Progress() | wire.Preview():
                if self._run and self._run.sent and self._run.job == event.job:
                    self._run.tell(event)
            case wire.Done() | wire.Failed():
                self._faults = 0
                run = self._leaving or self._run
                if run and run.sent and run.job == event.job:
                    given_up = isinstance(event, wire.Failed) and event.kind == "cancelled"
                    self._end(run, run.verdict if given_up and run.verdict else event)
        self._dispatch()

    def _fallen(self, happening: Happening) -> Happening:
        """The process is lost: tell its job. One that still waits for a process may wait on, if that makes sense."""
        was_ready, self.ready = self.ready is not None, None
        if self._leaving:
            self._end(self._leaving, EngineBroken(SENTENCES[happening]))
        run = self._run
        if run and happening == "stopped":
            self._end(run, EngineBroken(STOPPED))
        elif run and run.sent:
            self._end(run, run.verdict or EngineBroken(SENTENCES[happening]))
        elif run and not was_ready:
            self._end(run, EngineBroken(NOT_STARTED))
        self._observer(happening)
        return happening

    async def _bury(self, process: Process, diary: asyncio.Task[None] | None, gently: bool) -> None:
        """See the process to its end: asked first if ``gently``, then told, then killed."""
        if gently:
            self._send(wire.encode(wire.Stop()))
        assert process.stdin
        process.stdin.close()
        if gently and not await _gone(process, self._timings.stop_seconds):
            with suppress(ProcessLookupError):
                process.terminate()
            await _gone(process, self._timings.terminate_seconds)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await _gone(process, self._timings.terminate_seconds)
        if diary:
            # The last words matter most; but a grandchild could hold the pipe open for ever.
            await asyncio.wait({diary}, timeout=self._timings.terminate_seconds)
            diary.cancel()


async def _to_the_end(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """The result of ``work``, however often the caller is cancelled meanwhile; and whether it was."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return task.result(), cancelled


async def _gone(process: Process, seconds: float) -> bool:
    """Wait for the end of ``process``; what it still says is thrown away, for a full pipe would hold it up."""
    assert process.stdout
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await process.stdout.read(2**20):
                pass
            await process.wait()
    return process.returncode is not None


async def _log_lines(process: Process) -> None:
    """The engine's stderr into our log, at the level that a line begins with; what follows it keeps that level."""
    assert process.stderr
    levels = logging.getLevelNamesMapping()
    level = logging.INFO
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line longer than the buffer, dropped by the reader
            continue
        if not line:
            return
        text = line.decode("utf-8", "backslashreplace").rstrip()
        name, _, rest = text.partition(" ")
        if name in levels:
            level, text = levels[name], rest
        if text:
            log.log(level, "%s", text)


def worker_command(
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int = 0,
    cache: Path | None = None,
    weights: Path | None = None,
    encoder: EncoderName = "slim",
    max_photo_mb: int = 20,
    gallery: Path | None = None,
) -> list[str]:
    """How to start `engine.worker` with these settings."""
    # -P: not from the folder where the bot was started, which may hold another "engine".
    settings = wire.EngineSettings(
        device=device,
        threads=threads,
        cache=cache.absolute() if cache else None,
        weights=weights.absolute() if weights else None,
        encoder=encoder,
        max_photo_mb=max_photo_mb,
        gallery=gallery.absolute() if gallery else None,
    )
    return [sys.executable, "-P", "-m", "engine.worker", wire.encode_settings(settings)]


MALLOC = {"hugetlb": 1, "mmap_threshold": 32 * 2**20, "trim_threshold": 2**32}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the engine may know of ours: no secrets, and where the code lies that this process runs."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("IMPASTO_") and not name.upper().endswith(("TOKEN", "SECRET", "PASSWORD", "KEY"))
    }
    code = str(Path(wire.__file__).resolve().parents[1])
    # Threads that wait for work by spinning slow an engine down several times on a busy machine (seen on two cores).
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Every step takes and returns the same few hundred megabytes: kept, and in huge pages, they save a quarter of it.
    kept.setdefault("GLIBC_TUNABLES", ":".join(f"glibc.malloc.{name}={value}" for name, value in MALLOC.items()))
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (code, environ.get("PYTHONPATH"))))
    return kept
