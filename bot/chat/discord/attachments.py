"""Photos in Discord's messages: which attachment is meant, whether it can be painted, and its bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import discord

from bot.core.errors import InternalError, InvalidOrder
from bot.dialog import pictures

REMEMBERED_SECONDS = 180.0
REMEMBERED = 1000  # people


class Photo:
    """A photo that somebody points at.

    Args:
        nsfw: whether it comes from an age-restricted channel.
        reply: the message that the answer is to be a reply to; 0 where there is none.
    """

    def __init__(self, attachment: discord.Attachment, *, nsfw: bool, reply: int = 0) -> None:
        self._attachment = attachment
        self.nsfw = nsfw
        self.reply = reply
        self.spoiler = attachment.is_spoiler()

    @classmethod
    def given(cls, attachment: discord.Attachment | None, channel: Any) -> Photo | None:
        """One that comes with a command, if there is one."""
        return cls(attachment, nsfw=is_nsfw(channel)) if attachment is not None else None

    def check(self, limit: int) -> None:
        """Refuse what is plainly no photo, before it is fetched.

        Raises:
            InvalidOrder: it is no image, or has more than ``limit`` bytes.
        """
        attachment = self._attachment
        if not looks_like_photo(attachment):
            raise InvalidOrder(pictures.not_a_photo(discord.utils.escape_markdown(attachment.filename[:60])))
        if attachment.size > limit:
            raise InvalidOrder(pictures.too_large(limit, size=attachment.size))

    async def read(self, limit: int) -> bytes:
        """Its bytes.

        Raises:
            InvalidOrder: it is no image, has more than ``limit`` bytes, or was deleted.
            InternalError: Discord does not hand it out at the moment.
        """
        self.check(limit)
        try:
            return await self._attachment.read()
        except discord.NotFound:
            raise InvalidOrder("That photo was deleted in the meantime. Send it again.") from None
        except discord.HTTPException as error:
            raise InternalError(
                f"Discord does not give me that photo at the moment ({error.status}). Try again."
            ) from error


class Pictures(NamedTuple):
    """The photo, and the picture that is its style where that is the person's own."""

    photo: Photo | None = None
    style: Photo | None = None

    @property
    def given(self) -> list[Photo]:
        return [picture for picture in self if picture is not None]

    @property
    def nsfw(self) -> bool:
        return any(picture.nsfw for picture in self.given)

    @property
    def spoiler(self) -> bool:
        return any(picture.spoiler for picture in self.given)

    async def read(self, limit: int) -> tuple[bytes | None, bytes | None]:
        """Their bytes; raises what `Photo.read` does."""
        photo = await self.photo.read(limit) if self.photo else None
        return photo, await self.style.read(limit) if self.style else None


NONE = Pictures()


def looks_like_photo(attachment: discord.Attachment) -> bool:
    return pictures.looks_like_photo(attachment.content_type or "", attachment.filename)


def photo_of(message: discord.Message) -> Photo:
    """The first photo of a message.

    Raises:
        InvalidOrder: there is none to be seen.
    """
    found = photos_of(message)
    if not found:
        raise InvalidOrder("There is no photo in that message. Choose one that has.")
    return found[0]


def photos_of(message: discord.Message) -> list[Photo]:
    """All photos of a message and of what it forwards, those first that can be painted."""
    forwarded = (attachment for shot in message.message_snapshots for attachment in shot.attachments)
    found = sorted([*message.attachments, *forwarded], key=lambda attachment: not looks_like_photo(attachment))
    return [Photo(attachment, nsfw=is_nsfw(message.channel), reply=message.id) for attachment in found]


def is_nsfw(channel: Any) -> bool:
    """Whether a channel, or the one that a thread belongs to, is age-restricted."""
    ask = getattr(channel, "is_nsfw", None)  # private conversations have none
    return bool(ask()) if ask else False


class RememberedPhotos:
    """The photos of “Use this photo”, for three minutes; by person."""

    def __init__(self) -> None:
        self._photos: dict[int, tuple[float, Photo]] = {}  # the latest last

    def put(self, user: int, photo: Photo, now: float) -> None:
        self._photos.pop(user, None)
        kept = [(u, entry) for u, entry in self._photos.items() if now - entry[0] < REMEMBERED_SECONDS]
        self._photos = dict([*kept[1 - REMEMBERED :], (user, (now, photo))])

    def get(self, user: int, now: float) -> Photo | None:
        at, photo = self._photos.get(user, (float("-inf"), None))
        return photo if now - at < REMEMBERED_SECONDS else None
