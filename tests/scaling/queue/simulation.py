"""The bot's own `FairQueue`, `Forecast` and `Limits` in virtual time, before workers that only count seconds."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count, takewhile

import msgspec

from bot.core.errors import LimitReached
from bot.core.limits import Limits
from bot.core.queue import FairQueue, Ticket
from bot.core.work.forecast import Forecast, Stretch
from tests.scaling.queue.arrivals import Order, Orders
from tests.scaling.queue.cluster import Cluster, Job, Node, Worker
from tests.scaling.queue.scenario import Scenario

LANES = (True, False)  # by whether they are quick
FORETOLD_SECONDS = 2.0  # between two pictures for which it is looked up how long they would be told to wait
HOUR = 3600.0


class Run(msgspec.Struct):
    """What happened."""

    jobs: list[Job]  # all that were accepted
    refused: int
    busy: float  # engine seconds given in the time that counts
    there: float  # worker seconds that there were in it
    lost: int  # times that a worker went with a job in hand
    longest_line: int


class Simulation:
    """`run` it once.

    Args:
        orders: in the order of their times; where there are none, those of the scenario.
    """

    def __init__(self, scenario: Scenario, orders: Iterator[Order] | None = None) -> None:
        self._scenario = scenario
        made = Orders(scenario.arrivals, scenario.cards, scenario.trouble, scenario.seed)
        self._orders = takewhile(lambda order: order.at < scenario.seconds, orders or iter(made))
        self._random = random.Random(scenario.seed + 1)
        self._queue = FairQueue(capacity=10**9)
        self._limits = Limits(open_jobs=scenario.open_jobs, burst=scenario.burst, per_minute=scenario.per_minute)
        self._cluster = Cluster(scenario.workers, scenario.per_node, scenario.cards.step)
        self._happenings: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._now = 0.0
        self._jobs: dict[str, Job] = {}
        self._open: Counter[int] = Counter()  # by person
        self._again: dict[bool, list[Job]] = {quick: [] for quick in LANES}  # whose worker has gone
        self._run = Run([], 0, 0.0, 0.0, 0, 0)
        self._stretch = Stretch()
        self._since = 0.0  # until when `there` was counted
        self._foretell_next = {quick: 0.0 for quick in LANES}
        self._rolling: int | None = None  # the node whose turn to be restarted it is

    def run(self) -> Run:
        """Until the last picture is painted."""
        self._next_order()
        self._plan_trouble()
        while self._happenings and (self._now < self._scenario.seconds or self._open):
            at, _, happen = heapq.heappop(self._happenings)
            self._count_until(at)
            self._now = at
            happen()
            self._hand_out()
        return self._run

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._happenings, (when, next(self._numbers), happen))

    def _count_until(self, at: float) -> None:
        first, last = max(self._since, self._scenario.warm), min(at, self._scenario.seconds)
        if last > first:
            self._run.there += (last - first) * self._cluster.there()
        self._since = at

    # --- orders ------------------------------------------------------------------------------------------------------

    def _next_order(self) -> None:
        order = next(self._orders, None)
        if order is not None:
            self._at(order.at, lambda: self._ordered(order))

    def _ordered(self, order: Order) -> None:
        self._next_order()
        wait = 0.0
        if self._scenario.limits:
            try:
                self._limits.check(f"{order.user}", self._open[order.user], self._now)
            except LimitReached:
                self._run.refused += 1
                return
            wait = self._limits.spend(f"{order.user}", self._now)
        self._open[order.user] += 1
        job = Job(f"{len(self._run.jobs)}", order, self._now + wait)
        self._run.jobs.append(job)
        self._jobs[job.id] = job
        if wait:
            self._at(job.joined, lambda: self._join(job))
        else:
            self._join(job)

    def _join(self, job: Job) -> None:
        self._queue.put(Ticket(job.id, f"{job.order.user}", job.order.kind.seconds, job.quick))
        self._run.longest_line = max(self._run.longest_line, len(self._queue))
        if self._now >= self._foretell_next[job.quick]:
            self._foretell_next[job.quick] = self._now + FORETOLD_SECONDS
            job.foretold = self._now + self._foretell(job)

    def _foretell(self, job: Job) -> float:
        """As `Line` does, which hears from workers how far they are."""
        up, waiting = max(1, self._cluster.up()), self._queue.order(quick=job.quick)
        if job.quick:
            lefts = [max(0.0, it.begun + it.order.kind.seconds - self._now) for it in self._cluster.in_hand(True)]
            forecast = Forecast(waiting, lefts, up, shared=min(up, self._cluster.has_long()))
        else:
            beside = self._queue.seconds(quick=True) / up
            lefts = [left + min(left, beside) for left in self._cluster.long_lefts(self._now)]
            forecast = Forecast(waiting, lefts, up, stretch=self._stretch.factor)
        return next(start for ticket, start in forecast if ticket.id == job.id)

    # --- work --------------------------------------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for quick in LANES:
            while (self._again[quick] or self._waits(quick)) and (worker := self._cluster.room(quick)):
                job = self._again[quick].pop(0) if self._again[quick] else self._jobs[_next(self._queue, quick)]
                self._begin(worker, job)

    def _waits(self, quick: bool) -> bool:
        return self._queue.seconds(quick=quick) > 0

    def _begin(self, worker: Worker, job: Job) -> None:
        ends = self._cluster.begin(worker, job, self._now, self._random.random())
        life = self._cluster.nodes[worker.node].life
        self._at(ends, lambda: self._end(worker, job, life))

    def _end(self, worker: Worker, job: Job, life: int) -> None:
        node = self._cluster.nodes[worker.node]
        if node.life != life:  # it went meanwhile
            return
        if not job.quick and worker.long_ends > self._now:  # quick ones were painted in between
            self._at(worker.long_ends, lambda: self._end(worker, job, life))
            return
        job.ended = self._now
        if not job.quick:
            self._stretch.learn(job.ended - job.begun, job.order.seconds)
        self._cluster.end(worker, job.quick, self._now)
        self._open[job.order.user] -= 1
        if not self._open[job.order.user]:
            del self._open[job.order.user]
        del self._jobs[job.id]
        worked = min(self._now, self._scenario.seconds) - max(self._now - job.order.seconds, self._scenario.warm)
        self._run.busy += max(0.0, worked)
        if node.state == "draining":
            self._restart_if_idle(node)

    # --- trouble -----------------------------------------------------------------------------------------------------

    def _plan_trouble(self) -> None:
        trouble = self._scenario.trouble
        if trouble.node_hours:
            for node in self._cluster.nodes:
                self._plan_loss(node)
        if trouble.restart_every:
            self._at(trouble.restart_every, self._restart_all)

    def _plan_loss(self, node: Node) -> None:
        trouble = self._scenario.trouble

        def lose() -> None:
            if node.state != "down":
                self._away(node, trouble.repair_seconds)
            self._plan_loss(node)

        self._at(self._now + self._random.expovariate(1 / (trouble.node_hours * HOUR)), lose)

    def _away(self, node: Node, seconds: float) -> None:
        """What it had in hand is painted by the next who has room, before all others: `Painting` holds on to it."""
        rolling = node.state == "draining"
        lost = self._cluster.change(node, "down")
        self._run.lost += len(lost)
        for job in lost:
            self._again[job.quick].append(job)

        def back() -> None:
            self._cluster.change(node, "up")
            if rolling and self._rolling is not None:
                self._roll(self._rolling + 1)

        self._at(self._now + seconds, back)

    def _restart_all(self) -> None:
        """One node after the other; not again before the last one is back."""
        self._at(self._now + self._scenario.trouble.restart_every, self._restart_all)
        if self._rolling is None:
            self._roll(0)

    def _roll(self, number: int) -> None:
        """Restart this node when it has finished what it paints; then the next."""
        nodes = self._cluster.nodes
        while number < len(nodes) and nodes[number].state != "up":
            number += 1
        self._rolling = number if number < len(nodes) else None
        if self._rolling is not None:
            self._cluster.change(nodes[number], "draining")
            self._restart_if_idle(nodes[number])

    def _restart_if_idle(self, node: Node) -> None:
        if not any(worker.long or worker.quick for worker in node.workers):
            self._away(node, self._scenario.trouble.restart_seconds)


def _next(queue: FairQueue, quick: bool) -> str:
    """What the queue gives to who waits for it, without an event loop: it gives at once where there is something."""
    waiting = queue.get(quick=quick)
    try:
        waiting.send(None)
    except StopIteration as given:
        ticket: Ticket = given.value
        return ticket.id
    raise AssertionError("nobody waits")
