"""What interactions ask for, in the journal before Discord is told that it is being done.

So it is done also where the bot is killed in between; and the token goes along, with which the answer that everybody
was promised is edited by the next run of the bot. It is deleted with the answer, or after Discord's fifteen minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

import discord
import msgspec

from bot.chat.discord.attachments import NONE, Pictures
from bot.chat.discord.interactions.reply import ORIGINAL, AnsweredElsewhere, InteractionReply, Kind, WebhookReply
from bot.chat.discord.places import NAME, incoming_of
from bot.chat.discord.transport import DiscordTransport, FollowUp
from bot.core.errors import StoreError
from bot.core.jobs import UNFINISHED
from bot.core.journal.rows.promises import Promise
from bot.core.journal.store import Store
from bot.core.messages import Incoming
from bot.dialog.buttons import Press
from bot.dialog.parse import Command, Name

log = logging.getLogger(__name__)

TOKEN_SECONDS = 15 * 60.0
MARGIN = 30.0  # seconds, for the requests themselves
# That the journal may take before Discord is answered, which wants it within three. Without it, the worst that can
# happen is what a kill in this very moment leads to.
JOURNAL_SECONDS = 1.0
REPEATING = {Name.STYLIZE, Name.AGAIN, Name.RETRY, Name.EXPLAIN}  # orders without a picture of their own
UNKNOWN_WEBHOOK = 10015  # error code: nobody has acknowledged the interaction
AGAIN = "I was restarted just then. Please do that again."


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody asks for: an order by a command, or by a button; or a question."""

    incoming: Incoming  # without the bytes of the pictures
    kind: Kind | Literal["message"]  # how it was acknowledged; a message is not
    application: int = 0
    command: Command | None = None
    pictures: Pictures = NONE
    press: Press | None = None

    @property
    def key(self) -> str:
        return self.incoming.idempotency_key

    @property
    def user(self) -> int:
        """Discord's id."""
        return int(self.incoming.user.partition(":")[2])

    @property
    def is_order(self) -> bool:
        """Whether it may become a job."""
        if self.command is None:
            return self.press is not None
        return bool(self.pictures.given) or self.command.name in REPEATING


class Left(NamedTuple):
    """What an earlier run of the bot has left undone."""

    asked: Asked
    promise: Promise

    @property
    def follow_up(self) -> FollowUp:
        return FollowUp(self.asked.application, self.promise.token, self.promise.at)


class Promises:
    """Acknowledges interactions.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, transport: DiscordTransport, clock: Callable[[], float]) -> None:
        self._store = store
        self._transport = transport
        self._clock = clock

    @asynccontextmanager
    async def made(self, interaction: discord.Interaction[Any], asked: Asked) -> AsyncIterator[InteractionReply]:
        """Journal and acknowledge it; while the context lasts it is done. What goes wrong in it is said.

        Where all were promised an answer, the job that the order becomes is to be it.

        Raises:
            AnsweredElsewhere
        """
        asked = msgspec.structs.replace(asked, application=interaction.application_id)
        since = interaction.created_at.timestamp()
        await self._keep(asked, at=since, until=since + TOKEN_SECONDS, token=interaction.token)
        reply = InteractionReply(interaction)
        try:
            assert asked.kind != "message"
            await reply.acknowledge(asked.kind)
        except AnsweredElsewhere:
            await self.end(asked.key)
            raise
        if asked.kind == "public" and not reply.late:
            self._transport.answer_by(asked.key, FollowUp(asked.application, interaction.token, since))
        try:
            yield reply
        except Exception as error:
            await reply.fail(error)
            await self._transport.forget(asked.key)
        if not self._transport.answers_by_interaction(asked.key):
            await self.end(asked.key)

    @asynccontextmanager
    async def kept(self, asked: Asked) -> AsyncIterator[None]:
        """While an order that came as a message is taken: Discord hands no message over again."""
        if asked.is_order:
            await self._keep(asked, at=self._clock())
        yield
        if asked.is_order:
            await self.end(asked.key)

    async def _keep(self, asked: Asked, **more: Any) -> None:
        """Write it down, if that is soon done."""
        encoded = msgspec.json.encode(asked)
        promise = Promise(key=asked.key, user=asked.incoming.user, order=asked.is_order, asked=encoded, **more)
        try:
            async with asyncio.timeout(JOURNAL_SECONDS):
                await self._store.promise(promise)
        except (StoreError, TimeoutError) as error:
            log.warning("what %s asked for would not outlive a crash: %r", promise.user, error)

    async def end(self, key: str) -> None:
        """It is done, or refused."""
        try:
            await self._store.end_promise(key)
        except StoreError as error:  # it expires
            log.warning("the journal keeps what is done already: %s", error)

    async def left(self) -> list[Left]:
        """What is to be taken up; of what is a job already, the job's answer is."""
        found = []
        for promise in await self._store.promises(NAME):
            try:
                left = Left(msgspec.json.decode(promise.asked, type=Asked), promise)
            except msgspec.MsgspecError:  # another version wrote it
                await self.end(promise.key)
                continue
            job = await self._store.job_by_key(promise.key)
            if job is None:
                found.append(left)
            elif job.state in UNFINISHED and left.asked.kind == "public" and promise.token:
                self._transport.answer_by(promise.key, left.follow_up)
            else:
                await self.end(promise.key)
        return found

    def has_expired(self, left: Left) -> bool:
        """Whether Discord takes no answer any more."""
        return not left.promise.token or self._clock() - left.promise.at > TOKEN_SECONDS - MARGIN

    async def resumed(self, left: Left) -> WebhookReply | None:
        """How to answer what was left; None where nobody waits for it.

        Raises:
            discord.HTTPException
        """
        client, asked = self._transport.connected(), left.asked
        webhook = left.follow_up.webhook(client)
        shown = None
        try:
            shown = await webhook.fetch_message(ORIGINAL)
        except discord.NotFound as error:
            if error.code == UNKNOWN_WEBHOOK:  # the kill was quicker, and Discord has told the person that it failed
                return None
        if not asked.is_order:
            if shown is not None and shown.flags.loading:  # else it is answered already
                await webhook.edit_message(ORIGINAL, content=AGAIN)
            return None
        if asked.kind == "public":
            self._transport.answer_by(asked.key, left.follow_up)
        return WebhookReply(client, webhook, asked.user, public=asked.kind == "public")


def asked_by(
    interaction: discord.Interaction[Any],
    kind: Kind,
    command: Command | None = None,
    pictures: Pictures = NONE,
    *,
    topic: str = "",
) -> Asked:
    """What an interaction asks for; without a command it is a question, which is asked again after a crash."""
    incoming = incoming_of(interaction, pictures, topic=topic)
    return Asked(incoming=incoming, kind=kind, command=command, pictures=pictures)
