"""Who is next in each lane: deficit round-robin between people, in estimated engine seconds; cancel by id.

Quick pictures have a lane of their own, beside the long ones, and are shared out there by themselves.

Every person in the line is visited in turn and credited a quantum of engine seconds; whose first picture is paid for
by the credit is served. So one person's ten pictures hold up another's first by no more than its own cost, however
many workers there are to serve.

Nobody is really visited. In which round a picture is paid for depends on nobody but its owner, so it is worked out
when the picture joins, and the lane is kept in the order of rounds and, within a round, of people.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable

import msgspec

from bot.core.errors import LimitReached
from bot.core.estimate import in_words

GAP = 1 << 512  # between two people's positions: so many may join one after the other between the same two


class Ticket(msgspec.Struct, frozen=True):
    """One waiting job."""

    id: str
    user: str
    cost: float  # estimated engine seconds
    quick: bool = False  # its lane


class _Turn(msgspec.Struct, eq=False):
    """When a ticket is served, if nothing changes."""

    ticket: Ticket
    person: _Person
    round: int = 0
    credit: float = 0.0  # that the person has left after it


class _Person(msgspec.Struct, eq=False):
    """One person's pictures, first come first served."""

    position: int  # in every round
    round: int  # of the visit that the credit is of
    credit: float = 0.0
    turns: list[_Turn] = []


class FairQueue:
    """The waiting jobs.

    Args:
        capacity: pictures that may wait in all; `check` refuses beyond it.
        quantum: engine seconds of credit for a visit. No picture counts as cheaper than that, so nobody is served
            twice in one round.
    """

    def __init__(self, *, capacity: int = 100, quantum: float = 1.0) -> None:
        self._capacity = capacity
        self._lanes = {quick: _Lane(quantum) for quick in (False, True)}

    def __len__(self) -> int:
        return sum(len(lane.turns) for lane in self._lanes.values())

    def check(self, wait: Callable[[], float], coming: int = 0) -> None:
        """Refuse when the line is full.

        Args:
            wait: seconds until the first place is free.
            coming: pictures that were promised a place and are not in the line yet.

        Raises:
            LimitReached
        """
        if len(self) + coming >= self._capacity:
            raise LimitReached(
                f"The queue is full: {self._capacity} pictures are waiting. Please try again in {in_words(wait())}."
            )

    def put(self, ticket: Ticket, *, first: bool = False) -> None:
        """Join the line. Never refuses: after a restart, those who were accepted before come back in.

        Args:
            first: before the person's other pictures.
        """
        self._lanes[ticket.quick].put(ticket, first)

    async def get(self, *, quick: bool = False) -> Ticket:
        """The next to be served in the lane, as soon as there is one."""
        lane = self._lanes[quick]
        while not lane.turns:
            lane.filled.clear()
            await lane.filled.wait()
        return lane.serve()

    def cancel(self, job: str) -> bool:
        """Take a job out of the line; False when it is not there."""
        return any(lane.cancel(job) for lane in self._lanes.values())

    def order(self, *, quick: bool = False) -> list[Ticket]:
        """Everybody waiting in the lane, in the order in which they would be served if nobody else came."""
        return [turn.ticket for turn in self._lanes[quick].turns]

    def place(self, job: str) -> int | None:
        """Which in its lane a job is, 1 for the next; None for one that does not wait."""
        return next((place for lane in self._lanes.values() if (place := lane.place(job))), None)

    def seconds(self, *, quick: bool = False) -> float:
        """What all in the lane cost together."""
        return self._lanes[quick].seconds


class _Lane:
    """One lane; `turns` are in the order of service."""

    def __init__(self, quantum: float) -> None:
        self.turns: list[_Turn] = []
        self.filled = asyncio.Event()
        self.seconds = 0.0  # that all of them cost
        self._quantum = quantum
        self._of: dict[str, _Turn] = {}  # by job
        self._people: dict[str, _Person] = {}  # nobody without pictures
        self._positions: list[int] = []  # theirs, sorted
        # Who was served last, and the last to join since: who joins now is visited after these and before all others.
        self._round = self._served = self._joined = 0

    def put(self, ticket: Ticket, first: bool) -> None:
        person = self._people.get(ticket.user) or self._newcomer(ticket.user)
        turn = self._of[ticket.id] = _Turn(ticket, person)
        self.seconds += ticket.cost
        if first and person.turns:
            person.turns.insert(0, turn)
            self._pay_anew(person)
        else:
            person.turns.append(turn)
            self._pay(person, len(person.turns) - 1)
            insort(self.turns, turn, key=_when)
        self.filled.set()

    def serve(self) -> Ticket:
        turn = self.turns.pop(0)
        person = turn.person
        person.turns.pop(0)
        person.round, person.credit = turn.round, turn.credit
        self._round, self._served = turn.round, person.position
        self._joined = self._served
        self._forget(turn)
        return turn.ticket

    def cancel(self, job: str) -> bool:
        turn = self._of.get(job)
        if turn is None:
            return False
        person = turn.person
        del self.turns[self._index(turn)]
        was_last = person.turns[-1] is turn
        person.turns.remove(turn)
        if not was_last:
            self._pay_anew(person)
        self._forget(turn)
        return True

    def place(self, job: str) -> int | None:
        turn = self._of.get(job)
        return self._index(turn) + 1 if turn else None

    def _index(self, turn: _Turn) -> int:
        return bisect_left(self.turns, _when(turn), key=_when)  # nobody is served twice in a round

    # --- credit ------------------------------------------------------------------------------------------------------

    def _pay(self, person: _Person, number: int) -> None:
        """In which round the picture is paid for, given those before it."""
        turn = person.turns[number]
        before = person.turns[number - 1] if number else person
        price = max(turn.ticket.cost, self._quantum)
        rounds = max(1, math.ceil((price - before.credit) / self._quantum))
        turn.round = before.round + rounds
        turn.credit = before.credit + rounds * self._quantum - price

    def _pay_anew(self, person: _Person) -> None:
        """The person's pictures have changed: what was saved up so far is for the first of them as they are now."""
        visited = self._round if person.position <= self._served else self._round - 1
        if visited > person.round:
            person.credit += (visited - person.round) * self._quantum
            person.round = visited
        for number in range(len(person.turns)):
            self._pay(person, number)
        others = [turn for turn in self.turns if turn.person is not person]
        self.turns = sorted(others + person.turns, key=_when)

    # --- people ------------------------------------------------------------------------------------------------------

    def _newcomer(self, user: str) -> _Person:
        """Visited for the first time when everybody else has been visited once more."""
        if self._room() < 2:
            self._spread()
        self._joined += min(self._room(), 2 * GAP) // 2
        insort(self._positions, self._joined)
        person = self._people[user] = _Person(self._joined, self._round)
        return person

    def _room(self) -> int:
        """Between the last to join and who comes after."""
        after = bisect_right(self._positions, self._joined)
        return self._positions[after] - self._joined if after < len(self._positions) else 2 * GAP

    def _spread(self) -> None:
        """Make room again between all positions."""
        apart = {
            old: number * GAP for number, old in enumerate(sorted({*self._positions, self._served, self._joined}))
        }
        for person in self._people.values():
            person.position = apart[person.position]
        self._positions = [apart[position] for position in self._positions]
        self._served, self._joined = apart[self._served], apart[self._joined]

    def _forget(self, turn: _Turn) -> None:
        del self._of[turn.ticket.id]
        self.seconds = self.seconds - turn.ticket.cost if self.turns else 0.0
        if not turn.person.turns:
            del self._people[turn.ticket.user]
            del self._positions[bisect_left(self._positions, turn.person.position)]


def _when(turn: _Turn) -> tuple[int, int]:
    return turn.round, turn.person.position
