"""TOML file and environment -> one frozen, typed Config; an unknown key is an error that names it.

The structs below are the only place where settings are written down: name, type, bounds, default and one line of
documentation. README.md and config.example.toml repeat them, and a test compares.
"""

from __future__ import annotations

import hmac
import ipaddress
import stat
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, inspect

from bot.core.errors import ConfigError
from engine.recipe import SIZE_BOUNDS, STEPS_BOUNDS, nearest
from engine.wire import EncoderChoice

# What people call these two; every other setting is IMPASTO_<SECTION>_<KEY>.
VARIABLES = {"web.access_token": "IMPASTO_WEB_TOKEN"}
# Defaults, each with the limit that it may not exceed.
BOUNDED = {"defaults.size": "limits.max_size", "defaults.fine_size": "limits.max_fine_size"}
GOOD_TOKEN = 16  # characters; of letters and digits, beyond what can be tried out over a network


class Secret:
    """A text that never shows itself: not in print, not in a log, not in a traceback. Empty means 'not set'."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def matches(self, guess: str) -> bool:
        """Whether ``guess`` is the secret, in a time that does not tell how nearly. Never true of one not set."""
        return bool(self._text) and hmac.compare_digest(self._text.encode(), guess.encode("utf-8", "surrogatepass"))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(set)" if self._text else "Secret(not set)"

    def __str__(self) -> str:
        return "*****" if self._text else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


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
    workers: Annotated[
        int,
        _doc(
            "Pictures painted side by side, each by a process with a GPU or a part of the cores.",
            ge=1,
            le=64,
        ),
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


class Store(Section, frozen=True):
    path: Annotated[Path, _doc("File that keeps orders across a restart; pictures are in a folder beside it.")] = Path(
        "~/.local/state/impasto/journal.sqlite3"
    )
    keep_hours: Annotated[float, _doc("Hours after which a finished order and its pictures are deleted.", gt=0)] = 24.0
    person_mb: Annotated[
        int, _doc("MB that the pictures of one person may take; the oldest finished ones make room.", ge=1)
    ] = 500
    total_gb: Annotated[float, _doc("GB that all pictures may take; the oldest finished ones make room.", gt=0)] = 10.0


class Discord(Section, frozen=True):
    token: Annotated[Secret, _doc("Bot token from Discord's developer portal; empty disables Discord.")] = Secret()
    message_content: Annotated[
        bool, _doc("Read plain /stylize replies too; needs the Message Content intent in the developer portal.")
    ] = False


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


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, by section."""

    web: Web = Web()
    engine: Engine = Engine()
    gallery: Gallery = Gallery()
    defaults: Defaults = Defaults()
    limits: Limits = Limits()
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


def load(
    path: Path | None = None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Read the configuration: ``overrides`` (by dotted name) over the environment over the file over the defaults.

    Without ``path`` the file is the one that IMPASTO_CONFIG names, or config.toml in the user's configuration folder
    if there is one.

    Raises:
        ConfigError: naming the key at fault, and the nearest valid one.
    """
    environ = {} if environ is None else environ
    path = path or _default_file(environ)
    in_file = _flat(_parse(path)) if path else {}
    in_environ = _from_environ(environ)
    values = {name: _convert(name, value) for name, value in in_file.items()}
    values |= {name: _convert(name, value, strict=False) for name, value in in_environ.items()}
    values |= {name: _convert(name, value) for name, value in (overrides or {}).items()}
    _bound(values)
    values.setdefault("engine.cache", _folder(environ, "XDG_CACHE_HOME", ".cache"))
    values.setdefault("store.path", _folder(environ, "XDG_STATE_HOME", ".local/state") / "journal.sqlite3")
    tables: dict[str, Any] = {
        section: table(**{field: values[name] for name, field in _of(section) if name in values})
        for section, table in SECTIONS.items()
    }
    config = Config(**tables, source=path)
    _check(config)
    return msgspec.structs.replace(config, warnings=(*_readable(path, in_file), *_guessable(config)))


def _bound(values: dict[str, Any]) -> None:
    """Lower a default to its limit where only the limit was given.

    Raises:
        ConfigError: both were given, and contradict each other.
    """
    usual = {setting.name: setting.default for setting in settings()}
    for name, limit in BOUNDED.items():
        most = values.get(limit, usual[limit])
        size = values.setdefault(name, min(usual[name], most))
        if size > most:
            raise ConfigError(f"{name} = {size} is above {limit} = {most}. Lower the one or raise the other.")


def _of(section: str) -> Iterator[tuple[str, str]]:
    return ((setting.name, setting.key) for setting in settings() if setting.section == section)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _folder(environ: Mapping[str, str], variable: str, usual: str) -> Path:
    """Ours in one of the XDG base directories; a relative value of the variable counts as none, as XDG says."""
    base = Path(environ.get(variable, ""))
    return (base if base.is_absolute() else _home(environ) / usual) / "impasto"


def _default_file(environ: Mapping[str, str]) -> Path | None:
    if environ.get("IMPASTO_CONFIG"):
        return Path(environ["IMPASTO_CONFIG"]).expanduser()
    usual = _folder(environ, "XDG_CONFIG_HOME", ".config") / "config.toml"
    return usual if usual.is_file() else None


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration file {path} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration file {path} is not valid TOML: {error}.") from error


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, table in tables.items():
        if section in SECTIONS and not isinstance(table, dict):
            raise ConfigError(f"{section} is a section: write [{section}] on a line of its own, its settings below.")
        if section not in SECTIONS and not isinstance(table, dict):
            raise ConfigError(_unknown(section))
        if section not in SECTIONS:
            raise ConfigError(f"The configuration has no section [{section}].{nearest(section, list(SECTIONS))}")
        flat |= {f"{section}.{key}": value for key, value in table.items()}
    return flat


def _from_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment says, where empty says nothing. A misspelt key is refused.

    Variables of no section are not ours: Kubernetes sets IMPASTO_PORT and the like where a service is named impasto.
    """
    known = {setting.variable: setting.name for setting in settings()}
    known |= {f"IMPASTO_{name.replace('.', '_')}".upper(): name for name in known.values()}
    given = {known[variable]: value for variable, value in environ.items() if variable in known and value}
    for variable in environ:
        if variable not in known and variable.startswith(tuple(f"IMPASTO_{s.upper()}_" for s in SECTIONS)):
            raise ConfigError(f"There is no setting {variable}.{nearest(variable, list(known))}")
    return given


def _convert(name: str, value: Any, strict: bool = True) -> Any:
    setting = next((setting for setting in settings() if setting.name == name), None)
    if setting is None:
        raise ConfigError(_unknown(name))
    try:
        return msgspec.convert(value, setting.type, strict=strict, dec_hook=_special)
    except msgspec.ValidationError:
        given = "" if isinstance(setting.default, Secret) else f", not {value!r}"
        raise ConfigError(f"{name} must be {_wanted(inspect.type_info(setting.type))}{given}.") from None


def _special(wanted: type, value: Any) -> Any:
    if not isinstance(value, str | Path):
        raise ValueError
    if "\0" in str(value):  # which no path has, and no token
        raise ValueError
    return Secret(str(value).strip()) if wanted is Secret else Path(value).expanduser()


def _wanted(kind: inspect.Type) -> str:
    """What a setting takes, in words."""
    match kind:
        case inspect.Metadata(type=inner):
            return _wanted(inner)
        case inspect.UnionType(types=types):
            return _wanted(next(inner for inner in types if not isinstance(inner, inspect.NoneType)))
        case inspect.LiteralType(values=values):
            return " or ".join(f'"{value}"' for value in sorted(values, key=str))
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}" if high is not None else f"a whole number, {low} or more"
        case inspect.BoolType():
            return "true or false"
        case inspect.FloatType(ge=low):
            return "a number above 0" if low is None else f"a number, {low:g} or more"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path in quotes"
        case _:
            return "text in quotes"


def _unknown(name: str) -> str:
    names = [setting.name for setting in settings()]
    same_key = [known for known in names if known.partition(".")[2] == name.rpartition(".")[2]]
    hint = f" Did you mean {same_key[0]}?" if same_key else nearest(name, names)
    return f"There is no setting {name}.{hint}"


def _readable(path: Path | None, in_file: Mapping[str, Any]) -> Iterator[str]:
    secrets = [s.name for s in settings() if isinstance(s.default, Secret) and in_file.get(s.name)]
    if path and secrets and path.stat().st_mode & stat.S_IROTH:
        yield f"Every user of this machine can read {' and '.join(secrets)} in {path}. Mend it: chmod 600 {path}"


def _guessable(config: Config) -> Iterator[str]:
    if not is_loopback(config.web.host) and len(config.web.access_token.reveal()) < GOOD_TOKEN:
        yield f"web.access_token is short. Strangers can guess it: take {GOOD_TOKEN} characters or more."


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _check(config: Config) -> None:
    if not is_loopback(config.web.host) and not config.web.access_token:
        raise ConfigError(
            f"web.host = {config.web.host} opens the chat page to other machines, and there is no web.access_token. "
            "Set one (IMPASTO_WEB_TOKEN in the environment will do), or keep 127.0.0.1."
        )
