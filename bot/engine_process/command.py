"""How the engine's processes are started: their command lines, and the environment that they may see."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from engine import wire


def worker_command(settings: wire.EngineSettings | None = None) -> list[str]:
    """How to start `engine.worker` with these settings."""
    # -P: not from the folder where the bot was started, which may hold another "engine".
    return [sys.executable, "-P", "-m", "engine.worker", wire.encode_settings(settings or wire.EngineSettings())]


def fetch_command(settings: wire.EngineSettings) -> list[str]:
    """How to start `engine.fetch` with these settings."""
    return [sys.executable, "-P", "-m", "engine.fetch", wire.encode_settings(settings)]


# Every step takes and returns the same gigabyte. Kept, and in huge pages, the kernel need not zero it again each time,
# which took a third of a pass at 1024 pixels. The engine gives it back when it has nothing to do.
MALLOC = {"hugetlb": 1, "mmap_max": 0, "trim_threshold": 2**40}
# A thread that waits for another by spinning keeps it from the core, where other programs want the cores too: ten
# small pictures took 11 s instead of 0.5. So it sleeps soon; said to GNU's OpenMP, which torch brings on Linux, and to
# LLVM's. Sleeping at once (OMP_WAIT_POLICY=PASSIVE) took up to twice as long.
WAITING = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the engine may know of ours: no secrets, and where the code lies that this process runs."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("IMPASTO_") and not name.upper().endswith(("TOKEN", "SECRET", "PASSWORD", "KEY"))
    }
    code = str(Path(wire.__file__).resolve().parents[1])
    tunables = ":".join(f"glibc.malloc.{name}={value}" for name, value in MALLOC.items())
    kept = {"GLIBC_TUNABLES": tunables} | WAITING | kept
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (code, environ.get("PYTHONPATH"))))
    return kept
