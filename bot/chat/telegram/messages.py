"""What a message on Telegram says besides its pictures: who wrote it, where, in which words, and whether for us."""

from __future__ import annotations

from typing import Any

from telegram import Chat, Message, ReplyParameters, User

from bot.core.jobs import Address, Place
from bot.dialog.parse import Command, Name


class TelegramAddress(Address, frozen=True, kw_only=True, omit_defaults=True):
    """Where an answer goes."""

    chat: int
    reply: int = 0  # the message that it replies to; 0 is none
    thread: int = 0  # the topic of a forum; 0 is none
    spoiler: bool = False  # whether pictures are covered
    album: str = ""  # of jobs whose messages are posted together

    @property
    def target(self) -> dict[str, Any]:
        """The arguments of a method that posts."""
        reply = ReplyParameters(self.reply, allow_sending_without_reply=True) if self.reply else None
        return {"chat_id": self.chat, "message_thread_id": self.thread or None, "reply_parameters": reply}


def room_of(chat: int) -> str:
    """What settings are kept under; also the person that an anonymous admin or a channel is."""
    return f"telegram:{chat}"


def place_of(message: Message) -> Place:
    address = TelegramAddress(chat=message.chat_id, reply=message.message_id, thread=thread_of(message))
    return address.place("telegram", room_of(message.chat_id))


def thread_of(message: Message) -> int:
    return message.message_thread_id or 0 if message.is_topic_message else 0


def topic_of(message: Message) -> str:
    """The topic of a forum; "1" is its general one, nothing where there are none."""
    return str(thread_of(message) or (1 if message.chat.is_forum else ""))


def user_of(message: Message) -> str:
    """An anonymous admin and a channel write as the chat that they write in."""
    sender = message.sender_chat or message.from_user
    return f"telegram:{sender.id if sender else message.chat_id}"


def text_of(message: Message) -> str:
    return (message.text or message.caption or "").strip()


def is_private(chat: Chat) -> bool:
    return chat.type == Chat.PRIVATE


def is_for_us(message: Message, command: Command, me: User) -> bool:
    """In private everything; elsewhere our commands only, whatever else Telegram lets us see."""
    if message.from_user and message.from_user.is_bot and not message.sender_chat:
        return False
    if is_private(message.chat):
        return True
    if command.bot:
        return command.bot.lower() == (me.username or "").lower()
    return command.name not in (Name.PLAIN, Name.UNKNOWN)
