"""What the bot has posted, as far as it knows; and what it may have posted without knowing.

Telegram has no name for a message before it is there, so a post that is repeated after a lost answer or a crash may be
a second message. The journal knows after which message the first must be, so it is looked for there, and deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from telegram import Message
from telegram.error import BadRequest, TelegramError

from bot.chat.telegram.messages import TelegramAddress
from bot.chat.telegram.rate_limiter import Bot, Turn
from bot.chat.transport import MessageGone
from bot.core.errors import ImpastoError
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage, Store

log = logging.getLogger(__name__)

LOOKED_AT = 12  # messages in which one is looked for whose number is not known
CHATS_KEPT, MESSAGES_KEPT = 2000, 500
LOOK = Turn(patience=10.0)
OTHERS_SECONDS = 20.0  # for the answers to what else is being posted


class Posted:
    """Knows the messages of this run of the bot."""

    def __init__(self, bot: Bot, store: Store) -> None:
        self._bot = bot
        self._store = store
        self._newest: dict[int, int] = {}  # the number of the newest message, by chat
        self._sent: deque[tuple[int, int]] = deque(maxlen=MESSAGES_KEPT)  # chats and numbers
        self._under_way: Counter[int] = Counter()  # posts whose numbers are not known yet, by chat
        self._one_over = asyncio.Event()

    def saw(self, chat: int, message: int) -> None:
        """There is a message of this number."""
        self._newest[chat] = max(message, self._newest.pop(chat, 0))
        while len(self._newest) > CHATS_KEPT:
            del self._newest[next(iter(self._newest))]

    @asynccontextmanager
    async def posting(self, chat: int) -> AsyncIterator[Callable[[Message], None]]:
        """While something is posted; what is yielded is told the message, which then is nobody's lost one."""

        def note(message: Message) -> None:
            self._sent.append((chat, message.message_id))
            self.saw(chat, message.message_id)

        self._under_way[chat] += 1
        try:
            yield note
        finally:
            self._under_way[chat] -= 1
            if not self._under_way[chat]:
                del self._under_way[chat]
            self._one_over.set()

    # --- first words of jobs -----------------------------------------------------------------------------------------

    async def begin(self, jobs: Sequence[Job]) -> dict[str, JobMessage]:
        """Note that these are being posted; returns those that were so before, and perhaps have been."""
        begun: dict[str, JobMessage] = {}
        for job in jobs:
            if before := await self._store.post_begun(job.id):
                begun[job.id] = before
                continue
            address = TelegramAddress.of(job.place)
            newest = max(address.reply, self._newest.get(address.chat, 0))
            await self._store.set_job_message(job.id, JobMessage(message=newest, posting=True))
        return begun

    async def clear(self, job: Job, begun: Mapping[str, JobMessage], posted: int) -> None:
        """Delete what an earlier attempt has posted, before this message."""
        if job.id not in begun:
            return
        chat = TelegramAddress.of(job.place).chat
        try:
            async with asyncio.timeout(OTHERS_SECONDS):
                await self._others_over(chat)
        except TimeoutError:  # one of them might be taken for it
            log.warning("job %s: what an earlier attempt has posted may stay: others are being posted", job.id)
            return
        known = {message.message for message in await self._store.job_messages(job.place.room)}
        after = range(int(begun[job.id].message) + 1, posted)
        between = [id for id in after[:LOOKED_AT] if id not in known and (chat, id) not in self._sent]
        try:
            for id in between:
                if await self._is_ours(job, id):
                    log.info("job %s: message %d of an earlier attempt is deleted", job.id, id)
                    await self._bot.delete_message(chat, id)
        except (TelegramError, ImpastoError) as error:
            log.warning("job %s: what an earlier attempt has posted may stay: %s", job.id, error)

    async def _others_over(self, chat: int) -> None:
        """Return when the number of everything that was posted there is known."""
        while self._under_way[chat]:
            self._one_over.clear()
            await self._one_over.wait()

    async def _is_ours(self, job: Job, id: int) -> bool:
        """Whether it is one of the bot's messages: only these it can edit."""
        address, text = TelegramAddress.of(job.place), "This goes on below."
        try:
            await self._bot.edit_message_text(text, address.chat, id, rate_limit_args=LOOK)
            return True
        except (BadRequest, MessageGone) as error:
            if "no text in the message" not in str(error).lower():  # as a picture's says
                return False
        try:
            await self._bot.edit_message_caption(address.chat, id, caption=text, rate_limit_args=LOOK)
        except (BadRequest, MessageGone):
            return False
        return True
