"""Hundreds of people with three pictures each on the page, Telegram and Discord: who is served when, and whether the
bot's event loop was ever held up. The bot is the real one, the painter a tiny one."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.live.doubles import Doubles, doubles
from tests.live.launch import Options
from tests.live.orders import (
    Order,
    PageOrder,
    finish_on_page,
    order_on_discord,
    order_on_telegram,
    verdict,
)
from tests.live.page import Room
from tests.live.program import Program, memory, tiny_engine
from tests.pictures import picture

EACH = 3  # pictures of a person
LONGEST_STEP = 0.05  # seconds that a step of the bot's event loop may take
PICTURE_SECONDS = 0.01
PATIENCE = 900.0
SENDING = 12  # people who order at the same time


@dataclass
class Report:
    """A run."""

    people: Counter[str] = field(default_factory=Counter)  # by platform
    served: list[int] = field(default_factory=list)  # the persons, picture by picture
    verdicts: Counter[str] = field(default_factory=Counter)
    steps: list[tuple[float, float, str]] = field(default_factory=list)  # of the loop that took long, see `launch`
    order_seconds: float = 0.0
    answer_seconds: float = 0.0
    bot_mb: float = 0.0
    rules: list[str] = field(default_factory=list)  # of the platforms that were broken

    @property
    def last_first(self) -> int:
        """At which place in the whole line the last person got a first picture."""
        return max(places[0] for places in self._places().values())

    @property
    def first_third(self) -> int:
        """At which place somebody first got a third one."""
        return min(places[EACH - 1] for places in self._places().values())

    def _places(self) -> dict[int, list[int]]:
        places: dict[int, list[int]] = {}
        for place, person in enumerate(self.served, 1):
            places.setdefault(person, []).append(place)
        return places

    @property
    def held(self) -> list[tuple[float, str]]:
        """Steps by the seconds that they held the loop up, without those in which the machine ran other programs."""
        return sorted(((took - waited, what) for took, waited, what in self.steps), reverse=True)

    @property
    def violations(self) -> list[str]:
        wrong = {kind: count for kind, count in self.verdicts.items() if kind != "answered"}
        found = [f"{count} orders {kind}" for kind, count in wrong.items()] + self.rules
        if self.last_first > self.first_third:
            found.append(f"a first picture came at place {self.last_first}, a third one at {self.first_third}")
        found += [f"the loop was held up for {s * 1000:.0f} ms by {w}" for s, w in self.held if s > LONGEST_STEP]
        return found


class Crowd:
    """Everybody orders before the painter begins, so that the line alone decides who is served when."""

    def __init__(self, people: int, seed: int, folder: Path, say: Callable[[str], None] = lambda text: None) -> None:
        self._people, self._folder, self._say = people, folder, say
        self._rng = random.Random(seed)
        self._orders: list[Order] = []
        self.report = Report()

    async def run(self) -> Report:
        painted, gate, watch = (self._folder / name for name in ("painted", "gate", "watch"))
        async with AsyncExitStack() as stack:
            chats = await stack.enter_async_context(doubles())
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
            options = Options(
                discord=chats.discord.url, engine=tiny_engine(PICTURE_SECONDS, painted, gate), watch=str(watch)
            )
            program = Program(self._folder, options, telegram=chats.telegram.url)
            program.patience = PATIENCE
            await program.start()
            stack.push_async_callback(program.stop)
            await program.until_ready()
            await chats.discord.until(lambda: chats.discord.identified and chats.discord.commands)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            began = time.monotonic()
            listening = await self._order_all(chats, session, program, tasks)
            await program.until(lambda: _count(program, " accepted: ") >= len(self._orders))
            self.report.order_seconds = time.monotonic() - began
            self._say(f"{len(self._orders)} orders in {self.report.order_seconds:.0f} s; now they are painted")
            gate.touch()
            began = time.monotonic()
            await program.until(lambda: _count(program, " is delivered") >= len(self._orders))
            self.report.answer_seconds = time.monotonic() - began
            await self._until_seen()
            self.report.bot_mb = memory(program.pid, "VmHWM")
            for each in listening:
                each.cancel()
            self.report.rules = chats.violations()
        self.report.served = [int(line) // EACH for line in painted.read_text().split()]
        self.report.steps = _steps(watch)
        return self.report

    async def _order_all(
        self, chats: Doubles, session: aiohttp.ClientSession, program: Program, tasks: asyncio.TaskGroup
    ) -> list[asyncio.Task[None]]:
        """Person after person, each with three at once; returns what listens for the page."""
        listening: list[asyncio.Task[None]] = []
        waiting = list(range(self._people))
        self._rng.shuffle(waiting)

        async def send() -> None:
            while waiting:
                person = waiting.pop()
                platform = ("page", "Telegram", "Discord")[person % 3]
                self.report.people[platform] += 1
                room = Room(session, program.url)
                if platform == "page":
                    listening.append(tasks.create_task(room.listen()))
                for seed in range(EACH * person, EACH * (person + 1)):
                    await self._order(platform, seed, person, chats, room)

        async with asyncio.TaskGroup() as sending:
            for _ in range(SENDING):
                sending.create_task(send())
        return listening

    async def _order(self, platform: str, seed: int, person: int, chats: Doubles, room: Room) -> None:
        photo = picture((seed % 256, person % 256, 90), (64, 48))
        line = f"/stylize starrynight size=64 seed={seed}"
        if platform == "page":
            order = PageOrder(room, seed)
            self._orders.append(order)
            await finish_on_page(order, line, photo)
        elif platform == "Telegram":
            self._orders.append(
                order_on_telegram(chats.telegram, seed, line, photo, group=0, way="private", user=1_000_000 + person)
            )
            await asyncio.sleep(0.01)
        else:
            words: dict[str, str | int] = {"style": "starrynight", "size": 64, "seed": seed}
            file = ("cat.png", photo)
            self._orders.append(
                await order_on_discord(chats.discord, seed, words, file, way="slash", private=False, user=person + 1)
            )
            await asyncio.sleep(0.01)

    async def _until_seen(self) -> None:
        """The journal has it before the page has told its rooms."""
        for _ in range(20):
            self.report.verdicts = Counter(map(verdict, self._orders))
            if set(self.report.verdicts) == {"answered"}:
                return
            await asyncio.sleep(0.5)


def _count(program: Program, words: str) -> int:
    return sum(words in line for line in program.lines)


def _steps(watch: Path) -> list[tuple[float, float, str]]:
    with suppress(FileNotFoundError):
        lines = [line.split("\t") for line in watch.read_text().splitlines()]
        return [(float(took), float(waited), what) for took, waited, what in lines]
    return []
