"""Hostile files on their way that every photo takes: up on a platform, through the bot, into the real engine."""

from __future__ import annotations

import asyncio
import io
import random
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from PIL import Image

from tests.hostile.kinds import Hostile
from tests.live.doubles import Doubles, doubles
from tests.live.launch import Options
from tests.live.orders import (
    DiscordOrder,
    Order,
    PageOrder,
    TelegramOrder,
    order_on_discord,
    order_on_page,
    order_on_telegram,
)
from tests.live.page import Room
from tests.live.program import Program, memory

PATIENCE = 300.0  # seconds for an answer, behind others on a machine that may be busy
AT_ONCE = 4
PLATFORMS = ("page", "page", "page", "page", "telegram", "discord")
ENGINE_MB, BOT_MB = 2500, 700  # what they may have had in memory at most
LONGEST = 400  # characters of an answer that a person reads
UNCLEAR = re.compile(
    r"Traceback|went wrong|Errno|Exception|\w+Error\b|NoneType|0x[0-9a-f]{4}|<class|/tmp/|/home/|\.py\b"
)


@dataclass
class Outcome:
    """What became of one file."""

    file: Hostile
    platform: str
    seconds: float = 0.0
    answer: str = ""  # picture, refusal, or nothing
    text: str = ""  # of a refusal
    trouble: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What became of all."""

    outcomes: list[Outcome] = field(default_factory=list)
    engines: set[int] = field(default_factory=set)  # its processes
    engine_mb: float = 0.0
    bot_mb: float = 0.0
    trouble: list[str] = field(default_factory=list)  # that no file alone is to blame for
    seconds: float = 0.0

    @property
    def violations(self) -> list[str]:
        found = [f"{o.file.family}, {o.file.about} ({o.platform}): {t}" for o in self.outcomes for t in o.trouble]
        return found + self.trouble


async def attack(
    files: Sequence[Hostile], seed: int, folder: Path, say: Callable[[str], None] = lambda text: None
) -> Report:
    """Send all of them to one bot, some at a time."""
    began, report, rng = time.monotonic(), Report(), random.Random(seed)
    waiting = list(enumerate(files, 1))[::-1]
    async with doubles() as chats, aiohttp.ClientSession() as session:
        options = Options(discord=chats.discord.url)
        # Where a clip takes its minutes, that is its time, and not a hung engine.
        settings = {"IMPASTO_ENGINE_HANG_SECONDS": "120"}
        program = Program(folder, options, telegram=chats.telegram.url, settings=settings)
        await program.start()
        try:
            await program.until(lambda: any("The engine is ready" in line for line in program.lines) or program.gone)
            await chats.discord.until(lambda: chats.discord.identified and chats.discord.commands)

            async def send() -> None:
                while waiting:
                    number, file = waiting.pop()
                    platform = rng.choice(PLATFORMS)
                    outcome = await _sent(file, number, platform, chats, Room(session, program.url))
                    report.outcomes.append(outcome)
                    _look(program, report)
                    for trouble in outcome.trouble:
                        say(f"{file.family}, {file.about} ({platform}): {trouble}")
                    if number % 25 == 0:
                        say(f"{number} of {len(files)} files, engine {report.engine_mb:.0f} MB")

            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(send())
        finally:
            code = await program.stop()
        report.trouble += _of_the_processes(program, code, report) + chats.violations()
    report.seconds = time.monotonic() - began
    return report


async def _sent(file: Hostile, number: int, platform: str, chats: Doubles, room: Room) -> Outcome:
    """Order a picture of the file, and wait for the answer."""
    outcome, began = Outcome(file, platform), time.monotonic()
    line = f"/stylize starrynight size=64 seed={number}"
    listening = asyncio.create_task(room.listen()) if platform == "page" else None
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            order: Order
            if platform == "page":
                order = await order_on_page(room, number, line, file.data, file.name)
            elif platform == "telegram":
                order = order_on_telegram(
                    chats.telegram, number, line, file.data, group=0, way="private", document=True
                )
            else:
                words: dict[str, str | int] = {"style": "starrynight", "size": 64, "seed": number}
                name = re.sub(r"[^\w.-]", "_", file.name)[:100]  # as Discord does
                order = await order_on_discord(
                    chats.discord, number, words, (name, file.data), way="slash", private=False
                )
            while not order.seen().settled:  # noqa: ASYNC110
                await asyncio.sleep(0.03)
            outcome.seconds = time.monotonic() - began
            await _judge(outcome, order, chats)
    if listening:
        listening.cancel()
    if not outcome.answer:
        outcome.seconds = time.monotonic() - began
        outcome.trouble.append(f"no answer in {PATIENCE:g} s")
    return outcome


async def _judge(outcome: Outcome, order: Order, chats: Doubles) -> None:
    seen, expected = order.seen(), outcome.file.expected
    if seen.pictures:
        outcome.answer = "picture"
        if not _is_picture(await _picture(order, chats)):
            outcome.trouble.append("what came is no picture")
        if expected == "refusal":
            outcome.trouble.append("it was painted, and is no picture")
        return
    outcome.answer, outcome.text = "refusal", seen.sentences[0]
    if expected == "picture":
        outcome.trouble.append(f"it is a picture, and was refused: {outcome.text}")
    if UNCLEAR.search(outcome.text) or len(outcome.text) > LONGEST or outcome.text[-1:] not in ".!?)":
        outcome.trouble.append(f"not a clear sentence: {outcome.text[: 2 * LONGEST]}")


async def _picture(order: Order, chats: Doubles) -> bytes:
    match order:
        case TelegramOrder():
            return next(message["_data"] for message in chats.telegram.of_bot(order.chat) if message.get("_data"))
        case DiscordOrder():
            found = [int(m["id"]) for m in chats.discord.of_bot(order.channel) if m["attachments"]]
            return chats.discord.file(found[-1])
        case PageOrder():
            return await order.room.picture(order.room.of("finished")[-1])
    raise AssertionError(order)


def _is_picture(data: bytes) -> bool:
    if data[4:8] == b"ftyp":  # a film, which the page plays
        return True
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
        return True
    except OSError:
        return False


def _look(program: Program, report: Report) -> None:
    """At the processes, while they are there."""
    if pid := program.engine_pid():
        report.engines.add(pid)
        report.engine_mb = max(report.engine_mb, memory(pid, "VmHWM"))
    report.bot_mb = max(report.bot_mb, memory(program.pid, "VmHWM"))


def _of_the_processes(program: Program, code: int | None, report: Report) -> list[str]:
    found = []
    if len(report.engines) != 1:
        found.append(f"{len(report.engines)} engine processes; a file has ended one")
    if code != 0:
        found.append(f"the bot ended with {code}")
    if report.engine_mb > ENGINE_MB:
        found.append(f"the engine took {report.engine_mb:.0f} MB; {ENGINE_MB} are the bound")
    if report.bot_mb > BOT_MB:
        found.append(f"the bot took {report.bot_mb:.0f} MB; {BOT_MB} are the bound")
    found += [f"in the log: {line}" for line in program.lines if " ERROR " in line or line.startswith("Traceback")]
    return found
