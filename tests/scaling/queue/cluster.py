"""The workers: a long picture and a quick one each, as `engine.worker` paints them, on nodes that come and go."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tests.scaling.queue.arrivals import Order


class Job(msgspec.Struct, eq=False):
    """One picture on its way."""

    id: str
    order: Order
    joined: float
    begun: float = -1.0
    ended: float = -1.0
    tries: int = 0
    foretold: float | None = None  # the estimate of its beginning when it joined; not of all

    @property
    def quick(self) -> bool:
        return self.order.kind.quick


class Worker(msgspec.Struct, eq=False):
    number: int
    node: int
    long: Job | None = None
    quick: Job | None = None
    long_ends: float = 0.0
    quick_from: float = 0.0  # the long picture has the time until then to itself


class Node(msgspec.Struct, eq=False):
    workers: list[Worker]
    state: str = "up"  # "draining", "down"
    life: int = 0  # what was planned for an earlier one is not for this one


class Cluster:
    """Who has room. A worker without another job is preferred, as `bot.engine_process.pool` does."""

    def __init__(self, workers: int, per_node: int, step: float) -> None:
        self._step = step
        everybody = [Worker(number, number // per_node) for number in range(workers)]
        self.nodes = [Node(everybody[first : first + per_node]) for first in range(0, workers, per_node)]
        # By lane, and by whether the other lane of the worker is busy; dictionaries are sets that keep an order.
        self._free: dict[tuple[bool, bool], dict[int, Worker]] = {
            (quick, busy): {} for quick in (False, True) for busy in (False, True)
        }
        for worker in everybody:
            self._note(worker)

    def room(self, quick: bool) -> Worker | None:
        for busy in (False, True):
            if workers := self._free[quick, busy]:
                return next(iter(workers.values()))
        return None

    def has_long(self) -> int:
        """Workers that are up and paint a long picture."""
        return sum(worker.long is not None for node in self.nodes if node.state == "up" for worker in node.workers)

    def in_hand(self, quick: bool) -> Iterator[Job]:
        for node in self.nodes:
            for worker in node.workers:
                job = worker.quick if quick else worker.long
                if job is not None:
                    yield job

    def long_lefts(self, now: float) -> list[float]:
        """Seconds until each long picture is finished, if no more quick ones came in between."""
        workers = (worker for node in self.nodes for worker in node.workers if worker.long)
        return [max(0.0, worker.long_ends - now) for worker in workers]

    def up(self) -> int:
        return sum(len(node.workers) for node in self.nodes if node.state == "up")

    def there(self) -> int:
        """Workers that cost money and could paint, those among them that are about to be restarted."""
        return sum(len(node.workers) for node in self.nodes if node.state != "down")

    def begin(self, worker: Worker, job: Job, now: float, step: float) -> float:
        """Give it to the worker; returns when it will have been painted.

        Args:
            step: between 0 and 1, how much of the long picture's step is still to be done.
        """
        job.tries += 1
        if not job.quick:
            worker.long = job
            begins = now if worker.quick is None else max(now, worker.quick.ended)
            worker.long_ends = begins + job.order.seconds
            if worker.quick is not None:
                worker.quick_from = worker.quick.ended + worker.quick.order.seconds
        else:
            worker.quick = job
            begins = now
            if worker.long is not None:
                begins = min(max(now, worker.quick_from) + step * self._step, worker.long_ends)
            job.ended = begins + job.order.seconds
            if worker.long is not None and begins < worker.long_ends:
                worker.long_ends += job.order.seconds
                worker.quick_from = job.ended + job.order.seconds
        if job.begun < 0 or job.begun > now:  # not before, or its worker went before it came to that
            job.begun = begins
        self._note(worker)
        return worker.long_ends if not job.quick else job.ended

    def end(self, worker: Worker, quick: bool, now: float) -> None:
        if quick:
            worker.quick = None
        else:
            worker.long = None
            worker.quick_from = now
        self._note(worker)

    def change(self, node: Node, state: str) -> list[Job]:
        """Returns the jobs that were lost."""
        node.state = state
        lost: list[Job] = []
        if state == "down":
            node.life += 1
            lost = [job for worker in node.workers for job in (worker.long, worker.quick) if job is not None]
            for worker in node.workers:
                worker.long = worker.quick = None
                worker.quick_from = 0.0
        for worker in node.workers:
            self._note(worker)
        return lost

    def _note(self, worker: Worker) -> None:
        up = self.nodes[worker.node].state == "up"
        for quick, mine, other in ((False, worker.long, worker.quick), (True, worker.quick, worker.long)):
            for busy in (False, True):
                self._free[quick, busy].pop(worker.number, None)
            if up and mine is None:
                self._free[quick, other is not None][worker.number] = worker
