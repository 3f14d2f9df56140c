"""The web chat: one page, and a room of its own for every tab that opens it.

The page gets everything by number over a WebSocket and asks after a lost connection for what it missed, so the room
in the store is the only truth: neither a reload, a lost connection nor a restart of the bot loses anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from bot.chat import formats
from bot.chat.web.api.chat import ApiChat
from bot.chat.web.conversation import NAME
from bot.chat.web.entries import Ended, Finished, Photo, WebAddress, page_buttons, page_cells, pictures_of
from bot.chat.web.feed import RoomFeed
from bot.chat.web.server import PageServer
from bot.config import Web
from bot.core.jobs import Job, Place, State
from bot.core.journal.store import NewBlob
from bot.core.messages import Chat, Hook, Result, Status
from bot.dialog.services import Services
from engine.wire import MOVING_RESULTS


class WebChat(Chat):
    """A Chat whose platform is this process's own page.

    Args:
        hooks: by path, where other platforms post to.

    Raises:
        ConfigError: the page would be open to other machines without a token.
    """

    name = NAME
    plays = tuple(kind.media_type for kind in MOVING_RESULTS)

    def __init__(self, config: Web, services: Services, *, hooks: Mapping[str, Hook] | None = None) -> None:
        self._buttons = services.buttons
        self._feed = RoomFeed(services.store, services.buttons)
        self.api = ApiChat()  # a chat of its own, behind the same door
        self._server = PageServer(config, services, self._feed, self.api, hooks or {})
        services.health.gauge("web_tabs", "Pages that are connected.", lambda: self._feed.listening)
        services.health.gauge("web_connections", "Connections to the page.", lambda: self._server.connections)

    def serve(self) -> AbstractAsyncContextManager[str]:
        """The page, for as long as the context lasts; yields its address.

        Raises:
            ConfigError: the address is unavailable.
        """
        return self._server.serve()

    async def show(self, job: Job, status: Status) -> None:
        self._feed.show(job.place.room, job.id, status)

    async def deliver(self, job: Job, result: Result) -> None:
        room = job.place.room
        if not await self._feed.has_ended(room, job.id):
            picture, pictures = NewBlob(result.media_type, result.picture), pictures_of(job)
            entry = Finished(
                job=job.id,
                picture=picture.id,
                photo=pictures.photo,
                file=await self._file_name(room, job, result, pictures.photo),
                width=result.width,
                height=result.height,
                credit=result.credit,
                line=result.line,
                seconds=result.seconds,
                notes=result.notes,
                style=pictures.style,
                media_type=result.media_type,
                buttons=page_buttons(await self._buttons.under(job)),
                cells=page_cells(job),
            )
            await self._feed.append(room, entry, picture)
        self._feed.forget_status(room, job.id)

    async def _file_name(self, room: str, job: Job, result: Result, photo: str | None) -> str:
        """What the picture is saved as: ``harbour-starrynight.png``."""
        sent = WebAddress.of(job.place).photo if photo is None else photo
        entries = await self._feed.entries(room)
        names = (entry.name for entry in entries if isinstance(entry, Photo) and entry.photo == sent)
        return formats.file_name(formats.stem(next(names, "")), result.line, formats.made(result.media_type))

    async def notify(self, job: Job, text: str) -> None:
        room = job.place.room
        if not await self._feed.has_ended(room, job.id):
            await self._feed.append(room, Ended(job.id, text, job.state is State.CANCELLED))
        self._feed.forget_status(room, job.id)

    def repeated(self, place: Place, last: Place) -> Place:
        return WebAddress.of(place).with_missing(WebAddress.of(last)).place(NAME, place.room)
