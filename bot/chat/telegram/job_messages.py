"""The one message of each job: words, then previews, then the picture.

Everything about a job goes into its message by editing, and an edit repeated changes nothing. So the answer may be
handed over again after a crash, and there is still one. Which message it is lies in the store.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import msgspec
from telegram import Bot, InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto, Message, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError

from bot.chat.telegram.attachments import Attachment
from bot.chat.telegram.calls import WORDS_SECONDS, Barred, Calls, Gone, is_unchanged
from bot.chat.telegram.render import CAPTION, MESSAGE, actions, album_actions, caption, cut
from bot.core.errors import Undeliverable
from bot.core.jobs import Job
from bot.core.journal.store import Store
from bot.core.messages import Result, Status
from bot.engine_process import thumbnails
from engine import recipe as recipes
from engine.gallery import Gallery

T = TypeVar("T")
log = logging.getLogger(__name__)

PHOTO_BYTES = 10_000_000
PHOTO_SUM = 10_000  # pixels, width and height together
PHOTO_RATIO = 20
FILE_BYTES = 50_000_000
ACTION_SECONDS = 4.5  # Telegram shows an action for five
QUICK_SECONDS = 5.0  # a job that takes less shows no progress, so that somebody is at work is shown at once
CALM_SECONDS = 3.0  # for which a new message stays as it is: what is finished by then needs no progress


class _Kept(msgspec.Struct, frozen=True):
    """What the store keeps of a job's message."""

    message: int  # 0: there is none any more
    album: bool = False


class _Shown(msgspec.Struct):
    """What a job's message shows, as far as this process knows."""

    message: int
    album: bool
    since: float  # by the flood's clock
    text: str = ""
    preview: bytes | None = None
    picture: bool | None = None  # whether it has one; None is not known


class JobMessages:
    """Shows jobs in their messages. Tasks of its own belong to ``tasks``."""

    def __init__(self, bot: Bot, calls: Calls, store: Store, gallery: Gallery, tasks: asyncio.TaskGroup) -> None:
        self._bot = bot
        self._calls = calls
        self._store = store
        self._gallery = gallery
        self._tasks = tasks
        self._shown: dict[str, _Shown] = {}
        self._posting: dict[str, asyncio.Task[_Shown | Exception]] = {}
        self._albums: dict[str, asyncio.Event] = {}
        self._acted: dict[int, float] = {}
        self._turns: set[str] = set()  # jobs that have one and have not used it

    # --- the Chat ----------------------------------------------------------------------------------------------------

    async def turn(self, job: Job, status: Status) -> None:
        """Return when the status may be shown. The first preview of a long job has no reason to wait but the flood."""
        shown = self._shown.get(job.id)
        if shown is None:  # it is posted, which waits its turn like everything that must arrive
            return
        soon = job.recipe.mode == "fine" and status.preview is not None and shown.preview is None
        after = shown.since if soon else shown.since + CALM_SECONDS
        await self._calls.spare_turn(_chat(job), after=after, soon=soon)
        self._turns.add(job.id)

    async def show(self, job: Job, status: Status) -> None:
        text = self._words(job, status.text, job.id if not status.done else "")
        try:
            known = job.id in self._shown
            shown = await self._message(job, text)
            if status.done or (not known and job.cost < QUICK_SECONDS):
                self._begin(self._act(job, anew=not known))
            if text == shown.text and status.preview in (None, shown.preview):
                return
            if job.id not in self._turns and not await self._calls.spare_turn(_chat(job), 0):
                return
            if status.preview is not None and status.preview != shown.preview:
                await self._show_preview(job, shown, text, status.preview)
            elif await self._edit_words(job, shown, text, spare=True):
                shown.text = text
        except Gone as error:
            raise Undeliverable("The message that shows it was deleted.") from error
        finally:
            self._turns.discard(job.id)

    async def deliver(self, job: Job, result: Result) -> None:
        text, entities = caption(result)
        spoiler = bool(job.place.address.get("spoiler"))
        photo = await _as_photo(result)

        async def edit(shown: _Shown) -> None:
            markup = None if shown.album else actions(job)
            if photo is not None:
                name = job.file_name if photo is result.picture else job.file_name.replace(".png", ".jpg")
                media = InputMediaPhoto(
                    photo, caption=text, caption_entities=entities, filename=name, has_spoiler=spoiler
                )
                try:
                    await self._edit_media(job, shown, media, markup)
                    return
                except BadRequest as error:
                    if is_unchanged(error):
                        raise
                    log.info("job %s: Telegram will not have it as a photo, so it goes as a file: %s", job.id, error)
                except Barred as error:
                    if shown.album:
                        raise
                    log.info("job %s: photos may not be sent there, so it goes as a file: %s", job.id, error)
            if shown.album:  # in which a photo can only be followed by a photo
                await self._edit_words(job, shown, "This picture is no photo to Telegram; it comes as a file below.")
                raise Gone("album")
            data, name = await _as_file(result, job)
            await self._edit_media(
                job, shown, InputMediaDocument(data, caption=text, caption_entities=entities, filename=name), markup
            )

        async def edit_or_say_why(shown: _Shown) -> None:
            try:
                await edit(shown)
            except Barred:
                why = "finished, but I may not send pictures here. An admin can allow it; then /again."
                with suppress(TelegramError, Undeliverable):
                    await self._edit_words(job, shown, self._words(job, why))
                raise

        await self._settle(job, edit_or_say_why)

    async def tell(self, job: Job, text: str) -> None:
        async def edit(shown: _Shown) -> None:
            await self._edit_words(job, shown, self._words(job, text))

        await self._settle(job, edit)

    async def _settle(self, job: Job, edit: Callable[[_Shown], Awaitable[None]]) -> None:
        """The last edit of a job's message; of a new one where it was deleted meanwhile."""
        for _ in range(2):
            shown = await self._message(job, self._words(job, "finished"))
            try:
                await edit(shown)
            except BadRequest as error:
                if not is_unchanged(error):
                    raise
            except Gone:
                await self._keep(job, _Kept(0))
                continue
            self._shown.pop(job.id, None)
            self._turns.discard(job.id)
            return
        raise Undeliverable("Telegram does not let me change my own messages there.")

    # --- its message -------------------------------------------------------------------------------------------------

    async def message_of(self, job: str) -> int | None:
        """The message of a job, as far as it is kept."""
        kept = await self._kept(job)
        return kept.message if kept else None

    async def _message(self, job: Job, text: str) -> _Shown:
        """A job's message, posted with ``text`` if there is none yet; once, whoever asks and however often."""
        if shown := self._shown.get(job.id):
            return shown
        posting = self._posting.get(job.id)
        if posting is None:
            # A task of its own: a caller that gives up must not leave a message that nobody remembers.
            posting = self._posting[job.id] = self._begin(self._posted(job, text))
            posting.add_done_callback(lambda _: self._posting.pop(job.id, None))
        try:
            result = await asyncio.shield(posting)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if posting.cancelled() and caller and not caller.cancelling():  # it went with its session, we did not
                raise TelegramError("The connection was closed meanwhile.") from None
            raise
        if isinstance(result, Exception):
            raise result
        return result

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of its own.

        Raises:
            TelegramError: the session is ending, which the next one may do better.
        """
        try:
            return self._tasks.create_task(work)
        except RuntimeError:  # the closing group takes no more
            work.close()
            raise TelegramError("The connection is being closed.") from None

    async def _posted(self, job: Job, text: str) -> _Shown | Exception:
        """An error is returned: it is the caller's, not the task group's."""
        try:
            return await self._post(job, text)
        except Exception as error:
            return error

    async def _post(self, job: Job, text: str) -> _Shown:
        album = self._albums.get(str(job.place.address.get("album", "")))
        if album is not None:
            await album.wait()
        kept = await self._kept(job.id)
        if kept is not None:
            shown = _Shown(kept.message, kept.album, self._calls.flood.now(), picture=kept.album or None)
        else:
            message = await self.say(job.place.address, text)
            await self._keep(job, _Kept(message.message_id))
            now = self._calls.flood.now()
            shown = _Shown(message.message_id, album=False, since=now, text=text, picture=False)
        self._shown[job.id] = shown
        return shown

    async def _kept(self, job: str) -> _Kept | None:
        entries = await self._store.entries(_room(job))
        kept = msgspec.json.decode(entries[-1][1], type=_Kept) if entries else None
        return kept if kept and kept.message else None

    async def _keep(self, job: Job, kept: _Kept) -> None:
        self._shown.pop(job.id, None)
        await self._store.append(_room(job.id), msgspec.json.encode(kept))

    # --- albums ------------------------------------------------------------------------------------------------------

    @contextmanager
    def album(self, name: str) -> Iterator[None]:
        """While it lasts, jobs of this album wait for their messages to be posted together."""
        event = self._albums[name] = asyncio.Event()
        try:
            yield
        finally:
            event.set()
            del self._albums[name]

    async def post_album(self, jobs: Sequence[Job], shots: Sequence[Attachment]) -> None:
        """One album, in which each photo becomes its picture; below it the buttons. Done before, it is not done again.

        What is no photo to Telegram (a file, a sticker) is stood for by the style's own picture meanwhile.
        """
        if len(jobs) < 2 or any([await self._kept(job.id) for job in jobs]):
            return
        media = []
        for job, shot in zip(jobs, shots, strict=True):
            picture = (
                shot.file
                if shot.photo
                else await thumbnails.preview(self._gallery[job.recipe.styles[0].name], PHOTO_BYTES)
            )
            if picture is None:
                return
            media.append(
                InputMediaPhoto(picture, caption=self._words(job, "waiting"), has_spoiler=shot.spoiler or None)
            )
        address = jobs[0].place.address
        try:
            messages = await self._calls.call(
                int(address["chat"]),
                lambda chat: self._bot.send_media_group(
                    chat, media, message_thread_id=thread_of(address), reply_parameters=reply_to(address)
                ),
                count=len(media),
            )
        except (BadRequest, Barred) as error:
            log.warning("an album could not be posted, so its pictures come one by one: %s", error)
            return
        for job, message in zip(jobs, messages, strict=True):
            await self._keep(job, _Kept(message.message_id, album=True))
        await self.say(address, "For each picture of the album, its buttons:", album_actions(jobs))

    # --- edits -------------------------------------------------------------------------------------------------------

    async def say(
        self,
        address: dict[str, str | int],
        text: str,
        markup: InlineKeyboardMarkup | None = None,
        *,
        patience: float = math.inf,
    ) -> Message:
        """A text, in reply to what the address names; ``patience`` is how many seconds it waits for its turn."""
        return await self._calls.call(
            int(address["chat"]),
            lambda chat: self._bot.send_message(
                chat,
                cut(text, MESSAGE),
                message_thread_id=thread_of(address),
                reply_parameters=reply_to(address),
                reply_markup=markup,
            ),
            patience=patience,
        )

    async def send_file(self, address: dict[str, str | int], name: str, data: bytes) -> None:
        await self._calls.call(
            int(address["chat"]),
            lambda chat: self._bot.send_document(
                chat, data, filename=name, message_thread_id=thread_of(address), reply_parameters=reply_to(address)
            ),
            patience=WORDS_SECONDS,
        )

    async def _show_preview(self, job: Job, shown: _Shown, text: str, preview: bytes) -> None:
        spoiler = bool(job.place.address.get("spoiler"))
        media = InputMediaPhoto(preview, caption=cut(text, CAPTION), filename="preview.jpg", has_spoiler=spoiler)
        if await self._calls.spare(_chat(job), lambda chat: self._bot.edit_message_media(media, chat, shown.message)):
            shown.preview, shown.text, shown.picture = preview, text, True

    async def _edit_media(
        self,
        job: Job,
        shown: _Shown,
        media: InputMediaPhoto | InputMediaDocument,
        markup: InlineKeyboardMarkup | None,
    ) -> None:
        await self._calls.call(
            _chat(job), lambda chat: self._bot.edit_message_media(media, chat, shown.message, reply_markup=markup)
        )

    async def _edit_words(self, job: Job, shown: _Shown, text: str, *, spare: bool = False) -> bool:
        """Change the text, or the caption where there is a picture; whether it is done."""

        def words(chat: int) -> Awaitable[Message | bool]:
            if shown.picture:
                return self._bot.edit_message_caption(chat, shown.message, caption=cut(text, CAPTION))
            return self._bot.edit_message_text(cut(text, MESSAGE), chat, shown.message)

        while True:
            try:
                if spare:
                    return await self._calls.spare(_chat(job), words)
                await self._calls.call(_chat(job), words)
                return True
            except BadRequest as error:
                if is_unchanged(error):
                    return True
                if shown.picture or "no text in the message" not in str(error).lower():
                    raise
                shown.picture = True

    async def _act(self, job: Job, *, anew: bool) -> None:
        """Let Telegram show that somebody is at work; ``anew`` after a message of ours, with which it stops."""
        chat, now = _chat(job), time.monotonic()
        if now - self._acted.get(chat, 0.0) < ACTION_SECONDS and not anew:
            return
        self._acted = {key: at for key, at in self._acted.items() if now - at < ACTION_SECONDS} | {chat: now}
        with suppress(TelegramError, Undeliverable):
            await self._calls.call(
                chat,
                lambda chat: self._bot.send_chat_action(
                    chat, ChatAction.UPLOAD_PHOTO, message_thread_id=thread_of(job.place.address)
                ),
                free=True,
            )

    def _words(self, job: Job, text: str, cancel: str = "") -> str:
        titles = " + ".join(recipes.titles(job.recipe, self._gallery))
        return f"{titles}: {text}" + (f"\n/cancel {cancel} takes it back." if cancel else "")


def _room(job: str) -> str:
    return f"telegram message of {job}"


def _chat(job: Job) -> int:
    return int(job.place.address["chat"])


def thread_of(address: dict[str, str | int]) -> int | None:
    thread = address.get("thread")
    return int(thread) if thread else None


def reply_to(address: dict[str, str | int]) -> ReplyParameters | None:
    message = address.get("reply")
    return ReplyParameters(int(message), allow_sending_without_reply=True) if message else None


async def _as_photo(result: Result) -> bytes | None:
    """The picture as Telegram takes it for a photo; None where it cannot be one."""
    short, long = sorted((result.width, result.height))
    if short + long > PHOTO_SUM or long > PHOTO_RATIO * short:
        return None
    if len(result.picture) <= PHOTO_BYTES:
        return result.picture
    return await thumbnails.jpeg(result.picture, PHOTO_BYTES)


async def _as_file(result: Result, job: Job) -> tuple[bytes, str]:
    """The picture as Telegram takes it for a file, and its name."""
    if len(result.picture) <= FILE_BYTES:
        return result.picture, job.file_name
    smaller = await thumbnails.jpeg(result.picture, FILE_BYTES)
    if smaller is None:
        raise Undeliverable("The picture is too large for Telegram, however it is packed.")
    return smaller, job.file_name.replace(".png", ".jpg")
