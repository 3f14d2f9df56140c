"""The command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from bot import doctor, log
from bot.app import engine_settings, fetch, gallery_of, like, serve, stylize
from bot.chat.terminal import bar, print_near, print_styles
from bot.config import Config, load
from bot.core.errors import ConfigError, ImpastoError, Refusal, sentence
from bot.core.jobs import Job, State
from bot.core.journal.file import rows
from bot.core.messages import Result
from bot.engine_process.command import worker_command
from engine.gallery import Gallery
from engine.recipe import line

STOP_SECONDS = 15  # for a graceful end, before the kernel is asked for the other kind
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SETTLED = (State.DELIVERED, State.CANCELLED)  # what “impasto jobs” leaves out
OK, NO_PICTURE, MISUSED, INTERRUPTED = 0, 1, 2, 130  # exit codes; 2 as argparse has it, 130 as shells do

logger = logging.getLogger("impasto")


async def examine(config: Config, styles: Gallery) -> bool:
    """Print what `doctor` finds; whether all is well."""
    well = True
    async for finding in doctor.examine(config, styles, worker_command(engine_settings(config))):
        print(f"{finding.verdict:<5} {finding.about}: {finding.text}", flush=True)
        well = well and finding.verdict != "bad"
    print("Everything works." if well else "Fix what is marked bad.")
    return well


# --- the command line ------------------------------------------------------------------------------------------------


def version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:  # started from a checkout
        return "(not installed)"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="configuration, TOML")
    parser = argparse.ArgumentParser(
        prog="impasto",
        parents=[file],
        description="Repaints photos in the style of paintings. Without a command: starts the bot and its chat page.",
    )
    parser.add_argument("--version", action="version", version=f"impasto {version()}")
    parser.add_argument("--host", help="address that the chat page listens on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="its port (default 8080)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    one = commands.add_parser("stylize", parents=[file], help="paint one picture from the terminal")
    one.add_argument("photo", metavar="PHOTO", nargs="?", help="an image file, where the recipe takes one")
    one.add_argument("line", metavar="LINE", nargs="+", help='a recipe, such as "starrynight mode=fine size=512"')
    sheet = commands.add_parser("sheet", parents=[file], help="paint a photo in every style, small, on one sheet")
    sheet.add_argument("photo", metavar="PHOTO", help="an image file")
    sheet.add_argument("line", metavar="LINE", nargs="*", help="one style, for its strengths and brushes; or settings")
    for command in (one, sheet):
        command.add_argument("--style", type=Path, metavar="PICTURE", help="the picture that the line calls “mine”")
        command.add_argument("-o", "--output", type=Path, metavar="OUT.png", required=True, help="where it goes")
        command.add_argument("--force", action="store_true", help="overwrite an existing file")
    styles = commands.add_parser("styles", parents=[file], help="list the styles")
    styles.add_argument("--json", action="store_true", help="for programs")
    styles.add_argument("--like", type=Path, metavar="PICTURE", help="only those that this picture is most like")
    jobs = commands.add_parser("jobs", parents=[file], help="list the orders in the journal, also while the bot runs")
    jobs.add_argument("--all", action="store_true", help="those that were delivered, too")
    ahead = commands.add_parser("fetch", parents=[file], help="get the full encoder ahead of time")
    ahead.add_argument("what", metavar="full", nargs="?", default="", help="what to get; there is only full")
    commands.add_parser("doctor", parents=[file], help="check the configuration and the installation")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    args = arguments(argv)
    try:
        given = {"web.host": args.host, "web.port": args.port}
        config = load(getattr(args, "config", None), os.environ, {key: v for key, v in given.items() if v is not None})
        styles = gallery_of(config)
    except ConfigError as error:
        return _give_up(error)
    # While a progress bar is drawn, and among the doctor's findings, only trouble is logged.
    level = config.log.level if args.command is None else "warning"
    log.set_up(level, config.secrets)
    match args.command:
        case "styles":
            return like_one(config, args) if args.like else list_styles(styles, as_json=args.json)
        case "jobs":
            return list_jobs(config, everything=args.all)
        case "stylize":
            return paint_one(config, args)
        case "sheet":
            return paint_sheet(config, args)
        case "fetch":
            return fetch_one(config, args.what)
        case "doctor":
            return OK if asyncio.run(examine(config, styles)) else NO_PICTURE
        case _:
            for warning in config.warnings:
                logger.warning("%s", warning)
            return _run(serve(config, say_ready), interrupted=OK)


def say_ready(url: str) -> None:
    print(f"Impasto is ready: {url}")
    print("Open it in a browser, drop a photo there and write /stylize starrynight. Ctrl-C stops it.", flush=True)


STYLE_KEYS = (
    *("name", "title", "artist", "year", "licence", "credit", "aliases", "tags"),
    *("strength", "brush", "fast", "swatch", "preview"),
)


def list_styles(styles: Gallery, *, as_json: bool) -> int:
    if as_json:
        listed = [{key: getattr(style, key) for key in STYLE_KEYS} for style in styles]
        print_json(listed)
    else:
        print_styles(styles)
    return OK


def like_one(config: Config, args: argparse.Namespace) -> int:
    async def say() -> None:
        found = await like(config, args.like)
        if args.json:
            print_json(found)
        else:
            print_near(found)

    return _run(say(), interrupted=INTERRUPTED)


def print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def list_jobs(config: Config, *, everything: bool) -> int:
    """What is unfinished or was given up, and why; whose a line cannot be read is named as it lies there."""
    try:
        found = rows(config.store.path)
    except ConfigError as error:
        return _give_up(error)
    for row in found:
        try:
            job = msgspec.json.decode(row.job, type=Job)
        except msgspec.MsgspecError as error:
            print(f"{row.id}  unreadable  {error}")
            continue
        if everything or job.state not in SETTLED:
            when = datetime.fromtimestamp(job.created, UTC).astimezone().isoformat(" ", "minutes")
            text = f"{job.id}  {job.state:<9}  {when}  {job.user}  {line(job.recipe)}  {job.message}"
            print(text.rstrip())
    return OK


def paint_one(config: Config, args: argparse.Namespace) -> int:
    async def paint() -> None:
        print((await _painted(config, args, [*([args.photo] if args.photo else []), *args.line])).line)

    return _run(paint(), interrupted=INTERRUPTED)


def paint_sheet(config: Config, args: argparse.Namespace) -> int:
    """The sheet goes into its file, and what is on it to standard output."""

    async def paint() -> None:
        result = await _painted(config, args, [args.photo, "/sheet", *args.line])
        for number, cell in enumerate(result.cells, 1):
            print(number, cell.label)

    return _run(paint(), interrupted=INTERRUPTED)


async def _painted(config: Config, args: argparse.Namespace, words: Sequence[str]) -> Result:
    """The picture, in its file; what there is to say of it is on standard error."""
    result = await stylize(config, words, args.output, force=args.force, style=args.style)
    for note in result.notes:
        print(note, file=sys.stderr)
    size = f"{result.width} × {result.height}"
    print(f"{args.output}: {result.credit}; {size}, {result.seconds:.1f} s", file=sys.stderr)
    return result


def fetch_one(config: Config, what: str) -> int:
    async def get() -> None:
        with bar("the full encoder") as show:
            got = await fetch(config, what, show)
        where = f"{got.file}, {got.size / 2**20:.0f} MB"
        if not got.new:
            print(f"The full encoder is there already: {where}.")
            return
        print(f"The full encoder is there: {where}.")
        print("From its next start on Impasto takes it in fine mode where there is a GPU, and for every encoder=full.")
        if config.engine.weights:
            print(f"Now {config.engine.weights} is no longer needed: take engine.weights out of the configuration.")

    return _run(get(), interrupted=INTERRUPTED)


def _run(work: Coroutine[None, None, None], *, interrupted: int) -> int:
    """Run it to its end, or until a signal cancels it; the exit code."""

    async def until_a_signal() -> None:
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
        await work

    try:
        asyncio.run(until_a_signal())
    except asyncio.CancelledError:
        return interrupted
    except Exception as error:
        return _give_up(error)
    return OK


def _give_up(error: BaseException) -> int:
    """Say why, in a sentence; the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, ImpastoError):
        logger.error("an internal error", exc_info=error)
    print(f"impasto: {sentence(error)}", file=sys.stderr)
    return MISUSED if isinstance(error, ConfigError | Refusal) else NO_PICTURE


if __name__ == "__main__":
    sys.exit(main())
