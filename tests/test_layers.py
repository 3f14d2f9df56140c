"""The dependency direction, held: who may import whom. docs/architecture.md draws it.

bot.__main__ -> bot.command_line -> bot.app -> bot.chat.* -> bot.dialog -> bot.engine_ray -> bot.engine_process
-> bot.core -> the three doors of engine
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOORS = {"engine.wire", "engine.gallery", "engine.recipe"}
HEAVY = {"torch", "torchvision", "numpy", "safetensors", "PIL"}

# The floors of bot, from the ground up: what is on one imports its own package and the floors below.
BOT_FLOORS = (
    {"bot", "bot.backoff", "bot.garbage", "bot.health", "bot.log"},
    {"bot.core"},
    {"bot.config", "bot.engine_process"},
    {"bot.engine_ray"},
    {"bot.dialog"},
    {"bot.chat", "bot.doctor"},
    {"bot.app"},
    {"bot.command_line"},
    {"bot.__main__"},
)
# The same of engine; here a package imports none beside it.
ENGINE_FLOORS = (
    {"engine", *DOORS},
    {"engine.cage", "engine.device", "engine.stages", "engine.tensors"},
    {"engine.images"},
    {"engine.style", "engine.strokes"},
    {"engine.encoders"},
    {"engine.subject"},
    {"engine.work", "engine.verify"},
    {"engine.fast", "engine.fine"},
    {"engine.fine_mode"},
    {"engine.universal"},
    {"engine.lab"},
    {"engine.motion"},
    {"engine.painter"},
    {"engine.worker", "engine.figures"},
    {"engine.fetch"},
    {"engine.train"},
)
CHATS = {"telegram", "discord", "web", "terminal"}
# The one chat that imports each chat's library.
LIBRARIES = {
    "aiohttp": "bot.chat.web",
    "rich": "bot.chat.terminal",
    "discord": "bot.chat.discord",
    "telegram": "bot.chat.telegram",
}

# discord.py stands upon aiohttp, and reads whatever a server sends, however much; what is not trusted is read by ours.
ALSO = {"aiohttp": {"bot.chat.discord.shown"}}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in ("bot", "engine") for path in sorted((ROOT / package).rglob("*.py"))}
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


@cache
def imported_by(name: str) -> frozenset[str]:
    return frozenset(imports(MODULES[name].read_text("utf-8")))


def tops(names: frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def floor(name: str, floors: tuple[set[str], ...]) -> int:
    """The highest floor that names the module or a package that it is in; `bot` itself is no package in this sense."""
    parts = name.split(".")
    prefixes = {".".join(parts[:count]) for count in range(2, len(parts) + 1)} or {name}
    found = [number for number, rooms in enumerate(floors) if rooms & prefixes]
    assert found, f"say in tests/test_layers.py on which floor {name} is"
    return found[-1]


def package(name: str) -> str:
    return ".".join(name.split(".")[:2])


def chat(name: str) -> str:
    """``telegram`` of bot.chat.telegram.orders; nothing for what the chats share."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["bot", "chat"] and len(parts) > 2 and parts[2] in CHATS else ""


def test_the_walk_sees_every_way_to_import() -> None:
    source = "import torch.nn as nn\ndef f():\n    from engine import wire\n    from bot.core.jobs import Job, State\n"
    assert set(imports(source)) == {"torch.nn", "engine.wire", "bot.core.jobs"}


def test_no_module_imports_itself_by_a_detour() -> None:
    try:
        TopologicalSorter({name: imported_by(name) & set(MODULES) for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("name", ENGINE)
def test_the_engine_never_imports_the_bot(name: str) -> None:
    assert "bot" not in tops(imported_by(name))


@pytest.mark.parametrize("door", [name for name in MODULES if package(name) in DOORS])
def test_the_three_doors_lead_to_nothing_heavy(door: str) -> None:
    found = imported_by(door)
    assert not tops(found) & HEAVY
    assert {package(name) for name in found if name.startswith("engine")} <= DOORS


@pytest.mark.parametrize("name", BOT)
def test_the_bot_knows_the_engine_by_its_three_doors_only(name: str) -> None:
    found = imported_by(name)
    assert {other for other in found if other.split(".")[0] == "engine"} <= DOORS
    assert not tops(found) & HEAVY


@pytest.mark.parametrize("name", BOT)
def test_dependencies_of_the_bot_point_one_way(name: str) -> None:
    for other in imported_by(name):
        if other in MODULES and other.split(".")[0] == "bot" and package(other) != package(name):
            assert floor(other, BOT_FLOORS) < floor(name, BOT_FLOORS), f"{name} imports {other}"


@pytest.mark.parametrize("name", ENGINE)
def test_dependencies_of_the_engine_point_one_way(name: str) -> None:
    for other in imported_by(name) - DOORS:
        if other in MODULES and package(other) != package(name):
            assert floor(other, ENGINE_FLOORS) < floor(name, ENGINE_FLOORS), f"{name} imports {other}"


@pytest.mark.parametrize("name", [name for name in MODULES if package(name) != "engine.train"])
def test_only_the_workshop_imports_the_workshop(name: str) -> None:
    assert "engine.train" not in {package(other) for other in imported_by(name)}


def test_thumbnails_are_made_without_torch_and_numpy() -> None:
    assert tops(imported_by("engine.images.thumbnails")) & HEAVY == {"PIL"}
    assert not imported_by("engine.images") | imported_by("engine")


@pytest.mark.parametrize("name", [name for name in BOT if name.startswith("bot.chat")])
def test_a_chat_knows_no_other_chat(name: str) -> None:
    others = {chat(other) for other in imported_by(name)} - {""}
    assert others <= {chat(name)}, "what two chats need lives outside both"


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_chats_library_is_imported_by_that_chat_alone(library: str) -> None:
    users = {name for name in BOT if library in tops(imported_by(name))} - ALSO.get(library, set())
    home = LIBRARIES[library]
    assert {name for name in users if name != home and not name.startswith(f"{home}.")} == set()


def test_no_folder_is_too_full_to_take_in_at_a_glance() -> None:
    for top in ("bot", "engine"):
        for folder in (ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())):
            files = [path for path in folder.iterdir() if path.suffix in (".py", ".js", ".css", ".html")]
            assert len(files) <= 12, f"{folder.relative_to(ROOT)} holds {len(files)} files"
