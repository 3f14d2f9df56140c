"""What Telegram brings: who wrote, what is said, which picture is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from telegram import Chat, Message, User

from bot.core.errors import InvalidOrder
from bot.dialog.commands import COMMANDS

COMMAND = re.compile(r"/(\w+)(?:@(\w+))?(?=\s|$)")
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif")


class Attachment(msgspec.Struct, frozen=True):
    """A picture that lies at Telegram."""

    file: str  # file_id
    size: int  # bytes, 0 where Telegram does not say
    message: int
    spoiler: bool = False
    photo: bool = False  # sent as a photo, so that it can be shown again by its file_id


class Mail(NamedTuple):
    """A message that is meant for us."""

    message: Message
    text: str
    shot: Attachment | None
    user: str

    @property
    def album(self) -> str:
        return self.message.media_group_id or ""


def is_private(chat: Chat) -> bool:
    return chat.type == Chat.PRIVATE


def user_of(message: Message) -> str:
    """An anonymous admin and a channel write as the chat that they write in."""
    sender = message.sender_chat or message.from_user
    return f"telegram:{sender.id if sender else message.chat_id}"


def text_of(message: Message) -> str:
    return (message.text or message.caption or "").strip()


def command_of(text: str) -> str:
    """The name of the command that a text begins with; nothing where there is none."""
    found = COMMAND.match(text)
    return found[1].lower() if found else ""


def is_command(message: Message, me: User) -> bool:
    """Whether it begins with one of our commands; ``/stylize@another_bot`` does not."""
    found = COMMAND.match(text_of(message))
    if not found:
        return False
    if found[2]:
        return found[2].lower() == (me.username or "").lower()
    name = found[1].lower()
    return is_private(message.chat) or name in COMMANDS or name in ("start", "stylise")


def is_for_us(message: Message, me: User) -> bool:
    """In private everything; elsewhere our commands only, whatever else Telegram lets us see."""
    if message.from_user and message.from_user.is_bot and not message.sender_chat:
        return False
    return is_private(message.chat) or is_command(message, me)


def shot_of(message: Message) -> Attachment | None:
    """The picture of a message itself, or else of the one that it replies to.

    Raises:
        InvalidOrder: there is something there that is no picture.
    """
    own = _own(message)
    replied = message.reply_to_message
    return own or (_own(replied) if replied else None)


def photo_and_style(items: Sequence[Message], *, alone: bool) -> tuple[list[Attachment], Attachment | None]:
    """Which is which where the style is a picture of the person's own: the photo is replied to, or comes first.

    Args:
        alone: Telegram shows us one picture of an album only.

    Raises:
        InvalidOrder: there are not two; or something there is no picture.
    """
    replied = items[0].reply_to_message
    found = [shot for message in ([replied] if replied else []) + list(items) if (shot := _own(message))]
    if len(found) > 2:
        raise InvalidOrder(
            f"These are {len(found)} pictures, and /stylize mine takes two: the photo first, then the style. Or reply"
            " /stylize mine to the photo, with the style's picture in your reply."
        )
    if len(found) == 1 and alone and items[0].media_group_id:
        raise InvalidOrder(
            "In a group I am shown only one picture of an album. Send the photo, then reply to it with the style's"
            " picture and /stylize mine."
        )
    return found[:1], found[1] if len(found) == 2 else None


def _own(message: Message) -> Attachment | None:
    spoiler = bool(message.has_media_spoiler)
    if message.photo:
        best = max(message.photo, key=lambda photo: photo.width * photo.height)
        return Attachment(best.file_id, best.file_size or 0, message.message_id, spoiler, photo=True)
    if message.sticker:
        if message.sticker.is_animated or message.sticker.is_video:
            raise InvalidOrder("This sticker moves, and I paint still pictures. Send a still sticker or a photo.")
        return Attachment(message.sticker.file_id, message.sticker.file_size or 0, message.message_id)
    if message.animation or message.video or message.video_note:
        raise InvalidOrder("I paint photos, and this is a video. Send a photo, or one frame of it.")
    if message.document:
        return _document(message)
    return None


def _document(message: Message) -> Attachment:
    document = message.document
    assert document
    name = (document.file_name or "").lower()
    if not (document.mime_type or "").startswith("image/") and not name.endswith(IMAGE_ENDINGS):
        raise InvalidOrder("This file is no picture that I know. Send a JPEG, PNG, WebP, GIF, AVIF or HEIC.")
    return Attachment(document.file_id, document.file_size or 0, message.message_id)


def topic_of(message: Message) -> str:
    """The topic of a forum; "1" is its general one, nothing where there are none."""
    if message.is_topic_message and message.message_thread_id:
        return str(message.message_thread_id)
    return "1" if message.chat.is_forum else ""
