"""Whose turn it is to write: in the limiter alone, and in a bot that uses it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter

from bot.chat.telegram.rate_limiter import PROGRESS, Barred, RateLimiter, Rates, Turn
from bot.chat.transport import MessageGone
from bot.core.errors import LimitReached, Undeliverable
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
        # The first to write learns of the pause; writing during a known pause is against the rules.
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
        await message_with(server, BOB, "/help options")
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
    limiter = RateLimiter(clock=time, sleep=time.sleep)
    limiter.close(1, 40)
    limiter.close(1, 5)
    begun = time.now
    await asyncio.gather(*(limiter.turn(1) for _ in range(3)))
    assert time.now >= begun + 40
    await limiter.turn(2)


async def test_answers_find_room_that_progress_leaves() -> None:
    time = Time()
    limiter = RateLimiter(Rates(group=20), clock=time, sleep=time.sleep)
    begun = time.now
    while time.now < begun + 50:
        if not await limiter.turn(-1, patience=0, spare=True):
            time.now += 0.5
    at = time.now
    await asyncio.gather(*(limiter.turn(-1) for _ in range(8)))
    assert time.now == at, "nobody had to wait"


async def test_no_more_is_written_in_a_minute_than_a_group_allows() -> None:
    time = Time()
    limiter = RateLimiter(Rates(group=20), clock=time, sleep=time.sleep)
    times = []
    for _ in range(100):
        await limiter.turn(-1)
        times.append(time.now)
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[20:], strict=False))


# --- calls through the limiter ---------------------------------------------------------------------------------------


class Calls:
    """A method of the API that raises what it is told to, first one, then the next."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.chats: list[int] = []

    async def __call__(self, endpoint: str, data: dict[str, Any], **_: Any) -> bool:
        self.chats.append(data["chat_id"])
        if self.faults:
            raise self.faults.pop(0)
        return True

    async def through(self, limiter: RateLimiter, endpoint: str = "sendMessage", turn: Turn | None = None) -> Any:
        data = {"chat_id": -1}
        return await limiter.process_request(self, (endpoint, data), {}, endpoint, data, turn)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def limiter(time: Time) -> RateLimiter:
    return RateLimiter(clock=time, sleep=time.sleep)


async def test_a_call_is_made_again_after_the_pause_that_telegram_asks_for(limiter: RateLimiter, time: Time) -> None:
    begun, calls = time.now, Calls(RetryAfter(40))
    assert await calls.through(limiter)
    assert len(calls.chats) == 2
    assert time.now > begun + 40


async def test_progress_is_not_tried_again_and_closes_the_chat_all_the_same(limiter: RateLimiter, time: Time) -> None:
    begun, calls = time.now, Calls(RetryAfter(40))
    with pytest.raises(RetryAfter):
        await calls.through(limiter, "editMessageText", PROGRESS)
    assert (len(calls.chats), time.now) == (1, begun)
    await calls.through(limiter)
    assert time.now > begun + 40


async def test_what_telegram_does_not_count_waits_for_no_turn(limiter: RateLimiter, time: Time) -> None:
    limiter.close(-1, 40)
    begun, calls = time.now, Calls()
    await calls.through(limiter, "sendChatAction")
    await calls.through(limiter, "deleteMessage")
    assert time.now == begun


async def test_who_has_no_patience_is_refused_instead_of_waiting(limiter: RateLimiter, time: Time) -> None:
    limiter.close(-1, 40)
    calls = Calls()
    with pytest.raises(LimitReached, match="Try again in a minute"):
        await calls.through(limiter, turn=Turn(patience=30.0))
    assert calls.chats == []


async def test_a_chat_that_moved_is_written_to_where_it_is_now(limiter: RateLimiter) -> None:
    calls = Calls(ChatMigrated(-2))
    await calls.through(limiter)
    await calls.through(limiter)
    assert calls.chats == [-1, -2, -2]


@pytest.mark.parametrize(
    ("fault", "ours"),
    [
        (Forbidden("Forbidden: bot was kicked"), Undeliverable),
        (BadRequest("Chat not found"), Undeliverable),
        (BadRequest("Message to edit not found"), MessageGone),
        (BadRequest("Not enough rights to send photos to the chat"), Barred),
        (BadRequest("PHOTO_INVALID_DIMENSIONS"), BadRequest),
    ],
)
async def test_refusals_are_errors_of_our_own_where_they_mean_something(
    limiter: RateLimiter, fault: Exception, ours: type[Exception]
) -> None:
    with pytest.raises(ours):
        await Calls(fault).through(limiter)


async def test_an_edit_that_changes_nothing_is_done(limiter: RateLimiter) -> None:
    assert await Calls(BadRequest("Message is not modified: the same")).through(limiter, "editMessageText")
