"""What happens to the processes in a round, and at which moment."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.live.doubles import Doubles
from tests.live.program import Program

HANG_SECONDS = 10  # engine.hang_seconds of the bot, the shortest that it takes
STOP_SECONDS = 25.0  # for the bot to end by itself after SIGTERM
KINDS = {  # with how often each is drawn
    **{"kill engine": 4, "kill bot": 4, "kill both": 3, "stop bot": 3},
    **{"freeze engine": 2, "freeze bot": 2},
}
TO_THE_BOT = ("kill bot", "kill both", "stop bot", "freeze bot")  # while which Discord's deadlines may pass


class Moment(NamedTuple):
    """When a blow falls: after so many requests of the bot to the platforms, or after so many seconds."""

    requests: int
    seconds: float

    @classmethod
    def drawn(cls, rng: random.Random) -> Moment:
        return cls(rng.randint(1, 20), 3.0) if rng.random() < 0.6 else cls(0, rng.uniform(0.0, 1.5))


@dataclass
class Blow:
    """One blow, which `fall` carries out with all that follows from it, until the bot is running again."""

    kind: str
    moment: Moment
    pause: float  # seconds that the bot is away, or a process stands still
    fallen: asyncio.Event = field(default_factory=asyncio.Event)
    at: float = 0.0  # when it fell, by the monotonic clock
    starting: bool = False  # whether the bot was not up yet when it fell
    _frozen: int | None = None  # the engine that stands still
    trouble: str = ""  # what an operator would complain of

    @classmethod
    def drawn(cls, rng: random.Random) -> Blow:
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        pause = rng.uniform(0.05, 1.5)
        if kind == "freeze engine" and rng.random() < 0.1:
            pause = HANG_SECONDS + 2.0  # it is taken for hung
        elif not kind.startswith("freeze"):
            pause = rng.choice([0.0, 0.0, rng.uniform(0.0, 1.0)])
        return cls(kind, Moment.drawn(rng), pause)

    @classmethod
    def second(cls, rng: random.Random) -> Blow | None:
        """One that falls while the bot comes back from the first: on the bot alone, for a photo that two engines die
        with may be given up."""
        if rng.random() < 0.75:
            return None
        return cls(rng.choice(["kill bot", "stop bot"]), Moment(0, rng.uniform(0.0, 1.5)), 0.0)

    async def fall(self, program: Program, doubles: Doubles) -> None:
        await self._wait(program, doubles)
        match self.kind:
            case "kill engine":
                return
            case "freeze engine" | "freeze bot":
                await asyncio.sleep(self.pause)
                program.hit(signal.SIGCONT)
                if self._frozen is not None:
                    with suppress(ProcessLookupError):
                        os.kill(self._frozen, signal.SIGCONT)
                return
        code = await program.until_gone(STOP_SECONDS)
        if code is None:
            self.trouble = f"the bot did not end in {STOP_SECONDS:g} s after SIGTERM"
            program.hit(signal.SIGKILL)
            await program.until_gone(STOP_SECONDS)
        elif self.kind == "stop bot" and code != 0 and not self.starting:
            self.trouble = f"the bot ended with {code} after SIGTERM"
        await asyncio.sleep(self.pause)
        await program.start()

    async def _wait(self, program: Program, doubles: Doubles) -> None:
        """Strike at the moment: with a request, before the bot is told that it was carried out."""
        heard = 0

        def hear() -> None:
            nonlocal heard
            heard += 1
            if heard == self.moment.requests and not self.fallen.is_set():
                self._strike(program)

        doubles.listen(hear)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.moment.seconds):
                await self.fallen.wait()
        doubles.listen(lambda: None)
        if not self.fallen.is_set():
            self._strike(program)

    def _strike(self, program: Program) -> None:
        self.at, self.starting = time.monotonic(), not program.ready
        self.fallen.set()
        match self.kind:
            case "kill engine":
                program.hit_engine(signal.SIGKILL)
            case "kill bot":
                program.hit(signal.SIGKILL)
            case "kill both":
                program.hit_engine(signal.SIGKILL)
                program.hit(signal.SIGKILL)
            case "stop bot":
                program.hit(signal.SIGTERM)
            case "freeze bot":
                program.hit(signal.SIGSTOP)
            case "freeze engine":
                self._frozen = program.hit_engine(signal.SIGSTOP)
