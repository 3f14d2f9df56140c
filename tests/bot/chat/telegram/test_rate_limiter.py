"""Whose turn it is to write: in the limiter alone, and in a bot that uses it."""

from __future__ import annotations

import asyncio

import pytest

from bot.chat.telegram.rate_limiter import RateLimiter, Rates
from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    PAINTED,
    Moment,
    Time,
    finished,
    message_with,
    pressed,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse


async def test_a_group_that_moved_is_followed(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        await message_with(server, GROUP, "step 60")
        new = GROUP - 1
        server.chat(new)
        moved = Refuse(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=new)
        server.faults.append(("editMessageMedia", moved))
        it.let_go()
        (result,) = await finished(server, new)
        assert result["_data"] == PAINTED


async def test_a_pause_that_telegram_asks_for_holds_for_all_who_write_there(server: FakeTelegram) -> None:
    time = Time()
    async with telegram_bot(server, time=time, album_seconds=0.05):
        server.chat(ANN)
        server.closes(ANN, 40)
        server.violations.clear()
        # The first to write learns of the pause; writing during a pause that was told is against the rules.
        server.closed.clear()
        server.faults.append(("sendMessage", Refuse(429, "Too Many Requests", retry_after=40)))
        before = time.now
        for _ in range(5):
            server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: not server.faults)
        server.closed[ANN] = before + 40
        await finished(server, ANN, 5)
        assert time.now >= before + 40


async def test_a_flooded_group_makes_nobody_else_wait(server: FakeTelegram, caplog: pytest.LogCaptureFixture) -> None:
    async with telegram_bot(server, time=Moment()):
        for number in range(125):  # Telegram hands out no more than a hundred that are not confirmed
            server.says(GROUP, "/help", user=100 + number % 5)
        server.says(BOB, "/help", user=BOB)
        await message_with(server, BOB, "/stylize:")
        assert len(server.of_bot(GROUP)) == Rates().group
        assert "a reply was left out" in caplog.text


async def test_a_button_in_a_flooded_group_says_so(server: FakeTelegram) -> None:
    async with telegram_bot(server, time=Moment()) as it:
        server.says(GROUP, "/styles")
        offer = await message_with(server, GROUP, "Page 1")
        it.limiter.close(GROUP, 60)
        assert "Try again in a minute" in await pressed(server, offer["message_id"], "▶", GROUP)


async def test_a_shorter_pause_never_opens_what_a_longer_one_closed() -> None:
    time = Time()
    flood = RateLimiter(clock=time, sleep=time.sleep)
    flood.close(1, 40)
    flood.close(1, 5)
    begun = time.now
    await asyncio.gather(*(flood.turn(1) for _ in range(3)))
    assert time.now >= begun + 40
    await flood.turn(2)


async def test_answers_find_room_that_progress_leaves() -> None:
    time = Time()
    flood = RateLimiter(Rates(group=20), clock=time, sleep=time.sleep)
    begun = time.now
    while time.now < begun + 50:
        if not await flood.spare_turn(-1, 0):
            time.now += 0.5
    at = time.now
    await asyncio.gather(*(flood.turn(-1) for _ in range(8)))
    assert time.now == at, "nobody had to wait"


async def test_no_more_is_written_in_a_minute_than_a_group_allows() -> None:
    time = Time()
    flood = RateLimiter(Rates(group=20), clock=time, sleep=time.sleep)
    times = []
    for _ in range(100):
        await flood.turn(-1)
        times.append(time.now)
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[20:], strict=False))
