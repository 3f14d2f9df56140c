"""The web chat behind an access token: guesses take their turns, and sign-ins are listed and ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from bot.chat.web.door import sign_ins as door
from bot.chat.web.door import throttle
from bot.chat.web.door.errors import HttpError
from bot.chat.web.door.throttle import Throttle
from bot.core.journal import visit
from tests.bot.chat.web.harness import Site, Tab, site
from tests.waiting import PATIENCE

TOKEN = "correct horse battery"


def browser(name: str) -> ClientSession:
    """aiohttp's cookie jar keeps cookies of bare IP addresses only when told to."""
    return ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"User-Agent": name})


async def sign_in(session: ClientSession, at: Site) -> None:
    async with session.post(at.url + "signin", data={"token": TOKEN}) as answer:
        assert answer.status == 200


async def gallery(session: ClientSession, at: Site, **headers: str) -> int:
    async with session.get(at.url + "gallery.json", headers=headers) as answer:
        return answer.status


# --- guesses ---------------------------------------------------------------------------------------------------------


def test_guesses_of_one_address_take_turns_after_the_first_few() -> None:
    guesses = Throttle()
    waits = [guesses.take("one", now=0.0) for _ in range(20)]
    assert waits[:9] == [0.0] * 9
    assert waits[9:12] == [1 / 8, 2 / 8, 3 / 8]
    assert guesses.take("one", now=60.0) == 0.0


def test_in_a_flood_most_guesses_are_not_even_read() -> None:
    guesses, read = Throttle(), 0
    for number in range(10_000):
        with contextlib.suppress(HttpError):
            guesses.take("one", now=number / 10_000)
            read += 1
    assert read < 8 * (throttle.LONGEST + 3)


def test_many_addresses_together_guess_no_faster_than_all_may() -> None:
    guesses = Throttle()
    last = 0.0
    for number in range(40):
        for _ in range(40):
            last = max(last, guesses.take(f"address {number}", now=0.0))
    assert last > (1600 - 64) / 64 * 0.9
    assert guesses.take("a new one", now=0.0) == 0.0


def test_right_guesses_cost_nothing_and_few_addresses_are_remembered() -> None:
    guesses = Throttle()
    for _ in range(100):
        assert guesses.take("one", now=0.0) == 0.0
        guesses.was_right("one")
    for number in range(3 * throttle.ADDRESSES):
        guesses.take(str(number), now=float(number))
    assert len(guesses._of) <= throttle.ADDRESSES + 1


async def test_a_flood_of_wrong_tokens_stops_nobody_else(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PER_SECOND", 0.001)
    async with site(token=TOKEN) as at, browser("mine") as signed_in:
        await sign_in(signed_in, at)
        for ways in range(2):  # both ways in are one
            for number in range(15):
                if ways:
                    async with session.post(at.url + "signin", data={"token": str(number)}) as answer:
                        last = answer.status
                else:
                    last = await gallery(session, at, Authorization=f"Bearer {number}")
            assert last == 429
        assert await gallery(signed_in, at) == 200
        elsewhere = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "Authorization": f"Bearer {TOKEN}"}
        assert await gallery(session, at, **elsewhere) == 200


async def test_who_has_the_token_gets_in_though_somebody_guesses_from_the_same_address(session: ClientSession) -> None:
    async with site(token=TOKEN) as at:
        wrong = [gallery(session, at, Authorization=f"Bearer {number}") for number in range(20)]
        answers = await asyncio.gather(*wrong, gallery(session, at, Authorization=f"Bearer {TOKEN}"))
        assert Counter(answers) == {401: 20, 200: 1}


# --- sign-ins --------------------------------------------------------------------------------------------------------


async def test_sign_ins_are_listed_and_ended(session: ClientSession) -> None:
    async with site(token=TOKEN) as at, browser("My <phone>") as phone, browser("My laptop") as laptop:
        await sign_in(phone, at)
        await sign_in(laptop, at)
        async with laptop.get(at.url + "signins") as answer:
            page = await answer.text()
        assert "My &lt;phone&gt;, since 20" in page
        assert "My laptop, since 20" in page
        assert page.count("End this one, yours") == 1
        async with phone.ws_connect(Tab(phone, at).base + "/events") as listening:
            closed = asyncio.create_task(_closed(listening))
            async with laptop.post(at.url + "signins", data={"end": "others"}) as answer:
                assert "phone" not in await answer.text()
            await closed
            assert listening.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert (await gallery(phone, at), await gallery(laptop, at)) == (401, 200)
        async with session.get(at.url + "signins") as answer:
            assert answer.status == 401


async def test_signing_out_ends_ones_own_sign_in() -> None:
    async with site(token=TOKEN) as at, browser("mine") as mine:
        await sign_in(mine, at)
        async with mine.get(at.url + "signins") as answer:
            id = (await answer.text()).partition('class="quiet" name="end" value="')[2].partition('"')[0]
        async with mine.post(at.url + "signins", data={"end": id}) as answer:
            assert 'type="password"' in await answer.text()


async def test_sign_ins_outlive_a_restart_and_so_does_their_end(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    async with browser("phone") as phone, browser("laptop") as laptop:
        async with site(journal, token=TOKEN) as at:
            await sign_in(phone, at)
            await sign_in(laptop, at)
            async with laptop.post(at.url + "signins", data={"end": "others"}):
                pass
        async with site(journal, token=TOKEN) as at:
            assert (await gallery(phone, at), await gallery(laptop, at)) == (401, 200)


async def test_what_another_process_ends_is_over_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "NOTICED_SECONDS", 0.02)
    journal = tmp_path / "journal.sqlite3"
    async with site(journal, token=TOKEN) as at, browser("phone") as phone, browser("laptop") as laptop:
        await sign_in(phone, at)
        await sign_in(laptop, at)
        (one,) = [one for one in visit.signed_in(journal) if one.browser == "phone"]
        async with phone.ws_connect(Tab(phone, at).base + "/events") as listening:
            visit.sign_out(journal, [one.id])
            await _closed(listening)
            assert listening.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert (await gallery(phone, at), await gallery(laptop, at)) == (401, 200)


async def _closed(listening: ClientWebSocketResponse) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await listening.receive()).type is WSMsgType.TEXT:
            pass
