"""Which pictures a message is about, and their bytes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from telegram import Document, Message
from telegram.error import BadRequest, InvalidToken

from bot.chat.telegram.rate_limiter import Bot
from bot.core.errors import InvalidOrder
from bot.dialog.pictures import looks_like_photo, not_a_photo, too_large


class Attachment(msgspec.Struct, frozen=True):
    """A picture that lies at Telegram."""

    file: str  # file_id
    size: int  # bytes, 0 where Telegram does not say
    message: int
    spoiler: bool = False
    photo: bool = False  # sent as a photo, so that it can be shown again by its file_id


def attachment_of(message: Message) -> Attachment | None:
    """The picture of a message itself, or else of the one that it replies to.

    Raises:
        InvalidOrder: there is something there that is not a picture.
    """
    replied = message.reply_to_message
    return _own(message) or (_own(replied) if replied else None)


def photo_and_style(items: Sequence[Message], *, alone: bool) -> tuple[list[Attachment], Attachment | None]:
    """Which is which where the style is a picture of the person's own: the photo is replied to, or comes first.

    Args:
        alone: Telegram shows us one picture of an album only.

    Raises:
        InvalidOrder: there are more than two; or something there is not a picture.
    """
    replied = items[0].reply_to_message
    found = [own for message in ([replied] if replied else []) + list(items) if (own := _own(message))]
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
    if message.animation or message.video or message.video_note:
        raise InvalidOrder("I paint photos, and this is a video. Send a photo, or one frame of it.")
    sticker = message.sticker
    if sticker and (sticker.is_animated or sticker.is_video):
        raise InvalidOrder("This sticker is animated, and I paint still pictures. Send a still sticker or a photo.")
    file = sticker or message.document
    if isinstance(file, Document) and not looks_like_photo(file.mime_type or "", file.file_name or ""):
        raise InvalidOrder(not_a_photo())
    return Attachment(file.file_id, file.file_size or 0, message.message_id) if file else None


async def fetch(bot: Bot, attachment: Attachment, limit: int) -> bytes:
    """The picture's bytes, at most ``limit``.

    Raises:
        InvalidOrder: it is too large, or Telegram does not have it any more.
    """
    size = attachment.size if attachment.size > limit else 0
    too_big = InvalidOrder(f"{too_large(limit, what='picture', size=size)} Or send it as a photo instead of a file.")
    if size:
        raise too_big
    try:
        file = await bot.get_file(attachment.file)
        return bytes(await file.download_as_bytearray())
    except InvalidToken as error:  # what the library makes of "not found" for a file, too
        raise InvalidOrder("Telegram does not have this picture any more. Send it again.") from error
    except BadRequest as error:
        if "too big" in str(error).lower():
            raise too_big from error
        raise InvalidOrder("Telegram does not hand out this picture. Send it again.") from error
