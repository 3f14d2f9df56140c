"""The life of a job's message, on a platform that is a list in memory: what a new platform may rely on."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from bot.chat.messenger import Messenger
from bot.chat.transport import (
    Capabilities,
    Content,
    Ending,
    MessageGone,
    Picture,
    PressContext,
    Progress,
    TooLarge,
    Transport,
)
from bot.core.errors import StoreError, Undeliverable
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage, Store
from bot.core.messages import Platform, Result, Status
from bot.dialog.buttons import Press
from bot.dialog.services import Services
from engine.recipe import complete, parse
from tests.harness import GALLERY, EngineDouble, assembled, at_work, message
from tests.waiting import eventually

WORDS_FIRST = Capabilities(file_bytes=2**20, words_first=True, calm_seconds=0, edit_seconds=0, preview_seconds=0)
AT_ONCE = msgspec.structs.replace(WORDS_FIRST, words_first=False)


class Wall(Transport):
    """Messages by number; ``shows`` is what each shows now."""

    def __init__(self, capabilities: Capabilities = WORDS_FIRST) -> None:
        self._capabilities = capabilities
        self.shows: dict[int, Content] = {}
        self.edits = 0
        self.faults: list[Exception] = []  # raised by the next edits
        self.posting = asyncio.Event()  # posts wait for it
        self.posting.set()
        self.limit = 2**30

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def post(self, job: Job, content: Content) -> JobMessage:
        await self.posting.wait()
        self._check(content)
        self.shows[len(self.shows) + 1] = content
        return JobMessage(message=len(self.shows))

    async def edit(self, job: Job, message: JobMessage, content: Content) -> JobMessage:
        self.edits += 1
        if self.faults:
            raise self.faults.pop(0)
        self._check(content)
        self.shows[int(message.message)] = content
        return message

    def _check(self, content: Content) -> None:
        if isinstance(content, Picture) and len(content.data) > self.limit:
            raise TooLarge


class WallChat(Platform):
    """A whole platform, as docs/architecture.md describes one."""

    name = "web"

    def __init__(self, wall: Wall, services: Services) -> None:
        self.messenger = Messenger(wall, services)

    async def tell(self, user: str, text: str) -> None:
        raise Undeliverable("A wall is read by everybody.")

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def wait_to_show(self, job: Job, status: Status) -> None:
        await self.messenger.wait_to_show(job, status)

    async def show(self, job: Job, status: Status) -> None:
        await self.messenger.show(job, status)

    async def deliver(self, job: Job, result: Result) -> None:
        await self.messenger.deliver(job, result)

    async def notify(self, job: Job, text: str) -> None:
        await self.messenger.notify(job, text)


@asynccontextmanager
async def on(wall: Wall, path: Path | None = None, *acts: Any) -> AsyncIterator[tuple[Services, WallChat]]:
    async with assembled(EngineDouble(*acts), path=path, styles=GALLERY) as services:
        chat = WallChat(wall, services)
        services.studio.add_chat(chat)
        async with chat.messenger:
            yield services, chat


async def a_job(store: Store, id: str = "abcdefgh") -> Job:
    recipe = complete(parse("starrynight", GALLERY), GALLERY, size=64, seed=7)
    job = Job(id=id, user="ann", place=message().place, recipe=recipe, created=1.0)
    return await store.add(job, b"photo")


def result(data: bytes = b"picture") -> Result:
    return Result(picture=data, width=64, height=48, credit="The Starry Night", line="/stylize starrynight", seconds=1)


@pytest.mark.parametrize("capabilities", [WORDS_FIRST, AT_ONCE])
async def test_a_job_is_one_message_from_its_first_status_to_its_picture(capabilities: Capabilities) -> None:
    wall = Wall(capabilities)
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        await chat.show(job, Status(text="place 1 of 1"))
        await chat.show(job, Status(text="step 1", done=0.5, preview=b"preview"))
        await chat.deliver(job, result())
        assert [type(content) for content in wall.shows.values()] == [Picture]
        assert await services.store.job_message(job.id) == JobMessage(message=1, answered=True)


async def test_whoever_asks_at_once_gets_the_same_message() -> None:
    wall = Wall()
    wall.posting.clear()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        asking = [asyncio.create_task(chat.show(job, Status(text=f"step {n}"))) for n in range(5)]
        await asyncio.sleep(0)
        wall.posting.set()
        await asyncio.gather(*asking)
        assert len(wall.shows) == 1


async def test_a_caller_that_gives_up_leaves_no_message_that_nobody_remembers() -> None:
    wall = Wall()
    wall.posting.clear()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await chat.show(job, Status(text="step 1"))
        wall.posting.set()
        await chat.deliver(job, result())
        assert len(wall.shows) == 1


@pytest.mark.parametrize("capabilities", [WORDS_FIRST, AT_ONCE])
async def test_a_restart_finds_the_message_and_answers_in_it_once(tmp_path: Path, capabilities: Capabilities) -> None:
    wall = Wall(capabilities)
    async with on(wall, tmp_path / "journal") as (services, chat):
        job = await a_job(services.store)
        await chat.show(job, Status(text="step 1"))
    async with on(wall, tmp_path / "journal") as (_, chat):
        await chat.deliver(job, result())
        assert [type(content) for content in wall.shows.values()] == [Picture]
    edits = wall.edits
    async with on(wall, tmp_path / "journal") as (_, chat):
        await chat.deliver(job, result())
    assert (len(wall.shows), wall.edits) == (1, edits)


async def test_a_message_that_was_deleted_is_posted_anew_for_the_answer_only() -> None:
    wall = Wall()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        await chat.show(job, Status(text="step 1"))
        wall.faults = [MessageGone(), MessageGone()]
        with pytest.raises(Undeliverable):
            await chat.show(job, Status(text="step 2"))
        await chat.notify(job, "It failed.")
        assert wall.shows[2] == Ending("It failed.")
        assert await services.store.job_message(job.id) == JobMessage(message=2, answered=True)


@contextmanager
def full_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Which message shows a job cannot be written down."""

    async def fails(*message: Any) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr(store, "set_job_message", fails)
        yield


async def test_a_disk_that_fails_does_not_make_it_post_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        with full_disk(services.store, monkeypatch), pytest.raises(StoreError):
            await chat.show(job, Status(text="step 1"))
        await chat.deliver(job, result())
        assert len(wall.shows) == 1
        assert await services.store.job_message(job.id) == JobMessage(message=1, answered=True)


async def test_a_message_that_had_to_move_is_known_even_if_the_disk_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        await chat.show(job, Status(text="step 1"))
        moved, edited = JobMessage(message=2, kind="below"), list[JobMessage]()

        async def edit(job: Job, message: JobMessage, content: Content) -> JobMessage:
            edited.append(message)
            return moved

        monkeypatch.setattr(wall, "edit", edit)
        with full_disk(services.store, monkeypatch), pytest.raises(StoreError):
            await chat.show(job, Status(text="step 2"))
        await chat.deliver(job, result())
        assert edited == [JobMessage(message=1), moved]
        assert await services.store.job_message(job.id) == msgspec.structs.replace(moved, answered=True)


@pytest.mark.parametrize("limit", [600_000, 150_000])
async def test_a_picture_is_made_smaller_until_the_platform_takes_it(limit: int) -> None:
    wall = Wall()
    wall.limit = limit
    file = io.BytesIO()
    Image.effect_noise((1200, 1000), 30).convert("RGB").save(file, "PNG")
    data = file.getvalue()
    assert len(data) > 2**20
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        await chat.deliver(job, result(data))
        shown = wall.shows[1]
        assert isinstance(shown, Picture)
        assert len(shown.data) <= wall.limit
        assert shown.file_name.endswith(".jpg")
        assert shown.notes[-1].startswith("Made smaller: files may have ")


async def test_nothing_is_kept_of_a_job_that_cannot_be_answered() -> None:
    wall = Wall()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        await chat.show(job, Status(text="step 1"))
        wall.faults = [Undeliverable("The bot was removed.")]
        with pytest.raises(Undeliverable):
            await chat.notify(job, "It failed.")
        assert not chat.messenger._shown


class Context(PressContext):
    """Somebody pressed a button."""

    def __init__(self, limit: int = 2**20, refuses: str = "") -> None:
        self._limit = limit
        self.refuses = refuses
        self.files: list[str] = []
        self.deleted: list[JobMessage | None] = []

    @property
    def file_limit(self) -> int:
        return self._limit

    async def send_file(self, name: str, data: bytes, message: JobMessage | None) -> None:
        self.files.append(name)

    async def delete(self, message: JobMessage | None) -> None:
        if self.refuses:
            raise Undeliverable(self.refuses)
        self.deleted.append(message)


async def _painted(services: Services) -> Job:
    reply = await services.commands.say(message(photo=b"cat"), "/stylize starrynight")
    job = getattr(reply, "job", None)
    assert isinstance(job, Job), reply.text

    async def delivered() -> Job | None:
        found = await services.store.job(job.id)
        return found if found and found.state == "delivered" else None

    return await eventually(delivered)


async def test_buttons_hand_over_the_file_and_take_the_message_away() -> None:
    wall = Wall()
    async with on(wall) as (services, chat), at_work(services):
        job = await _painted(services)
        assert isinstance(wall.shows[1], Picture)
        context = Context()
        pressed = await chat.messenger.press(Press(data=f"{job.id}:o", user="ann"), context)
        assert (context.files, pressed.refused) == ([job.file_name], False)
        small = Context(limit=3)
        pressed = await chat.messenger.press(Press(data=f"{job.id}:o", user="bob"), small)
        assert pressed.refused
        await chat.messenger.press(Press(data=f"{job.id}:d", user="ann"), context)
        assert context.deleted == [JobMessage(message=1, answered=True)]
        assert await services.store.job(job.id) is None


async def test_a_file_that_is_too_large_and_a_message_that_stays_are_told() -> None:
    async with on(Wall()) as (services, chat), at_work(services):
        job = await _painted(services)
        pressed = await chat.messenger.press(Press(data=f"{job.id}:o", user="ann"), small := Context(limit=3))
        assert "Order it with a smaller size=." in pressed.text
        assert (pressed.refused, small.files) == (True, [])
        context = Context(refuses="The platform does not let the bot delete it.")
        pressed = await chat.messenger.press(Press(data=f"{job.id}:d", user="ann"), context)
        assert (pressed.refused, pressed.text) == (True, context.refuses)


async def test_progress_is_shown_as_a_preview_where_there_is_one() -> None:
    wall = Wall()
    async with on(wall) as (services, chat):
        job = await a_job(services.store)
        await chat.show(job, Status(text="step 1", preview=b"preview"))
        assert wall.shows[1] == Progress(Status(text="step 1", preview=b"preview"))
        await chat.show(job, Status(text="step 2", preview=b"preview"))
        assert wall.shows[1] == Progress(Status(text="step 2", preview=b"preview"), preview_shown=True)
