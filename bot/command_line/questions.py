"""The commands that only look: styles, jobs, doctor; and fetch, which gets something."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from bot import doctor
from bot.app import engine_settings, fetch, gallery_of, like, plan_of
from bot.chat.terminal import bar, print_near, print_styles
from bot.command_line.inputs import read_picture
from bot.config import Config
from bot.core.errors import ConfigError
from bot.core.jobs import Job, State
from bot.core.journal.visit import rows, sign_out, signed_in
from bot.engine_process.command import worker_command
from engine.recipe import line

SETTLED = (State.DELIVERED, State.CANCELLED)  # what “impasto jobs” leaves out
STYLE_KEYS = (
    *("name", "title", "artist", "year", "licence", "credit", "aliases", "tags"),
    *("strength", "brush", "fast", "swatch", "preview"),
)


async def examine(config: Config) -> bool:
    """Print what `doctor` finds; whether all is well."""
    well = True
    engine = worker_command(engine_settings(config))
    async for finding in doctor.examine(config, gallery_of(config), engine, plan_of(config)):
        print(f"{finding.verdict:<5} {finding.about}: {finding.text}", flush=True)
        well = well and finding.verdict != "bad"
    print("Everything works." if well else "Fix what is marked bad.")
    return well


async def list_styles(config: Config, args: Namespace) -> None:
    """All, or those that a picture is like."""
    styles = gallery_of(config)
    if args.like:
        found = await like(config, read_picture(args.like, config.limits.max_photo_mb, "picture"))
        print_json(found) if args.json else print_near(found)
    elif args.json:
        print_json([{key: getattr(style, key) for key in STYLE_KEYS} for style in styles])
    else:
        print_styles(styles)


def print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def list_jobs(config: Config, *, everything: bool) -> None:
    """What is unfinished or was given up, and why; whose a line cannot be read is named as it lies there."""
    for row in rows(config.store.path):
        try:
            job = msgspec.json.decode(row.job, type=Job)
        except msgspec.MsgspecError as error:
            print(f"{row.id}  unreadable  {error}")
            continue
        if everything or job.state not in SETTLED:
            text = f"{job.id}  {job.state:<9}  {_when(job.created)}  {job.user}  {line(job.recipe)}  {job.message}"
            print(text.rstrip())


def manage_sign_ins(config: Config, end: Sequence[str]) -> None:
    """List the sign-ins at the chat page, or end some: a running bot closes their pages."""
    known = signed_in(config.store.path)
    ids = [one.id for one in known if one.id in end or "all" in end]
    if unknown := sorted(set(end) - set(ids) - {"all"}):
        raise ConfigError(f"There is no sign-in {', '.join(unknown)}. “impasto sign-ins” lists them.")
    if ids:
        sign_out(config.store.path, ids)
    for one in known if not end else ():
        print(f"{one.id}  since {_when(one.since)}  until {_when(one.until)}  {one.browser}".rstrip())
    if end or not known:
        print(f"Ended: {len(ids)}." if end else "Nobody is signed in.")


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "minutes")


async def fetch_one(config: Config, what: str) -> None:
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
