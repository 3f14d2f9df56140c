"""How the bot is doing: counters for /metrics, and whether it is ready for /health."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

WORKER_STATES = ("starting", "idle", "busy", "restarting", "waiting")
SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


def _count(workers: Callable[[], Mapping[str, str]], state: str) -> float:
    return float(sum(each == state for each in workers().values()))


class _ByNode(Collector):
    """Workers by machine and state; machines come and go, so that their names are not known ahead."""

    def __init__(self, by_node: Callable[[], Mapping[str, Mapping[str, int]]]) -> None:
        self._by_node = by_node

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("impasto_node_workers", "Those who paint on a cluster.", labels=["node", "state"])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self.describe():
            for node, counts in self._by_node().items():
                for state in WORKER_STATES:
                    gauge.add_metric([node, state], counts.get(state, 0))
            yield gauge


class Health:
    """Counters in a registry of their own, and the checks that make up readiness."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.jobs = Counter("impasto_jobs", "Jobs by outcome.", ["outcome"], registry=self.registry)
        self.accepted = Counter("impasto_accepted", "Orders that became jobs.", registry=self.registry)
        self.refused = Counter("impasto_refused", "Messages answered with a refusal.", registry=self.registry)
        self.wait = Histogram(
            "impasto_wait_seconds",
            "From an order to the start of its painting.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.painting = Histogram(
            "impasto_engine_seconds",
            "What the engine took for a picture.",
            ["kind"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.breakdowns = Counter(
            "impasto_engine_breakdowns",
            "Jobs that lost their engine process in the middle.",
            registry=self.registry,
        )
        self._processes = Counter(
            "impasto_engine_processes",
            "What became of engine processes: started, ready, crashed, hung and so on.",
            ["event"],
            registry=self.registry,
        )
        self._on_process: list[Callable[[str], None]] = []
        self._checks: dict[str, Callable[[], str]] = {}
        self._notes: list[Callable[[], str]] = []
        self._workers: Callable[[], Mapping[str, str]] = dict
        self._nodes: Callable[[], Mapping[str, str]] = dict
        up = Gauge("impasto_up", "1 while everything that an order needs is there.", registry=self.registry)
        up.set_function(lambda: float(self.readiness()["ok"]))

    def process_event(self, event: str) -> None:
        """Note what became of an engine process; an observer for the supervisor."""
        self._processes.labels(event).inc()
        for tell in self._on_process:
            tell(event)

    def on_process(self, tell: Callable[[str], None]) -> None:
        """Have somebody told what becomes of engine processes."""
        self._on_process.append(tell)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Publish a number that is asked for whenever /metrics is read."""
        Gauge(f"impasto_{name}", text, registry=self.registry).set_function(value)

    def show_workers(
        self, workers: Callable[[], Mapping[str, str]], nodes: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        """Publish who paints: by name the state, which is one of `WORKER_STATES`, and the machine of a cluster."""
        self._workers, self._nodes = workers, nodes
        self.registry.register(_ByNode(self._by_node))
        gauge = Gauge("impasto_workers", "Those who paint, by state.", ["state"], registry=self.registry)
        for state in WORKER_STATES:
            gauge.labels(state).set_function(partial(_count, workers, state))

    def _by_node(self) -> dict[str, dict[str, int]]:
        """By machine of a cluster, how many workers are in which state."""
        found: dict[str, dict[str, int]] = {}
        states = self._workers()
        for name, node in self._nodes().items():
            if node and name in states:
                counts = found.setdefault(node, {})
                counts[states[name]] = counts.get(states[name], 0) + 1
        return found

    def watch(self, name: str, check: Callable[[], str]) -> None:
        """Add to readiness a check that returns what is wrong as a sentence, or nothing."""
        self._checks[name] = check

    def remark(self, note: Callable[[], str]) -> None:
        """Add to readiness a sentence, or nothing, that the operator should read and that stops nobody."""
        self._notes.append(note)

    def readiness(self) -> dict[str, Any]:
        """``{"ok": bool, "checks": {name: bool}, "reasons": [sentence], "notes": [sentence],
        "workers": {name: state}, "nodes": [{state: workers} for every machine of a cluster]}``, for /health.
        """
        found = {name: check() for name, check in self._checks.items()}
        return {
            "ok": not any(found.values()),
            "checks": {name: not reason for name, reason in found.items()},
            "reasons": [reason for reason in found.values() if reason],
            "notes": list(filter(None, (note() for note in self._notes))),
            "workers": dict(self._workers()),
            "nodes": list(self._by_node().values()),  # without their addresses: strangers may read this
        }

    def metrics(self) -> bytes:
        """Everything in Prometheus' text format, to be served as `content_type`."""
        return generate_latest(self.registry)
