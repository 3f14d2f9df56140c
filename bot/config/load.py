"""TOML file and environment -> one frozen, typed Config; an unknown key is an error that names it."""

from __future__ import annotations

import ipaddress
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from bot.config.secret import Secret
from bot.config.settings import SECTIONS, Config, settings
from bot.core.errors import ConfigError
from engine.recipe import nearest

# Defaults, each with the limit that it may not exceed.
BOUNDED = {"defaults.size": "limits.max_size", "defaults.fine_size": "limits.max_fine_size"}
GOOD_TOKEN = 16  # characters; of letters and digits, beyond what can be tried out over a network


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
    if isinstance(setting.default, tuple) and not strict:  # as the environment has it
        value = [part.strip() for part in value.split(",") if part.strip()]
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
            return " or ".join(_wanted(inner) for inner in types if not isinstance(inner, inspect.NoneType))
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
        case inspect.VarTupleType():
            return 'a list such as ["telegram:123", "discord:456"]'
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
    shard, shards = config.discord.shard, config.discord.shards
    if shard and shard >= shards:
        wanted = f"counted from 0 to {shards - 1}" if shards else "to be named as well"
        raise ConfigError(f"discord.shard = {shard} is not one of discord.shards = {shards}: they are {wanted}.")
    if config.engine.address.startswith("ray://"):
        raise ConfigError(
            f"engine.address = {config.engine.address} is for Ray's client, over which no pictures can be streamed. "
            "Have this machine join the cluster (ray start --address=HOST:6379 --num-cpus=0), and write auto."
        )
    if not is_loopback(config.web.host) and not config.web.access_token:
        raise ConfigError(
            f"web.host = {config.web.host} opens the chat page to other machines, and there is no web.access_token. "
            "Set one (IMPASTO_WEB_TOKEN in the environment will do), or keep 127.0.0.1."
        )
