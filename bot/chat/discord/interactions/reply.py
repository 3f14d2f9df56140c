"""One interaction being answered: acknowledged within Discord's three seconds, then with text or a file."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, Literal, cast

import discord

from bot.core.errors import Refusal, sentence

log = logging.getLogger(__name__)

TEXT = 2000  # characters of a message
ACKNOWLEDGED = 40060  # error code
# How Discord's addresses name the answer that an acknowledgement has promised, or else the message with the button.
# The library writes into them whatever it is given, and would have it a number.
ORIGINAL = cast(int, "@original")

# How an interaction is acknowledged. ``public`` and ``private`` show that the bot thinks, to all or to the person;
# ``quiet`` shows nothing, and the message with the button or menu stays as it is.
Kind = Literal["public", "private", "quiet"]


class AnsweredElsewhere(Exception):
    """Another process with our token answers this interaction."""


class WebhookReply:
    """The answer to an acknowledged interaction, given by its token: also by another process than acknowledged it.

    Args:
        public: all have been promised an answer.
    """

    late = False

    def __init__(self, client: discord.Client, webhook: discord.Webhook, user: int, *, public: bool) -> None:
        self.client = client
        self.webhook = webhook
        self._user = user
        self._public = public

    async def withdraw(self) -> None:
        """Promise nobody anything any more; what comes now is for the person alone."""
        if self._public:
            with suppress(discord.NotFound):
                await self.webhook.delete_message(ORIGINAL)
            self._public = False

    async def send(self, **content: Any) -> None:
        """To the person alone; raises HTTPException."""
        await self.withdraw()  # else Discord would make it the answer that all were promised
        await self.webhook.send(ephemeral=True, **content)

    async def say(self, text: str, **more: Any) -> None:
        """The same for a text, as a direct message where that fails."""
        try:
            await self.send(content=cut(text), **more)
        except discord.HTTPException as error:
            log.warning("an answer did not arrive: %s", error)
            await send_dm(self.client, self._user, text)

    async def fail(self, error: Exception) -> None:
        """Say what went wrong, as far as a person can make something of it."""
        if isinstance(error, AnsweredElsewhere):
            return
        if not isinstance(error, Refusal):
            log.error("an interaction could not be answered", exc_info=error)
        await self.say(sentence(error))


class InteractionReply(WebhookReply):
    """The answer to an interaction that has just come. Its state is kept with the interaction, so that whoever handles
    an error can make another one."""

    def __init__(self, interaction: discord.Interaction[Any]) -> None:
        public = "public" in interaction.extras
        super().__init__(interaction.client, interaction.followup, interaction.user.id, public=public)
        self.interaction = interaction

    @property
    def public(self) -> bool:
        """Whether all were promised an answer."""
        return "public" in self.interaction.extras

    @property
    def late(self) -> bool:  # type: ignore[override]
        """Discord takes no answer to it any more."""
        return "late" in self.interaction.extras

    async def acknowledge(self, kind: Kind) -> None:
        """Keep the interaction alive.

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
        else:
            self._public = kind == "public"
            if self._public:
                self.interaction.extras["public"] = True

    async def withdraw(self) -> None:
        await super().withdraw()
        self.interaction.extras.pop("public", None)

    async def send(self, **content: Any) -> None:
        if self.late:
            await self.interaction.user.send(**content)
        elif self.interaction.response.is_done():
            await super().send(**content)
        else:
            await self.interaction.response.send_message(ephemeral=True, **content)


async def send_dm(client: discord.Client, user: int, text: str) -> None:
    """Write to somebody in private, if they take messages."""
    try:
        await (await client.create_dm(discord.Object(user))).send(cut(text))
    except discord.HTTPException as error:
        log.info("a private message did not arrive: %s", error)


def cut(text: str, length: int = TEXT) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
