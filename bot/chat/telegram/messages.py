"""What a message on Telegram says: who wrote it, where, in which words, and which pictures it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from telegram import Chat, Document, Message, ReplyParameters, User

from bot.core.errors import InvalidOrder
from bot.core.jobs import Address, Place
from bot.dialog.parse import Command, Name
from bot.dialog.pictures import looks_like_photo, not_a_photo

VERIFIED = 3  # pictures that /verify takes: one of ours, its photo and its style


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


def thread_of(message: Message) -> int:
    return message.message_thread_id or 0 if message.is_topic_message else 0


def topic_of(message: Message) -> str:
    """The topic of a forum; "1" is its general one, empty where there are none."""
    return str(thread_of(message) or (1 if message.chat.is_forum else ""))


def user_of(message: Message) -> str:
    """An anonymous admin and a channel write as the chat that they write in."""
    sender = message.sender_chat or message.from_user
    return f"telegram:{sender.id if sender else message.chat_id}"


def text_of(message: Message) -> str:
    return (message.text or message.caption or "").strip()


def is_private(chat: Chat) -> bool:
    return chat.type == Chat.PRIVATE


def is_service(message: Message) -> bool:
    """Whether nobody wrote it, but Telegram says that something happened: a pin, a timer, somebody who joined."""
    return not text_of(message) and (message.effective_attachment is None or message.successful_payment is not None)


def is_for_us(message: Message, command: Command, me: User) -> bool:
    """In private everything that people write; elsewhere our commands, whatever else Telegram lets us see, and what
    answers a message of ours: the photo that it asks for, or other settings for its picture."""
    if is_service(message):
        return False
    if message.from_user and message.from_user.is_bot and not message.sender_chat:
        return False
    if is_private(message.chat):
        return True
    replied = message.reply_to_message
    if replied and replied.from_user and replied.from_user.id == me.id and command.name is Name.PLAIN:
        return command.only_settings or bool(message.photo or message.document)
    if command.bot:
        return command.bot.lower() == (me.username or "").lower()
    return command.name not in (Name.PLAIN, Name.UNKNOWN)


class Attachment(msgspec.Struct, frozen=True):
    """A picture that lies at Telegram."""

    file: str  # file_id
    size: int  # bytes, 0 where Telegram does not say
    message: int
    spoiler: bool = False
    photo: bool = False  # sent as a photo, so that it can be shown again by its file_id


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for: where, and about which pictures."""

    user: str
    place: Place
    topic: str = ""
    photos: tuple[Attachment, ...] = msgspec.field(default=(), name="shots")  # as the journal has it
    style: Attachment | None = None  # the picture that is the style of the one photo
    checked: Attachment | None = None  # the picture that is to be held against what is painted of it
    replied: str = ""  # the job whose message was replied to
    line: str = ""  # the recipe line that it shows

    @property
    def private(self) -> bool:
        """Whether nobody else is in the room; Telegram numbers groups and channels below zero."""
        return TelegramAddress.of(self.place).chat > 0

    def keys(self, idempotency_key: str) -> list[str]:
        """The names of the jobs that are ordered under this one."""
        if len(self.photos) < 2:
            return [idempotency_key]
        return [f"{idempotency_key}:{photo.message}" for photo in self.photos]


def order_of(message: Message) -> Order:
    """What a message asks for, without its pictures."""
    address = TelegramAddress(chat=message.chat_id, reply=message.message_id, thread=thread_of(message))
    place = address.place("telegram", room_of(message.chat_id))
    return Order(user=user_of(message), place=place, topic=topic_of(message))


def attachment_of(message: Message) -> Attachment | None:
    """The picture of a message itself, or else of the one that it replies to.

    Raises:
        InvalidOrder: there is something there that is not a picture.
    """
    replied = message.reply_to_message
    return own_picture(message) or (own_picture(replied) if replied else None)


def pictures_of(items: Sequence[Message], command: Command, me: User) -> tuple[list[Attachment], Attachment | None]:
    """What is to be painted, and the picture that is its style where the command says ``mine``.

    Raises:
        InvalidOrder: there are more than two with ``mine``; or something there is not a picture.
    """
    if not command.names_mine:
        return [own for item in items if (own := attachment_of(item))], None
    replied = items[0].reply_to_message  # the photo is replied to, or comes first
    found = [own for message in ([replied] if replied else []) + list(items) if (own := own_picture(message))]
    if len(found) > 2:
        raise InvalidOrder(
            f"These are {len(found)} pictures, and /stylize mine takes two: the photo first, then the style. Or reply"
            " /stylize mine to the photo, with the style's picture in your reply."
        )
    sees_all = is_private(items[0].chat) or me.can_read_all_group_messages
    if len(found) == 1 and not sees_all and items[0].media_group_id:
        raise InvalidOrder(
            "In a group I am shown only one picture of an album. Send the photo, then reply to it with the style's"
            " picture and /stylize mine."
        )
    return found[:1], found[1] if len(found) == 2 else None


def pictures_to_verify(items: Sequence[Message]) -> list[Attachment]:
    """The picture that is replied to, and those that come along: which is which, they say themselves.

    Raises:
        InvalidOrder: there are too many; or something there is not a picture.
    """
    replied = items[0].reply_to_message
    found = [own for message in ([replied] if replied else []) + list(items) if (own := own_picture(message))]
    if len(found) > VERIFIED:
        raise InvalidOrder(
            f"These are {len(found)} pictures, and /verify takes one of mine, its photo, and its style if that was a"
            " picture."
        )
    return found


def own_picture(message: Message) -> Attachment | None:
    """The picture of a message itself.

    Raises:
        InvalidOrder: there is something there that is not a picture.
    """
    spoiler = bool(message.has_media_spoiler)
    if message.photo:
        best = max(message.photo, key=lambda photo: photo.width * photo.height)
        return Attachment(best.file_id, best.file_size or 0, message.message_id, spoiler, photo=True)
    clip = message.animation or message.video or message.video_note
    if clip:
        return Attachment(clip.file_id, clip.file_size or 0, message.message_id, spoiler)
    sticker = message.sticker
    if sticker and sticker.is_animated:  # a vector drawing
        raise InvalidOrder("This sticker is animated in a way that I cannot read. Send a video sticker or a photo.")
    file = sticker or message.document
    if isinstance(file, Document) and not looks_like_photo(file.mime_type or "", file.file_name or ""):
        raise InvalidOrder(not_a_photo())
    return Attachment(file.file_id, file.file_size or 0, message.message_id) if file else None
