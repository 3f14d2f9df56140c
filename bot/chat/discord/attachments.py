"""Photos in Discord's messages: which picture is meant, whether it can be painted, and its bytes."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import discord
import msgspec

from bot.chat.discord.shown import LOTTIE, Shown, fetched, shown_in
from bot.core.errors import InternalError, InvalidOrder, PictureTooLarge
from bot.core.messages import Incoming
from bot.dialog import pictures

READ_SECONDS = 60.0  # for one photo
UNKNOWN = 20 * 2**20  # bytes that a picture may have of which Discord does not say it


class Photo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A photo that somebody points at: where it lies, so that it can be fetched by another process, too."""

    url: str
    name: str
    size: int  # bytes; 0 where it is not known before it is fetched
    type: str = ""
    spoiler: bool = False
    nsfw: bool = False  # it comes from an age-restricted channel
    shown: bool = False  # the message only shows it: a sticker, the preview of a link
    reply: int = 0  # the message that the answer is to be a reply to, if there is one

    @classmethod
    def of(cls, attachment: discord.Attachment | Shown, *, nsfw: bool, reply: int = 0) -> Photo:
        return cls(
            url=attachment.url,
            name=attachment.filename,
            size=attachment.size,
            type=attachment.content_type or "",
            spoiler=attachment.is_spoiler(),
            nsfw=nsfw,
            shown=isinstance(attachment, Shown),
            reply=reply,
        )

    @property
    def plausible(self) -> bool:
        """Whether it may be a photo, by what Discord says of it."""
        return pictures.looks_like_photo(self.type, self.name)

    def check(self, limit: int) -> None:
        """Refuse what is plainly no photo, or has more than ``limit`` bytes, before it is fetched.

        Raises:
            InvalidOrder
        """
        if self.type == LOTTIE:
            raise InvalidOrder(
                "That sticker is a drawing that Discord's own programs move, not a picture. Send another."
            )
        if not self.plausible:
            raise InvalidOrder(pictures.not_a_photo(discord.utils.escape_markdown(self.name[:60])))
        if self.size > limit:
            raise PictureTooLarge(limit, size=self.size)

    async def read(self, client: discord.Client, limit: int) -> bytes:
        """Its bytes.

        Raises:
            InvalidOrder: as `check` does, or it was deleted.
            InternalError: Discord does not hand it out at the moment.
        """
        self.check(limit)
        try:
            if self.shown:
                return await fetched(self.url, limit)
            async with asyncio.timeout(READ_SECONDS):
                return await client.http.get_from_cdn(self.url)
        except discord.NotFound:
            raise InvalidOrder("That photo was deleted in the meantime. Send it again.") from None
        except (discord.HTTPException, OSError) as error:
            why = f" ({error.status})" if isinstance(error, discord.HTTPException) else ""
            raise InternalError(f"Discord does not give me that photo at the moment{why}. Try again.") from error


class Pictures(NamedTuple):
    """The photo, the picture that is its style where that is the person's own, and the one that /verify is about."""

    photo: Photo | None = None
    style: Photo | None = None
    checked: Photo | None = None

    @property
    def given(self) -> list[Photo]:
        return [picture for picture in self if picture is not None]

    @property
    def nsfw(self) -> bool:
        return any(picture.nsfw for picture in self.given)

    @property
    def spoiler(self) -> bool:
        return any(picture.spoiler for picture in self.given)

    @property
    def size(self) -> int:
        """Bytes, at most."""
        return sum(picture.size or UNKNOWN for picture in self.given)

    async def read_into(self, incoming: Incoming, client: discord.Client, limit: int) -> Incoming:
        """The order with their bytes; raises what `Photo.read` does."""
        read = {name: await photo.read(client, limit) for name, photo in self._asdict().items() if photo is not None}
        return msgspec.structs.replace(incoming, **read)


NONE = Pictures()


def photo_of(message: discord.Message, limit: int) -> Photo:
    """The first photo of a message.

    Raises:
        InvalidOrder: there is none, or it cannot be painted.
    """
    found = photos_of(message)
    if not found:
        raise InvalidOrder("There is no photo in that message. Choose one that has.")
    found[0].check(limit)
    return found[0]


def photos_of(message: discord.Message) -> list[Photo]:
    """All photos of a message and of what it forwards, those first that can be painted.

    Attachments come before what the message only shows: stickers, and previews of the links in it.
    """
    nsfw = is_nsfw(message.channel)
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    photos = [Photo.of(each, nsfw=nsfw, reply=message.id) for part in parts for each in part.attachments]
    photos += [Photo.of(each, nsfw=nsfw, reply=message.id) for part in parts for each in shown_in(part)]
    return sorted(photos, key=lambda photo: not photo.plausible)


def is_nsfw(channel: Any) -> bool:
    """Whether a channel, or the one that a thread belongs to, is age-restricted."""
    ask = getattr(channel, "is_nsfw", None)  # private conversations have none
    return bool(ask()) if ask else False
