"""The engine's process: its pipes, its command line, its cage, its memory, its end."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine import cage, wire

ORPHAN_SECONDS = 20.0  # for the current step to end once the bot is gone; then the process exits

log = logging.getLogger("engine")


def end_orphan(seconds: float = ORPHAN_SECONDS) -> None:
    """Exit, should the working loop not have ended by itself after the bot is gone, as it does between two steps."""
    time.sleep(seconds)
    os._exit(1)


def offer_to_the_oom_killer() -> None:
    """When the machine runs out of memory, the kernel is to kill this process and not the bot."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def give_memory_back() -> None:
    """Let the system have the memory that jobs are done with: the bot has told the allocator to keep it."""
    gc.collect()
    with suppress(AttributeError):  # only glibc has this function
        ctypes.CDLL(None).malloc_trim(0)


def settings_of(arguments: Sequence[str]) -> wire.EngineSettings:
    """The settings of the command line; without an argument the defaults.

    Raises:
        SystemExit: with code 2, after a message to stderr.
    """
    try:
        match arguments:
            case []:
                return wire.EngineSettings()
            case [text]:
                return wire.decode_settings(text)
        raise wire.WireError(f"one argument is expected, and there are {len(arguments)}")
    except wire.WireError as error:
        sys.stderr.write(f"python -m engine.worker: the settings cannot be read: {error}\n")
        raise SystemExit(2) from error


def enter_cage(settings: wire.EngineSettings, *, network: bool) -> tuple[str, ...]:
    """Keep within reach what the settings name; what holds of the cage."""
    folder = _cache(settings)
    if network:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    return cage.enter((settings.weights, settings.gallery), (folder, Path.home() / ".nv"), network=network)


def may_download(settings: wire.EngineSettings) -> bool:
    """Whether an order may want the full encoder, and it is not here yet."""
    return settings.weights is None and not any(_cache(settings).rglob("vgg19*"))


def _cache(settings: wire.EngineSettings) -> Path:
    return settings.cache or Path.home() / ".cache/torch"
