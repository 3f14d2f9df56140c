"""Pictures by an Impasto that runs elsewhere: the order goes to its API, the picture comes into our file."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web
from PIL import Image

from bot import config as configuration
from bot.backoff import Backoff
from bot.chat.web.api import client
from bot.chat.web.api.client import Client
from bot.chat.web.api.schema import Order
from bot.command_line.arguments import arguments
from bot.command_line.painters import NobodyPaints
from bot.command_line.stylize import stylize
from bot.core.errors import InternalError, InvalidOrder, Refusal
from bot.core.limits import Limits
from engine.wire import Failed, Progress
from tests.bot.chat.web.harness import Site, site
from tests.pictures import clip, picture
from tests.waiting import PATIENCE, eventually

TOKEN = "correct horse battery staple"
PAINTED = picture((10, 60, 120), (96, 64))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "PAUSES", Backoff(first=0.01, longest=0.02))
    for name in ("harbour.jpg", "lake.png"):
        Path(name).write_bytes(picture(kind="JPEG" if name.endswith("jpg") else "PNG"))
    Path("moving.gif").write_bytes(clip("GIF"))


def command(*words: str) -> Coroutine[Any, Any, bool]:
    return stylize(configuration.load(None, {"HOME": os.environ["HOME"]}), arguments(["stylize", *words]))


def written_in(name: str) -> bytes:
    return Path(name).read_bytes()


async def paints(at: Site, data: bytes = PAINTED, media_type: str = "image/png") -> None:
    """Paint whatever comes."""
    while True:
        at.engine.finishes(await at.engine.order(), data, ("A note.",), media_type)


async def test_a_picture_is_ordered_there_and_written_here(capsys: pytest.CaptureFixture[str]) -> None:
    async with site() as at, asyncio.TaskGroup() as tasks:
        painting = tasks.create_task(paints(at))
        assert await command("harbour.jpg", "lake.png", "starrynight", "seed=7", "--server", at.url, "--json")
        painting.cancel()
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["photo"], one["file"]) == ("harbour.jpg", "harbour-starrynight.jpg")
    assert (one["width"], one["height"], one["seconds"], one["notes"]) == (96, 64, 12.3, ["A note."])
    assert one["line"].startswith("/stylize starrynight mode=fast")
    with Image.open(one["file"]) as written:
        assert (written.format, written.size) == ("JPEG", (96, 64))
    assert two["file"] == "lake-starrynight.png"
    assert written_in("lake-starrynight.png") == PAINTED


async def test_styles_that_only_the_server_has_are_its_matter() -> None:
    async with site() as at:
        with pytest.raises(Refusal, match="I do not know the style “nosuchstyle”"):
            await command("harbour.jpg", "nosuchstyle", "--server", at.url)


async def test_an_animation_comes_as_one_where_the_file_holds_one() -> None:
    async with site() as at, asyncio.TaskGroup() as tasks:
        painting = tasks.create_task(paints(at, clip("GIF"), "image/gif"))
        assert await command("moving.gif", "starrynight", "-o", "out.gif", "--server", at.url)
        painting.cancel()
    assert written_in("out.gif") == clip("GIF")


async def test_the_token_is_sent_along(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async with site(token=TOKEN) as at, asyncio.TaskGroup() as tasks:
        with pytest.raises(Refusal, match="wants its access token: --token, or IMPASTO_TOKEN"):
            await command("harbour.jpg", "scream", "--server", at.url, "--token", "guess")
        painting = tasks.create_task(paints(at))
        monkeypatch.setenv("IMPASTO_SERVER", at.url)
        monkeypatch.setenv("IMPASTO_TOKEN", TOKEN)
        assert await command("harbour.jpg", "scream")
        painting.cancel()
    assert TOKEN not in "".join(capsys.readouterr())


async def test_a_refusal_there_is_a_refusal_here() -> None:
    async with site() as at:
        with pytest.raises(Refusal, match="Did you mean size"):
            await command("harbour.jpg", "scream", "siz=3", "--server", at.url)
        with pytest.raises(Refusal, match="--style PICTURE"):
            await command("harbour.jpg", "mine", "--server", at.url)
        ordering = asyncio.create_task(command("harbour.jpg", "scream", "--server", at.url))
        order = await at.engine.order()
        at.engine.does(Failed(order.job, "refused", "This is text, not a picture."))
        with pytest.raises(InternalError, match="This is text"):
            await ordering
    assert sorted(os.listdir()) == ["harbour.jpg", "lake.png", "moving.gif"]


async def test_who_gives_up_takes_the_order_back(capsys: pytest.CaptureFixture[str]) -> None:
    async with site() as at:
        ordering = asyncio.create_task(command("harbour.jpg", "scream", "--server", at.url))
        order = await at.engine.order()

        async def followed() -> bool:
            return bool(at.web.api._listeners)

        await eventually(followed)
        ordering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ordering
        job = await at.store.job(order.job)
        assert job
        assert job.state == "cancelled"
    assert capsys.readouterr().err == "impasto: Stopped. Nothing was written.\n"


class Ordering:
    """Our client, ordering one picture."""

    def __init__(self, url: str) -> None:
        self.shown: list[str] = []
        self.result = asyncio.create_task(self._order(url))

    async def _order(self, url: str) -> bytes:
        async with Client.connected(url) as ours:
            order = Order(recipe="scream", photo=picture())
            return (await ours.paint(order, "a.png", lambda status: self.shown.append(status.text))).picture

    async def was_shown(self, text: str) -> None:
        async def seen() -> bool:
            return any(text in one for one in self.shown)

        await eventually(seen)

    async def picture(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.result


async def test_a_server_that_restarts_loses_nothing(tmp_path: Path) -> None:
    async with site(tmp_path / "journal.sqlite3") as at:
        ordering = Ordering(at.url)
        job = (await at.engine.order()).job
        at.engine.does(Progress(job, 0.5, "step 60 of 120"))
        await ordering.was_shown("step 60")
    await ordering.was_shown("does not answer; trying again")
    async with site(tmp_path / "journal.sqlite3", port=urlsplit(at.url).port or 0) as again:
        order = await again.engine.order()
        assert order.job == job
        again.engine.finishes(order, PAINTED)
        assert await ordering.picture() == PAINTED


async def test_a_server_that_is_busy_is_waited_for() -> None:
    async with site(limits=Limits(open_jobs=1)) as at:
        first = Ordering(at.url)
        order = await at.engine.order()
        second = Ordering(at.url)
        await second.was_shown("1 of your pictures is waiting; the limit is 1")
        at.engine.finishes(order, PAINTED)
        assert await first.picture() == PAINTED
        at.engine.finishes(await at.engine.order(), PAINTED)
        assert await second.picture() == PAINTED


async def test_an_answer_that_was_lost_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order has arrived, and its acceptance never does: it is sent again, and is one job."""
    async with site() as at, lossy(at.url) as proxy:
        ordering = Ordering(proxy.url)
        order = await at.engine.order()
        at.engine.finishes(order, PAINTED)
        assert await ordering.picture() == PAINTED
        assert proxy.lost == 1
        assert at.engine.orders.empty()


class Proxy:
    """Between the two; loses its answer to the first order."""

    def __init__(self, session: ClientSession, target: str) -> None:
        self.session, self.target, self.lost, self.url = session, target.rstrip("/"), 0, ""

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        async with self.session.request(
            request.method, self.target + request.path, data=await request.read(), headers=kept(request.headers)
        ) as answer:
            body = await answer.read()
            if request.method == "POST" and not self.lost:
                self.lost += 1
                assert request.transport
                request.transport.abort()
            return web.Response(body=body, status=answer.status, headers={"Content-Type": answer.content_type})


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in ("Content-Type", "Idempotency-Key")}


@asynccontextmanager
async def lossy(target: str) -> AsyncIterator[Proxy]:
    async with ClientSession() as session:
        proxy = Proxy(session, target)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.pass_on)
        async with serving(app) as proxy.url:
            yield proxy


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        server = web.TCPSite(runner, "127.0.0.1", 0)
        await server.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (web.Response(text="<html>", status=404), "is no Impasto with this API; it answers 404"),
        (web.Response(status=302, headers={"Location": "http://elsewhere.example/"}), "it answers 302"),
        (web.json_response({"hello": "there"}), "The server's answer cannot be read"),
        (web.Response(body=bytes(2**20 + 1)), "more than 1 MB"),
    ],
)
async def test_what_is_no_impasto_is_a_sentence(answer: web.Response, reason: str) -> None:
    app = web.Application()

    async def same(request: web.Request) -> web.Response:
        await request.read()
        return answer

    app.router.add_route("*", "/{path:.*}", same)
    async with serving(app) as url:
        with pytest.raises(InternalError, match=reason):
            await Ordering(url).picture()


async def test_where_nobody_listens_it_says_so_at_once() -> None:
    with pytest.raises(NobodyPaints, match=r"http://127\.0\.0\.1:1 cannot be reached: Connection refused\."):
        await command("harbour.jpg", "lake.png", "scream", "--server", "http://127.0.0.1:1")
    for server in ("ftp://studio", "studio:8080", "http://"):
        with pytest.raises(InvalidOrder, match="is no address of an Impasto"):
            await command("harbour.jpg", "scream", "--server", server)
