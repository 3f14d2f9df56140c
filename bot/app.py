"""The composition root: everything is put together here, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot import doctor
from bot.chat.terminal import PLACE, USER, TerminalChat, check_output, read_picture
from bot.config import Config
from bot.core.admission import Rules
from bot.core.announce import Pace
from bot.core.engine import Engine
from bot.core.errors import ConfigError, InternalError, InvalidOrder
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Hook, Incoming, Platform, Result
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.dialog.parse import parse_recipe
from bot.dialog.services import Services
from bot.engine_process import fetch as fetching
from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from bot.health import Health
from engine import gallery, wire
from engine.gallery import Gallery
from engine.recipe import Recipe, default_mode, nearest


def _telegram(config: Config, services: Services) -> Platform:
    from bot.chat.telegram.chat import TelegramChat

    return TelegramChat(config.telegram, services)


def _discord(config: Config, services: Services) -> Platform:
    from bot.chat.discord.chat import DiscordChat

    return DiscordChat(config.discord, services)


# By section of the configuration; a platform is connected to where its section has a token. Each imports its library
# late: it costs start-up time.
PLATFORMS: Mapping[str, Callable[[Config, Services], Platform]] = {"telegram": _telegram, "discord": _discord}


def engine_settings(config: Config) -> wire.EngineSettings:
    """What the engine process needs of the configuration."""
    return wire.EngineSettings(
        device=config.engine.device,
        threads=config.engine.threads,
        cache=config.engine.cache.absolute(),
        weights=config.engine.weights and config.engine.weights.absolute(),
        encoder=config.engine.encoder,
        max_photo_mb=config.limits.max_photo_mb,
        gallery=config.gallery.folder and config.gallery.folder.absolute(),
    )


def gallery_of(config: Config) -> Gallery:
    """The package's styles and the operator's own.

    Raises:
        ConfigError: the operator's folder is invalid.
    """
    try:
        return gallery.load(config.gallery.folder)
    except gallery.GalleryError as error:
        raise ConfigError(f"gallery.folder: {error}.") from error


def assemble(
    store: Store,
    engine: Engine,
    styles: Gallery,
    *,
    rules: Rules | None = None,
    limits: Limits | None = None,
    queue: FairQueue | None = None,
    pace: Pace | None = None,
    health: Health | None = None,
) -> Services:
    """What every platform is built upon, around an open journal and an engine."""
    queue = FairQueue() if queue is None else queue  # an empty one is false
    studio = Studio(store, engine, queue, limits or Limits(), styles, rules=rules, pace=pace, health=health)
    return Services.around(studio, store, styles)


@asynccontextmanager
async def opened(config: Config, journal: Path | None) -> AsyncIterator[Services]:
    """The journal, the engine and the studio, open; the studio is not yet at work."""
    timings = Timings(
        load_seconds=config.engine.load_seconds,
        hang_seconds=config.engine.hang_seconds,
        cancel_seconds=config.engine.cancel_seconds,
        job_seconds=config.engine.job_seconds,
    )
    rules = Rules(
        size=config.defaults.size,
        fine_size=config.defaults.fine_size,
        max_size=config.limits.max_size,
        max_fine_size=config.limits.max_fine_size,
        max_steps=config.limits.max_steps,
        encoder=config.engine.encoder,
        max_photo_bytes=config.limits.max_photo_mb * 2**20,
        keep_hours=config.store.keep_hours,
    )
    limits = Limits(open_jobs=config.limits.open_jobs, burst=config.limits.burst, per_minute=config.limits.per_minute)
    queue, health, styles = FairQueue(capacity=config.limits.queue), Health(), gallery_of(config)
    command = worker_command(engine_settings(config))
    async with (
        Store.open(journal) as store,
        Supervisor(command, timings=timings, observer=health.process_event) as engine,
    ):
        yield assemble(store, engine, styles, rules=rules, limits=limits, queue=queue, health=health)


async def serve(config: Config, ready: Callable[[str], None] = lambda url: None) -> None:
    """Run the bot until it is cancelled; ``ready`` is called with the page's address once it can be opened.

    Raises:
        ConfigError: it cannot listen or keep its journal where it is configured to.
    """
    from bot.chat.web.chat import WebChat  # late, as the other platforms

    free = doctor.port(config)
    if free.verdict == "bad":
        raise ConfigError(free.text)
    async with opened(config, config.store.path) as services:
        configured = [connect for name, connect in PLATFORMS.items() if getattr(config, name).token]
        platforms = [connect(config, services) for connect in configured]
        hooks: dict[str, Hook] = {}
        for platform in platforms:
            hooks |= platform.hooks
        web = WebChat(config.web, services, hooks=hooks)
        for chat in (web, *platforms):
            services.studio.add_chat(chat)
        async with web.serve() as url, asyncio.TaskGroup() as tasks:
            for platform in platforms:
                tasks.create_task(platform.run(), name=platform.name)
            ready(url)
            await services.studio.run()


async def stylize(
    config: Config, photo: Path, text: str, output: Path, *, force: bool, style: Path | None = None
) -> Result:
    """Paint one photo from the terminal: the same path as in a chat, with a journal in memory.

    Args:
        style: the picture that the style `mine` names.

    Raises:
        Refusal: a picture, the line or the place of the picture is invalid.
        InternalError: there is no picture.
    """
    check_output(output, force=force)
    styles = gallery_of(config)
    recipe = parse_recipe(text, styles)
    order = Incoming(
        user=USER,
        place=PLACE,
        photo=read_picture(photo, config.limits.max_photo_mb),
        style=_style_picture(config, recipe, style),
    )
    async with opened(config, None) as services:
        chat = TerminalChat(output, force=force)
        services.studio.add_chat(chat)
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(services.studio.run(), name="studio")
            try:
                with chat:
                    if (recipe.mode or default_mode(recipe, styles)) == "fine":
                        await services.studio.engine.introduced()  # before that nobody knows which encoder it prefers
                    await services.studio.accept(order, recipe)
                    return await chat.finished()
            except InternalError as error:
                if services.studio.engine.ready is None:
                    raise InternalError(f"{error} Run “impasto doctor” to find the cause.") from error
                raise
            finally:
                working.cancel()


async def fetch(config: Config, what: str, show: Callable[[float, str], None]) -> wire.Fetched:
    """Get ahead of time ``what`` is otherwise downloaded when it is first wanted; ``show`` is told how far it is.

    Raises:
        InvalidOrder: there is no such thing.
        InternalError: it could not be had.
    """
    if what != "full":
        asked = f"There is nothing called “{what[:40]}” to fetch.{nearest(what, ['full'])}" if what else "Fetch what?"
        raise InvalidOrder(
            f"{asked} There is full, the encoder that fine mode paints with where there is a GPU: impasto fetch full"
        )
    return await fetching.fetch(engine_settings(config), show)


def _style_picture(config: Config, recipe: Recipe, path: Path | None) -> bytes | None:
    if recipe.mine and path is None:
        raise InvalidOrder("mine is a picture of your own. Say which: --style PICTURE.")
    if path is not None and not recipe.mine:
        raise InvalidOrder(f"The line does not ask for {path}. Name it there as mine, such as “mine strength=60”.")
    return read_picture(path, config.limits.max_photo_mb, "style picture") if path else None
