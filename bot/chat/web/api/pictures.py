"""Pictures ordered over HTTP: each is a job like any other, and lies in the journal."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from aiohttp import web

from bot.chat import formats
from bot.chat.web.api.chat import NAME, ApiAddress, ApiChat
from bot.chat.web.api.orders import Received
from bot.chat.web.api.schema import KEY_LENGTH, PREFIX, STAGES, Format, Links, Order, Picture, Verification
from bot.chat.web.door import sending
from bot.chat.web.door.converting import Converting
from bot.chat.web.door.errors import HttpError
from bot.chat.web.door.throttle import address_behind
from bot.core.jobs import OPEN, Job, Place
from bot.core.messages import Incoming
from bot.dialog.carried.line import carried
from bot.dialog.earlier.verifying import is_same
from bot.dialog.parse import parse_order
from bot.dialog.services import Services
from engine import wire
from engine.recipe import credits, line

ID_LENGTH = 8  # characters of a job's id; the rest of a picture's is its secret
SECRET_BYTES = 12
GONE = "There is no such picture, or it is no longer kept."


class Outgoing(NamedTuple):
    """A finished picture to be sent."""

    kind: wire.PhotoFormat
    size: int  # bytes
    part: sending.Part


class Pictures:
    """What becomes of orders."""

    def __init__(self, services: Services, chat: ApiChat) -> None:
        self._services = services
        self._chat = chat
        self._converting = Converting()

    def incoming(self, request: web.Request) -> Incoming:
        """Who orders: programs of one address are one person.

        Raises:
            HttpError: the Idempotency-Key is invalid.
        """
        user = f"{NAME}:{hashlib.sha256(address_behind(request).encode()).hexdigest()[:16]}"
        key = request.headers.get("Idempotency-Key", "").strip().strip('"')
        if len(key) > KEY_LENGTH or not key.isprintable():
            raise HttpError(400, f"An Idempotency-Key has up to {KEY_LENGTH} characters that can be printed.")
        return Incoming(
            user=user,
            place=Place(NAME, user),
            idempotency_key=f"{user}:{key}" if key else "",
        )

    async def order(self, incoming: Incoming, received: Received[Order]) -> Job:
        """The job of an order; of one that came before with the same key, the one that it was.

        Raises:
            ImpastoError: it is refused.
            HttpError: the key was another order's.
        """
        order = received.order
        whole = msgspec.structs.replace(incoming, photo=order.photo, style=order.style)
        return await self._accepted(whole, received, order.recipe, order.format)

    async def verify(self, incoming: Incoming, received: Received[Verification]) -> Job:
        """The job that holds a picture against what its recipe makes; see `order`."""
        sent = received.order
        found = carried(sent.picture)
        line = sent.recipe or (found.line if found else "")
        if not line:
            raise HttpError(422, "This picture does not say how it was made. Send its line as recipe.")
        whole = msgspec.structs.replace(incoming, photo=sent.photo, style=sent.style, checked=sent.picture)
        return await self._accepted(whole, received, line)

    async def _accepted(
        self,
        incoming: Incoming,
        received: Received[Order] | Received[Verification],
        line: str,
        format: Format | None = None,
    ) -> Job:
        address = ApiAddress(
            secret=secrets.token_hex(SECRET_BYTES),
            order=received.fingerprint,
            format=format,
            photo=received.photo,
        )
        recipe = parse_order(line, self._services.gallery)
        place = address.place(NAME, incoming.place.room)
        job = await self._services.studio.accept(msgspec.structs.replace(incoming, place=place), recipe)
        if ApiAddress.of(job.place).order != address.order:
            raise HttpError(422, "This Idempotency-Key was used for another order. Take a new one for every order.")
        return job

    async def find(self, id: str) -> Job:
        """The job of a picture's id.

        Raises:
            HttpError: there is none.
        """
        job = await self._services.store.job(id[:ID_LENGTH])
        if job is None or job.place.chat != NAME or not hmac.compare_digest(_id(job), id):
            raise HttpError(404, GONE)
        return job

    async def described(self, job: Job) -> Picture:
        """How it stands."""
        studio = self._services.studio
        status = await studio.status(job.id)
        job = await self._services.store.job(job.id) or job  # which may have moved on meanwhile
        if job.state not in OPEN:
            status = await studio.status(job.id)
        stage, base = STAGES[job.state], f"{PREFIX}/pictures/{_id(job)}"
        finished, address = stage == "finished", ApiAddress.of(job.place)
        return Picture(
            id=_id(job),
            state=stage,
            text=status.text if status else str(job.state),
            done=status.done if status else 0.0,
            place=studio.place(job.id) if stage == "waiting" else None,
            line=line(job.recipe),
            credit="; ".join(credits(job.recipe, self._services.gallery)),
            file=formats.file_name(address.photo, line(job.recipe), _kind(job)),
            media_type=_kind(job).media_type if finished else None,
            width=job.width if finished else None,
            height=job.height if finished else None,
            seconds=job.seconds if finished else None,
            notes=job.notes,
            same=is_same(job.notes),
            links=Links(
                self_=base,
                events=f"{base}/events",
                preview=f"{base}/preview" if status and status.preview else None,
                result=f"{base}/result" if finished else None,
            ),
        )

    async def preview(self, job: Job) -> bytes:
        """The newest preview, JPEG.

        Raises:
            HttpError: there is none.
        """
        status = await self._services.studio.status(job.id)
        if status is None or status.preview is None:
            raise HttpError(404, "There is no preview of this picture at the moment.")
        return status.preview

    @asynccontextmanager
    async def result(self, job: Job) -> AsyncIterator[Outgoing]:
        """The finished picture, in the format that it was ordered in; in memory only where it is another than painted.

        Raises:
            HttpError: there is none, or too many are being converted.
            InternalError: it could not be made of what the engine painted.
        """
        if STAGES[job.state] != "finished":
            raise HttpError(409, f"This picture is {STAGES[job.state]}, so there is nothing to fetch yet.")
        store, made, kind = self._services.store, formats.made(job.media_type), _kind(job)
        if not formats.is_converted(made, kind):
            size = await store.result_size(job.id)
            if size is None:
                raise HttpError(404, GONE)
            yield Outgoing(kind, size, lambda start, size: store.result_part(job.id, start, size))
            return
        async with self._converting.made(lambda: self._convert(job, made, kind)) as data:
            yield Outgoing(kind, len(data), lambda start, size: sending.part_of(data, start, size))

    async def _convert(self, job: Job, made: wire.PhotoFormat, kind: wire.PhotoFormat) -> bytes:
        picture = await self._services.store.result(job.id)
        if picture is None:
            raise HttpError(404, GONE)
        return await formats.converted(picture, made, kind)

    async def take_back(self, job: Job) -> bool:
        """Cancel it, or else delete it; whether it was cancelled, and so is still known.

        Raises:
            HttpError: it was finished at this very moment.
        """
        if job.state in OPEN:
            await self._services.studio.cancel(job.user, job.id)
            return True
        if not await self._services.store.delete(job.id):
            raise HttpError(409, "This picture is being finished at this moment. Try again.")
        self._chat.changed(job.id)
        return False


def _id(job: Job) -> str:
    return job.id + ApiAddress.of(job.place).secret


def _kind(job: Job) -> wire.PhotoFormat:
    """The kind of file that the picture is handed over as."""
    return formats.handed_over(formats.made(job.media_type), ApiAddress.of(job.place).format)
