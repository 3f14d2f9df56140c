"""Inline queries: ``@bot starry`` anywhere finds styles, with their pictures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from telegram import (
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultCachedPhoto,
    InputMediaPhoto,
    InputTextMessageContent,
    Message,
)
from telegram.error import BadRequest, TelegramError

from bot.chat.telegram.gallery import PICTURES, keep_picture, picture_key
from bot.chat.telegram.rate_limiter import Bot
from bot.chat.telegram.sending.transport import PHOTO_BYTES
from bot.core.errors import ImpastoError
from bot.dialog.services import Services
from bot.engine_process import thumbnails
from engine.gallery import Style

log = logging.getLogger(__name__)

RESULTS = 50  # of a query
AT_ONCE = 10  # pictures of an album
PICTURE_SECONDS = 8.0  # that a query waits for pictures


@dataclass
class Inline:
    """Answers them. Tasks of its own belong to ``tasks``."""

    bot: Bot
    services: Services
    tasks: asyncio.TaskGroup
    _uploads: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, query: InlineQuery) -> None:
        """Styles with their pictures; choosing one writes its command."""
        word = query.query.strip()
        styles = [style for style in self.services.gallery if not word or _matches(style, word)]
        styles = (styles or self.services.gallery.nearest(word))[:RESULTS]
        pictures = await self._known_pictures(styles)
        if len(pictures) < len(styles):
            # A task of its own: what does not come in time is there for the next query.
            uploading = self.tasks.create_task(self._upload(styles, query.from_user.id))
            await asyncio.wait([uploading], timeout=PICTURE_SECONDS)
            pictures = await self._known_pictures(styles)
        results = [_result(style, pictures.get(style.name)) for style in styles]
        try:
            # Telegram keeps an answer without pictures for a moment only: with the next one they may be there.
            cache_time = 300 if len(pictures) == len(styles) else 5
            await self.bot.answer_inline_query(query.id, results, cache_time=cache_time)
        except BadRequest as error:  # too late
            log.info("an inline query was not answered: %s", error)

    async def _known_pictures(self, styles: Sequence[Style]) -> dict[str, str]:
        """Telegram's names for the previews, by style, of those that were uploaded."""
        known = {style.name: await self.services.store.setting(PICTURES, picture_key(style)) for style in styles}
        return {name: id for name, id in known.items() if id}

    async def _upload(self, styles: Sequence[Style], user: int) -> None:
        """Upload previews, since inline results can show only what Telegram has.

        They get there through the asker's own chat with us, silently, and the messages are taken away at once; who
        never wrote to us sees text only.
        """
        try:
            async with self._uploads:
                await self._upload_missing(styles, user)
        except (TelegramError, ImpastoError) as error:
            log.info("styles are shown inline without pictures: %s", error)
        except Exception:  # it must not end the task group, which is everybody's
            log.exception("styles are shown inline without pictures")

    async def _upload_missing(self, styles: Sequence[Style], user: int) -> None:
        known = await self._known_pictures(styles)
        missing = [style for style in styles if style.name not in known][:AT_ONCE]
        made = await asyncio.gather(*(thumbnails.preview(style, PHOTO_BYTES) for style in missing))
        files = [(style, data) for style, data in zip(missing, made, strict=True) if data]
        if not files:
            return
        messages = await self._posted(user, [data for _, data in files])
        for (style, _), message in zip(files, messages, strict=True):
            await keep_picture(self.services.store, picture_key(style), message)
        await self.bot.delete_messages(user, [message.message_id for message in messages])

    async def _posted(self, user: int, pictures: Sequence[bytes]) -> Sequence[Message]:
        if len(pictures) == 1:
            return [await self.bot.send_photo(user, pictures[0], disable_notification=True)]
        media = [InputMediaPhoto(data, filename="style.jpg") for data in pictures]
        return await self.bot.send_media_group(user, media, disable_notification=True)


def _matches(style: Style, word: str) -> bool:
    words = " ".join((style.name, style.credit, *style.aliases, *style.tags)).lower()
    return word.lower() in words


def _result(style: Style, picture: str | None) -> InlineQueryResultCachedPhoto | InlineQueryResultArticle:
    content = InputTextMessageContent(f"/stylize {style.name}")
    if picture:
        return InlineQueryResultCachedPhoto(
            style.name, picture, title=style.title, description=style.credit, input_message_content=content
        )
    return InlineQueryResultArticle(style.name, style.title, content, description=style.credit)
