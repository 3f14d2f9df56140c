"""How the engine process is started: its command line, and the environment that it may see."""

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


MALLOC = {"hugetlb": 1, "mmap_threshold": 32 * 2**20, "trim_threshold": 2**32}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the engine may know of ours: no secrets, and where the code lies that this process runs."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith("IMPASTO_") and not name.upper().endswith(("TOKEN", "SECRET", "PASSWORD", "KEY"))
    }
    code = str(Path(wire.__file__).resolve().parents[1])
    # Threads that wait for work by spinning slow an engine down several times on a busy machine (seen on two cores).
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Every step takes and returns the same few hundred megabytes: kept, and in huge pages, they save a quarter of it.
    kept.setdefault("GLIBC_TUNABLES", ":".join(f"glibc.malloc.{name}={value}" for name, value in MALLOC.items()))
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (code, environ.get("PYTHONPATH"))))
    return kept
