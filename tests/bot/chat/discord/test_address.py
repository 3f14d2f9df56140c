"""Where an answer goes, as the journal keeps it."""

from __future__ import annotations

import pytest

from bot.chat.discord.places import DiscordAddress, repeated
from bot.core.errors import InvalidOrder
from bot.core.jobs import Place


def test_an_address_outlives_the_journal() -> None:
    address = DiscordAddress(channel=7, guild=5, limit=100, reply=3, spoiler=True)
    place = address.place("discord", "discord:5")
    assert place.address == {"channel": 7, "guild": 5, "limit": 100, "reply": 3, "spoiler": True}
    assert DiscordAddress.of(place) == address


def test_addresses_of_older_journals_are_read() -> None:
    place = Place("discord", "discord:5", {"channel": 7, "guild": 5, "spoiler": 1, "nsfw": 1, "outside": 1})
    assert DiscordAddress.of(place) == DiscordAddress(channel=7, guild=5, spoiler=True, nsfw=True, outside=True)


def test_what_belongs_to_a_photo_goes_along_where_it_may_be_shown() -> None:
    last = DiscordAddress(channel=1, reply=2, spoiler=True, nsfw=True).place("discord", "discord:1")
    adult = DiscordAddress(channel=7, reply=8, nsfw_allowed=True).place("discord", "discord:5")
    found = DiscordAddress.of(repeated(adult, last))
    assert found == DiscordAddress(channel=7, reply=8, nsfw_allowed=True, spoiler=True, nsfw=True)
    with pytest.raises(InvalidOrder, match="age-restricted"):
        repeated(DiscordAddress(channel=7).place("discord", "discord:5"), last)
