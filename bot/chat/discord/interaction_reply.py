"""One interaction being answered: acknowledged within Discord's three seconds, then with text or a file."""

from __future__ import annotations

import logging
from typing import Any, Literal

import discord

from bot.core.errors import Refusal, sentence

log = logging.getLogger(__name__)

TEXT = 2000  # characters of a message
ACKNOWLEDGED = 40060  # error code


class AnsweredElsewhere(Exception):
    """Another process with our token answers this interaction."""


class InteractionReply:
    """What is to be known of it is kept with the interaction, so that whoever handles an error can make another."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        self.interaction = interaction

    @property
    def late(self) -> bool:
        """Discord takes no answer to it any more."""
        return "late" in self.interaction.extras

    async def acknowledge(self, kind: Literal["public", "private", "quiet"]) -> None:
        """Keep the interaction alive.

        Args:
            kind: ``public`` and ``private`` show that the bot is thinking, to all or to the person; ``quiet`` shows
                nothing, and the message of the button or menu stays as it is.

        Raises:
            AnsweredElsewhere
        """
        try:
            await self.interaction.response.defer(thinking=kind != "quiet", ephemeral=kind == "private")
        except discord.HTTPException as error:
            if error.code == ACKNOWLEDGED:
                log.warning("another process answers interaction %d: is this bot running twice?", self.interaction.id)
                raise AnsweredElsewhere from error
            # Unknown interaction, mostly: it came too late. What was asked for is done all the same.
            log.warning("interaction %d could not be acknowledged: %s", self.interaction.id, error)
            self.interaction.extras["late"] = True

    async def send(self, **content: Any) -> None:
        """To the person alone, unless the acknowledgement has promised all an answer; raises HTTPException."""
        if self.late:
            await self.interaction.user.send(**content)
        elif self.interaction.response.is_done():
            await self.interaction.followup.send(ephemeral=True, **content)
        else:
            await self.interaction.response.send_message(ephemeral=True, **content)

    async def say(self, text: str) -> None:
        """The same for a text, as a direct message where that fails."""
        try:
            await self.send(content=cut(text))
        except discord.HTTPException as error:
            log.warning("an answer did not arrive: %s", error)
            await send_dm(self.interaction.user, text)

    async def fail(self, error: Exception) -> None:
        """Say what went wrong, as far as a person can make something of it."""
        if isinstance(error, AnsweredElsewhere):
            return
        if not isinstance(error, Refusal):
            log.error("an interaction could not be answered", exc_info=error)
        await self.say(sentence(error))


async def send_dm(user: discord.abc.Messageable, text: str) -> None:
    """Write to somebody in private, if they take messages."""
    try:
        await user.send(cut(text))
    except discord.HTTPException as error:
        log.info("a private message did not arrive: %s", error)


def cut(text: str, length: int = TEXT) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
