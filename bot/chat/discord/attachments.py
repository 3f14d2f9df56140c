"""Photos in Discord's messages: which picture is meant, whether it can be painted, and its bytes.

A message also shows pictures that it does not carry: stickers, and previews of links, such as Tenor's GIFs. Their
bytes come from Discord's own servers and from nowhere else. The address in a link is a stranger's choice, and what
stands behind it may be within reach of the bot alone; Discord's proxy has fetched it, and hands out a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiohttp
import discord
import yarl

from bot.core.errors import InternalError, InvalidOrder, PictureTooLarge
from bot.dialog import pictures

LOTTIE = "application/x-lottie"  # no file type of a picture
SECONDS = 30.0  # for all of it
HOSTS = ("discordapp.net", "discordapp.com")
PIECE = 64 * 1024  # bytes

_STICKERS = {
    discord.StickerFormatType.png: "image/png",
    discord.StickerFormatType.apng: "image/png",
    discord.StickerFormatType.gif: "image/gif",
    discord.StickerFormatType.lottie: LOTTIE,
}


@dataclass(frozen=True)
class Shown:
    """A picture at an address of Discord's; in what it tells of itself it is like `discord.Attachment`."""

    url: str
    filename: str
    content_type: str
    spoiler: bool = False
    size: int = 0  # not known before it is fetched

    def is_spoiler(self) -> bool:
        return self.spoiler

    async def read(self, limit: int) -> bytes:
        """Its bytes, ``limit`` at most.

        Raises:
            InvalidOrder: it is too large, or no longer there.
            InternalError: Discord does not hand it out at the moment.
        """
        if not is_discords(self.url):
            raise InvalidOrder("I take pictures from Discord's own servers only. Send the picture as a file.")
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            # Redirects could lead anywhere.
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self.url, allow_redirects=False) as answer,
            ):
                if answer.status == 429 or answer.status >= 500:
                    raise InternalError(f"Discord does not give me that picture at the moment ({answer.status}).")
                if answer.status != 200:
                    raise InvalidOrder("Discord no longer has that picture. Send it as a file.")
                return await _read(answer.content, limit)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise InternalError("Discord does not give me that picture at the moment. Try again.") from error


class Photo(NamedTuple):
    """A photo that somebody points at."""

    attachment: discord.Attachment | Shown
    nsfw: bool  # it comes from an age-restricted channel
    reply: int = 0  # the message that the answer is to be a reply to, if there is one

    @property
    def plausible(self) -> bool:
        """Whether it may be a photo, by what Discord says of it."""
        return pictures.looks_like_photo(self.attachment.content_type or "", self.attachment.filename)

    def check(self, limit: int) -> None:
        """Refuse what is plainly no photo, or has more than ``limit`` bytes, before it is fetched.

        Raises:
            InvalidOrder
        """
        if self.attachment.content_type == LOTTIE:
            raise InvalidOrder(
                "That sticker is a drawing that Discord's own programs move, not a picture. Send another."
            )
        if not self.plausible:
            raise InvalidOrder(pictures.not_a_photo(discord.utils.escape_markdown(self.attachment.filename[:60])))
        if self.attachment.size > limit:
            raise PictureTooLarge(limit, size=self.attachment.size)

    async def read(self, limit: int) -> bytes:
        """Its bytes.

        Raises:
            InvalidOrder: as `check` does, or it was deleted.
            InternalError: Discord does not hand it out at the moment.
        """
        self.check(limit)
        try:
            if isinstance(self.attachment, Shown):
                return await self.attachment.read(limit)
            return await self.attachment.read()
        except discord.NotFound:
            raise InvalidOrder("That photo was deleted in the meantime. Send it again.") from None
        except discord.HTTPException as error:
            text = f"Discord does not give me that photo at the moment ({error.status}). Try again."
            raise InternalError(text) from error


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
        return any(picture.attachment.is_spoiler() for picture in self.given)

    async def read(self, limit: int) -> tuple[bytes | None, bytes | None]:
        """Their bytes; raises what `Photo.read` does."""
        photo = await self.photo.read(limit) if self.photo else None
        return photo, await self.style.read(limit) if self.style else None


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
    attached: list[discord.Attachment | Shown] = [attachment for part in parts for attachment in part.attachments]
    shown: list[discord.Attachment | Shown] = [picture for part in parts for picture in shown_in(part)]
    photos = [Photo(picture, nsfw, message.id) for picture in attached + shown]
    return sorted(photos, key=lambda photo: not photo.plausible)


def is_nsfw(channel: Any) -> bool:
    """Whether a channel, or the one that a thread belongs to, is age-restricted."""
    ask = getattr(channel, "is_nsfw", None)  # private conversations have none
    return bool(ask()) if ask else False


# --- what a message shows --------------------------------------------------------------------------------------------


def shown_in(part: discord.Message | discord.MessageSnapshot) -> Iterator[Shown]:
    """What a message shows, or one that it forwards."""
    for sticker in part.stickers:
        yield Shown(sticker.url, sticker.name, _STICKERS.get(sticker.format, LOTTIE))
    for embed in part.embeds:
        url = _preview(embed)
        if url:
            yield Shown(url, "link", "image/", _hidden(embed.url or "", part.content))


def _preview(embed: discord.Embed) -> str:
    """Where Discord has the picture of an embed: the moving one where there is one, and no bot's little signet."""
    pictures = [embed.video, embed.image] + [embed.thumbnail] * (embed.type != "rich")
    return next((url for picture in pictures if (url := picture.proxy_url) and is_discords(url)), "")


def _hidden(url: str, text: str) -> bool:
    """Whether a link stands between the bars of a spoiler."""
    return bool(url) and any(url in hidden for hidden in re.findall(r"\|\|(.+?)\|\|", text, re.DOTALL))


# --- fetching it -----------------------------------------------------------------------------------------------------


def is_discords(url: str) -> bool:
    """Whether an address is one of Discord's servers for files."""
    try:
        found = yarl.URL(url)
        host, plain = found.host or "", found.user is None and found.port == 443
    except ValueError:
        return False
    return found.scheme == "https" and plain and any(host.endswith(f".{known}") for known in HOSTS)


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """All of it; nobody has said before how much there is."""
    data = bytearray()
    async for piece in content.iter_chunked(PIECE):
        data += piece
        if len(data) > limit:
            raise PictureTooLarge(limit)
    return bytes(data)
