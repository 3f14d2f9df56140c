"""The bot process carries none of the engine's weight."""

from __future__ import annotations

import subprocess
import sys

WALK = """
import importlib, pkgutil, sys
import bot
for module in pkgutil.walk_packages(bot.__path__, "bot."):
    importlib.import_module(module.name)
print(*sorted({"torch", "torchvision", "numpy", "PIL", "safetensors"} & set(sys.modules)))
print(*sorted(name for name in sys.modules if name.split(".")[0] == "bot"))
"""


def test_no_module_of_the_bot_brings_torch() -> None:
    walk = subprocess.run([sys.executable, "-c", WALK], capture_output=True, text=True, timeout=60, check=True)
    heavy, modules = walk.stdout.splitlines()
    assert "bot.engine_process.supervisor" in modules
    assert heavy == ""
