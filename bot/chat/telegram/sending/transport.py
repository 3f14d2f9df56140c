"""A job's message on Telegram: text, then previews, then the picture, all by editing.

An edit repeated changes nothing, so the answer may be handed over again after a crash, and there is still one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec
from telegram import (
    InlineKeyboardMarkup,
    InputMediaAnimation,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    MessageEntity,
    User,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, NetworkError, TelegramError

from bot.chat.telegram.messages import Attachment, TelegramAddress
from bot.chat.telegram.rate_limiter import ALWAYS, ANSWER, PROGRESS, Barred, Bot, RateLimiter, Turn
from bot.chat.telegram.render import CAPTION, MESSAGE, caption, cut, job_buttons
from bot.chat.telegram.sending.posted import Posted
from bot.chat.transport import Capabilities, Content, Ending, MessageGone, Picture, Progress, Transport, WordsFirst
from bot.core.errors import ImpastoError
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage
from bot.core.messages import Status
from bot.dialog.services import Services
from bot.engine_process import thumbnails
from engine import recipe as recipes

log = logging.getLogger(__name__)

PHOTO_BYTES = 10_000_000
PHOTO_SUM = 10_000  # pixels, width and height together
PHOTO_RATIO = 20
FILE_BYTES = 50_000_000
ACTION_SECONDS = 4.5  # Telegram shows an action for five
QUICK_SECONDS = 5.0  # a job that takes less shows no progress, so that somebody is at work is shown at once
# A group takes twenty messages a minute, and that somebody is at work is shown without one.
SILENT_SECONDS = 8.0
# Kinds of messages: a picture has a caption in place of a text, and one in an album can have no buttons.
PICTURE, ALBUM = "picture", "album"
# Telegram counts edits, and the rate limiter spreads them.
CAPABILITIES = Capabilities(
    file_bytes=FILE_BYTES, words_first=True, edit_seconds=0.0, preview_seconds=0.0, silent_seconds=SILENT_SECONDS
)


@dataclass
class TelegramTransport(Transport):
    """Tasks of its own belong to ``tasks``."""

    capabilities: ClassVar = CAPABILITIES

    bot: Bot
    limiter: RateLimiter
    services: Services
    tasks: asyncio.TaskGroup
    _albums: dict[str, asyncio.Event] = field(default_factory=dict)  # that are being posted
    _acted: dict[int, float] = field(default_factory=dict)  # when, by chat

    def __post_init__(self) -> None:
        self.posted = Posted(self.bot, self.services.store)

    # --- the job's message -------------------------------------------------------------------------------------------

    async def post(self, job: Job, content: Content) -> JobMessage:
        async with self.posted.first_words([job]) as begun:
            if isinstance(content, Picture):
                message = await self._post_photo(job, content)
            else:
                message = await self.say(TelegramAddress.of(job.place), self._text(job, content), of=job)
            await self.posted.clear(job, begun, message.message_id)
        return JobMessage(message=message.message_id, kind=PICTURE if isinstance(content, Picture) else "")

    async def _post_photo(self, job: Job, picture: Picture) -> Message:
        """The picture as its job's first and only message."""
        photo = await self._as_photo(picture)
        if photo is None:
            await self.services.store.set_job_message(job.id, None)  # nothing is being posted
            raise WordsFirst
        address, (text, entities) = TelegramAddress.of(job.place), caption(picture.result, picture.notes)
        try:
            async with self.posted.posting(address.chat, [job]) as note:
                message: Message = await self.bot.send_photo(
                    photo=photo.data,
                    filename=photo.file_name,
                    caption=text,
                    caption_entities=entities,
                    has_spoiler=address.spoiler,
                    reply_markup=job_buttons(picture.buttons) if picture.buttons else None,
                    rate_limit_args=ALWAYS,
                    **address.target,
                )
                note(message)
        except (BadRequest, Barred) as error:
            log.info("job %s: its picture cannot be posted at once: %s", job.id, error)
            await self.services.store.set_job_message(job.id, None)
            raise WordsFirst from error
        except (NetworkError, TimeoutError) as error:  # it may be there; what is posted next clears it away
            log.warning("job %s: Telegram did not say whether its picture is there: %r", job.id, error)
            raise WordsFirst from error
        return message

    def saw(self, chat: int, message: int) -> None:
        """There is a message of this number."""
        self.posted.saw(chat, message)

    async def edit(self, job: Job, message: JobMessage, content: Content) -> JobMessage:
        if isinstance(content, Picture):
            return await self._finish(job, message, content)
        text, turn = self._text(job, content), PROGRESS if isinstance(content, Progress) else ALWAYS
        if isinstance(content, Progress) and content.status.preview and not content.preview_shown:
            media = _photo(job, content.status.preview, "preview.jpg", cut(text, CAPTION))
            await self._edit_media(job, message, media, turn=turn)
            return _with_picture(message)
        return await self._edit_text(job, message, text, turn)

    def titled(self, job: Job, text: str) -> str:
        titles = " + ".join(recipes.titles(job.recipe, self.services.gallery))
        return f"{titles}: {text}"

    def _text(self, job: Job, content: Progress | Ending) -> str:
        if isinstance(content, Ending):
            return self.titled(job, content.text)
        cancel = "" if content.status.done else f"\n/cancel {job.id} cancels it."
        return self.titled(job, content.status.text + cancel)

    async def _finish(self, job: Job, message: JobMessage, picture: Picture) -> JobMessage:
        try:
            show = self._show_animation if picture.result.moves else self._show_photo
            if not await show(job, message, picture):
                await self._show_file(job, message, picture)
        except Barred:
            why = "finished, but I may not send pictures here. An admin can allow it; then /again."
            with suppress(TelegramError, ImpastoError):
                await self._edit_text(job, message, self.titled(job, why), ALWAYS)
            raise
        return message

    async def _show_animation(self, job: Job, message: JobMessage, picture: Picture) -> bool:
        """False where it cannot be shown as one."""
        if message.kind == ALBUM:
            return False
        result, (text, entities) = picture.result, caption(picture.result, picture.notes)
        media = InputMediaAnimation(
            picture.data,
            caption=text,
            caption_entities=entities,
            filename=picture.file_name,
            width=result.width,
            height=result.height,
            has_spoiler=TelegramAddress.of(job.place).spoiler,
        )
        try:
            await self._edit_media(job, message, media, job_buttons(picture.buttons, picture.picks))
        except (BadRequest, Barred) as error:
            log.info("job %s: it cannot be shown as an animation, so it is sent as a file: %s", job.id, error)
            return False
        return True

    async def _show_photo(self, job: Job, message: JobMessage, picture: Picture) -> bool:
        """False where the picture cannot be a photo."""
        photo = await self._as_photo(picture)
        if photo is None:
            return False
        media = _photo(job, photo.data, photo.file_name, *caption(picture.result, picture.notes))
        try:
            await self._edit_media(job, message, media, job_buttons(picture.buttons, picture.picks))
        except BadRequest as error:
            log.info("job %s: Telegram does not take it as a photo, so it is sent as a file: %s", job.id, error)
            return False
        except Barred as error:
            if message.kind == ALBUM:
                raise
            log.info("job %s: photos may not be sent there, so it is sent as a file: %s", job.id, error)
            return False
        return True

    @staticmethod
    async def _as_photo(picture: Picture) -> Picture | None:
        """As Telegram takes a photo; None where the picture cannot be one."""
        short, long = sorted((picture.result.width, picture.result.height))
        if picture.result.moves or short + long > PHOTO_SUM or long > PHOTO_RATIO * short:
            return None
        return await picture.within(PHOTO_BYTES)

    async def _show_file(self, job: Job, message: JobMessage, picture: Picture) -> None:
        if message.kind == ALBUM:  # in which a photo can only be followed by a photo
            text = "Telegram does not accept this picture as a photo; it follows as a file below."
            await self._edit_text(job, message, text, ALWAYS)
            raise MessageGone("A part of an album cannot become a file.")
        text, entities = caption(picture.result, picture.notes)
        media = InputMediaDocument(picture.data, caption=text, caption_entities=entities, filename=picture.file_name)
        await self._edit_media(job, message, media, job_buttons(picture.buttons, picture.picks))

    async def _edit_media(
        self,
        job: Job,
        message: JobMessage,
        media: InputMediaPhoto | InputMediaAnimation | InputMediaDocument,
        buttons: InlineKeyboardMarkup | None = None,
        turn: Turn = ALWAYS,
    ) -> None:
        chat, id = TelegramAddress.of(job.place).chat, int(message.message)
        keyboard = buttons if message.kind != ALBUM else None
        await self.bot.edit_message_media(media, chat, id, reply_markup=keyboard, rate_limit_args=turn)

    async def _edit_text(self, job: Job, message: JobMessage, text: str, turn: Turn) -> JobMessage:
        """Change the text, or the caption where there is a picture."""
        chat, id = TelegramAddress.of(job.place).chat, int(message.message)
        if not message.kind:
            try:
                await self.bot.edit_message_text(cut(text, MESSAGE), chat, id, rate_limit_args=turn)
                return message
            except BadRequest as error:
                if "no text in the message" not in str(error).lower():
                    raise
        await self.bot.edit_message_caption(chat, id, caption=cut(text, CAPTION), rate_limit_args=turn)
        return _with_picture(message)

    # --- hooks -------------------------------------------------------------------------------------------------------

    async def prepare(self, job: Job) -> None:
        if album := self._albums.get(TelegramAddress.of(job.place).album):
            await album.wait()

    @contextmanager
    def posting_album(self, name: str) -> Iterator[None]:
        """While it lasts, jobs of this album wait for their messages to be posted together."""
        posted = self._albums[name] = asyncio.Event()
        try:
            yield
        finally:
            posted.set()
            del self._albums[name]

    async def pause(self, seconds: float) -> None:
        await self.limiter.pause(seconds)

    async def take_turn(
        self, job: Job, *, not_before: float = -math.inf, soon: bool = False, patience: float = math.inf
    ) -> bool:
        chat = TelegramAddress.of(job.place).chat
        return await self.limiter.turn(chat, patience=patience, after=not_before, spare=True, soon=soon)

    def working(self, job: Job, status: Status, *, posted: bool) -> None:
        if status.done or job.cost < QUICK_SECONDS:
            acting = self._act(TelegramAddress.of(job.place), anew=posted)
            try:
                self.tasks.create_task(acting)
            except RuntimeError:  # the session is ending
                acting.close()

    async def _act(self, address: TelegramAddress, *, anew: bool) -> None:
        """Let Telegram show that somebody is at work; ``anew`` after a message of ours, with which it stops."""
        now = time.monotonic()
        if now - self._acted.get(address.chat, 0.0) < ACTION_SECONDS and not anew:
            return
        self._acted = {chat: at for chat, at in self._acted.items() if now - at < ACTION_SECONDS} | {address.chat: now}
        try:
            thread = address.thread or None
            await self.bot.send_chat_action(address.chat, ChatAction.UPLOAD_PHOTO, message_thread_id=thread)
        except Exception as error:  # it must not end the task group, which is everybody's
            log.debug("an action was not shown: %r", error)

    async def mention(self, job: Job, message: JobMessage) -> None:
        if message.kind == ALBUM:  # whose pictures would be so many messages
            return
        address = TelegramAddress.of(job.place)
        below = msgspec.structs.replace(address, reply=int(message.message))
        text, person = "Your picture is ready.", int(job.user.partition(":")[2])
        # In private a new message is enough. Chats, which have numbers below zero, cannot be mentioned.
        named = MessageEntity(MessageEntity.TEXT_MENTION, 0, len("Your picture"), user=User(person, "you", False))
        entities = [named] if address.chat < 0 < person else []
        async with self.posted.posting(address.chat) as note:
            note(await self.bot.send_message(text=text, entities=entities, rate_limit_args=ANSWER, **below.target))

    # --- other messages ----------------------------------------------------------------------------------------------

    async def say(
        self,
        address: TelegramAddress,
        text: str,
        buttons: InlineKeyboardMarkup | None = None,
        turn: Turn = ALWAYS,
        *,
        of: Job | None = None,
    ) -> Message:
        """Args: of: the job whose first words it is."""
        text = cut(text, MESSAGE)
        async with self.posted.posting(address.chat, [of] if of else ()) as note:
            sent = await self.bot.send_message(text=text, reply_markup=buttons, rate_limit_args=turn, **address.target)
            note(sent)
        return sent

    async def post_album(self, jobs: Sequence[Job], attachments: Sequence[Attachment]) -> Sequence[Message]:
        """One album, in which each photo is to become its picture, and below it the buttons; none where that fails."""
        photos = [await self._album_photo(job, each) for job, each in zip(jobs, attachments, strict=True)]
        media = [photo for photo in photos if photo]
        if len(media) < len(photos):
            return ()
        async with self.posted.first_words(jobs) as begun:
            messages = await self._send_album(jobs, media)
            for job in jobs if messages else ():
                await self.posted.clear(job, begun, messages[0].message_id)
        return messages

    async def _send_album(self, jobs: Sequence[Job], media: Sequence[InputMediaPhoto]) -> Sequence[Message]:
        """None where Telegram does not take it."""
        address = TelegramAddress.of(jobs[0].place)
        try:
            async with self.posted.posting(address.chat, jobs) as note:
                messages = await self.bot.send_media_group(media=media, **address.target)
                for message in messages:
                    note(message)
        except (BadRequest, Barred) as error:
            log.warning("an album could not be posted, so its pictures come one by one: %s", error)
            return ()
        return messages

    async def _album_photo(self, job: Job, attachment: Attachment) -> InputMediaPhoto | None:
        """Until it is painted, the style's own picture stands for what Telegram does not accept as a photo."""
        style = next(filter(None, (self.services.gallery.find(share.name) for share in job.recipe.styles)), None)
        preview = await thumbnails.preview(style, PHOTO_BYTES) if style and not attachment.photo else None
        picture = attachment.file if attachment.photo else preview
        return _photo(job, picture, "style.jpg", self.titled(job, "waiting")) if picture else None


def _photo(
    job: Job, data: bytes | str, file_name: str, text: str, entities: Sequence[MessageEntity] = ()
) -> InputMediaPhoto:
    spoiler = TelegramAddress.of(job.place).spoiler
    return InputMediaPhoto(data, caption=text, caption_entities=entities, filename=file_name, has_spoiler=spoiler)


def _with_picture(message: JobMessage) -> JobMessage:
    return msgspec.structs.replace(message, kind=message.kind or PICTURE)
