"""One interaction being answered: acknowledged first, within Discord's three seconds, and then told something."""

from __future__ import annotations

import io
import logging
from typing import Literal

import discord

from bot.core.errors import Refusal, sentence

log = logging.getLogger(__name__)

TAKEN = 40060  # somebody else has acknowledged it: another process with our token
Kind = Literal["public", "private", "quiet"]


class InteractionReply:
    """What happened to an interaction so far."""

    def __init__(self, interaction: discord.Interaction) -> None:
        self.interaction = interaction
        self.late = False  # Discord takes no answer to it any more
        self.kind: Kind | None = None

    async def acknowledge(self, kind: Kind) -> bool:
        """Keep the interaction alive; False when another process answers it.

        Args:
            kind: ``public`` and ``private`` show that the bot is thinking, to all or to the person; ``quiet`` shows
                nothing, and the message of the button or menu stays as it is.
        """
        try:
            await self.interaction.response.defer(thinking=kind != "quiet", ephemeral=kind == "private")
        except discord.HTTPException as error:
            if error.code == TAKEN:
                log.warning("another process answers interaction %d: is this bot running twice?", self.interaction.id)
                return False
            # Unknown interaction, mostly: it came too late. What was asked for is done all the same.
            log.warning("interaction %d could not be acknowledged: %s", self.interaction.id, error)
            self.late = True
        self.kind = kind
        return True

    async def say(self, text: str) -> None:
        """The answer, seen by whom the acknowledgement is."""
        try:
            if self.late:
                await send_dm(self.interaction.user, text)
            elif self.kind == "quiet":
                await self.interaction.followup.send(_cut(text), ephemeral=True)
            else:
                await self.interaction.edit_original_response(content=_cut(text))
        except discord.HTTPException as error:
            log.warning("an answer did not arrive: %s", error)

    async def say_file(self, name: str, data: bytes, *, spoiler: bool) -> None:
        """Hand a file over, to the person alone."""
        file = discord.File(io.BytesIO(data), name, spoiler=spoiler)
        try:
            if self.late:
                await self.interaction.user.send(file=file)
            else:
                await self.interaction.followup.send(file=file, ephemeral=True)
        except discord.HTTPException as error:
            await self.refuse(f"Discord did not take the file ({error.status}). Try again in a minute.")

    async def refuse(self, text: str) -> None:
        """Say what is wrong: to the person alone, unless Discord has been promised a public answer."""
        response = self.interaction.response
        try:
            if self.late:
                await send_dm(self.interaction.user, text)
            elif not response.is_done():
                await response.send_message(_cut(text), ephemeral=True)
            else:
                await self.say(text)
        except discord.HTTPException as error:
            log.warning("a refusal did not arrive: %s", error)
            await send_dm(self.interaction.user, text)

    async def fail(self, error: Exception) -> None:
        """Say of an error what a person can make of it."""
        if not isinstance(error, Refusal):
            log.error("an interaction could not be answered", exc_info=error)
        await self.refuse(sentence(error))


async def send_dm(user: discord.abc.Messageable, text: str) -> None:
    """Tell somebody in private, if they take messages."""
    try:
        await user.send(_cut(text))
    except discord.HTTPException as error:
        log.info("a private message did not arrive: %s", error)


def _cut(text: str) -> str:
    return text if len(text) <= 2000 else text[:1999] + "…"
