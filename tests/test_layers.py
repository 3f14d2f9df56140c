"""The dependency direction, held: who may import whom.

bot.__main__ -> chats -> commands -> studio -> {limits, queue, store, supervisor, health} -> {jobs, errors} -> engine
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
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
# The engine from the ground up: a part may import the parts below it, and none beside it.
ENGINE_FLOORS: tuple[set[str], ...] = (
    DOORS,
    {"engine.device", "engine.stages", "engine.tensors"},
    {"engine.images"},
    {"engine.encoders"},
    {"engine.fast", "engine.fine", "engine.universal"},
    {"engine.painter"},
    {"engine.worker"},
    {"engine.train"},
)
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


def part(name: str) -> str:
    """``engine.fast`` of engine.fast.paint: the package, or the module where there is none."""
    return ".".join(name.split(".")[:2])


def floor(name: str) -> int:
    found = [number for number, parts in enumerate(ENGINE_FLOORS) if part(name) in parts]
    assert found, f"say in tests/test_layers.py on which floor {part(name)} is"
    return found[0]


@pytest.mark.parametrize("name", [name for name in ENGINE if name != "engine"])
def test_dependencies_of_the_engine_point_down(name: str) -> None:
    found = {part(other) for other in imported_by(name) if other in MODULES} - {part(name)}
    beside = DOORS if name in DOORS else set()
    assert not [other for other in found if floor(other) >= floor(name) and other not in beside]


def test_the_imports_of_the_engine_have_no_circle() -> None:
    TopologicalSorter({name: imported_by(name) & set(ENGINE) for name in ENGINE}).prepare()  # raises CycleError


@pytest.mark.parametrize("name", [name for name in MODULES if part(name) != "engine.train"])
def test_only_the_workshop_imports_the_workshop(name: str) -> None:
    assert "engine.train" not in {part(other) for other in imported_by(name)}


def test_thumbnails_are_made_without_torch_and_numpy() -> None:
    assert tops(imported_by("engine.images.thumbnails")) & HEAVY == {"PIL"}
    assert not imported_by("engine.images") | imported_by("engine")


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
