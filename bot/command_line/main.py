"""Does what the command line says, until it is done or a signal comes; exit codes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bot import log
from bot.app import gallery_of, serve
from bot.command_line import questions
from bot.command_line.arguments import arguments
from bot.command_line.stylize import stylize
from bot.command_line.verify import verify
from bot.config import Config, load
from bot.core.errors import ConfigError, ImpastoError, Refusal, sentence

STOP_SECONDS = 15  # for a graceful end, before the kernel is asked for the other kind
SIGNALS = (signal.SIGINT, signal.SIGTERM)
OK, NO_PICTURE, MISUSED, INTERRUPTED = 0, 1, 2, 130  # exit codes; 2 as argparse has it, 130 as shells do
NOBODY_READS = 141  # the same for a pipe that was closed at its other end

logger = logging.getLogger("impasto")


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    try:
        code = _main(arguments(argv))
        sys.stdout.flush()
    except BrokenPipeError:  # “| head” has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return NOBODY_READS
    return code


def _main(args: argparse.Namespace) -> int:
    if args.command == "completion":
        from bot.command_line.completion import script

        print(script(args.shell))
        return OK
    try:
        given = {"web.host": args.host, "web.port": args.port}
        config = load(getattr(args, "config", None), os.environ, {key: v for key, v in given.items() if v is not None})
        gallery_of(config)
    except ConfigError as error:
        return _give_up(error)
    if args.command is None:
        return _run_bot(config)
    # While a progress bar is drawn, and among the doctor's findings, only trouble is logged.
    log.set_up("warning", config.secrets)
    return _run(_do(config, args), interrupted=INTERRUPTED)


def _run_bot(config: Config) -> int:
    log.set_up(config.log.level, config.secrets, format=config.log.format)
    for warning in config.warnings:
        logger.warning("%s", warning)
    if config.log.format == "text":
        return _run(serve(config, say_ready), interrupted=OK)
    # Programs that read the log find nothing else in it.
    return _run(
        serve(config, lambda url: logger.info("ready: %s", url)),
        interrupted=OK,
        say=lambda text: logger.error("%s", text),
    )


async def _do(config: Config, args: argparse.Namespace) -> bool | None:
    """Run a command; False where it came to an end, but not to a good one."""
    match args.command:
        case "styles":
            await questions.list_styles(config, args)
        case "jobs":
            questions.list_jobs(config, everything=args.all)
        case "sign-ins":
            questions.manage_sign_ins(config, args.end)
        case "fetch":
            await questions.fetch_one(config, args.what)
        case "doctor":
            return await questions.examine(config)
        case "stylize":
            return await stylize(config, args)
        case "verify":
            return await verify(config, args)
        case "sheet":
            args.words = ["/sheet", *args.words]
            return await stylize(config, args)
    return None


def say_ready(url: str) -> None:
    print(f"Impasto is ready: {url}")
    print("Open it in a browser, drop a photo there and write /stylize starrynight. Ctrl-C stops it.", flush=True)


def say_why(text: str) -> None:
    print(f"impasto: {text}", file=sys.stderr)


def _run(work: Coroutine[Any, Any, bool | None], *, interrupted: int, say: Callable[[str], None] = say_why) -> int:
    """Run it to its end, or until a signal cancels it; the exit code."""

    async def until_a_signal() -> bool | None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task

        def stop() -> None:
            for number in SIGNALS:  # the second time they end the process at once
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)
            signal.alarm(STOP_SECONDS)  # and so does this, unless everything is closed by then
            task.cancel()

        for number in SIGNALS:
            loop.add_signal_handler(number, stop)
        return await work

    try:
        well = asyncio.run(until_a_signal())
    except asyncio.CancelledError:
        return interrupted
    except BrokenPipeError:
        raise
    except Exception as error:
        return _give_up(error, say)
    return NO_PICTURE if well is False else OK


def _give_up(error: BaseException, say: Callable[[str], None] = say_why) -> int:
    """Say why, in a sentence; the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, BrokenPipeError):
        raise error
    if not isinstance(error, ImpastoError):
        logger.error("an internal error", exc_info=error)
    say(sentence(error))
    return MISUSED if isinstance(error, ConfigError | Refusal) else NO_PICTURE
