"""The dependency direction, held: who may import whom.

bot.__main__ -> chats -> commands -> studio -> {limits, queue, store, supervisor, health} -> {jobs, errors} -> engine
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOORS = {"engine.wire", "engine.gallery", "engine.recipe"}
HEAVY = {"torch", "torchvision", "numpy", "safetensors", "PIL"}

# What a module of bot/ may import of bot/; chats are looked at together.
GROUND = {"bot.errors", "bot.jobs", "bot.estimate"}
ROOMS = {"bot.limits", "bot.queue", "bot.store", "bot.supervisor", "bot.health"}
ALLOWED: dict[str, set[str]] = {
    "bot": set(),
    "bot.errors": set(),
    "bot.estimate": set(),
    "bot.jobs": {"bot.errors"},
    "bot.config": {"bot.errors"},
    "bot.log": set(),
    "bot.chat": GROUND,
    "bot.rooms": GROUND | {"bot.chat", "bot.store"},
    **dict.fromkeys(ROOMS, GROUND),  # what they need of the configuration comes as arguments
    "bot.announce": GROUND | {"bot.store", "bot.chat"},
    "bot.studio": GROUND | ROOMS | {"bot.chat", "bot.announce", "bot.rooms"},
    "bot.commands": GROUND | ROOMS | {"bot.chat", "bot.studio"},
    "bot.actions": GROUND | ROOMS | {"bot.chat", "bot.studio"},
    "bot.prints": {"bot.supervisor"},
    "bot.sheets": {"bot.prints"},
    "bot.doctor": GROUND | ROOMS | {"bot.config"},
}
# The one chat that imports each chat's library, in one file or in several of its rooms.
LIBRARIES = {
    "aiohttp": "bot.chat.web",
    "rich": "bot.chat.terminal",
    "discord": "bot.chat.discord",
    "telegram": "bot.chat.telegram",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for package in ("bot", "engine")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "static" not in path.parts
}
BOT = [name for name in MODULES if name.split(".")[0] == "bot"]
ENGINE = [name for name in MODULES if name.split(".")[0] == "engine"]


def imports(source: str) -> Iterator[str]:
    """Every module that the source imports, wherever in it; ``from package import module`` counts as the module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they lead"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in inner if name in MODULES]
            yield from found or [node.module or ""]


def imported_by(name: str) -> set[str]:
    return set(imports(MODULES[name].read_text("utf-8")))


def platform(name: str) -> str:
    """``web`` of bot.chat.web and of bot.chat.web_rooms, which is a part of it."""
    return name.removeprefix("bot.chat.").split("_")[0]


def tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def test_the_walk_sees_every_way_to_import() -> None:
    source = "import torch.nn as nn\ndef f():\n    from engine import wire\n    from bot.jobs import Job, State\n"
    assert set(imports(source)) == {"torch.nn", "engine.wire", "bot.jobs"}


@pytest.mark.parametrize("name", ENGINE)
def test_the_engine_never_imports_the_bot(name: str) -> None:
    assert "bot" not in tops(imported_by(name))


@pytest.mark.parametrize("door", sorted(DOORS))
def test_the_three_doors_lead_to_nothing_heavy(door: str) -> None:
    found = imported_by(door)
    assert not tops(found) & HEAVY
    assert {name for name in found if name.startswith("engine")} <= DOORS


@pytest.mark.parametrize("name", BOT)
def test_the_bot_knows_the_engine_by_its_three_doors_only(name: str) -> None:
    found = imported_by(name)
    assert {other for other in found if other.split(".")[0] == "engine"} <= DOORS
    assert not tops(found) & HEAVY


@pytest.mark.parametrize("name", BOT)
def test_dependencies_of_the_bot_point_one_way(name: str) -> None:
    found = {other for other in imported_by(name) if other.split(".")[0] == "bot"}
    if name == "bot.__main__":
        return
    if name.startswith("bot.chat."):
        others = {other for other in BOT if other.startswith("bot.chat.") and platform(other) != platform(name)}
        assert not found & (others | {"bot.__main__", "bot.doctor"}), "a chat knows no other chat"
        return
    assert name in ALLOWED, f"say in tests/test_layers.py what {name} may import"
    assert found <= ALLOWED[name]


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_chats_library_is_imported_by_that_chat_alone(library: str) -> None:
    users = {name for name in BOT if library in tops(imported_by(name))}
    assert {name for name in users if not name.startswith(f"{LIBRARIES[library]}_")} <= {LIBRARIES[library]}
