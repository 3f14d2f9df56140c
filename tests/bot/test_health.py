"""Counters and readiness."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from bot.health import WORKER_STATES, Health


def _samples(health: Health) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(health.metrics().decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_it_is_ready_when_nothing_is_wrong() -> None:
    health = Health()
    health.watch("engine", lambda: "")
    assert health.readiness() == {
        "ok": True,
        "checks": {"engine": True},
        "reasons": [],
        "notes": [],
        "workers": {},
        "nodes": [],
    }


def test_workers_are_shown_with_what_they_are_doing() -> None:
    health = Health()
    health.show_workers(lambda: {"1 (card 0)": "busy", "2 (card 1)": "idle", "3 (card 2)": "busy"})
    assert health.readiness()["workers"] == {"1 (card 0)": "busy", "2 (card 1)": "idle", "3 (card 2)": "busy"}
    samples = _samples(health)
    assert [samples["impasto_workers", state] for state in WORKER_STATES] == [0, 1, 2, 0, 0]


def test_the_workers_of_a_cluster_are_counted_by_machine_and_only_who_has_the_token_reads_its_address() -> None:
    health = Health()
    states = {"1": "busy", "2": "idle", "3": "busy", "4": "waiting"}
    nodes = {"1": "10.0.0.7", "2": "10.0.0.7", "3": "10.0.0.8", "4": ""}
    health.show_workers(lambda: states, lambda: nodes)
    samples = _samples(health)
    assert (
        samples["impasto_node_workers", "10.0.0.7", "busy"] == samples["impasto_node_workers", "10.0.0.7", "idle"] == 1
    )
    assert samples["impasto_node_workers", "10.0.0.8", "busy"] == 1
    assert samples["impasto_node_workers", "10.0.0.8", "idle"] == 0
    assert health.readiness()["nodes"] == [{"busy": 1, "idle": 1}, {"busy": 1}]
    assert "10.0.0" not in str(health.readiness())
    del states["3"]
    assert ("impasto_node_workers", "10.0.0.8", "busy") not in _samples(health)


def test_what_is_wrong_is_named() -> None:
    health, reasons = Health(), {"engine": "The engine is not ready.", "journal": ""}
    for name in reasons:
        health.watch(name, lambda name=name: reasons[name])
    assert health.readiness() == {
        "ok": False,
        "checks": {"engine": False, "journal": True},
        "reasons": ["The engine is not ready."],
        "notes": [],
        "workers": {},
        "nodes": [],
    }
    assert _samples(health)["impasto_up",] == 0
    reasons["engine"] = ""
    assert _samples(health)["impasto_up",] == 1


def test_counters_are_published_for_prometheus() -> None:
    health = Health()
    health.jobs.labels("delivered").inc()
    health.painting.labels("fine/slim").observe(12)
    health.gauge("queue_length", "Pictures waiting.", lambda: 3)
    health.process_event("crashed")
    samples = _samples(health)
    assert samples["impasto_jobs_total", "delivered"] == 1
    assert samples["impasto_engine_seconds_sum", "fine/slim"] == 12
    assert samples["impasto_queue_length",] == 3
    assert samples["impasto_engine_processes_total", "crashed"] == 1


def test_two_bots_in_one_process_count_for_themselves() -> None:
    first, second = Health(), Health()
    first.jobs.labels("delivered").inc()
    assert ("impasto_jobs_total", "delivered") not in _samples(second)
