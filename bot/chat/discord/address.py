"""Where on Discord an answer goes, and how; the journal keeps it with the job."""

from __future__ import annotations

import msgspec

from bot.core.errors import InvalidOrder
from bot.core.jobs import Address, Place

NAME = "discord"
AGE = "That photo comes from an age-restricted channel, so I paint it in such channels only."


class DiscordAddress(Address, frozen=True, kw_only=True, omit_defaults=True):
    channel: int
    guild: int = 0  # 0 is a private conversation
    limit: int = 0  # bytes of a file there, where Discord has said so
    reply: int = 0  # the message that the answer is a reply to
    spoiler: bool = False  # a picture of the order is hidden until it is clicked
    nsfw: bool = False  # a picture of the order comes from an age-restricted channel
    nsfw_allowed: bool = False  # and such a one may be shown there
    outside: bool = False  # the bot is no member there: only the interaction can carry the answer


def repeated(place: Place, last: Place) -> Place:
    """See `Chat.repeated`."""
    here, there = DiscordAddress.of(place), DiscordAddress.of(last)
    if there.nsfw and not here.nsfw_allowed:
        raise InvalidOrder(AGE)
    kept = msgspec.structs.replace(here, spoiler=here.spoiler or there.spoiler, nsfw=here.nsfw or there.nsfw)
    return kept.place(place.chat, place.room)
