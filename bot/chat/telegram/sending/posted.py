"""What the bot has posted, as far as it knows; and what it may have posted without knowing.

Telegram has no name for a message before it is there, so a post that is repeated after a lost answer or a crash may be
a second message. The journal knows after which message the first must be, and which of those that came meanwhile are
something else, so it is looked for there, and deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
from telegram import Message
from telegram.error import BadRequest, NetworkError, TelegramError

from bot.chat.telegram.messages import TelegramAddress
from bot.chat.telegram.rate_limiter import Bot, Turn
from bot.chat.transport import MessageGone
from bot.core.errors import ImpastoError, StoreError
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
        # First words of which nobody has heard yet, by chat and job.
        self._begun = defaultdict[int, dict[str, JobMessage]](dict)

    def saw(self, chat: int, message: int) -> None:
        """There is a message of this number."""
        self._newest[chat] = max(message, self._newest.pop(chat, 0))
        while len(self._newest) > CHATS_KEPT:
            del self._newest[next(iter(self._newest))]

    @asynccontextmanager
    async def posting(self, chat: int, jobs: Sequence[Job] = ()) -> AsyncIterator[Callable[[Message], None]]:
        """While something is posted, perhaps the first words of these; what is yielded is told the message, which then
        is no other's lost one, in the next run of the bot neither."""
        posted: list[int] = []

        def note(message: Message) -> None:
            posted.append(message.message_id)
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
        await self._tell_apart(chat, posted, {job.id for job in jobs})

    async def _tell_apart(self, chat: int, posted: Sequence[int], jobs: Container[str]) -> None:
        """Have the journal know these messages for something else than the first words of all jobs but these."""
        for job in [job for job in self._begun.get(chat, {}) if posted and job not in jobs]:
            before = self._begun.get(chat, {}).get(job)
            if before is None:  # they were heard of meanwhile, and what the journal knows now is their message
                continue
            message = msgspec.structs.replace(before, others=(*before.others, *posted)[-LOOKED_AT:])
            self._begun[chat][job] = message
            with suppress(StoreError):
                await self._store.set_job_message(job, message)

    # --- first words of jobs -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def first_words(self, jobs: Sequence[Job]) -> AsyncIterator[dict[str, JobMessage]]:
        """While these are posted; yields those that were before, and perhaps are there."""
        begun: dict[str, JobMessage] = {}
        for job in jobs:
            address = TelegramAddress.of(job.place)
            if before := await self._store.post_begun(job.id):
                begun[job.id] = before
            else:
                newest = max(address.reply, self._newest.get(address.chat, 0))
                before = JobMessage(message=newest, posting=True)
                await self._store.set_job_message(job.id, before)
            self._begun[address.chat][job.id] = before
        try:
            yield begun
        except NetworkError:  # they may be there, and the next attempt follows soon
            raise
        except BaseException:
            self._heard_of(jobs)
            raise
        self._heard_of(jobs)

    def _heard_of(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            chat = TelegramAddress.of(job.place).chat
            self._begun[chat].pop(job.id, None)
            if not self._begun[chat]:
                del self._begun[chat]

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
        known |= set(begun[job.id].others)
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
