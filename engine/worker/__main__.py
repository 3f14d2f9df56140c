"""The engine process: take jobs, paint them, report, obey cancel, report what failed.

``python -m engine.worker '{"device": "cpu"}'`` reads requests from stdin and writes events to stdout, framed as in
`engine.wire`; its one argument is `wire.EngineSettings` as JSON. It ends on Stop, on SIGTERM, and when the bot at the
other end is gone.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys

import msgspec

from engine import cage, wire
from engine.worker.loop import serve
from engine.worker.process import (
    end_orphan,
    enter_cage,
    give_memory_back,
    may_download,
    offer_to_the_oom_killer,
    settings_of,
)

log = logging.getLogger("engine")


def main() -> None:
    cage.die_with_the_bot()
    requests, events = wire.claim_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of the terminal; the bot handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    settings = settings_of(sys.argv[1:])
    offer_to_the_oom_killer()
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
        serve(
            requests,
            events,
            painter,
            at_rest=give_memory_back,
            at_end=end_orphan,
            tidy=painter.tidy,
            forget=painter.forget,
        )
        code = 0
    except BaseException:
        log.exception("The engine has failed.")
    finally:
        logging.shutdown()
        # Threads still sit in read() or in a download, and the interpreter's own shutdown would wait for them.
        os._exit(code)


if __name__ == "__main__":
    main()
