"""The composition root: everything is put together here, and nowhere else."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot import doctor, garbage
from bot.chat.terminal import USER, TerminalChat
from bot.config import Config, is_loopback
from bot.core.admission import Rules
from bot.core.announce import Pace
from bot.core.engine import Engine
from bot.core.errors import ConfigError, InternalError, InvalidOrder
from bot.core.journal.store import Store
from bot.core.journal.sweep import Quota
from bot.core.limits import Limits
from bot.core.messages import Hook, Platform
from bot.core.people.owners import Owners
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.dialog.owner.notes import OwnerNotes
from bot.dialog.services import Services
from bot.engine_process import fetch as fetching
from bot.engine_process.command import worker_command
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.pool import Part, Pool, parts
from bot.engine_process.supervisor import Supervisor, Timings
from bot.engine_ray.engine import NO_RAY, RayEngine
from bot.engine_ray.frames import Plan
from bot.health import Health
from engine import gallery, wire
from engine.gallery import Gallery
from engine.recipe import Recipe, complete, nearest

LIKE_SIZE = 512  # pixels; more than the engine looks at


def _telegram(config: Config, services: Services) -> Platform:
    from bot.chat.telegram.chat import TelegramChat

    return TelegramChat(config.telegram, services)


def _discord(config: Config, services: Services) -> Platform:
    from bot.chat.discord.chat import DiscordChat

    return DiscordChat(config.discord, services)


# By section of the configuration; a platform is connected to where its section has a token. Each imports its library
# late: it costs start-up time.
PLATFORMS: Mapping[str, Callable[[Config, Services], Platform]] = {"telegram": _telegram, "discord": _discord}


FAILED_STARTS = 2  # of the engine, after which a picture of the terminal is given up; others wait until it starts


def engine_settings(config: Config, part: Part | None = None) -> wire.EngineSettings:
    """What an engine process needs of the configuration, and of the part of the machine that it has."""
    return wire.EngineSettings(
        device=config.engine.device,
        threads=part.threads if part else config.engine.threads,
        share=part.share if part else config.engine.workers_per_gpu,
        cache=config.engine.cache.absolute(),
        weights=config.engine.weights and config.engine.weights.absolute(),
        encoder=config.engine.encoder,
        max_photo_mb=config.limits.max_photo_mb,
        gallery=config.gallery.folder and config.gallery.folder.absolute(),
        cage=config.engine.cage,
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
    owners: Owners | None = None,
) -> Services:
    """What every platform is built upon, around an open journal and an engine."""
    queue = FairQueue() if queue is None else queue  # an empty one is false
    studio = Studio(store, engine, queue, limits or Limits(), styles, rules=rules, pace=pace, health=health)
    return Services.around(studio, store, styles, owners)


def owners_alone(config: Config) -> bool:
    """Whether whoever opens the page sits at this machine, which is their own: limits are for strangers."""
    return is_loopback(config.web.host) and not config.web.access_token


def owners_of(config: Config) -> Owners:
    """Who is configured, and who sits at the machine."""
    configured = config.admin.owners
    return Owners(
        people=tuple(user for user in configured if user != "web"),
        chats=("web",) if owners_alone(config) or "web" in configured else (),
    )


@asynccontextmanager
async def opened(config: Config, journal: Path | None, *, alone: bool = False) -> AsyncIterator[Services]:
    """The journal, the engine and the studio, open; the studio is not yet at work.

    Args:
        alone: whether it is for one person, who has the engine to themselves and waits for it.
    """
    rules = Rules(
        size=config.defaults.size,
        fine_size=config.defaults.fine_size,
        max_size=config.limits.max_size,
        max_fine_size=config.limits.max_fine_size,
        max_steps=config.limits.max_steps,
        encoder=config.engine.encoder,
        max_photo_bytes=config.limits.max_photo_mb * 2**20,
        keep_hours=config.store.keep_hours,
        keep_marked_hours=max(config.store.keep_hours, config.store.keep_starred_days * 24),
        failed_starts=FAILED_STARTS if alone else math.inf,
    )
    limits = Limits(
        open_jobs=config.limits.open_jobs,
        burst=sys.maxsize if alone else config.limits.burst,
        per_minute=config.limits.per_minute,
        engine_minutes=math.inf if alone else config.limits.engine_minutes,
        free=("web:", USER) if owners_alone(config) else (USER,),
    )
    quota = Quota(person=config.store.person_mb * 10**6, total=int(config.store.total_gb * 10**9))
    queue, health, styles = FairQueue(capacity=config.limits.queue), Health(), gallery_of(config)
    async with (
        Store.open(journal, quota) as store,
        _engine(config, health.process_event, workers=1 if alone else None, waiting=lambda: len(queue)) as engine,
    ):
        yield assemble(
            store,
            engine,
            styles,
            rules=rules,
            limits=limits,
            queue=queue,
            health=health,
            owners=owners_of(config),
        )


def timings_of(config: Config) -> Timings:
    return Timings(
        load_seconds=config.engine.load_seconds,
        hang_seconds=config.engine.hang_seconds,
        cancel_seconds=config.engine.cancel_seconds,
        job_seconds=config.engine.job_seconds,
        growth=config.engine.recycle_mb * 2**20,
    )


def plan_of(config: Config, workers: int | None = None) -> Plan:
    """How the Ray cluster is to be used.

    Args:
        workers: not as many as configured.
    """
    configured = config.engine.workers
    return Plan(
        address=config.engine.address,
        workers=workers or (0 if configured == "auto" else configured),
        engine=wire.encode_settings(engine_settings(config)),
        timings=timings_of(config),
    )


def _engine(
    config: Config,
    observer: Callable[[ProcessEvent], None] = lambda event: None,
    *,
    workers: int | None = 1,
    waiting: Callable[[], int] = lambda: 0,
) -> Supervisor | Pool | RayEngine:
    """The engine as the configuration wants it; entering starts its processes.

    Args:
        workers: not as many as configured.
        waiting: how many pictures wait for one of them.

    Raises:
        ConfigError: Ray is wanted and not installed.
    """
    if config.engine.backend == "ray":
        if importlib.util.find_spec("ray") is None:
            raise ConfigError(NO_RAY)
        return RayEngine(plan_of(config, workers), waiting=waiting, observer=observer)
    timings = timings_of(config)
    members = [
        Supervisor(
            worker_command(engine_settings(config, part)),
            timings=timings,
            env=dict(os.environ) | ({"CUDA_VISIBLE_DEVICES": part.card} if part.card else {}),
            observer=observer,
            name=part.name,
        )
        for part in parts(
            workers or config.engine.workers,
            config.engine.device,
            config.engine.threads,
            os.environ,
            config.engine.workers_per_gpu,
        )
    ]
    return members[0] if len(members) == 1 else Pool(members)


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
        for chat in (web, web.api, *platforms):
            services.studio.add_chat(chat)
        notes = OwnerNotes(services.owners, {platform.name: platform for platform in platforms})
        services.health.on_process(notes.process_event)
        async with web.serve() as url, asyncio.TaskGroup() as tasks:
            for platform in platforms:
                tasks.create_task(platform.run(), name=platform.name)
            tasks.create_task(garbage.collect(lambda: not services.studio.waiting()), name="garbage")
            where = ", ".join([*(platform.name.capitalize() for platform in platforms), url])
            tasks.create_task(
                notes.run(f"I am up: {where}. /admin shows what you can do.", services.studio.control), name="notes"
            )
            ready(url)
            await services.studio.run()


@asynccontextmanager
async def alone(config: Config) -> AsyncIterator[tuple[Services, TerminalChat]]:
    """The bot for one person in a terminal: at work, with a journal in memory, and without limits of speed."""
    async with opened(config, None, alone=True) as services:
        chat = TerminalChat()
        services.studio.add_chat(chat)
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(services.studio.run(), name="studio")
            try:
                yield services, chat
            finally:
                working.cancel()


async def like(config: Config, picture: bytes) -> tuple[wire.Finding, ...]:
    """The styles that a picture is most like, the nearest first.

    Raises:
        InvalidOrder: the picture cannot be used.
        InternalError: the engine could not say.
    """
    recipe = complete(Recipe(mode="like"), gallery_of(config), size=LIKE_SIZE, seed=0)
    async with _engine(config) as engine:
        async for event in engine.run(wire.Paint("like", picture, recipe, preview_seconds=0)):
            match event:
                case wire.Done():
                    return event.findings
                case wire.Failed(kind="refused"):
                    raise InvalidOrder(event.message)
                case wire.Failed():
                    raise InternalError(event.message)
    raise InternalError("The painting engine said nothing about this picture.")


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
