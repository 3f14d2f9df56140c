"""Rounds of orders and blows on one bot with the page, Telegram and Discord, and the ledger of what became of all."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec

from bot.core.jobs import Job
from bot.core.journal.visit import rows
from tests.chaos.blows import HANG_SECONDS, TO_THE_BOT, Blow
from tests.live.doubles import doubles
from tests.live.launch import Options
from tests.live.orders import (
    WRONG,
    DiscordOrder,
    Order,
    PageOrder,
    finish_on_page,
    order_on_discord,
    order_on_telegram,
    verdict,
)
from tests.live.page import Room
from tests.live.program import Program, free_port, tiny_engine
from tests.pictures import picture

PATIENCE = 90.0  # seconds for the orders of a round to be answered, on a machine that may be busy
ACK_SECONDS = 3.0  # after which Discord tells the person that the bot did not answer
LATE = "was acknowledged after 3 s"
LOOK_SECONDS = 0.03
LINGER_SECONDS = 2.0  # in which a bot that was started again would repeat an answer


@dataclass
class Round:
    """A round, and what there is to say about it."""

    number: int
    blows: list[Blow]
    real: bool
    orders: list[Order] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    trouble: list[str] = field(default_factory=list)  # beside the orders: rules broken, a bot that does not stop

    @property
    def name(self) -> str:
        return ", then ".join(blow.kind for blow in self.blows)


@dataclass
class Report:
    """What came of a run."""

    seed: int
    rounds: list[Round] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)  # what the journal holds against it in the end
    first: str = ""  # the first violation, with all that was said and logged
    starts: int = 0
    seconds: float = 0.0

    @property
    def orders(self) -> list[Order]:
        return [order for round_ in self.rounds for order in round_.orders]

    def verdicts(self) -> Counter[str]:
        return Counter(map(judged, ((order, round_) for round_ in self.rounds for order in round_.orders)))

    @property
    def violations(self) -> int:
        found = self.verdicts()
        return sum(found[kind] for kind in WRONG) + sum(len(r.trouble) for r in self.rounds) + len(self.journal)


def judged(pair: tuple[Order, Round]) -> str:
    """The verdict, where unheard is only what no bot could hear: one that was hit within Discord's three seconds."""
    order, round_ = pair
    found = verdict(order)
    if found == "unheard":
        hits = [blow.at for blow in round_.blows if blow.kind in TO_THE_BOT and blow.at]
        if not any(hit < order.placed + ACK_SECONDS for hit in hits):
            return "lost"
    return found


class Chaos:
    """One run.

    Args:
        say: is told how far it is.
    """

    def __init__(self, folder: Path, seed: int, say: Callable[[str], None] = lambda text: None) -> None:
        self.report = Report(seed)
        self._folder = folder
        self._port = free_port()  # the same for every bot, as the pages that are open know it
        self._say = say

    async def run(
        self, rounds: int, *, real_share: float = 0.0, only: int | None = None, minutes: float = math.inf
    ) -> Report:
        """Play the rounds, the first of them on the real engine; ``only`` plays one of them alone.

        Args:
            minutes: after which no more rounds are begun.
        """
        began = time.monotonic()
        real_rounds = round(rounds * real_share)
        numbers = [only] if only is not None else list(range(rounds))
        async with doubles() as self._doubles, aiohttp.ClientSession() as self._session:
            for real in (True, False):
                mine = [number for number in numbers if (number < real_rounds) == real]
                if mine:
                    async with self._bot(real) as self._program:
                        for number in mine:
                            if time.monotonic() > began + 60 * minutes:
                                break
                            await self._play(number, real)
                        await self._look_again()
            self.report.journal += self._in_the_journal()
        self.report.seconds = time.monotonic() - began
        return self.report

    @asynccontextmanager
    async def _bot(self, real: bool) -> AsyncIterator[Program]:
        options = Options(discord=self._doubles.discord.url, engine=() if real else tiny_engine(0.3))
        settings = {"IMPASTO_ENGINE_HANG_SECONDS": str(120 if real else HANG_SECONDS)}
        program = Program(
            self._folder, options, telegram=self._doubles.telegram.url, settings=settings, port=self._port
        )
        await self._start(program)
        try:
            yield program
        finally:
            await program.stop()
            self.report.starts += program.starts

    async def _start(self, program: Program) -> None:
        """Return when it hears everybody."""
        discord = self._doubles.discord
        before = discord.identified
        await program.start()
        await program.until_ready()
        await discord.until(lambda: discord.identified > before and discord.commands)
        if program.options.engine:
            return
        await program.until(lambda: any("The engine is ready" in line for line in program.lines))

    # --- a round -----------------------------------------------------------------------------------------------------

    async def _play(self, number: int, real: bool) -> None:
        rng = random.Random(f"{self.report.seed} {number}")
        blows = [Blow.drawn(rng)]
        if blows[0].kind in ("kill bot", "kill both", "stop bot") and (second := Blow.second(rng)):
            blows.append(second)
        round_ = Round(number, blows, real)
        self.report.rounds.append(round_)
        await self._doubles.discord.until(self._on_discord)
        round_.began = time.monotonic()
        room = Room(self._session, self._program.url)
        first_line = len(self._program.lines)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(room.listen())
            striking = tasks.create_task(self._strike(round_))
            sending = [self._order(round_, rng, room, index, tasks) for index in range(rng.randint(1, 4))]
            for coming in sending:
                await coming
                await asyncio.sleep(rng.uniform(0.0, 0.4))
            await striking
            await self._settle(round_)
            listening.cancel()
        round_.ended = time.monotonic()
        self._note(round_, first_line)

    def _on_discord(self) -> bool:
        """Whether the bot is told what is said there; later it would not be."""
        sockets = [session.socket for session in self._doubles.discord.sessions.values()]
        return any(socket is not None and not socket.closed for socket in sockets)

    async def _strike(self, round_: Round) -> None:
        for blow in round_.blows:
            await blow.fall(self._program, self._doubles)
            if blow.trouble:
                round_.trouble.append(blow.trouble)

    async def _order(
        self, round_: Round, rng: random.Random, room: Room, index: int, tasks: asyncio.TaskGroup
    ) -> None:
        """One order, somewhere. The page goes on sending by itself."""
        seed = 1000 + 10 * round_.number + index
        photo = picture(tuple(rng.randrange(256) for _ in range(3)), (96, 64))  # type: ignore[arg-type]
        # On the real engine some take a second or two, so that blows fall in the middle.
        steps = rng.choice([0, 30, 60]) if round_.real else 0
        settings = f"size=64 seed={seed}" + (f" mode=fine steps={steps}" if steps else "")
        line = f"/stylize starrynight {settings}"
        match rng.choice(["page", "telegram", "discord", "discord"]):
            case "page":
                order = PageOrder(room, seed)
                round_.orders.append(order)
                tasks.create_task(finish_on_page(order, line, photo))
            case "telegram":
                way, group = rng.choice(["private", "group", "reply"]), -1_000_000 - round_.number
                round_.orders.append(
                    order_on_telegram(self._doubles.telegram, seed, line, photo, group=group, way=way)
                )
            case "discord":
                way, private = rng.choice(["slash", "slash", "mention"]), rng.random() < 0.3
                words: dict[str, str | int] = {"style": "starrynight", "size": 64, "seed": seed}
                if steps:
                    words |= {"recipe": f"mode=fine steps={steps}"}
                file = ("cat.png", photo)
                round_.orders.append(
                    await order_on_discord(self._doubles.discord, seed, words, file, way=way, private=private)
                )

    async def _settle(self, round_: Round) -> None:
        """Return when every order is answered; or, where one is not, when that has been waited for."""
        if not await self._is_up():
            round_.trouble.append("the bot did not start")
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not all(self._is_settled(order) for order in round_.orders):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)

    async def _is_up(self) -> bool:
        """Whether the bot has started, if need be by another try."""
        for _ in range(2):
            try:
                await self._program.until_ready()
                return True
            except AssertionError:
                await self._program.stop()
                await self._program.start()
        return False

    def _is_settled(self, order: Order) -> bool:
        """An order that Discord has reported as failed is not waited for, nor one whose bot never heard of it."""
        seen = order.seen()
        if seen.settled:
            return True
        over = time.monotonic() > order.placed + ACK_SECONDS
        return isinstance(order, DiscordOrder) and over and not order.promised and not seen.working

    def _note(self, round_: Round, first_line: int) -> None:
        """What went wrong in a round, with the log of the first time."""
        rules = self._doubles.violations()
        if any(blow.kind in TO_THE_BOT for blow in round_.blows):
            rules = [text for text in rules if LATE not in text]
        round_.trouble += rules
        wrong = [(judged((order, round_)), order) for order in round_.orders]
        wrong = [(kind, order) for kind, order in wrong if kind in WRONG]
        if (wrong or round_.trouble) and not self.report.first:
            told = [f"{kind}: {order.kind}, seed={order.seed}: {order.seen()}" for kind, order in wrong]
            log = list(self._program.lines)[first_line:]
            head = f"Round {round_.number} of seed {self.report.seed} ({round_.name}):"
            self.report.first = "\n".join([head, *told, *round_.trouble, "The bot's log of the round:", *log[-120:]])
        if wrong or round_.trouble or round_.number % 25 == 24:
            kinds = ", ".join([f"{kind} ({order.kind}: {order.seen()})" for kind, order in wrong] + round_.trouble)
            took = round_.ended - round_.began
            self._say(f"round {round_.number} ({round_.name}, {took:.1f} s): {kinds or 'well so far'}")

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _look_again(self) -> None:
        """Start the bot once more: what was answered may not be answered again. Then every room is read anew."""
        code = await self._program.stop()
        if code != 0:
            self.report.rounds[-1].trouble.append(f"the bot ended with {code} after SIGTERM")
        await self._start(self._program)
        await asyncio.sleep(LINGER_SECONDS)
        for room in {order.room for order in self.report.orders if isinstance(order, PageOrder)}:
            await room.read_anew()

    def _in_the_journal(self) -> list[str]:
        """Orders that the bot itself thinks of as not delivered, where the ledger has not found it out yet."""
        found = []
        known = {order.seed: (order, round_) for round_ in self.report.rounds for order in round_.orders}
        for row in rows(self._folder / "journal.sqlite3"):
            job = msgspec.json.decode(row.job, type=Job)
            pair = known.get(job.recipe.seed or 0)
            if pair is None:
                found.append(f"job {job.id} is nobody's order")
            elif job.state != "delivered" and judged(pair) not in WRONG:
                found.append(f"seed={job.recipe.seed}: {job.state} in the journal, {judged(pair)} in the ledger")
        return found
