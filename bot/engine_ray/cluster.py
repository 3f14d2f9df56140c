"""The Ray cluster: joined, or started on this machine; its machines, and what each has to paint with."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

import msgspec

from bot.engine_ray import frames
from bot.engine_ray.painter import Painter
from engine import wire

REACH_SECONDS = 10.0  # to connect to a head
LOOK_SECONDS = 1.0  # between two looks at the machines
# From a painter's death until the cluster knows that its machine is gone: as a rule it says so first. Where it says
# only that the painter cannot be reached, it takes the machine for lost after five checks, every three seconds.
GONE_SECONDS, UNREACHED_SECONDS = 3.0, 25.0
# Orders and pictures on their way, of a cluster of our own. Memory is taken as it is used, and what does not fit goes
# to disk. The smallest that Ray starts with is 75 MiB.
OBJECT_STORE = 512 * 2**20

T = TypeVar("T")
log = logging.getLogger("impasto.engine")


class NoCluster(Exception):
    """A sentence for the operator: there is no cluster, or none any more."""


class Node(msgspec.Struct, frozen=True):
    """A machine of the cluster."""

    id: str
    address: str
    cpus: int
    gpus: int


class Needs(msgspec.Struct, frozen=True):
    """What each painter has of a machine."""

    cpus: int
    gpus: float  # a part of one where several painters share it


@contextmanager
def joined(plan: frames.Plan) -> Iterator[None]:
    """Be a part of the cluster. Without an address it is one of our own, which ends with this.

    To be entered in the main thread: Ray's processes die with the thread that started them.

    Raises:
        NoCluster: and why.
    """
    import ray

    # Ray opens its folder to every user of the machine, but not what is around it.
    around = None if plan.address else tempfile.mkdtemp(prefix="impasto-", dir=_short())
    how = {"address": plan.address} if around is None else _own(plan, around)
    headless = False
    try:
        try:
            _reach(plan.address)
            ray.init(log_to_driver=False, **how)
        except Exception as error:  # whatever kind of error it makes of its trouble
            where = f"at {plan.address}" if plan.address else "of this machine"
            raise NoCluster(f"The Ray cluster {where} cannot be joined: {error}") from error
        yield
    except NoCluster:
        headless = True
        raise
    finally:
        if not headless:  # or it would be waited for; what is ours dies with this process
            ray.shutdown()
        if around:
            shutil.rmtree(around, ignore_errors=True)


def _reach(address: str) -> None:
    """Ray itself tries for minutes.

    Raises:
        OSError: nobody listens there.
        ValueError: it is no address.
    """
    if address not in ("", "auto"):
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()


def _own(plan: frames.Plan, around: str) -> dict[str, Any]:
    """How a cluster on this machine is started: with room for all of the workers, as their processes would have."""
    cpus = max(len(os.sched_getaffinity(0)), plan.workers * max(1, plan.settings.threads))
    folder = {"_temp_dir": f"{around}/ray", "object_store_memory": OBJECT_STORE}
    return {"address": "local", "num_cpus": cpus, "include_dashboard": False, **folder}


def _short() -> str | None:
    """A folder whose name leaves room for those of sockets in it, which have 107 characters at most."""
    return "/tmp" if os.access("/tmp", os.W_OK) else None


async def apart(work: Callable[[], T]) -> T:
    """What a call to Ray returns, made in a thread that nobody waits for at the end: without a head it may hang."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: Exception | None) -> None:
        if result.done():
            return  # nobody waits any more
        if error:
            result.set_exception(error)
        else:
            result.set_result(cast(T, value))

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except Exception as failed:
            error = failed
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="ray", daemon=True).start()
    return await result


class Cluster:
    """The machines, as they come and go."""

    def __init__(self, plan: frames.Plan) -> None:
        self.nodes: dict[str, Node] = {}
        self.draining: frozenset[str] = frozenset()  # machines that are about to go
        self._plan = plan
        self._look()
        self.needs = needs(list(self.nodes.values()), plan.workers, plan.settings)

    def hire(self, name: str) -> Any:
        """A new painter, which may have to wait for its place."""
        import ray

        settings = msgspec.structs.replace(self._plan.settings, threads=self._threads)
        plan = msgspec.structs.replace(self._plan, engine=wire.encode_settings(settings))
        resources = {"num_cpus": self.needs.cpus, "num_gpus": self.needs.gpus}
        # Whether to try again is for the bot's journal to say, and who paints for `Seat`.
        return ray.remote(Painter).options(**resources, max_restarts=0).remote(frames.encode_plan(plan), name)

    @property
    def _threads(self) -> int:
        """Of each painter: as the CPU's many that it has; with a GPU as configured, as on one machine."""
        return self._plan.settings.threads if self.needs.gpus else self.needs.cpus

    async def follow(self, changed: Callable[[], None]) -> None:
        """Keep looking.

        Raises:
            NoCluster: its head is gone.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            before = self.nodes, self.draining
            try:
                async with asyncio.timeout(self._plan.head_seconds):
                    await apart(self._look)
            except Exception as error:
                why = f" ({error})" if str(error) else ""
                raise NoCluster(f"The head of the Ray cluster does not answer any more{why}.") from error
            if (self.nodes, self.draining) != before:
                changed()

    async def is_gone(self, node: str, error: Exception) -> bool:
        """Whether a painter was lost, with this error, because its machine is."""
        import ray.exceptions

        unreached = isinstance(error, ray.exceptions.ActorUnavailableError)
        for _ in range(int((UNREACHED_SECONDS if unreached else GONE_SECONDS) / LOOK_SECONDS)):
            if node not in self.nodes or node in self.draining:
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def _look(self) -> None:
        import ray

        alive = [node for node in ray.nodes() if node["Alive"]]
        self.nodes = {node["NodeID"]: _node(node) for node in alive}
        self.draining = _draining()


def _draining() -> frozenset[str]:
    """Machines that are about to go. Nothing public of Ray 2.60 says so; without it they go unannounced."""
    try:
        from ray._private.state import state

        return frozenset(state.get_draining_nodes())
    except (ImportError, AttributeError):
        return frozenset()


def _node(node: dict[str, Any]) -> Node:
    has = node["Resources"]
    return Node(node["NodeID"], node["NodeManagerAddress"], int(has.get("CPU", 0)), int(has.get("GPU", 0)))


def needs(nodes: Sequence[Node], workers: int, settings: wire.EngineSettings) -> Needs:
    """Equal parts of the cluster for each painter: the number of threads shows in a picture's last bits.

    A GPU each where there is one, or a part of it. Else as many CPUs as leave room for all of them, whole machines at
    most; without a number of workers, the whole of the smallest machine.
    """
    if settings.device != "cpu" and (settings.device == "cuda" or any(node.gpus for node in nodes)):
        return Needs(1, 1 / settings.share)
    cpus = sorted(node.cpus for node in nodes if node.cpus) or [1]
    if settings.threads:
        return Needs(settings.threads, 0)
    if not workers:
        return Needs(cpus[0], 0)
    fits = (each for each in range(cpus[-1], 0, -1) if sum(has // each for has in cpus) >= workers)
    return Needs(next(fits, 1), 0)
