"""What tests of the bot stand on: an engine and a chat that do as a test tells them, around the real composition root.

`assembled` is a bot without a platform, and `at_work` its studio at work; platforms' own harnesses add theirs.
"""

from __future__ import annotations

import asyncio
import io
import shutil
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from bot.app import assemble
from bot.backoff import Backoff
from bot.core.admission import Rules
from bot.core.announce import Pace
from bot.core.engine import Engine, Taken, Worker
from bot.core.errors import EngineError
from bot.core.jobs import Job, Place, State
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Accepted, Chat, Incoming, Reply, Result, Status
from bot.core.people.owners import Owners
from bot.core.queue import FairQueue
from bot.dialog.services import Services
from engine import gallery
from engine.gallery import Gallery, Style
from engine.recipe import EncoderName
from engine.wire import Done, Event, Failed, Paint, Preview, Progress, Ready
from tests.waiting import PATIENCE, Board, eventually

BRISK = Pace(show=5.0, deliver=5.0, retry=Backoff(first=0.001, longest=0.002))
GALLERY = Gallery(
    (
        Style(
            name="starrynight",
            title="The Starry Night",
            artist="Vincent van Gogh",
            year="1889",
            licence="public domain",
            tags=("night", "blue"),
            strength=60,
        ),
        Style(
            name="greatwave",
            title="The Great Wave off Kanagawa",
            artist="Katsushika Hokusai",
            year="c. 1831",
            licence="public domain",
            aliases=("hokusai",),
            tags=("woodblock", "blue"),
            strength=40,
        ),
    )
)


Act = Callable[["EngineDouble", Paint], AsyncGenerator[Event, None]]
NOT_STARTED = "The painting engine does not start."


def done(paint: Paint, **changes: Any) -> Done:
    """The end of a job, with a picture that tells whose it is."""
    picture = b"picture of " + (paint.photo or b"nothing")
    said = dict(width=640, height=480, seconds=2.0, recipe=paint.recipe, picture=picture) | changes
    return Done(job=paint.job, **said)


async def paints(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """A good engine."""
    yield Progress(paint.job, 0.5, "step 60 of 120")
    yield Preview(paint.job, b"preview")
    yield done(paint)


async def waits(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """Takes its time: until `EngineDouble.let_go`, or until it is cancelled."""
    yield Progress(paint.job, 0.1, "step 12 of 120")
    await engine.until(lambda: paint.job in engine.free or paint.job in engine.cancelled)
    yield done(paint) if paint.job in engine.free else Failed(paint.job, "cancelled", "Cancelled.")


async def crashes(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """Dies in the middle of the job."""
    yield Progress(paint.job, 0.3, "step 36 of 120")
    raise EngineError("The painting engine stopped in the middle of this picture.")


async def does_not_start(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """Gets no photo in hand."""
    raise EngineError(NOT_STARTED)
    yield


def fails(kind: Any, message: str) -> Act:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Failed(paint.job, kind, message)

    return act


class EngineDouble(Board):
    """An engine that plays one act for every job it is given, and a good one when it has no more."""

    def __init__(self, *acts: Act) -> None:
        super().__init__()
        self.ready: Ready | None = Ready("a double", ("slim",), "0")
        self.encoder: EncoderName = "slim"
        self.acts = deque(acts)
        self.runs: list[Paint] = []
        self.cancelled: list[str] = []
        self.forgot = 0  # times
        self.free: set[str] = set()
        self.busy: Counter[bool] = Counter()
        self.workers: tuple[Worker, ...] = (Worker("1", "idle"),)

    async def introduced(self) -> None: ...

    async def run(self, paint: Paint) -> AsyncGenerator[Taken | Event, None]:
        assert self.busy[paint.quick] < len(self.workers), "one job at a time in each lane of a worker"
        self.busy[paint.quick] += 1
        try:
            act = self.acts.popleft() if self.acts else paints
            if act is not does_not_start:
                yield Taken(paint.job)
                self.runs.append(paint)
            self.notice()
            async for event in act(self, paint):
                yield event
        finally:
            self.busy[paint.quick] -= 1

    async def cancel(self, job: str) -> None:
        self.cancelled.append(job)
        self.notice()

    async def forget(self) -> None:
        self.forgot += 1

    def let_go(self, job: str) -> None:
        """Let an engine that `waits` finish this job."""
        self.free.add(job)
        self.notice()

    async def started(self, job: str) -> None:
        await self.until(lambda: any(paint.job == job for paint in self.runs))

    @property
    def painted(self) -> list[str]:
        """The jobs it was given, by photo."""
        return [(paint.photo or b"nothing").decode() for paint in self.runs]


class ManualEngine:
    """An engine that does what the test says, when the test says it."""

    def __init__(self) -> None:
        self.ready: Ready | None = Ready("a double", ("slim",), "0")
        self.encoder: EncoderName = "slim"
        self.workers: tuple[Worker, ...] = (Worker("1", "idle"),)
        self.orders: asyncio.Queue[Paint] = asyncio.Queue()
        self._events: defaultdict[str, asyncio.Queue[Event]] = defaultdict(asyncio.Queue)

    async def introduced(self) -> None: ...

    async def run(self, paint: Paint) -> AsyncGenerator[Taken | Event, None]:
        yield Taken(paint.job)
        self.orders.put_nowait(paint)
        while True:
            event = await self._events[paint.job].get()
            yield event
            if isinstance(event, Done | Failed):
                return

    async def cancel(self, job: str) -> None:
        self.does(Failed(job, "cancelled", "Cancelled."))

    async def forget(self) -> None: ...

    async def order(self, *, sheets: bool = False) -> Paint:
        """The next order that reaches the engine, but for the sheet that the page's gallery orders by itself."""
        async with asyncio.timeout(PATIENCE):
            while True:
                paint = await self.orders.get()
                if sheets or paint.recipe.mode != "sheet":
                    return paint

    def does(self, event: Progress | Preview | Done | Failed) -> None:
        self._events[event.job].put_nowait(event)

    def finishes(
        self, paint: Paint, picture: bytes, notes: tuple[str, ...] = (), media_type: str = "image/png"
    ) -> None:
        """The order is painted, and this image file is the picture."""
        with Image.open(io.BytesIO(picture)) as image:
            width, height = image.size
        self.does(Done(paint.job, picture, paint.recipe, width, height, 12.3, notes, media_type=media_type))


class ChatDouble(Board, Chat):
    """A chat that writes down what it is told; ``faults`` are raised first, ``open`` closes its door."""

    def __init__(self, name: str = "web") -> None:
        super().__init__()
        self.name = name
        self.shown: list[tuple[str, Status]] = []
        self.delivered: list[tuple[str, Result]] = []
        self.notified: list[tuple[str, str]] = []
        self.faults: deque[Exception] = deque()
        self.tries = 0
        self.show_open = asyncio.Event()
        self.answers_open = asyncio.Event()
        self.show_open.set()
        self.answers_open.set()

    async def show(self, job: Job, status: Status) -> None:
        await self.show_open.wait()
        self.shown.append((job.id, status))
        self.notice()

    async def deliver(self, job: Job, result: Result) -> None:
        await self._answer()
        self.delivered.append((job.id, result))
        self.notice()

    async def notify(self, job: Job, text: str) -> None:
        await self._answer()
        self.notified.append((job.id, text))
        self.notice()

    async def _answer(self) -> None:
        self.tries += 1
        self.notice()
        await self.answers_open.wait()
        if self.faults:
            raise self.faults.popleft()

    async def answered(self, *jobs: str) -> None:
        """Wait until these have been delivered or told of."""
        await self.until(lambda: set(jobs) <= {job for job, _ in (*self.delivered, *self.notified)})

    def texts(self, job: str) -> list[str]:
        """The statuses shown for a job."""
        return [status.text for id, status in self.shown if id == job]


class Bot:
    """A studio at work, with everything around it."""

    def __init__(self, services: Services, engine: EngineDouble, chat: ChatDouble) -> None:
        self.store = services.store
        self.studio = services.studio
        self.commands = services.commands
        self.buttons = services.buttons
        self.engine = engine
        self.chat = chat

    async def say(
        self, text: str, user: str = "ann", photo: bytes | None = None, style: bytes | None = None, **more: Any
    ) -> Reply:
        """Send a message."""
        return await self.commands.say(message(user, photo, style, **more), text)

    async def order(
        self, text: str = "/stylize starrynight", user: str = "ann", photo: bytes = b"cat", style: bytes | None = None
    ) -> Job:
        """Send a photo with a command that is to be accepted."""
        reply = await self.say(text, user, photo, style)
        assert isinstance(reply, Accepted), reply.text
        return reply.job

    async def until_state(self, job: str, state: State) -> Job:
        """Wait until the journal says so."""

        async def reached() -> Job | None:
            found = await self.store.job(job)
            return found if found and found.state is state else None

        return await eventually(reached)


def message(user: str = "ann", photo: bytes | None = None, style: bytes | None = None, **more: Any) -> Incoming:
    return Incoming(user=user, place=Place("web", f"room of {user}"), photo=photo, style=style, **more)


@asynccontextmanager
async def assembled(
    engine: Engine, *, path: Path | None = None, styles: Gallery | None = None, **more: Any
) -> AsyncIterator[Services]:
    """A bot without a platform, not yet at work; its journal in memory where no file is named.

    Args:
        more: as `bot.app.assemble` takes it.
    """
    more = {"limits": Limits(open_jobs=20, burst=50), "pace": BRISK} | more
    async with Store.open(path) as store:
        yield assemble(store, engine, styles or gallery.default(), **more)


@asynccontextmanager
async def at_work(services: Services) -> AsyncIterator[None]:
    """The studio at work; stopped as an operator stops it when the context ends."""
    running = asyncio.create_task(services.studio.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def bot(
    *acts: Act,
    path: Path | None = None,
    chat: ChatDouble | None = None,
    rules: Rules | None = None,
    limits: Limits | None = None,
    capacity: int = 100,
    styles: Gallery = GALLERY,
    owners: Owners | None = None,
) -> AsyncIterator[Bot]:
    """A bot with a chat double, whose engine plays these acts."""
    chat, engine = chat or ChatDouble(), EngineDouble(*acts)
    more: dict[str, Any] = {"owners": owners} | ({"limits": limits} if limits else {})
    queue = FairQueue(capacity=capacity)
    async with assembled(engine, path=path, styles=styles, rules=rules, queue=queue, **more) as services:
        services.studio.add_chat(chat)
        async with at_work(services):
            yield Bot(services, engine, chat)


def as_the_power_fails(journal: Path, copy: Path) -> Path:
    """What is on the disk at this moment, for another bot to find."""
    for name in (journal.name, journal.name + "-wal"):
        if (journal.parent / name).exists():
            shutil.copyfile(journal.parent / name, copy.with_name(name.replace(journal.name, copy.name)))
    shutil.copytree(journal.with_name(f"{journal.name}-pictures"), copy.with_name(f"{copy.name}-pictures"))
    return copy
