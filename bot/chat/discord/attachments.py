"""Photos in Discord's messages: which attachment is meant, whether it can be painted, and its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import discord

from bot.core.errors import InternalError, InvalidOrder

KEEP_SECONDS = 180.0  # how long “Use this photo” is remembered
KEPT = 1000  # people
KINDS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".heif")
HIDDEN = (
    "I see no photo in that message. If there is one, Discord hides it from me here: right-click the photo, then"
    " Apps, then Stylize, or send it along with /stylize."
)


class Photo:
    """A photo that somebody points at.

    Args:
        reply: the message that the answer is to be a reply to; 0 where there is none.
        nsfw: whether it comes from an age-restricted channel.
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
        if not looks_like_a_photo(attachment):
            name = discord.utils.escape_markdown(attachment.filename[:60])
            raise InvalidOrder(f"{name} is no picture that I can read. Send a JPEG, PNG, WebP, GIF, AVIF or HEIC.")
        if attachment.size > limit:
            raise InvalidOrder(
                f"This photo has {attachment.size / 2**20:.3g} MB, and {limit / 2**20:.3g} MB is the limit."
                " Send a smaller copy."
            )

    async def read(self, limit: int) -> bytes:
        """Its bytes.

        Raises:
            InvalidOrder: it is no image, has more than ``limit`` bytes, or is gone.
            InternalError: Discord does not hand it out just now.
        """
        self.check(limit)
        try:
            return await self._attachment.read()
        except discord.NotFound:
            raise InvalidOrder("That photo has been deleted meanwhile. Send it again.") from None
        except discord.HTTPException as error:
            raise InternalError(
                f"Discord does not give me that photo just now ({error.status}). Try again."
            ) from error


def looks_like_a_photo(attachment: discord.Attachment) -> bool:
    kind = attachment.content_type or ""
    return kind.startswith("image/") or (not kind and attachment.filename.lower().endswith(KINDS))


def of_message(message: discord.Message) -> Photo | None:
    """The first photo of a message, or of what it forwards; None where there is none to be seen."""
    return next(iter(all_of_message(message)), None)


def all_of_message(message: discord.Message) -> list[Photo]:
    """All of them, those first that can be painted."""
    found = [*message.attachments, *(a for shot in message.message_snapshots for a in shot.attachments)]
    found.sort(key=lambda a: not looks_like_a_photo(a))
    return [Photo(attachment, nsfw=is_nsfw(message.channel), reply=message.id) for attachment in found]


class Pair(NamedTuple):
    """The photo, and the picture that is its style where that is the person's own."""

    photo: Photo | None = None
    style: Photo | None = None

    async def read(self, limit: int) -> tuple[bytes | None, bytes | None]:
        """Their bytes; raises what `Photo.read` does."""
        return (
            await self.photo.read(limit) if self.photo else None,
            await self.style.read(limit) if self.style else None,
        )

    @property
    def address(self) -> dict[str, str | int]:
        """What an order keeps of where they come from."""
        found = {
            "spoiler": int(any(picture.spoiler for picture in self if picture)),
            "nsfw": int(any(picture.nsfw for picture in self if picture)),
            "reply": self.photo.reply if self.photo else 0,
        }
        return {key: value for key, value in found.items() if value}


NONE = Pair()


def is_nsfw(channel: Any) -> bool:
    """Whether a channel, or the one that a thread belongs to, is age-restricted."""
    ask = getattr(channel, "is_nsfw", None)
    return bool(ask()) if ask else False


class Remembered:
    """The photos of “Use this photo”, for three minutes; by person."""

    def __init__(self) -> None:
        self._photos: dict[int, tuple[float, Photo]] = {}

    def put(self, user: int, photo: Photo, now: float) -> None:
        self._photos.pop(user, None)
        self._photos[user] = (now, photo)
        for old in self._outdated(now):
            del self._photos[old]

    def get(self, user: int, now: float) -> Photo | None:
        at, photo = self._photos.get(user, (float("-inf"), None))
        return photo if now - at < KEEP_SECONDS else None

    def _outdated(self, now: float) -> Iterable[int]:
        users = list(self._photos)
        return [u for i, u in enumerate(users) if now - self._photos[u][0] >= KEEP_SECONDS or i < len(users) - KEPT]
