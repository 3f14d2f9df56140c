"""The web chat over HTTP: what it takes, what it tells whom, and whom it turns away."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from bot.chat.web.access import DAYS, AccessControl
from bot.chat.web.chat import STATIC, media_type
from bot.chat.web.rooms import key_of
from bot.config import Secret, Web
from bot.core.errors import ConfigError, StoreError
from bot.core.jobs import State
from bot.core.messages import Result, web, web_rooms
from engine import gallery, wire
from tests.bot.chat.web.house import PATIENCE, House, house, picture, pictures_from, swatches

LINE = "/stylize starrynight seed=7"


class Tab:
    """A browser's tab without the browser."""

    def __init__(self, session: ClientSession, at: House) -> None:
        self.session = session
        self.at = at
        self.secret = os.urandom(18).hex()
        self.base = f"{at.url}r/{self.secret}"

    async def post(self, path: str, data: Any, **more: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.base + path, data=data, **more) as answer:
            return answer.status, await answer.json()

    async def photo(self, data: bytes | None = None, name: str = "cat.png") -> str:
        path = f"/photo?id={os.urandom(8).hex()}&name={name}"
        status, said = await self.post(path, data if data is not None else picture())
        assert status == 200, said
        return str(said["photo"])

    async def say(self, text: str, photo: str | None = None, **more: Any) -> tuple[int, dict[str, Any]]:
        message = {"id": os.urandom(8).hex(), "text": text, "photo": photo, **more}
        return await self.post("/say", msgspec.json.encode(message))

    @asynccontextmanager
    async def listening(self, after: int = 0) -> AsyncIterator[Listener]:
        async with self.session.ws_connect(f"{self.base}/events?after={after}") as ws:
            yield Listener(ws)

    async def get(self, path: str) -> tuple[int, bytes, aiohttp.ClientResponse]:
        async with self.session.get(self.base + path) as answer:
            return answer.status, await answer.read(), answer


class Listener:
    """What the room tells a page."""

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        self.ws = ws
        self.last = 0

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message = await self.ws.receive()
        assert message.type is WSMsgType.TEXT, message
        told: dict[str, Any] = msgspec.json.decode(message.data)
        self.last = told.get("seq", self.last)
        return told

    async def until(self, fits: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        while True:
            told = await self.next()
            if fits(told):
                return told

    async def entry(self, kind: str) -> dict[str, Any]:
        """The next entry of this kind."""
        entry: dict[str, Any] = (await self.until(lambda told: told.get("entry", {}).get("type") == kind))["entry"]
        return entry

    async def backlog(self) -> list[dict[str, Any]]:
        """Everything up to the present."""
        found = []
        while "now" not in (told := await self.next()):
            found.append(told)
        return found


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def at() -> AsyncIterator[House]:
    async with house() as at:
        yield at


@pytest.fixture
def tab(session: ClientSession, at: House) -> Tab:
    return Tab(session, at)


# --- from photo to picture -------------------------------------------------------------------------------------------


async def test_a_photo_and_a_line_become_a_picture(tab: Tab, at: House) -> None:
    photo, painting = picture(), picture((10, 20, 90), (128, 86))
    async with tab.listening() as room:
        blob = await tab.photo(photo)
        assert (await room.entry("photo"))["name"] == "cat.png"
        await tab.say(LINE, blob)
        assert (await room.entry("said"))["photo"] == blob
        answer = await room.entry("answer")
        paint = await at.engine.order()
        assert paint.photo == photo
        assert (answer["job"], answer["title"]) == (paint.job, "The Starry Night")
        at.engine.does(wire.Progress(paint.job, 0.5, "step 50 of 100"))
        shown = await room.until(lambda told: "step 50" in told.get("live", {}).get("text", ""))
        assert shown["live"]["done"] == 0.5
        at.engine.finishes(paint, painting, ("The photo was turned upright.",))
        done = await room.entry("finished")
    assert done["line"].startswith("/stylize starrynight mode=fast")
    assert "seed=7" in done["line"]
    assert done["credit"] == "The Starry Night, Vincent van Gogh, 1889"
    assert (done["width"], done["height"], done["photo"]) == (128, 86, blob)
    assert done["notes"] == ["The photo was turned upright."]
    assert re.fullmatch(r"starrynight-[a-z0-9]{4}\.png", done["file"])
    status, body, answered = await tab.get(f"/blob/{done['picture']}/{done['file']}?download")
    assert (status, body, answered.content_type) == (200, painting, "image/png")
    assert answered.headers["Content-Disposition"] == f'attachment; filename="{done["file"]}"'


async def test_a_refusal_is_said_and_leaves_no_job(tab: Tab, at: House) -> None:
    async with tab.listening() as room:
        await tab.say("/stylize starynite", await tab.photo())
        answer = await room.entry("answer")
    assert answer["refused"]
    assert "Did you mean starrynight" in answer["text"]
    assert at.engine.orders.empty()


async def test_styles_are_answered_with_cards(tab: Tab) -> None:
    async with tab.listening() as room:
        await tab.say("/styles")
        cards = (await room.entry("answer"))["cards"]
    assert {card["name"] for card in cards} == {style.name for style in gallery.default()}


async def test_a_cancelled_job_is_told_and_the_button_is_not_shown_as_said(tab: Tab, at: House) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        job = (await room.entry("answer"))["job"]
        await at.engine.order()
        await tab.say(f"/cancel {job}", quiet=True)
        told = await room.entry("told")
        assert (told["job"], told["cancelled"]) == (job, True)
    async with tab.listening() as room:
        entries = [told["entry"] for told in await room.backlog() if "entry" in told]
    assert [entry["text"] for entry in entries if entry["type"] == "said"] == [LINE]
    assert all(entry.get("quiet") for entry in entries if entry["type"] == "answer" and "job" not in entry)


async def test_again_shows_the_photo_of_the_picture_that_it_repeats(tab: Tab, at: House) -> None:
    async with tab.listening() as room:
        blob = await tab.photo()
        await tab.say(LINE, blob)
        await room.entry("answer")
        await tab.photo(name="another.png")
        await tab.say("/again strength=80")
        assert (await room.entry("answer"))["photo"] == blob


async def test_a_second_picture_is_the_style_and_stays_with_what_is_made_of_it(tab: Tab, at: House) -> None:
    photo, style = picture(), picture((10, 200, 30))
    async with tab.listening() as room:
        blob, tiles = await tab.photo(photo), await tab.photo(style, "tiles.png")
        await tab.say("/stylize mine strength=60", blob, style=tiles)
        said, answer = await room.entry("said"), await room.entry("answer")
        paint = await at.engine.order()
        assert (paint.photo, paint.style) == (photo, style)
        assert (said["style"], answer["style"], answer["title"]) == (tiles, tiles, "A picture of your own")
        at.engine.finishes(paint, picture())
        done = await room.entry("finished")
        assert (done["photo"], done["style"], done["credit"]) == (blob, tiles, "A picture of your own")
        await tab.say("/again mode=fine")
        assert (await room.entry("answer"))["style"] == tiles
        assert (await at.engine.order()).style == style


async def test_a_style_picture_of_another_room_is_not_to_be_had(tab: Tab, at: House, session: ClientSession) -> None:
    tiles = await Tab(session, at).photo()
    status, said = await tab.say("/stylize mine", await tab.photo(), style=tiles)
    assert (status, said["error"]) == (404, "I do not have this photo any more. Send it again, please.")


async def test_previews_are_shown_in_their_own_room_only(tab: Tab, at: House, session: ClientSession) -> None:
    small = picture(kind="JPEG")
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        at.engine.does(wire.Preview(paint.job, small))
        live = (await room.until(lambda told: told.get("live", {}).get("preview")))["live"]
    path = f"/preview/{paint.job}/{live['preview']}.jpg"
    assert (await tab.get(path))[:2] == (200, small)
    assert (await Tab(session, at).get(path))[0] == 404


# --- nothing is lost -------------------------------------------------------------------------------------------------


async def test_a_lost_connection_loses_nothing(tab: Tab, at: House) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        await room.entry("answer")
        paint = await at.engine.order()
        room.ws._response.connection.transport.abort()  # type: ignore[union-attr]
    at.engine.does(wire.Progress(paint.job, 0.7, "step 70 of 100"))
    async with tab.listening(room.last) as again:
        assert (
            "step 70"
            in (await again.until(lambda told: "step 70" in told.get("live", {}).get("text", "")))["live"]["text"]
        )
        at.engine.finishes(paint, picture())
        await again.entry("finished")
    async with tab.listening(again.last) as third:
        assert await third.backlog() == []


async def test_a_restart_of_the_bot_loses_nothing(session: ClientSession, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    async with house(journal) as at:
        tab = Tab(session, at)
        async with tab.listening() as room:
            await tab.say(LINE, await tab.photo())
            first = await at.engine.order()
            await room.entry("answer")
    async with house(journal) as at:
        tab.base = f"{at.url}r/{tab.secret}"
        paint = await at.engine.order()
        assert (paint.job, paint.recipe) == (first.job, first.recipe)
        async with tab.listening(room.last) as again:
            at.engine.finishes(paint, picture())
            done = await again.entry("finished")
        async with tab.listening() as anew:
            entries = [told["entry"] for told in await anew.backlog() if "entry" in told]
        assert [entry["type"] for entry in entries] == ["photo", "said", "answer", "finished"]
        assert (await tab.get(f"/blob/{done['picture']}"))[:2] == (200, picture())


async def test_a_page_that_remembers_more_than_the_journal_starts_anew(tab: Tab) -> None:
    await tab.say("/help")
    async with tab.listening(after=1000) as room:
        told = await room.backlog()
    assert "anew" in told[0]
    assert [entry["entry"]["type"] for entry in told[1:]] == ["said", "answer"]


async def test_a_picture_delivered_twice_is_posted_once(tab: Tab, at: House) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        at.engine.finishes(paint, picture())
        await room.entry("finished")
        job = await at.store.job(paint.job)
        assert job is not None
        await at.web.deliver(job, Result(picture=b"", width=1, height=1, credit="", line="", seconds=1.0))
        await at.web.tell(job, "It failed after all.")
        await tab.say("/help")
        assert (await room.until(lambda told: "entry" in told))["entry"]["type"] == "said"


async def test_a_message_sent_twice_is_taken_once(tab: Tab, at: House) -> None:
    photo = await tab.photo()
    message = msgspec.json.encode({"id": "samemessage1", "text": LINE, "photo": photo})
    answers = await asyncio.gather(*(tab.post("/say", message) for _ in range(3)))
    assert [status for status, _ in answers] == [200, 200, 200]
    await tab.post("/say", message)
    assert len(await at.store.of_user((await _only_job(at)).user)) == 1
    ids = [(await tab.post("/photo?id=samephoto1&name=a", picture()))[1]["photo"] for _ in range(2)]
    assert ids[0] == ids[1]


async def test_a_message_whose_answer_was_lost_is_painted_once(tab: Tab, at: House, monkeypatch) -> None:
    photo = await tab.photo()
    message = msgspec.json.encode({"id": "samemessage1", "text": LINE, "photo": photo})

    async def lost(*_: Any) -> None:
        raise StoreError("the disk was full for a moment")

    with monkeypatch.context() as patch:
        patch.setattr(at.web._rooms, "append", lost_after(at.web._rooms.append, lost))
        await tab.post("/say", message)
    await tab.post("/say", message)
    assert len(await at.store.of_user((await _only_job(at)).user)) == 1


def lost_after(append: Any, lost: Any) -> Any:
    """The first entry, what was said, is written; the second, the answer, is not."""
    calls = iter([append, lost, append])

    async def instead(*given: Any) -> Any:
        return await next(calls)(*given)

    return instead


async def _only_job(at: House) -> Any:
    (job,) = await at.store.unfinished()
    return job


async def test_a_reader_that_takes_nothing_is_dropped(tab: Tab, at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "SLOW_SECONDS", 0.2)
    for number in range(30):
        await at.store.append(
            key_of(tab.secret), msgspec.json.encode({"type": "told", "job": str(number), "text": "x" * 2**20})
        )
    address = urlsplit(at.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1)
    writer.write(
        f"GET /r/{tab.secret}/events HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.read(1)

    async def dropped() -> bool:
        return b"impasto_web_tabs 0.0" in await _metrics(tab)

    await eventually(dropped)
    writer.transport.abort()


async def _metrics(tab: Tab) -> bytes:
    async with tab.session.get(tab.at.url + "metrics") as answer:
        return await answer.read()


# --- rooms -----------------------------------------------------------------------------------------------------------


async def test_two_tabs_are_two_people(session: ClientSession, at: House) -> None:
    one, two = Tab(session, at), Tab(session, at)
    for tab in (one, two):
        await tab.say(LINE, await tab.photo())
    jobs = await at.store.unfinished()
    assert len({job.user for job in jobs}) == len({job.place.room for job in jobs}) == 2
    async with two.listening() as room:
        entries = [told["entry"]["type"] for told in await room.backlog() if "entry" in told]
    assert entries == ["photo", "said", "answer"]


async def test_the_store_does_not_hold_the_key_to_a_room(tab: Tab, at: House) -> None:
    await tab.say(LINE, await tab.photo())
    job = await _only_job(at)
    assert tab.secret not in str(job)
    assert job.place.room == key_of(tab.secret)


async def test_a_photo_is_shown_and_lent_to_its_own_room_only(session: ClientSession, at: House) -> None:
    mine, other = Tab(session, at), Tab(session, at)
    blob = await mine.photo()
    assert (await mine.get(f"/blob/{blob}"))[:2] == (200, picture())
    assert (await other.get(f"/blob/{blob}"))[0] == 404
    status, said = await other.say(LINE, blob)
    assert status == 404
    assert "do not have this photo" in said["error"]
    assert at.engine.orders.empty()


async def test_a_room_takes_so_many_pages_and_no_more(tab: Tab) -> None:
    open_pages = [await tab.session.ws_connect(tab.base + "/events") for _ in range(web_rooms.LISTENERS_PER_ROOM)]
    for page in open_pages:
        await Listener(page).backlog()
    one_more = await tab.session.ws_connect(tab.base + "/events")
    async with asyncio.timeout(PATIENCE):
        assert (await one_more.receive()).type is WSMsgType.CLOSE
    assert one_more.close_code == web.TOO_MANY
    for page in open_pages:
        await page.close()


async def test_a_full_room_says_so(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "ENTRIES", 2)
    monkeypatch.setattr(web, "PHOTOS", 1)
    await tab.photo()
    assert (await tab.post("/photo?id=secondphoto&name=b", picture()))[0] == 429
    await tab.say("/help")
    status, said = await tab.say("/help")
    assert (status, "This room is full" in said["error"]) == (429, True)


# --- what is taken ---------------------------------------------------------------------------------------------------


async def test_too_large_a_photo_is_refused_with_the_limit(session: ClientSession) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1000)

    async with house(max_photo_bytes=10_000) as at:
        tab = Tab(session, at)
        for number, body in enumerate([b"\xff\xd8\xff" + bytes(10_000), in_chunks()]):
            status, said = await tab.post(f"/photo?id=largephoto{number}&name=a", body)
            assert status == 413
            assert "larger than 0.00954 MB" in said["error"]
        async with tab.listening() as room:
            assert await room.backlog() == []


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"<html>"])
async def test_what_is_no_picture_is_refused_before_it_is_kept(tab: Tab, data: bytes) -> None:
    status, said = await tab.post("/photo?id=nopicture1&name=a", data)
    assert status == 415
    assert "JPEG, PNG, WebP" in said["error"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_pictures_are_known_by_their_first_bytes(kind: str) -> None:
    assert media_type(picture(kind=kind)) == f"image/{kind.lower()}"


def test_a_heic_is_left_to_the_engine() -> None:
    assert media_type(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)) == "image/heic"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b'{"id": "a b", "text": ""}', 400), (b'{"id": 7}', 400), (b"\xff\xfe", 400), (b" " * 2**17, 413)],
)
async def test_broken_messages_are_refused(tab: Tab, body: bytes, status: int) -> None:
    async with tab.session.post(tab.base + "/say", data=body) as answer:
        assert answer.status == status


async def test_a_very_long_line_is_refused(tab: Tab) -> None:
    status, said = await tab.say("/stylize " + "x" * 3000)
    assert (status, "2000 characters" in said["error"]) == (413, True)


async def test_photo_names_lose_what_cannot_be_shown(tab: Tab) -> None:
    await tab.photo(name="a%00%0Ab%E2%80%AE" + "c" * 200)
    async with tab.listening() as room:
        (told,) = await room.backlog()
    assert told["entry"]["name"] == "ab" + "c" * 78


# --- who comes in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.1.5", ""])
async def test_a_foreign_host_name_is_turned_away(tab: Tab, at: House, host: str) -> None:
    async with tab.session.get(at.url, headers={"Host": host}) as answer:
        assert answer.status in (400, 403)  # 400 where the HTTP parser itself refuses it


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080"])
async def test_names_of_this_machine_are_welcome(tab: Tab, at: House, host: str) -> None:
    async with tab.session.get(at.url, headers={"Host": host}) as answer:
        assert answer.status == 200


async def test_other_sites_pages_are_turned_away(tab: Tab, at: House) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        foreign = {"Origin": origin}
        assert (await tab.post("/say", b"{}", headers=foreign))[0] == 403
        assert (await tab.post("/photo?id=foreignphoto", picture(), headers=foreign))[0] == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await tab.session.ws_connect(tab.base + "/events", headers=foreign)
    own = {"Origin": at.url.rstrip("/")}
    message = msgspec.json.encode({"id": "message001", "text": "/help"})
    assert (await tab.post("/say", message, headers=own))[0] == 200
    async with tab.session.ws_connect(tab.base + "/events", headers=own) as ws:
        assert len(await Listener(ws).backlog()) == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "impasto.example"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.access_token"):
        AccessControl(Web(host=host))
    assert AccessControl(Web(host=host, access_token=Secret("correct horse"))).knows_host("anything.example")


def test_behind_a_proxy_on_this_machine_a_token_lets_every_name_in() -> None:
    assert AccessControl(Web(access_token=Secret("correct horse"))).knows_host("impasto.example")
    assert not AccessControl(Web()).knows_host("impasto.example")


async def test_a_port_that_is_taken_is_a_sentence(at: House) -> None:
    with pytest.raises(ConfigError, match=r"cannot be opened on 127\.0\.0\.1"):
        async with house(port=urlsplit(at.url).port or 0):
            pytest.fail("two bots on one port")


async def test_with_a_token_only_who_knows_it_comes_in(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "GUESS_SECONDS", 0.01)
    async with house(token="correct horse battery") as at:
        tab = Tab(session, at)
        for path in ("gallery.json", "metrics", "style/starrynight.webp", f"r/{tab.secret}/blob/x"):
            async with session.get(at.url + path) as answer:
                assert answer.status == 401, path
        assert (await tab.say("/help"))[0] == 401
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await session.ws_connect(tab.base + "/events")

        async def healthy() -> bool:
            async with session.get(at.url + "health") as answer:
                return answer.status == 200

        await eventually(healthy)
        async with session.get(at.url + "static/style.css") as answer:
            assert answer.status == 200
        async with session.get(at.url) as answer:
            assert answer.status == 401
            assert 'type="password"' in await answer.text()
        async with session.post(at.url + "signin", data={"token": "wrong"}) as answer:
            assert answer.status == 401
            assert "That is not the access token" in await answer.text()
            assert not answer.cookies
        bearer = {"Authorization": "Bearer correct horse battery"}
        async with session.get(at.url + "metrics", headers=bearer) as answer:
            assert answer.status == 200


async def test_signing_in_leaves_a_ticket_that_is_not_the_token(at: House) -> None:
    # aiohttp's cookie jar keeps cookies of bare IP addresses only when told to.
    async with (
        house(token="correct horse battery") as at,
        ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        async with session.post(at.url + "signin", data={"token": "correct horse battery"}) as answer:
            (first, *_) = answer.history
            cookie = first.headers["Set-Cookie"]
            assert 'id="log"' in await answer.text()
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "correct" not in cookie
        async with Tab(session, at).listening() as room:
            assert await room.backlog() == []


def test_tickets_end_and_die_with_the_token() -> None:
    door = AccessControl(Web(access_token=Secret("one")))
    ticket = door.ticket(now=1000.0)
    assert door.admits(ticket, now=1000.0)
    assert not door.admits(ticket, now=1001.0 + DAYS * 86400)
    until, _, sign = ticket.partition(".")
    assert not door.admits(f"{int(until) + 1}.{sign}", now=1000.0)
    assert not AccessControl(Web(access_token=Secret("two"))).admits(ticket, now=1000.0)
    for forged in ("", ".", "one", f"{until}.", f"{until}.ö", f"²{until}.{sign}"):
        assert not door.admits(forged, now=1000.0)


async def test_many_wrong_guesses_at_once_are_turned_away(session: ClientSession) -> None:
    async with house(token="correct horse battery") as at:

        async def guess(number: int) -> str:
            async with session.post(at.url + "signin", data={"token": str(number)}) as answer:
                return await answer.text()

        pages = await asyncio.gather(*(guess(number) for number in range(3 * web.GUESSES)))
    assert sum("Many are trying" in page for page in pages) == 2 * web.GUESSES


# --- the page and its surroundings -----------------------------------------------------------------------------------


async def test_every_answer_forbids_what_the_page_does_not_need(tab: Tab, at: House) -> None:
    blob = await tab.photo()
    for path in ("", "static/chat.js", "gallery.json", "nothing", f"r/{tab.secret}/blob/{blob}"):
        async with tab.session.get(at.url + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for path in STATIC.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(?m)(^|\s)//.*$", "", text), f"{path.name} names an address"
        assert "<script>" not in text
        assert " style=" not in text


async def test_the_page_is_asked_for_again_only_when_it_has_changed(tab: Tab, at: House) -> None:
    async with tab.session.get(at.url + "static/chat.js") as answer:
        assert answer.content_type == "text/javascript"
        tag = answer.headers["ETag"]
    async with tab.session.get(at.url + "static/chat.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("name", ["index.html", "signin.html", "..%2fweb.py", "%2e%2e/web.py", "web.py"])
async def test_only_the_pages_own_files_are_served(tab: Tab, at: House, name: str) -> None:
    async with tab.session.get(f"{at.url}static/{name}") as answer:
        assert answer.status == 404


async def test_styles_come_with_their_pictures_where_there_are_any(
    tab: Tab, at: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures_from(tmp_path, monkeypatch)
    assert not any(style["preview"] or style["swatch"] for style in await _gallery(tab))
    async with tab.session.get(at.url + "style/starrynight/preview.webp") as answer:
        assert answer.status == 404
    swatches(tmp_path, monkeypatch)
    assert all(style["preview"] == style["swatch"] for style in await _gallery(tab))
    async with tab.session.get(at.url + "style/starrynight/swatch.webp") as answer:
        assert (answer.status, answer.content_type) == (200, "image/webp")
        assert await answer.read() == (tmp_path / "swatches" / "starrynight.webp").read_bytes()
    for nothing in ("style/..%2fstyles/swatch.webp", "style/starrynight/other.webp", "style/nobody/swatch.webp"):
        async with tab.session.get(at.url + nothing) as answer:
            assert answer.status == 404


async def test_a_styles_picture_is_kept_by_browsers_until_it_is_another(
    tab: Tab, at: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    before = (await _gallery(tab))[0]["preview"]
    assert "immutable" in await _kept(tab, before)
    made = tmp_path / "previews" / "starrynight.webp"
    made.parent.mkdir()
    made.write_bytes(picture(kind="WEBP"))
    monkeypatch.setattr(gallery.Style, "preview", property(lambda style: made))
    after = (await _gallery(tab))[0]["preview"]
    assert after != before
    assert "immutable" in await _kept(tab, after)
    made.write_bytes(picture(size=(10, 10), kind="WEBP"))
    assert await _kept(tab, after) == "no-cache"


async def _kept(tab: Tab, address: str) -> str:
    async with tab.session.get(tab.at.url + address.removeprefix("/")) as answer:
        assert answer.status == 200
        return answer.headers["Cache-Control"]


async def test_the_page_is_told_all_that_is_known_of_a_style(tab: Tab) -> None:
    wave = next(style for style in await _gallery(tab) if style["name"] == "greatwave")
    assert (wave["by"], wave["licence"]) == ("Katsushika Hokusai, c. 1831", "public domain: the artist died in 1849")
    assert (wave["tags"], wave["strength"], wave["brush"], wave["fast"]) == (
        ["woodblock", "sea", "blue"],
        42,
        1.0,
        True,
    )
    dore = next(style for style in await _gallery(tab) if style["name"] == "dore")
    assert "gustave dore" in dore["words"]


async def _gallery(tab: Tab) -> list[dict[str, Any]]:
    async with tab.session.get(tab.at.url + "gallery.json") as answer:
        styles: list[dict[str, Any]] = (await answer.json())["styles"]
        return styles


async def test_health_says_whether_an_order_would_be_painted(tab: Tab, at: House) -> None:
    await tab.say("/help")  # once answered, the studio is up
    await tab.say(LINE, await tab.photo())
    async with tab.session.get(at.url + "health") as answer:
        assert (answer.status, (await answer.json())["ok"]) == (200, True)
    at.engine.ready = None
    async with tab.session.get(at.url + "health") as answer:
        found = await answer.json()
        assert (answer.status, found["ok"]) == (503, False)
        assert found["checks"]["engine"] is False


async def test_metrics_count_the_open_pages(tab: Tab) -> None:
    assert b"impasto_web_tabs 0.0" in await _metrics(tab)
    async with tab.listening() as room:
        await room.backlog()
        assert b"impasto_web_tabs 1.0" in await _metrics(tab)


async def test_our_own_failure_is_a_sentence_without_a_trace(
    tab: Tab, at: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("secret path /etc/shadow")

    monkeypatch.setattr(at.store, "append", broken)
    status, said = await tab.post("/photo?id=photo0001&name=a", picture())
    assert status == 500
    assert "try again" in said["error"]
    assert "shadow" not in str(said)


async def test_jobs_of_the_web_end_delivered(tab: Tab, at: House) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        at.engine.does(wire.Failed(paint.job, "refused", "This photo cannot be read."))
        assert (await room.entry("told"))["text"] == "This photo cannot be read."

    async def told() -> bool:
        job = await at.store.job(paint.job)
        return job is not None and job.state is State.NOTIFIED

    await eventually(told)


async def test_other_platforms_post_to_their_hooks_without_a_token_and_under_any_name() -> None:
    posted: list[tuple[str, bytes]] = []

    async def hook(headers: Mapping[str, str], body: bytes) -> int:
        posted.append((headers["X-Secret"], body))
        return 202

    async with house(token="long enough to be a token", hooks={"/telegram": hook}) as at, ClientSession() as session:
        headers = {"X-Secret": "s", "Host": "example.org"}
        async with session.post(at.url + "telegram", data=b"news", headers=headers) as answer:
            assert answer.status == 202
        async with session.post(at.url + "telegram2", data=b"news", headers=headers) as answer:
            assert answer.status in (401, 403)
    assert posted == [("s", b"news")]
