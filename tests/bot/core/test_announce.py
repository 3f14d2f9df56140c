"""One job's news to a chat that is in trouble."""

from __future__ import annotations

import asyncio
from typing import cast

from bot.backoff import Backoff
from bot.core.announce import Announcer, Pace
from bot.core.jobs import Job
from bot.core.messages import Status
from tests.harness import ChatDouble
from tests.waiting import PATIENCE


class Deaf(ChatDouble):
    """It shows nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = asyncio.Event()
        self.shows = 0

    async def show(self, job: Job, status: Status) -> None:
        self.shows += 1
        self.tried.set()
        raise ConnectionError("the network is gone")


async def test_a_chat_that_shows_nothing_is_left_alone_for_a_while_but_not_with_the_answer() -> None:
    class Some:
        id = "abcdefgh"

    chat, job, answered = Deaf(), cast(Job, Some()), asyncio.Event()
    announcer = Announcer(chat, Pace(retry=Backoff(first=3600.0, longest=3600.0)))

    async def answer() -> None:
        answered.set()

    async with asyncio.timeout(PATIENCE):
        talking = asyncio.create_task(announcer.run())
        announcer.show(job, Status(text="step 1"))
        await chat.tried.wait()
        for step in range(2, 40):
            announcer.show(job, Status(text=f"step {step}"))
            await asyncio.sleep(0)
        announcer.end(answer)
        assert await talking
    assert answered.is_set()
    assert chat.shows == 1
