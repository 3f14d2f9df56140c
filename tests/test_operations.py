"""What operators are given fits the bot: the dashboard its metrics, the unit and the compose file its settings."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.app import PLATFORMS
from bot.chat.web.chat import WebChat
from bot.chat.web.events import HEARTBEAT_SECONDS
from bot.command_line.main import MISUSED, STOP_SECONDS
from bot.config import Config, Web, load
from tests.harness import ManualEngine, assembled

# What a kind of metric is exported as.
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
VARIABLES = {setting.variable for setting in config.settings()}


@pytest.fixture
def folder(root: Path) -> Path:
    return root / "docs" / "operations"


@pytest.fixture
async def exported(root: Path) -> dict[str, set[str]]:
    """By metric, the names that Prometheus knows it under; of a bot with every platform."""
    tokens = {"telegram.token": "123456789:AAE4-abcdefghijklmnopqrstuvwxyz_12345", "discord.token": "a.b.c"}
    everywhere = load(None, {}, tokens)
    async with assembled(ManualEngine()) as services:
        WebChat(Web(), services)
        for connect in PLATFORMS.values():
            connect(everywhere, services)
        families = list(services.health.registry.collect())
    return {one.name: {one.name + ending for ending in ENDINGS[one.type]} for one in families}


def expressions(found: Any) -> Iterator[str]:
    """Every query of a dashboard."""
    if isinstance(found, dict):
        yield from ([found["expr"]] if "expr" in found else [])
        found = list(found.values())
    for inner in found if isinstance(found, list) else ():
        yield from expressions(inner)


def test_the_dashboard_shows_what_is_measured_and_all_of_it(folder: Path, exported: dict[str, set[str]]) -> None:
    dashboard = json.loads((folder / "grafana.json").read_text("utf-8"))
    shown = {name for query in expressions(dashboard) for name in re.findall(r"impasto_\w+", query)}
    known = set().union(*exported.values())
    assert shown <= known
    unseen = [metric for metric, names in exported.items() if not names & shown]
    assert unseen == []


def test_the_dashboard_groups_by_labels_that_there_are(folder: Path) -> None:
    dashboard = json.loads((folder / "grafana.json").read_text("utf-8"))
    groups = {name for query in expressions(dashboard) for name in re.findall(r"by \(([\w, ]+)\)", query)}
    assert {name for group in groups for name in group.split(", ")} == {
        "outcome",
        "event",
        "kind",
        "le",
        "state",
        "node",
    }
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    for one in places:
        assert one["x"] + one["w"] <= 24
        apart = [
            other is one
            or one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
            for other in places
        ]
        assert all(apart), "two panels overlap"


def test_metrics_that_the_page_speaks_of_exist(root: Path, exported: dict[str, set[str]]) -> None:
    page = (root / "docs" / "operations.md").read_text("utf-8")
    assert set(re.findall(r"\bimpasto_[a-z]\w+", page)) - {"impasto_connection"} <= set().union(*exported.values())


def test_settings_in_what_operators_are_given_exist(root: Path, folder: Path) -> None:
    for path in (root / "docs" / "operations.md", folder / "compose.yaml", folder / "impasto.service"):
        named = set(re.findall(r"IMPASTO_[A-Z_]+\b", path.read_text("utf-8")))
        assert named <= VARIABLES, path


def test_the_compose_file_demands_a_token_and_is_open_to_this_machine_only(folder: Path) -> None:
    text = (folder / "compose.yaml").read_text("utf-8")
    assert re.search(r"IMPASTO_WEB_TOKEN: \$\{IMPASTO_WEB_TOKEN:\?[^}]+\}", text)
    assert re.search(r'^ +- "127\.0\.0\.1:8080:8080"', text, re.MULTILINE)
    assert "- impasto:/data" in text
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", text)
    assert int(grace) > STOP_SECONDS


@pytest.fixture
def unit(folder: Path) -> configparser.SectionProxy:
    # Several keys stand more than once, as systemd has it; here the last is enough.
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(folder / "impasto.service", "utf-8")
    return parser["Service"]


def test_the_unit_gives_the_bot_time_and_does_not_retry_a_mistake(unit: configparser.SectionProxy) -> None:
    assert int(unit["TimeoutStopSec"]) > STOP_SECONDS
    assert unit["RestartPreventExitStatus"] == str(MISUSED)
    assert unit["OOMPolicy"] == "continue", "or the bot goes with its engine"
    environment = dict(word.split("=", 1) for word in unit["Environment"].split())
    read = load(None, {name: value for name, value in environment.items() if name != "HOME"})
    assert isinstance(read, Config)
    assert read.store.path == Path("/var/lib/impasto/journal.sqlite3")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
def test_systemd_can_read_the_unit_and_finds_little_exposed(folder: Path, tmp_path: Path) -> None:
    here = tmp_path / "impasto.service"
    here.write_text((folder / "impasto.service").read_text("utf-8").replace("/opt/impasto/bin/impasto", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, timeout=60)
    assert str(here) not in verified.stderr, verified.stderr
    looked = ["systemd-analyze", "security", "--offline=true", "--threshold=25", here]
    found = subprocess.run(looked, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout[-200:] + found.stderr


def test_the_page_tells_proxies_what_the_code_does(root: Path) -> None:
    page = (root / "docs" / "operations.md").read_text("utf-8")
    assert f"every {HEARTBEAT_SECONDS:.0f} seconds" in page
    (patience,) = re.findall(r"proxy_read_timeout (\d+)s", page)
    assert int(patience) > 2 * HEARTBEAT_SECONDS
    (most,) = re.findall(r"client_max_body_size (\d+)m", page)
    assert int(most) > Config().limits.max_photo_mb
