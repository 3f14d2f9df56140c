"""Pictures that a message shows and does not carry: stickers, and previews of links, such as Tenor's GIFs.

Their bytes come from Discord's own servers and from nowhere else. The address in a link is a stranger's choice, and
what stands behind it may be within reach of the bot alone; Discord's proxy has fetched it, and hands out a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import discord
import yarl

from bot.core.errors import InternalError, InvalidOrder, PictureTooLarge

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


async def fetched(url: str, limit: int) -> bytes:
    """The bytes of a picture that is shown, ``limit`` at most.

    Raises:
        InvalidOrder: it is too large, or no longer there.
        InternalError: Discord does not hand it out at the moment.
    """
    if not is_discords(url):
        raise InvalidOrder("I take pictures from Discord's own servers only. Send the picture as a file.")
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        # Redirects could lead anywhere.
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status == 429 or answer.status >= 500:
                raise InternalError(f"Discord does not give me that picture at the moment ({answer.status}).")
            if answer.status != 200:
                raise InvalidOrder("Discord no longer has that picture. Send it as a file.")
            return await _read(answer.content, limit)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise InternalError("Discord does not give me that picture at the moment. Try again.") from error


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """All of it; nobody has said before how much there is."""
    data = bytearray()
    async for piece in content.iter_chunked(PIECE):
        data += piece
        if len(data) > limit:
            raise PictureTooLarge(limit)
    return bytes(data)
