"""Orders are handed over, one or several at once, as soon as the bot is open for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import discord
import msgspec

from bot.backoff import Backoff
from bot.chat.discord.attachments import Pictures
from bot.chat.discord.interactions.promises import Asked, Promises
from bot.chat.discord.interactions.reply import AnsweredElsewhere, InteractionReply
from bot.chat.discord.places import check_age, incoming_of, is_outside
from bot.chat.discord.transport import DiscordTransport
from bot.core.errors import InvalidOrder, NotNow, Refusal, sentence
from bot.core.messages import Accepted, Choice, Incoming, Refused, Reply
from bot.dialog.pictures import not_taken
from bot.dialog.services import Services

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0  # of Discord's three, for what is to be refused without anybody else seeing it
ONE_HERE = "I am no member here, so Discord lets me answer a command with one picture. Send me one photo at a time."


class Taking:
    """Hands orders over.

    Args:
        retry: the pauses while the bot is not open for orders.
    """

    def __init__(
        self, services: Services, transport: DiscordTransport, promises: Promises, retry: Backoff | None = None
    ) -> None:
        self._services = services
        self._transport = transport
        self._promises = promises
        self._retry = retry or Backoff()

    async def check_limits(self, incoming: Incoming) -> None:
        """Refuse what would be refused anyway, as long as nobody else need see it.

        Raises:
            LimitReached, NotAllowed
        """
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._services.studio.check_limits(incoming)
        except (TimeoutError, NotNow):  # which `take` waits out
            pass

    @asynccontextmanager
    async def promised(
        self, interaction: discord.Interaction[Any], asked: Asked, more: Sequence[Pictures]
    ) -> AsyncIterator[tuple[InteractionReply, list[Asked]]]:
        """While an order is carried out, and the same of other pictures: all of it outlives a crash."""
        also = others(interaction, asked, more)
        async with AsyncExitStack() as stack:
            for each in also:
                await stack.enter_async_context(self._promises.kept(each))
            try:
                reply = await stack.enter_async_context(self._promises.made(interaction, asked))
            except AnsweredElsewhere:
                for each in also:
                    await self._promises.end(each.key)
                raise
            yield reply, [asked, *also]

    async def take(self, asked: Asked) -> Reply:
        """Hand an order over, as soon as the bot is open for orders; never raises."""
        for pause in self._retry:
            answer = await self._take(asked)
            if not isinstance(answer, Refused) or not answer.not_now:
                return answer
            await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    async def take_all(self, orders: Sequence[Asked]) -> tuple[Reply, Reply | None]:
        """The answer to the first of several orders, and what is to be said where not all of them are taken."""
        answers: list[Reply] = []
        for asked in orders:
            answers.append(await self.take(asked))
            if isinstance(answers[-1], Choice):  # what is asked of one is asked of all
                return answers[0], answers[-1]
        refused = [answer for answer in answers if not isinstance(answer, Accepted)]
        if not refused or len(orders) == 1:
            return answers[0], refused[0] if refused else None
        return answers[0], Refused(text=not_taken(len(refused), len(orders), refused[0].text))

    async def _take(self, asked: Asked) -> Reply:
        incoming, loading = asked.incoming, self._services.loading
        assert asked.command
        try:
            check_age(incoming)
            async with loading.turn(incoming.user), loading.room_for(asked.pictures.size):
                if asked.pictures.given:
                    await self._services.studio.check_limits(incoming)
                whole = await asked.pictures.read_into(
                    incoming, self._transport.connected(), self._services.max_photo_bytes
                )
                return await self._services.commands.handle(whole, asked.command)
        except Exception as error:
            if not isinstance(error, Refusal | NotNow):
                log.exception("an order could not be taken")
            return Refused(text=sentence(error), not_now=isinstance(error, NotNow))


def others(interaction: discord.Interaction, asked: Asked, more: Sequence[Pictures]) -> list[Asked]:
    """The same order for other pictures. They are answered by messages of their own, since an interaction has one.

    Raises:
        InvalidOrder: the bot may write no messages of its own there.
    """
    if more and is_outside(interaction):
        raise InvalidOrder(ONE_HERE)
    found = []
    for number, pictures in enumerate(more, 1):
        incoming = incoming_of(interaction, pictures)
        key = f"{incoming.idempotency_key}:{number}"
        incoming = msgspec.structs.replace(incoming, idempotency_key=key)
        found.append(msgspec.structs.replace(asked, incoming=incoming, kind="message", pictures=pictures))
    return found
