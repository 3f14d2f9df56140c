"""The ways in which a job's message is posted and edited: as the answer to the interaction, else in the channel, else
as a direct message to who ordered it.

An interaction's token lasts for fifteen minutes, also beyond the end of this process (see `promises`). From then on
the channel has the message, as a reply, which names who ordered it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import discord
import msgspec

from bot.chat.discord.drafts import Draft, draft_of
from bot.chat.discord.interactions.reply import ORIGINAL, TEXT
from bot.chat.discord.places import DiscordAddress
from bot.chat.transport import Capabilities, Content, Picture, Progress, TooLarge, Transport
from bot.core.errors import NotNow, Undeliverable
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage, Store

log = logging.getLogger(__name__)

TOKEN_SECONDS = 14.5 * 60  # the rest of the fifteen minutes is for the request itself
PREVIEW_SECONDS = 1.0
SILENT_SECONDS = 2.0  # for which a job gets no message: what is done by then needs no other
FILE_BYTES = 10 * 2**20  # what everybody may upload
FOLLOW_UP, DIRECT = "follow_up", "direct"  # kinds of messages; one that has none is the bot's own in the channel
# Error codes after which a way is closed for good, and another is taken: the interaction is unknown, the message is
# too old to be edited, the token has expired.
CLOSED = {10062, 30046, 50027}


class FollowUp(NamedTuple):
    """An interaction whose answer, which all were promised, is a job's message: edited, so that it is there once."""

    application: int
    token: str
    since: float

    def webhook(self, client: discord.Client) -> discord.Webhook:
        webhook = discord.Webhook.partial(self.application, self.token, client=client)
        webhook.type = discord.WebhookType.application  # which may speak to one person alone
        return webhook

    def __repr__(self) -> str:
        return "FollowUp"  # the token must not stand in a log


class DiscordTransport(Transport):
    """How a job's message gets to Discord.

    Args:
        clock: seconds since the epoch.
        pause: seconds between two edits of a message.
    """

    def __init__(self, store: Store, clock: Callable[[], float], pause: float) -> None:
        self._store = store
        self.client: discord.Client | None = None  # while there is a connection
        self._clock = clock
        self._follow_ups: dict[str, FollowUp] = {}  # by the idempotency key of the order
        self._capabilities = Capabilities(
            file_bytes=FILE_BYTES,
            words_first=False,  # for the nonce makes Discord return the message that is there
            silent_seconds=min(pause, SILENT_SECONDS),
            calm_seconds=pause,
            edit_seconds=pause,
            preview_seconds=min(pause, PREVIEW_SECONDS),
        )

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def file_limit(self, job: Job) -> int:
        address = DiscordAddress.of(job.place)
        guild = self.client.get_guild(address.guild) if self.client else None
        limits = [address.limit, guild.filesize_limit if guild else 0]
        return min(filter(None, limits), default=FILE_BYTES)

    def shown_since(self, job: Job) -> float | None:
        """Discord shows that the bot is thinking; what is finished soon needs no more than that."""
        follow_up = self._follow_up(job.idempotency_key)
        return follow_up.since if follow_up else None

    async def mention(self, job: Job, message: JobMessage) -> None:
        address = DiscordAddress.of(job.place)
        if address.outside or message.kind == DIRECT:
            return
        person = job.user.partition(":")[2]
        channel = self._channel(job)
        picture = channel.get_partial_message(int(message.message)).to_reference(fail_if_not_exists=False)
        only: Any = [_Person(person)]
        await channel.send(
            f"<@{person}> your picture is ready.",
            reference=picture,
            mention_author=False,
            nonce=f"{job.id}-ready",
            allowed_mentions=discord.AllowedMentions(everyone=False, roles=False, users=only, replied_user=False),
        )

    async def finished(self, job: Job) -> None:
        await self.forget(job.idempotency_key)

    async def take_turn(
        self, job: Job, *, not_before: float = -math.inf, soon: bool = False, patience: float = math.inf
    ) -> bool:
        await asyncio.sleep(max(0.0, not_before - self._clock()))
        return True

    # --- interactions ------------------------------------------------------------------------------------------------

    def answer_by(self, key: str, follow_up: FollowUp) -> None:
        """Have the interaction carry the message of the job that has this idempotency key."""
        self._follow_ups = {old: lasting for old in self._follow_ups if (lasting := self._follow_up(old))}
        self._follow_ups[key] = follow_up

    def answers_by_interaction(self, key: str) -> bool:
        """Whether the interaction is still to carry a job's message."""
        return key in self._follow_ups

    async def forget(self, key: str) -> None:
        """The interaction has been answered, or takes no answer any more."""
        if self._follow_ups.pop(key, None):
            await self._store.end_promise(key)

    def _follow_up(self, key: str) -> FollowUp | None:
        found = self._follow_ups.get(key)
        return found if found and self._clock() - found.since < TOKEN_SECONDS else None

    # --- the ways: each returns the message that shows the draft now, or None where it is closed ---------------------

    async def post(self, job: Job, content: Content) -> JobMessage:
        return await self._send(job, None, content)

    async def edit(self, job: Job, message: JobMessage, content: Content) -> JobMessage:
        return await self._send(job, message, content)

    async def _send(self, job: Job, message: JobMessage | None, content: Content) -> JobMessage:
        draft = draft_of(job, content)
        try:
            return await self._by_first_open(job, message, content, draft)
        finally:
            if draft.view:
                draft.view.clear_items()  # each holds the view: kept, all would stay until Python looks for such rings

    async def _by_first_open(self, job: Job, message: JobMessage | None, content: Content, draft: Draft) -> JobMessage:
        ways = [self._by_follow_up, self._by_own_message, self._by_channel]
        if not isinstance(content, Progress):
            ways.append(self._by_direct_message)
        for way in ways:
            try:
                if found := await way(job, message, draft):
                    return found
            except discord.HTTPException as error:
                if error.status == 413 and isinstance(content, Picture):
                    raise TooLarge from error
                if not _closes(error):
                    raise
                log.info("job %s: %s is closed: %s", job.id, way.__name__.removeprefix("_by_"), error)
        raise Undeliverable("neither the channel nor the person takes messages from me")

    async def _by_follow_up(self, job: Job, message: JobMessage | None, draft: Draft) -> JobMessage | None:
        follow_up = self._follow_up(job.idempotency_key)
        if follow_up is None or (message is not None and message.kind != FOLLOW_UP):
            return None
        webhook = follow_up.webhook(self.connected())
        try:
            if draft.private:
                with suppress(discord.NotFound):  # an earlier attempt has done it
                    await webhook.delete_message(ORIGINAL)
                shown = await webhook.send(wait=True, ephemeral=True, **draft.posted())
                return JobMessage(message=shown.id, kind=FOLLOW_UP)
            shown = await webhook.edit_message(ORIGINAL, **draft.edited())
        except discord.HTTPException as error:
            if error.status != 401 and not _closes(error):
                raise
            await self.forget(job.idempotency_key)
            return None
        return message or JobMessage(message=shown.id, kind=FOLLOW_UP)

    async def _by_own_message(self, job: Job, message: JobMessage | None, draft: Draft) -> JobMessage | None:
        if message is not None and not message.kind:
            edited = draft.naming(job).edited()
            await self._channel(job).get_partial_message(int(message.message)).edit(**edited)
            return message
        return None

    async def _by_channel(self, job: Job, message: JobMessage | None, draft: Draft) -> JobMessage | None:
        address = DiscordAddress.of(job.place)
        if address.outside:
            return None
        old = int(message.message) if message else 0
        more: dict[str, Any] = {}
        if anchor := address.reply or old:
            more["reference"] = self._channel(job).get_partial_message(anchor).to_reference(fail_if_not_exists=False)
        # The nonce makes Discord return the message that is there, should this be sent twice within minutes.
        nonce = f"{job.id}-{old % 10**9}"
        draft = draft.naming(job)
        if address.asked and self._clock() - job.created > TOKEN_SECONDS:  # they are likely to look elsewhere
            users: Any = [_Person(str(address.asked))]
            more["allowed_mentions"] = discord.AllowedMentions(
                everyone=False, roles=False, users=users, replied_user=False
            )
        posted = await self._channel(job).send(nonce=nonce, mention_author=False, **more, **draft.posted())
        if posted.content != draft.text:  # an earlier attempt had arrived after all
            await posted.edit(**draft.edited())
        if message is not None and message.kind == FOLLOW_UP:
            await self._point_below(job, old)
        return JobMessage(message=posted.id)

    async def _by_direct_message(self, job: Job, message: JobMessage | None, draft: Draft) -> JobMessage | None:
        """The channel was deleted, or the bot may not write there."""
        if draft.picture is not None and len(draft.picture) > FILE_BYTES:
            raise TooLarge(FILE_BYTES)
        text = f"I could not post this where you ordered it, so here it is.\n{draft.text}"[:TEXT]
        spoiler = draft.spoiler or DiscordAddress.of(job.place).nsfw
        direct = msgspec.structs.replace(draft, text=text, spoiler=spoiler)
        user = await self.connected().create_dm(discord.Object(int(job.user.partition(":")[2])))
        posted = await user.send(nonce=f"{job.id}-direct", **direct.posted())
        return JobMessage(message=posted.id, kind=DIRECT)

    async def _point_below(self, job: Job, message: int) -> None:
        """Say in the message that cannot be edited much longer where it goes on."""
        try:
            await self._channel(job).get_partial_message(message).edit(content="This goes on below.", attachments=[])
        except discord.HTTPException as error:
            log.debug("job %s: its old message stays as it is: %s", job.id, error)

    def _channel(self, job: Job) -> discord.PartialMessageable:
        return self.connected().get_partial_messageable(DiscordAddress.of(job.place).channel)

    def connected(self) -> discord.Client:
        """Raises NotNow."""
        if self.client is None:
            raise NotNow("Discord is not connected.")
        return self.client


class _Person(NamedTuple):
    """Somebody, as Discord wants ids: as text, which the library leaves as it is."""

    id: Any


def _closes(error: discord.HTTPException) -> bool:
    return error.status in (403, 404) or error.code in CLOSED
