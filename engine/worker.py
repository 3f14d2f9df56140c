"""The engine process: take jobs, paint them, report, obey cancel, report what failed.

``python -m engine.worker '{"device": "cpu"}'`` reads requests from stdin and writes events to stdout, framed as in
`engine.wire`; its one argument is `wire.EngineSettings` as JSON. It ends on Stop, on SIGTERM, and when the bot at the
other end is gone.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine import cage, wire
from engine.loop import serve

ORPHAN_SECONDS = 20.0  # for the current step to end once the bot is gone; then the process exits

log = logging.getLogger("engine")


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Private copies of stdin and stdout; from now on stdout is stderr, for Python and for C alike.

    To be called before anything is imported that might print: one stray line would break the stream of frames.
    """
    requests, events = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, events


def end_orphan(seconds: float = ORPHAN_SECONDS) -> None:
    """Exit, should the working loop not have ended by itself after the bot is gone, as it does between two steps."""
    time.sleep(seconds)
    os._exit(1)


def _offer_to_the_oom_killer() -> None:
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


def main() -> None:
    cage.die_with_the_bot()
    requests, events = claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the bot handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    settings = settings_of(sys.argv[1:])
    _offer_to_the_oom_killer()
    network = may_download(settings)
    held = enter_cage(settings, network=network) if settings.cage else ()  # before torch, which starts threads

    code = 1
    try:
        gc.disable()  # what importing torch makes is kept: to look for garbage in it took an eighth of the time
        from engine.painter import TorchPainter, set_up_process  # imports torch, so not before stdout is safe

        set_up_process(settings)
        painter = TorchPainter(settings)
        held += cage.shut(network=network) if settings.cage else ()
        painter.ready = msgspec.structs.replace(painter.ready, cage=held)
        gc.freeze()
        gc.enable()
        serve(requests, events, painter, at_rest=give_memory_back, at_end=end_orphan)
        code = 0
    except BaseException:
        log.exception("The engine has failed.")
    finally:
        logging.shutdown()
        # Threads still sit in read() or in a download, and the interpreter's own shutdown would wait for them.
        os._exit(code)


if __name__ == "__main__":
    main()
