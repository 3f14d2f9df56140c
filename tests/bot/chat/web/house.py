"""The web chat with everything behind it but the engine, whose part a test plays by hand."""

from __future__ import annotations

import asyncio
import io
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bot.chat.web.chat import WebChat
from bot.config import Secret, Web
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Hook
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.dialog.commands import Commands
from bot.engine_process.supervisor import Engine
from bot.health import Health
from engine import gallery, wire

PATIENCE = 20.0  # seconds that a test waits for what must come


class Hand:
    """An Engine that does what the test says, when the test says it."""

    def __init__(self) -> None:
        self.ready: wire.Ready | None = wire.Ready("a hand", ("slim",), "0")
        self.orders: asyncio.Queue[wire.Paint] = asyncio.Queue()
        self._events: defaultdict[str, asyncio.Queue[wire.Event]] = defaultdict(asyncio.Queue)

    async def run(self, paint: wire.Paint) -> AsyncGenerator[wire.Event, None]:
        self.orders.put_nowait(paint)
        while True:
            event = await self._events[paint.job].get()
            yield event
            if isinstance(event, wire.Done | wire.Failed):
                return

    async def cancel(self, job: str) -> None:
        self.does(wire.Failed(job, "cancelled", "Cancelled."))

    async def order(self) -> wire.Paint:
        """The next order that reaches the engine."""
        async with asyncio.timeout(PATIENCE):
            return await self.orders.get()

    def does(self, event: wire.Progress | wire.Preview | wire.Done | wire.Failed) -> None:
        self._events[event.job].put_nowait(event)

    def finishes(self, paint: wire.Paint, picture: bytes, notes: tuple[str, ...] = ()) -> None:
        with Image.open(io.BytesIO(picture)) as image:
            width, height = image.size
        self.does(wire.Done(paint.job, picture, paint.recipe, width, height, 12.3, notes))


class House(NamedTuple):
    url: str
    engine: Hand
    web: WebChat
    store: Store


@asynccontextmanager
async def house(
    journal: Path | None = None,
    *,
    port: int = 0,
    token: str = "",
    max_photo_bytes: int = 2**20,
    engine: Engine | None = None,
    hooks: Mapping[str, Hook] | None = None,
) -> AsyncIterator[House]:
    """A bot on a free port, at work; its journal in memory where no file is named."""
    hand, health, styles = Hand(), Health(), gallery.default()
    config = Web(host="127.0.0.1", port=port, access_token=Secret(token))
    async with Store.open(journal) as store:
        studio = Studio(store, engine or hand, FairQueue(), Limits(open_jobs=5, burst=50), styles, health=health)
        web = WebChat(
            config, Commands(studio, styles), store, styles, health, max_photo_bytes=max_photo_bytes, hooks=hooks
        )
        studio.add_chat(web)
        async with web.serve() as url:
            working = asyncio.create_task(studio.run())
            try:
                yield House(url, hand, web, store)
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working


def picture(
    color: tuple[int, int, int] = (200, 120, 40), size: tuple[int, int] = (96, 64), kind: str = "PNG"
) -> bytes:
    """A small image file."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def swatches(folder: Path, monkeypatch) -> None:
    """Small pictures for all styles, in place of those that the package brings."""
    (folder / "swatches").mkdir()
    for index, style in enumerate(gallery.default()):
        kind = picture(((37 * index) % 256, (91 * index + 60) % 256, (53 * index + 120) % 256), (64, 48), "WEBP")
        (folder / "swatches" / f"{style.name}.webp").write_bytes(kind)
    pictures_from(folder, monkeypatch)


def pictures_from(folder: Path, monkeypatch) -> None:
    """Have every style's pictures looked for in ``folder``."""
    swatch = property(lambda style: folder / "swatches" / f"{style.name}.webp")
    for name in ("swatch", "preview"):
        monkeypatch.setattr(gallery.Style, name, swatch)
