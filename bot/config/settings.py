"""Every setting: its name, type, bounds, default and one line of documentation, which are written down nowhere else.

README.md and config.example.toml repeat them, and a test compares.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from bot.config.secret import Secret
from bot.log import Format
from engine.recipe import SIZE_BOUNDS, STEPS_BOUNDS
from engine.wire import EncoderChoice

# What people call these two; every other setting is IMPASTO_<SECTION>_<KEY>.
VARIABLES = {"web.access_token": "IMPASTO_WEB_TOKEN"}


# Who may be an owner: a person by their id on a platform, or whoever opens the page.
OWNER = r"^(web|(telegram|discord):[1-9][0-9]{0,19})$"


def _doc(text: str, **bounds: Any) -> Meta:
    return Meta(description=text, **bounds)


def _within(bounds: tuple[int, int], text: str) -> Meta:
    return _doc(text, ge=bounds[0], le=bounds[1])


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Web(Section, frozen=True):
    host: Annotated[
        str, _doc("Address that the chat page listens on; any but loopback needs an access token.", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[int, _doc("Port of the chat page; 0 takes a free one.", ge=0, le=65535)] = 8080
    access_token: Annotated[
        Secret, _doc("Token that people must enter to open the chat page; empty asks for none.")
    ] = Secret()


class Engine(Section, frozen=True):
    device: Annotated[
        Literal["auto", "cpu", "cuda"], _doc("Device to paint on: auto takes the GPU where there is one.")
    ] = "auto"
    encoder: Annotated[
        EncoderChoice,
        _doc("Encoder of fine orders that name none; auto is full where there is a GPU and its file, else slim."),
    ] = "auto"
    backend: Annotated[
        Literal["process", "ray"],
        _doc("Where to paint: process is this machine, ray is a cluster of many (docs/scaling.md)."),
    ] = "process"
    address: Annotated[
        str,
        _doc(
            "Head of the Ray cluster as host:port, or auto for this machine's; empty starts a cluster on this machine."
        ),
    ] = ""
    workers: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | Literal["auto"],
        _doc("Pictures painted side by side; auto is one for each GPU, or as many as are needed of a cluster."),
    ] = 1
    workers_per_gpu: Annotated[
        int, _doc("Workers that share a GPU and its memory, where workers is auto or backend is ray.", ge=1, le=16)
    ] = 1
    threads: Annotated[int, _doc("CPU threads of each worker; 0 takes every core, or its part.", ge=0, le=1024)] = 0
    cache: Annotated[Path, _doc("Folder for the weights of the full encoder.")] = Path("~/.cache/impasto")
    weights: Annotated[
        Path | None, _doc("Local file with the weights of the full encoder, instead of a download.")
    ] = None
    load_seconds: Annotated[float, _doc("Seconds that the engine may take to start.", ge=10)] = 120.0
    hang_seconds: Annotated[float, _doc("Seconds of silence after which the engine is replaced as hung.", ge=10)] = (
        120.0  # a step on a busy machine took 36
    )
    cancel_seconds: Annotated[
        float, _doc("Seconds that a cancelled job may take to stop before it is killed.", gt=0)
    ] = 5.0
    job_seconds: Annotated[float, _doc("Seconds that one picture may take.", gt=0)] = 3600.0
    cage: Annotated[
        bool, _doc("Keep the engine from files and connections that painting does not need, where Linux can.")
    ] = True
    recycle_mb: Annotated[
        int, _doc("MB that the engine may grow by before it is replaced while nobody waits; 0 never does.", ge=0)
    ] = 1000


class Gallery(Section, frozen=True):
    folder: Annotated[Path | None, _doc("Folder with styles of your own: styles.toml and the pictures beside it.")] = (
        None
    )


class Defaults(Section, frozen=True):
    size: Annotated[
        int,
        _within(
            SIZE_BOUNDS,
            "Long side, in pixels, of a picture whose order names no size=; a smaller photo is not enlarged to it.",
        ),
    ] = 1024
    fine_size: Annotated[int, _within(SIZE_BOUNDS, "The same for modes of many steps, where this is less.")] = 768


class Limits(Section, frozen=True):
    max_size: Annotated[int, _within(SIZE_BOUNDS, "Largest size=, in pixels, that an order may name.")] = 4096
    max_fine_size: Annotated[int, _within(SIZE_BOUNDS, "The same for modes of many steps, where this is less.")] = 2048
    max_steps: Annotated[int, _within(STEPS_BOUNDS, "Largest steps= that an order may name.")] = 1000
    max_photo_mb: Annotated[int, _doc("Largest photo or style picture, in MB.", ge=1, le=60)] = 20
    open_jobs: Annotated[int, _doc("Pictures that one person may have waiting or being painted.", ge=1)] = 3
    per_minute: Annotated[
        float, _doc("Pictures of one person that are begun in a minute; more wait their turn.", gt=0)
    ] = 6.0
    burst: Annotated[int, _doc("Pictures of one person that are begun at once after a pause.", ge=1)] = 6
    engine_minutes: Annotated[
        float, _doc("Minutes of the engine's time that one person may order in an hour.", gt=0)
    ] = 30.0
    queue: Annotated[int, _doc("Pictures that may wait in all.", ge=1)] = 100


class Admin(Section, frozen=True):
    owners: Annotated[
        tuple[Annotated[str, Meta(pattern=OWNER)], ...],
        _doc("Who runs this bot and may use /admin, by platform and id; web is whoever signs in to the page."),
    ] = ()


class Store(Section, frozen=True):
    path: Annotated[Path, _doc("File that keeps orders across a restart; pictures are in a folder beside it.")] = Path(
        "~/.local/state/impasto/journal.sqlite3"
    )
    keep_hours: Annotated[float, _doc("Hours after which a finished order and its pictures are deleted.", gt=0)] = 24.0
    keep_starred_days: Annotated[
        float, _doc("Days after which pictures of the page are deleted that somebody has starred or shared.", ge=0)
    ] = 30.0
    person_mb: Annotated[
        int, _doc("MB that the pictures of one person may take; the oldest finished ones make room.", ge=1)
    ] = 500
    total_gb: Annotated[float, _doc("GB that all pictures may take; the oldest finished ones make room.", gt=0)] = 10.0


class Discord(Section, frozen=True):
    token: Annotated[Secret, _doc("Bot token from Discord's developer portal; empty disables Discord.")] = Secret()
    message_content: Annotated[
        bool, _doc("Read plain /stylize replies too; needs the Message Content intent in the developer portal.")
    ] = False
    shards: Annotated[
        int,
        _doc(
            "How many processes share the servers; 0 is one, with as many connections as Discord recommends.",
            ge=0,
            le=10_000,
        ),
    ] = 0
    shard: Annotated[
        int, _doc("Which of them this is, from 0 up; the first also has the private conversations.", ge=0)
    ] = 0


class Telegram(Section, frozen=True):
    token: Annotated[Secret, _doc("Bot token from @BotFather; empty disables Telegram.")] = Secret()
    webhook_url: Annotated[
        str, _doc("Public https address of this Impasto's /telegram; empty uses polling instead.")
    ] = ""
    api_url: Annotated[
        str,
        _doc("Telegram's server, or your own Bot API server, which accepts larger photos.", min_length=1),
    ] = "https://api.telegram.org"


class Log(Section, frozen=True):
    level: Annotated[Literal["debug", "info", "warning", "error"], _doc("Lowest level that is logged.")] = "info"
    format: Annotated[Format, _doc("How lines are written: text for people, json for programs.")] = "text"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, by section."""

    web: Web = Web()
    engine: Engine = Engine()
    gallery: Gallery = Gallery()
    defaults: Defaults = Defaults()
    limits: Limits = Limits()
    admin: Admin = Admin()
    store: Store = Store()
    discord: Discord = Discord()
    telegram: Telegram = Telegram()
    log: Log = Log()
    source: Path | None = None  # the file that was read
    warnings: tuple[str, ...] = ()  # sentences for the operator

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, for the log to leave out."""
        values = (getattr(getattr(self, setting.section), setting.key) for setting in settings())
        return tuple(value.reveal() for value in values if isinstance(value, Secret) and value)


class Setting(NamedTuple):
    """What is known of one setting."""

    section: str
    key: str
    type: Any
    default: Any
    doc: str

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        return VARIABLES.get(self.name, f"IMPASTO_{self.section}_{self.key}".upper())


SECTIONS: Mapping[str, type[Section]] = {
    field.name: field.type
    for field in msgspec.structs.fields(Config)
    if isinstance(field.type, type) and issubclass(field.type, Section)
}


def settings() -> Iterator[Setting]:
    """Every setting, in the order of the file."""
    for section, table in SECTIONS.items():
        hints = typing.get_type_hints(table, include_extras=True)
        for field in msgspec.structs.fields(table):
            doc = next(meta.description for meta in hints[field.name].__metadata__ if isinstance(meta, Meta))
            yield Setting(section, field.name, hints[field.name], field.default, doc or "")
