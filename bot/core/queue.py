"""Who is next in each lane: deficit round-robin between people, in estimated engine seconds; cancel by id.

Quick pictures have a lane of their own, beside the long ones, and are shared out there by themselves.

Every person in the line is visited in turn and credited a quantum of engine seconds; whose first picture is paid for
by the credit is served. So one person's ten pictures hold up another's first by no more than its own cost.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

import msgspec

from bot.core.errors import LimitReached
from bot.core.estimate import in_words


class Ticket(msgspec.Struct, frozen=True):
    """One waiting job."""

    id: str
    user: str
    cost: float  # estimated engine seconds
    quick: bool = False  # its lane


class _Line(msgspec.Struct):
    """One person's pictures, first come first served, and the credit towards the first."""

    user: str
    tickets: deque[Ticket]
    credit: float = 0.0


class FairQueue:
    """The waiting jobs.

    Args:
        capacity: pictures that may wait in all; `check` refuses beyond it.
        quantum: engine seconds of credit for a visit. No picture counts as cheaper than that, so nobody is served
            twice in one round.
    """

    def __init__(self, *, capacity: int = 100, quantum: float = 1.0) -> None:
        self._capacity = capacity
        self._quantum = quantum
        # By whether they are quick; the next to be visited first, nobody without pictures.
        self._rounds: dict[bool, deque[_Line]] = {False: deque(), True: deque()}
        self._filled = {False: asyncio.Event(), True: asyncio.Event()}

    def __len__(self) -> int:
        return sum(len(line.tickets) for round_ in self._rounds.values() for line in round_)

    def check(self, wait: float = 0.0, coming: int = 0) -> None:
        """Refuse when the line is full.

        Args:
            wait: seconds until the first place is free.
            coming: pictures that were promised a place and are not in the line yet.

        Raises:
            LimitReached
        """
        if len(self) + coming >= self._capacity:
            raise LimitReached(
                f"The queue is full: {self._capacity} pictures are waiting. Please try again in {in_words(wait)}."
            )

    def put(self, ticket: Ticket, *, first: bool = False) -> None:
        """Join the line. Never refuses: after a restart, those who were accepted before come back in.

        Args:
            first: before the person's other pictures.
        """
        round_ = self._rounds[ticket.quick]
        for line in round_:
            if line.user == ticket.user:
                line.tickets.insert(0 if first else len(line.tickets), ticket)
                break
        else:
            round_.append(_Line(ticket.user, deque([ticket])))
        self._filled[ticket.quick].set()

    async def get(self, *, quick: bool = False) -> Ticket:
        """The next to be served in the lane, as soon as there is one."""
        while not self._rounds[quick]:
            self._filled[quick].clear()
            await self._filled[quick].wait()
        return _serve(self._rounds[quick], self._quantum)

    def cancel(self, job: str) -> bool:
        """Take a job out of the line; False when it is not there."""
        for round_ in self._rounds.values():
            for line in round_:
                for ticket in line.tickets:
                    if ticket.id == job:
                        line.tickets.remove(ticket)
                        if not line.tickets:
                            round_.remove(line)
                        return True
        return False

    def order(self, *, quick: bool = False) -> list[Ticket]:
        """Everybody waiting in the lane, in the order in which they would be served if nobody else came."""
        copy = deque(_Line(line.user, deque(line.tickets), line.credit) for line in self._rounds[quick])
        return [_serve(copy, self._quantum) for _ in range(sum(len(line.tickets) for line in copy))]


def _serve(round_: deque[_Line], quantum: float) -> Ticket:
    def price(line: _Line) -> float:
        return max(line.tickets[0].cost, quantum)

    while True:
        for _ in range(len(round_)):
            line = round_.popleft()
            line.credit += quantum
            if price(line) <= line.credit:
                line.credit -= price(line)
                ticket = line.tickets.popleft()
                if line.tickets:
                    round_.append(line)
                return ticket
            round_.append(line)
        # More rounds in which nobody could be served are walked in one step.
        idle = min(math.ceil((price(line) - line.credit) / quantum) for line in round_) - 1
        for line in round_:
            line.credit += idle * quantum
