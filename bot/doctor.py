"""What is configured, what is missing, and what will happen: the questions of somebody for whom it does not work."""

from __future__ import annotations

import asyncio
import errno
import http.client
import importlib.util
import json
import os
import re
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from bot.config import Config, Setting, is_loopback, settings
from bot.core.engine import ABSENT
from bot.core.errors import ConfigError
from bot.core.journal.store import Store
from bot.engine_process.introduction import introduce
from bot.engine_process.pool import parts
from bot.engine_ray.engine import NO_RAY
from bot.engine_ray.frames import Plan
from bot.engine_ray.report import by_node, visit
from engine import wire
from engine.gallery import Gallery

SOCKETS = "no sockets"
# As the engine calls its parts.
CAGE = ("no new privileges", "only its own files", "no other programs or rare system calls", SOCKETS)
VIDEO = {
    "PyAV": ("av", "MP4 and WebM cannot be read or written, and GIF, WebP and APNG can"),
    "OpenCV": ("cv2", "motion cannot be followed, and moving parts may flicker"),
}
VIDEO_PACKAGES = {"PyAV": "av", "OpenCV": "opencv-python-headless"}
Verdict = Literal["ok", "note", "bad"]


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    verdict: Verdict
    about: str
    text: str


async def examine(config: Config, gallery: Gallery, engine: Sequence[str], plan: Plan) -> AsyncIterator[Finding]:
    """Look at everything, the quick things first.

    Args:
        engine: the command that starts it.
        plan: how a cluster is used, where one is configured.
    """
    for finding in configuration(config):
        yield finding
    running = await asyncio.to_thread(already_running, config)
    yield running or port(config)
    yield await journal(config, running=running is not None)
    yield await asyncio.to_thread(telegram, config)
    yield libraries()
    yield video()
    yield swatches(gallery)
    on_cluster = config.engine.backend == "ray"
    if not on_cluster:
        yield workers(config)
    async for finding in cluster(config, plan) if on_cluster else painting(config, engine):
        yield finding


def configuration(config: Config) -> Iterator[Finding]:
    where = f"read from {config.source}" if config.source else "no file (it is optional)"
    changed = [f"{s.name} = {_shown(config, s)}" for s in settings() if _value(config, s) != s.default]
    # The folders have findings of their own.
    changed = [text for text in changed if not text.startswith(("engine.cache", "store.path"))]
    yield Finding("ok", "configuration", f"{where}; {', '.join(changed) or 'all defaults'}")
    for warning in config.warnings:
        yield Finding("note", "configuration", warning)
    if not config.web.access_token:
        yield Finding("ok", "access", "the chat page asks for no token, and only this machine can open it")
    elif not is_loopback(config.web.host):
        yield Finding("ok", "access", f"other machines can open the chat page on {config.web.host}, with the token")
    yield discord(config)
    yield from owners(config)


def owners(config: Config) -> Iterator[Finding]:
    """Who may use /admin."""
    named = config.admin.owners
    page = is_loopback(config.web.host) and not config.web.access_token
    who = [*(user for user in named if user != "web")]
    who += ["whoever opens the page on this machine"] if page else []
    who += ["whoever signs in to the page"] if "web" in named and not page else []
    text = f"{', '.join(who)} may use /admin" if who else "nobody may use /admin: admin.owners names nobody"
    yield Finding("ok", "owners", text)
    tokens = {"telegram": config.telegram.token, "discord": config.discord.token}
    for platform in sorted({user.partition(":")[0] for user in named} & set(tokens)):
        if not tokens[platform]:
            yield Finding("note", "owners", f"{platform}.token is not set, so the owner there cannot be reached")


def discord(config: Config) -> Finding:
    """Whether Discord is configured, checked without a connection."""
    token = config.discord.token.reveal()
    if not token:
        return Finding("ok", "Discord", "disabled: no token (IMPASTO_DISCORD_TOKEN)")
    if not re.fullmatch(r"[\w-]{10,}\.[\w-]{4,}\.[\w-]{20,}", token):
        return Finding(
            "bad",
            "Discord",
            "discord.token is not a bot token: a token has three parts with dots between. Copy it again.",
        )
    plain = (
        "reads plain /stylize replies" if config.discord.message_content else "answers menus, commands and mentions"
    )
    version = metadata.version("discord.py")
    return Finding("ok", "Discord", f"a token is set; {plain}; discord.py {version}")


def workers(config: Config, environ: Mapping[str, str] = os.environ) -> Finding:
    """Who paints, and with which part of the machine."""
    shared = parts(config.engine.workers, config.engine.device, config.engine.threads, environ)
    count = len(shared)
    if count == 1:
        return Finding("ok", "workers", "one, with the whole machine; quick pictures are painted between its steps")
    if any(part.card for part in shared):
        found = len({part.card for part in shared})
        text = f"{count} workers on {found} {'cards' if found > 1 else 'card'}"
        return Finding("ok" if found == count else "note", "workers", f"{text}, one each" if found == count else text)
    cores, threads = len(os.sched_getaffinity(0)), shared[0].threads
    text = f"{count} workers with {threads} {'threads' if threads > 1 else 'thread'} each, on {cores} cores"
    return Finding("note" if count * threads > cores else "ok", "workers", text)


def already_running(config: Config) -> Finding | None:
    """Whether an Impasto answers at the configured address."""
    url = f"http://{_host(config)}:{config.web.port}/health"
    with suppress(OSError, ValueError):
        # No proxy: the question is what runs here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=2) as answer:
                body = answer.read(65536)
        except urllib.request.HTTPError as answer:  # it runs, and says that it is not ready
            body = answer.read(65536)
        found = json.loads(body)
        if isinstance(found, dict) and "checks" in found:
            text = f"an Impasto is running at {url.removesuffix('health')}"
            if isinstance(painting := found.get("workers"), dict):
                states = ", ".join(f"{name} is {state}" for name, state in painting.items())
                text += f"; of its workers {states}"
            return Finding("ok", "port", text)
    return None


def port(config: Config) -> Finding:
    host, number = config.web.host, config.web.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return Finding("bad", "port", address_trouble(host, number, error))
    return Finding("ok", "port", f"{number} on {host} is free")


def address_trouble(host: str, number: int, error: OSError) -> str:
    """Why the chat page cannot listen there, and what to do."""
    if isinstance(error, socket.gaierror):
        return f"There is no address {host} (web.host). Keep 127.0.0.1, or name an address of this machine."
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {number} on {host} is taken. Stop what uses it, or choose another: impasto --port {number + 1}"
            )
        case errno.EACCES:
            return f"Port {number} needs root permissions. Choose one from 1024: impasto --port 8080"
        case errno.EADDRNOTAVAIL:
            return f"{host} (web.host) is not an address of this machine. Keep 127.0.0.1, or name one that is."
        case _:
            return f"The chat page cannot listen on {host}, port {number}: {error.strerror}."


async def journal(config: Config, *, running: bool) -> Finding:
    path = config.store.path
    if running:
        return Finding("ok", "journal", f"{path}, in use")
    if not path.exists():
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            return Finding("bad", "journal", f"store.path: you may not write into {folder}. Choose another file.")
        return Finding("ok", "journal", f"{path}, will be created")
    try:
        async with Store.open(path) as store:
            waiting = len(await store.unfinished())
            note = store.note
    except ConfigError as error:
        return Finding("bad", "journal", str(error))
    verdict: Verdict = "note" if note else "ok"
    return Finding(verdict, "journal", f"{path}, {waiting} unfinished{'; ' if note else ''}{note}")


def telegram(config: Config) -> Finding:
    """Whether Telegram knows the token."""
    if not config.telegram.token:
        return Finding("ok", "Telegram", "disabled: no token (IMPASTO_TELEGRAM_TOKEN)")
    # Neither the address nor the library's error is ever shown: the token stands in them.
    url = f"{config.telegram.api_url.rstrip('/')}/bot{config.telegram.token.reveal()}/getMe"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            me = json.loads(answer.read(65536))["result"]
    except urllib.error.HTTPError as answer:
        answer.close()
        if answer.code in (401, 404):
            text = "Telegram refuses telegram.token. Ask @BotFather for the token, or for a new one (/token)."
            return Finding("bad", "Telegram", text)
        return Finding("note", "Telegram", f"it answers with an error at the moment ({answer.code}); try again later")
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return Finding(
            "note", "Telegram", f"{config.telegram.api_url} cannot be reached from here; Impasto keeps trying"
        )
    privacy = "off" if me.get("can_read_all_group_messages") else "on, so in groups it sees commands only"
    how = "uses a webhook" if config.telegram.webhook_url else "polls for updates"
    return Finding("ok", "Telegram", f"@{me.get('username')}, {how}; privacy mode is {privacy}")


def libraries() -> Finding:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "torchvision", "pillow"))
    if importlib.util.find_spec("pillow_heif") is None:
        return Finding("note", "libraries", f"{versions}; for HEIC photos: pip install pillow-heif")
    return Finding("ok", "libraries", f"{versions}; HEIC photos can be read")


def video() -> Finding:
    """Whether the extra `video` is there, and what goes without it."""
    missing = {name: what for name, (module, what) in VIDEO.items() if importlib.util.find_spec(module) is None}
    if not missing:
        versions = ", ".join(f"{name} {_version(package)}" for name, package in VIDEO_PACKAGES.items())
        return Finding("ok", "video", f"MP4 and WebM can be painted, and strokes move with the picture; {versions}")
    without = "; ".join(f"without {name} {what}" for name, what in missing.items())
    return Finding("note", "video", f"{without}; for both: pip install '.[video]'")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # the library came as another package
        return "of another package"


def swatches(gallery: Gallery) -> Finding:
    missing = [style.name for style in gallery if not style.swatch.is_file()]
    if missing:
        return Finding("bad", "styles", f"no picture for {', '.join(missing)}. Install Impasto again.")
    return Finding("ok", "styles", f"{len(gallery)} with their pictures")


async def painting(config: Config, command: Sequence[str]) -> AsyncIterator[Finding]:
    """Start the engine once and hear what it says of itself."""
    ready, last_words = await introduce(command, config.engine.load_seconds)
    if ready is None:
        yield Finding("bad", "engine", f"It does not start. The last line of its log: {last_words}")
        return
    for finding in introduced(config, ready):
        yield finding


async def cluster(config: Config, plan: Plan) -> AsyncIterator[Finding]:
    """Join the cluster once, and hear who is there."""
    if importlib.util.find_spec("ray") is None:
        yield Finding("bad", "cluster", NO_RAY)
        return
    ready, found, trouble = await visit(plan)
    where = plan.address or "of this machine"
    if ready is None:
        why = (
            trouble or f"no worker was ready within {2 * plan.timings.load_seconds:g} s; it may have no place for one"
        )
        yield Finding("bad", "cluster", f"{where}, with Ray {metadata.version('ray')}: {why}")
        return
    named = f"{where}, with Ray {metadata.version('ray')}; workers: {'; '.join(by_node(found))}"
    missing = sum(worker.state in ABSENT for worker in found)
    yield Finding("note" if missing else "ok", "cluster", named)
    for finding in introduced(config, ready):
        yield finding


def introduced(config: Config, ready: wire.Ready) -> Iterator[Finding]:
    """What the engine says of itself."""
    yield Finding("ok", "engine", f"paints on {ready.device}")
    yield cage(ready.cage)
    for note in ready.notes:
        yield Finding("note", "engine", note)
    yield from encoders(config, ready)


def cage(held: Sequence[str]) -> Finding:
    """What the engine, which opens strangers' files, has given up."""
    if not held:
        return Finding(
            "note",
            "cage",
            "the engine may do all that you may (engine.cage, or a system without Landlock and seccomp)",
        )
    missing = [part for part in CAGE if part not in held]
    holds = f"for the engine holds: {', '.join(held)}"
    if not missing:
        return Finding("ok", "cage", holds)
    if missing == [SOCKETS]:
        return Finding("note", "cage", f"{holds}; {SOCKETS} as well once “impasto fetch full” was run")
    return Finding("note", "cage", f"{holds}; not, since the system cannot: {', '.join(missing)}")


def encoders(config: Config, ready: wire.Ready) -> Iterator[Finding]:
    """Which encoder fine mode paints with, and how to come by the other one."""
    there = "full is on this machine" if "full" in ready.encoders else "full is not on this machine"
    yield Finding(
        "ok", "encoders", f"fine mode paints with {ready.encoder} (engine.encoder = {config.engine.encoder}); {there}"
    )
    if "full" not in ready.encoders and not config.engine.weights:  # of which the engine's own note speaks
        yield Finding(
            "note",
            "encoders",
            "for a GPU, or for encoder=full: “impasto fetch full” gets it, 548 MB, of which 25 are kept",
        )


def _host(config: Config) -> str:
    """Where to ask: the address that means every address cannot be connected to everywhere."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.web.host, config.web.host)
    return f"[{host}]" if ":" in host else host


def _value(config: Config, setting: Setting) -> object:
    return getattr(getattr(config, setting.section), setting.key)


def _shown(config: Config, setting: Setting) -> str:
    value = _value(config, setting)
    return str(value) if not isinstance(value, Path) else repr(str(value))
