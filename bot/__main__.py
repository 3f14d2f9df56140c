"""The one place where everything is put together; the command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from bot import doctor, log
from bot.actions import Actions
from bot.chat import Chat, Hook, Incoming, Result
from bot.chat.telegram import WEBHOOK_PATH, TelegramChat
from bot.chat.terminal import PLACE, USER, TerminalChat, check_output, print_styles, read_picture
from bot.chat.web import WebChat
from bot.commands import Commands
from bot.config import Config, load
from bot.errors import BadConfig, BadOrder, Breakage, ImpastoError, Refusal, sentence
from bot.health import Health
from bot.limits import Limits
from bot.queue import FairQueue
from bot.store import Store
from bot.studio import Rules, Studio
from bot.supervisor import Supervisor, Timings, worker_command
from engine import gallery, recipe
from engine.gallery import Gallery

STOP_SECONDS = 15  # for a graceful end, before the kernel is asked for the other kind
SIGNALS = (signal.SIGINT, signal.SIGTERM)
OK, NO_PICTURE, MISUSED, INTERRUPTED = 0, 1, 2, 130  # exit codes; 2 as argparse has it, 130 as shells do

logger = logging.getLogger("impasto")


class Network(Chat, Protocol):
    """A platform elsewhere. `run` says why it cannot go on, and returns: that ends nobody else."""

    async def run(self) -> None: ...


class House(NamedTuple):
    """What every chat is built upon."""

    store: Store
    studio: Studio
    health: Health
    styles: Gallery


def engine_command(config: Config) -> list[str]:
    return worker_command(
        device=config.engine.device,
        threads=config.engine.threads,
        cache=config.engine.cache,
        weights=config.engine.weights,
        encoder=config.engine.encoder,
        max_photo_mb=config.limits.max_photo_mb,
        gallery=config.gallery.folder,
    )


def gallery_of(config: Config) -> Gallery:
    """The package's styles and the operator's own.

    Raises:
        BadConfig: the operator's folder will not do.
    """
    try:
        return gallery.load(config.gallery.folder)
    except gallery.GalleryError as error:
        raise BadConfig(f"gallery.folder: {error}.") from error


@asynccontextmanager
async def house(config: Config, journal: Path | None) -> AsyncIterator[House]:
    """The store, the engine and the studio, open; the studio is not yet at work."""
    timings = Timings(
        load_seconds=config.engine.load_seconds,
        hang_seconds=config.engine.hang_seconds,
        cancel_seconds=config.engine.cancel_seconds,
        job_seconds=config.engine.job_seconds,
    )
    rules = Rules(
        size=config.defaults.size,
        max_size=config.limits.max_size,
        max_steps=config.limits.max_steps,
        encoder=config.engine.encoder,
        max_photo_bytes=config.limits.max_photo_mb * 2**20,
        keep_hours=config.store.keep_hours,
    )
    limits = Limits(open_jobs=config.limits.open_jobs, burst=config.limits.burst, per_minute=config.limits.per_minute)
    queue, health, styles = FairQueue(capacity=config.limits.queue), Health(), gallery_of(config)
    async with (
        Store.open(journal) as store,
        Supervisor(engine_command(config), timings=timings, observer=health.happened) as engine,
    ):
        yield House(store, Studio(store, engine, queue, limits, styles, rules=rules, health=health), health, styles)


async def serve(config: Config) -> None:
    """Run the bot until it is cancelled.

    Raises:
        BadConfig: it cannot listen or keep its journal where it was told to.
    """
    free = doctor.port(config)
    if free.verdict == "bad":
        raise BadConfig(free.text)
    async with house(config, config.store.path) as (store, studio, health, styles):
        photo_bytes = config.limits.max_photo_mb * 2**20
        commands = Commands(studio, styles)
        actions, hooks = Actions(studio, store), dict[str, Hook]()
        others: list[Network] = []
        if config.telegram.token:
            telegram = TelegramChat(
                config.telegram, commands, actions, store, styles, health, max_photo_bytes=photo_bytes
            )
            others.append(telegram)
            if config.telegram.webhook_url:
                hooks[WEBHOOK_PATH] = telegram.hook
        web = WebChat(config.web, commands, store, styles, health, max_photo_bytes=photo_bytes, hooks=hooks)
        studio.add_chat(web)
        if config.discord.token:
            # Here, for who has no token need not wait for the library.
            from bot.chat.discord import DiscordChat

            others.append(
                DiscordChat(config.discord, commands, actions, store, styles, health, max_photo_bytes=photo_bytes)
            )
        for chat in others:
            studio.add_chat(chat)
        async with web.serve() as url, asyncio.TaskGroup() as tasks:
            for chat in others:
                tasks.create_task(chat.run(), name=chat.name)
            print(f"Impasto is ready: {url}")
            print(
                "Open it in a browser, drop a photo there and write /stylize starrynight. Ctrl-C ends it.", flush=True
            )
            await studio.run()


async def stylize(
    config: Config, photo: Path, text: str, output: Path, *, force: bool, style: Path | None = None
) -> Result:
    """Paint one photo from the terminal: the same path as in a chat, with a journal in memory.

    Args:
        style: the picture that the style `mine` names.

    Raises:
        Refusal: a picture, the line or the place of the picture will not do.
        Breakage: there is no picture.
    """
    check_output(output, force=force)
    try:
        wanted = recipe.parse(text, gallery_of(config))
    except recipe.RecipeError as error:
        raise BadOrder(str(error)) from error
    order = Incoming(
        user=USER,
        place=PLACE,
        text=text,
        photo=read_picture(photo, config.limits.max_photo_mb),
        style=_style_picture(config, wanted, style),
    )
    async with house(config, None) as (_, studio, _, _):
        chat = TerminalChat(output, force=force)
        studio.add_chat(chat)
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(studio.run(), name="studio")
            try:
                with chat:
                    await studio.accept(order, wanted)
                    return await chat.finished()
            except recipe.RecipeError as error:
                raise BadOrder(str(error)) from error
            except Breakage as error:
                if studio.engine.ready is None:
                    raise Breakage(f"{error} Ask “impasto doctor” for the cause.") from error
                raise
            finally:
                working.cancel()


def _style_picture(config: Config, wanted: recipe.Recipe, path: Path | None) -> bytes | None:
    if wanted.mine and path is None:
        raise BadOrder("mine is a picture of your own. Say which: --style PICTURE.")
    if path is not None and not wanted.mine:
        raise BadOrder(f"The line does not ask for {path}. Name it there as mine, such as “mine strength=60”.")
    return read_picture(path, config.limits.max_photo_mb, "style picture") if path else None


async def examine(config: Config, styles: Gallery) -> bool:
    """Print what `doctor` finds; whether all is well."""
    well = True
    async for finding in doctor.examine(config, styles, engine_command(config)):
        print(f"{finding.verdict:<5} {finding.about}: {finding.text}", flush=True)
        well = well and finding.verdict != "bad"
    print("All is well." if well else "Mend what is marked bad.")
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
    one = commands.add_parser("stylize", parents=[file], help="paint one photo, here in the terminal")
    one.add_argument("photo", type=Path, metavar="PHOTO")
    one.add_argument("line", metavar="LINE", nargs="+", help='a recipe, such as "starrynight mode=fine size=512"')
    one.add_argument("--style", type=Path, metavar="PICTURE", help="the picture whose style the line calls “mine”")
    one.add_argument("-o", "--output", type=Path, metavar="OUT.png", required=True)
    one.add_argument("--force", action="store_true", help="write over a file that is there already")
    styles = commands.add_parser("styles", parents=[file], help="list the styles")
    styles.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("doctor", parents=[file], help="say what is configured, and what is missing")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    said = arguments(argv)
    try:
        given = {"web.host": said.host, "web.port": said.port}
        config = load(getattr(said, "config", None), os.environ, {key: v for key, v in given.items() if v is not None})
        styles = gallery_of(config)
    except BadConfig as error:
        return _give_up(error)
    # While a progress bar is drawn, and among the doctor's findings, only trouble is logged.
    level = config.log.level if said.command is None else "warning"
    log.set_up(level, config.secrets)
    match said.command:
        case "styles":
            return list_styles(styles, as_json=said.json)
        case "stylize":
            return paint_one(config, said)
        case "doctor":
            return OK if asyncio.run(examine(config, styles)) else NO_PICTURE
        case _:
            for warning in config.warnings:
                logger.warning("%s", warning)
            return _run(serve(config), interrupted=OK)


STYLE_KEYS = (
    *("name", "title", "artist", "year", "licence", "credit", "aliases", "tags"),
    *("strength", "brush", "fast", "swatch", "preview"),
)


def list_styles(styles: Gallery, *, as_json: bool) -> int:
    if as_json:
        listed = [{key: getattr(style, key) for key in STYLE_KEYS} for style in styles]
        print(msgspec.json.format(msgspec.json.encode(listed, enc_hook=str), indent=2).decode())
    else:
        print_styles(styles)
    return OK


def paint_one(config: Config, said: argparse.Namespace) -> int:
    async def paint() -> None:
        text = " ".join(said.line)
        result = await stylize(config, said.photo, text, said.output, force=said.force, style=said.style)
        for note in result.notes:
            print(note, file=sys.stderr)
        size = f"{result.width} × {result.height}"
        print(f"{said.output}: {result.credit}; {size}, {result.seconds:.1f} s", file=sys.stderr)
        print(result.line)

    return _run(paint(), interrupted=INTERRUPTED)


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
        logger.error("something broke", exc_info=error)
    print(f"impasto: {sentence(error)}", file=sys.stderr)
    return MISUSED if isinstance(error, BadConfig | Refusal) else NO_PICTURE


if __name__ == "__main__":
    sys.exit(main())
