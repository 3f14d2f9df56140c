"""Who administers a chat, and who presses a button there."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from telegram import Chat, ChatMember, Message
from telegram.error import BadRequest

from bot.chat.telegram.messages import is_private, room_of
from bot.chat.telegram.rate_limiter import Bot
from bot.core.errors import Undeliverable
from bot.core.rooms import RoomSettingsStore

log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0  # for which an answer about somebody's rights is good


@dataclass
class Admins:
    """Asks Telegram only where it matters, and not again within a minute."""

    bot: Bot
    rooms: RoomSettingsStore
    _known: dict[tuple[int, int], tuple[float, bool]] = field(default_factory=dict)  # by chat and user: when, and what

    async def wrote(self, message: Message, *, matters: bool) -> bool:
        """Whether the writer may decide about the chat; ``matters`` even where the room's settings do not ask."""
        if message.sender_chat and message.sender_chat.id == message.chat_id:
            return True  # an anonymous admin, or the channel itself
        if message.from_user is None or message.sender_chat is not None:
            return is_private(message.chat)
        return await self.may_decide(message.chat, message.from_user.id, matters=matters)

    async def may_decide(self, chat: Chat, user: int, *, matters: bool) -> bool:
        if not matters and not is_private(chat) and (await self.rooms.get(room_of(chat.id))).who != "admins":
            return False
        return await self._administers(chat, user)

    async def presser(self, chat: Chat, user: int, owner: str) -> str:
        """Who presses a button. What is for an anonymous admin, or a channel, is for all who administer the chat."""
        if not is_private(chat) and owner == room_of(chat.id) and await self._administers(chat, user):
            return owner
        return f"telegram:{user}"

    async def _administers(self, chat: Chat, user: int) -> bool:
        if is_private(chat):
            return True
        now = time.monotonic()
        self._known = {key: value for key, value in self._known.items() if now - value[0] < KEPT_SECONDS}
        if (chat.id, user) not in self._known:
            self._known[chat.id, user] = now, await self._asked(chat, user)
        return self._known[chat.id, user][1]

    async def _asked(self, chat: Chat, user: int) -> bool:
        try:
            member = await self.bot.get_chat_member(chat.id, user)
        except (BadRequest, Undeliverable) as error:
            log.info("Telegram does not say who administers a chat: %s", error)
            return False
        return member.status in (ChatMember.ADMINISTRATOR, ChatMember.OWNER)
