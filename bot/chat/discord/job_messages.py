"""What is said of a job, and where: the interaction's message, then the channel, then a letter to who ordered it.

An interaction's token lasts for fifteen minutes and dies with the process. From then on the news goes to the channel,
as a reply. Which message shows a job is written down, so that a restart finds it and says nothing twice.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import discord
import msgspec
from discord.utils import escape_markdown

from bot.core.errors import InternalError, Undeliverable
from bot.core.jobs import Job
from bot.core.journal.store import Store
from bot.core.messages import Result, Status
from bot.engine_process.thumbnails import jpeg

log = logging.getLogger(__name__)

TOKEN_SECONDS = 14.5 * 60  # Discord says 15 minutes; the rest is for the request itself
SOON = 1.0  # seconds; the first preview of a long job is worth an edit more
LIMIT = 10 * 2**20  # bytes of a file that everybody may upload
LEAST = 2**17  # bytes; a limit below is no limit but a mistake
TEXT, ALT = 2000, 1024  # characters
BAR = 12  # characters
# Errors after which this way is closed for good, and another is taken: the message is gone or too old to be edited,
# the token has expired.
CLOSED = {10062, 30046, 50027}


class FollowUp:
    """A way to speak as the answer to an interaction.

    Args:
        original: whether its deferred answer is the message; otherwise it is a follow-up, sent with the first words.
    """

    def __init__(self, interaction: discord.Interaction, *, original: bool) -> None:
        self.interaction = interaction
        self.original = original
        self.message: int | None = None

    def lasts(self, now: float) -> bool:
        return now - self.interaction.created_at.timestamp() < TOKEN_SECONDS


class Draft(msgspec.Struct, frozen=True):
    """A message to be; its files are made anew for every attempt, for each uses them up."""

    text: str
    picture: bytes | None = None
    name: str = ""
    alt: str = ""
    spoiler: bool = False
    view: discord.ui.View | None = None

    def parts(self, *, anew: bool) -> dict[str, Any]:
        """As arguments of a message that is sent (``anew``) or edited."""
        files = []
        if self.picture is not None:
            data = io.BytesIO(self.picture)
            files.append(discord.File(data, self.name, description=self.alt[:ALT] or None, spoiler=self.spoiler))
        if anew:
            return {"content": self.text, "files": files} | ({"view": self.view} if self.view else {})
        return {"content": self.text, "attachments": files, "view": self.view}


class Note(msgspec.Struct, frozen=True):
    """What is written down about a job's message."""

    message: int
    voice: bool = False  # it belongs to an interaction
    answered: bool = False  # it holds the answer


class Spoken(NamedTuple):
    """The latest news of a job."""

    at: float  # seconds since the epoch
    preview: bool = False


class TooLarge(Exception):
    """The picture is above what this way takes."""


class JobMessages:
    """Says what there is to say of every job.

    Args:
        view: the buttons under a finished picture.
        clock: seconds since the epoch.
    """

    def __init__(
        self, store: Store, view: Callable[[Job], discord.ui.View | None], clock: Callable[[], float]
    ) -> None:
        self.client: discord.Client | None = None
        self.voices: dict[str, FollowUp] = {}  # by the job's name of its order
        self._notes: dict[str, Note] = {}
        self._spoken: dict[str, Spoken] = {}
        self._store = store
        self._view = view
        self._clock = clock

    # --- what is said ------------------------------------------------------------------------------------------------

    async def turn(self, job: Job, status: Status, pause: float) -> None:
        """Return when the status may be shown: so many seconds after what was shown before it.

        Of an interaction Discord has shown that the bot is thinking; what is finished soon needs no more than that.
        """
        spoken, voice = self._spoken.get(job.id), self.voices.get(job.idempotency_key)
        if spoken is None and voice is not None and voice.original:
            spoken = Spoken(voice.interaction.created_at.timestamp())
        if spoken is None:
            return
        if job.recipe.mode == "fine" and status.preview is not None and not spoken.preview:
            pause = min(pause, SOON)
        await asyncio.sleep(max(0.0, spoken.at + pause - self._clock()))

    async def show(self, job: Job, status: Status) -> None:
        spoiler = bool(job.place.address.get("spoiler"))
        text = f"{_title(job)}\n{_bar(status.done)}{escape_markdown(status.text)}"
        draft = Draft(text[:TEXT], status.preview, "preview.jpg", "How far the picture is.", spoiler)
        if not await self._say(job, draft, (self._by_voice, self._by_post, self._by_channel)):
            raise Undeliverable("there is no message to show it in")
        self._spoken[job.id] = Spoken(self._clock(), status.preview is not None)

    async def deliver(self, job: Job, result: Result) -> None:
        limit = self._limit(job)
        while not await self._answered(job):
            picture = result.picture if len(result.picture) <= limit else await jpeg(result.picture, limit)
            if picture is None:
                raise InternalError("The picture could not be made small enough.")
            name = job.file_name
            notes = list(result.notes)
            if picture is not result.picture:
                name = name.removesuffix(".png") + ".jpg"
                notes.append(f"Made smaller: files may have {limit / 2**20:.3g} MB here.")
            draft = Draft(
                _said(result, notes),
                picture,
                name,
                f"A photo repainted in the style of {result.credit}.",
                bool(job.place.address.get("spoiler")),
                self._view(job),
            )
            try:
                await self._answer(job, draft)
            except (TooLarge, discord.HTTPException) as error:
                if (isinstance(error, discord.HTTPException) and error.status != 413) or limit < LEAST:
                    raise
                limit = LIMIT if isinstance(error, TooLarge) else min(len(picture), limit) // 2
        self._forget(job)

    async def tell(self, job: Job, text: str) -> None:
        if not await self._answered(job):
            await self._answer(job, Draft(f"{_title(job)}\n{escape_markdown(text)}"[:TEXT]))
        self._forget(job)

    async def _answer(self, job: Job, draft: Draft) -> None:
        ways = (self._by_voice, self._by_post, self._by_channel, self._by_letter)
        if not await self._say(job, draft, ways):
            raise Undeliverable("neither the channel nor the person takes messages from me")
        await self._note(job, msgspec.structs.replace(self._notes[job.id], answered=True))

    async def _say(self, job: Job, draft: Draft, ways: Any) -> bool:
        """By the first way that is open."""
        await self._recall(job)
        for way in ways:
            try:
                if await way(job, draft):
                    return True
            except discord.HTTPException as error:
                if error.status not in (403, 404) and error.code not in CLOSED:
                    raise
                log.info("job %s: %s is closed: %s", job.id, way.__name__.removeprefix("_by_"), error)
        return False

    # --- the ways ----------------------------------------------------------------------------------------------------

    async def _by_voice(self, job: Job, draft: Draft) -> bool:
        voice = self.voices.get(job.idempotency_key)
        if voice is None:
            return False
        try:
            if not voice.lasts(self._clock()):
                raise _Expired
            interaction = voice.interaction
            if voice.original:
                message: Any = await interaction.edit_original_response(**draft.parts(anew=False))
            elif voice.message is not None:
                message = await interaction.followup.edit_message(voice.message, **draft.parts(anew=False))
            else:
                message = await interaction.followup.send(wait=True, **draft.parts(anew=True))
        except (_Expired, discord.HTTPException) as error:
            if isinstance(error, discord.HTTPException) and error.status not in (401, 403, 404):
                raise
            del self.voices[job.idempotency_key]
            return False
        if voice.message is None:
            voice.message = message.id
            await self._note(job, Note(message.id, voice=True))
        return True

    async def _by_post(self, job: Job, draft: Draft) -> bool:
        note = self._notes.get(job.id)
        if note is None or note.voice:
            return False
        await self._channel(job).get_partial_message(note.message).edit(**draft.parts(anew=False))
        return True

    async def _by_channel(self, job: Job, draft: Draft) -> bool:
        if job.place.address.get("outside"):
            return False
        old = self._notes.get(job.id)
        anchor = int(job.place.address.get("reply", 0)) or (old.message if old else 0)
        more: dict[str, Any] = {}
        if anchor:
            channel, guild = int(job.place.address["channel"]), int(job.place.address.get("guild", 0)) or None
            more["reference"] = discord.MessageReference(
                message_id=anchor, channel_id=channel, guild_id=guild, fail_if_not_exists=False
            )
        # The nonce makes Discord return the message that is there, should this be sent twice within minutes.
        nonce = f"{job.id}-{old.message % 10**9 if old else 0}"
        message = await self._channel(job).send(nonce=nonce, mention_author=False, **more, **draft.parts(anew=True))
        if message.content != draft.text:  # an earlier attempt had arrived after all
            await message.edit(**draft.parts(anew=False))
        await self._note(job, Note(message.id))
        if old is not None and old.voice:
            await self._leave(job, old.message)
        return True

    async def _by_letter(self, job: Job, draft: Draft) -> bool:
        """To the person alone: the channel is gone, or does not let me in."""
        if draft.picture is not None and len(draft.picture) > LIMIT:
            raise TooLarge
        assert self.client
        why = "I could not post this where you ordered it, so here it is.\n"
        spoiler = draft.spoiler or bool(job.place.address.get("nsfw"))
        letter = msgspec.structs.replace(draft, text=(why + draft.text)[:TEXT], spoiler=spoiler)
        user = await self.client.create_dm(discord.Object(int(job.user.partition(":")[2])))
        message = await user.send(nonce=f"{job.id}-letter", **letter.parts(anew=True))
        await self._note(job, Note(message.id, voice=True))
        return True

    def _channel(self, job: Job) -> discord.PartialMessageable:
        assert self.client
        return self.client.get_partial_messageable(int(job.place.address["channel"]))

    async def _leave(self, job: Job, message: int) -> None:
        """Say in the message that can no longer be kept up where it goes on."""
        try:
            await self._channel(job).get_partial_message(message).edit(content="This goes on below.", attachments=[])
        except discord.HTTPException as error:
            log.debug("job %s: its old message stays as it is: %s", job.id, error)

    def _limit(self, job: Job) -> int:
        """The largest file, in bytes, that goes where the job's answer does."""
        guild = self.client.get_guild(int(job.place.address.get("guild", 0))) if self.client else None
        limits = [int(job.place.address.get("limit", 0)), guild.filesize_limit if guild else 0]
        return min(filter(None, limits), default=LIMIT)

    # --- what is remembered ------------------------------------------------------------------------------------------

    async def _recall(self, job: Job) -> None:
        if job.id not in self._notes:
            entries = await self._store.entries(_room(job))
            if entries:
                self._notes[job.id] = msgspec.json.decode(entries[-1][1], type=Note)

    async def _note(self, job: Job, note: Note) -> None:
        self._notes[job.id] = note
        await self._store.append(_room(job), msgspec.json.encode(note))

    async def _answered(self, job: Job) -> bool:
        await self._recall(job)
        return job.id in self._notes and self._notes[job.id].answered

    def _forget(self, job: Job) -> None:
        self.voices.pop(job.idempotency_key, None)
        self._notes.pop(job.id, None)
        self._spoken.pop(job.id, None)


class _Expired(Exception):
    """Fifteen minutes are over."""


def _room(job: Job) -> str:
    return f"discord:job:{job.id}"


def _title(job: Job) -> str:
    return f"**{' + '.join(share.name for share in job.recipe.styles)}**"


def _bar(done: float) -> str:
    if not done:
        return ""
    full = round(done * BAR)
    return f"{'▰' * full}{'▱' * (BAR - full)} "


def _said(result: Result, notes: list[str]) -> str:
    size = f"{result.width} × {result.height}"
    first = f"**{escape_markdown(result.credit)}** · {size} · {result.seconds:.1f} s"
    # The line is what people copy, so it is the last thing to be cut.
    line = f"`{result.line}`"
    text = "\n".join([line, *(f"-# {escape_markdown(note)}" for note in notes)])
    return f"{first[: max(0, TEXT - len(line) - 1)]}\n{text}"[:TEXT]
