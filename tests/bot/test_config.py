"""The configuration: where a setting comes from, and what is said of one that will not do."""

from __future__ import annotations

import traceback
from pathlib import Path

import msgspec
import pytest

from bot import config
from bot.config import Config, Secret, load
from bot.core.errors import ConfigError

TOKEN = "correct-horse-battery-staple"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "impasto.toml"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), {})
    return str(caught.value)


def test_with_nothing_said_everything_has_its_default() -> None:
    found = load(None, {"HOME": "/home/ann"})
    assert (found.web.host, found.web.port) == ("127.0.0.1", 8080)
    assert not found.web.access_token
    assert found.engine.cache == Path("/home/ann/.cache/impasto")
    assert found.store.path == Path("/home/ann/.local/state/impasto/journal.sqlite3")
    assert (found.source, found.warnings) == (None, ())


def test_folders_follow_the_xdg_directories_if_these_are_absolute() -> None:
    found = load(None, {"HOME": "/home/ann", "XDG_CACHE_HOME": "/fast", "XDG_STATE_HOME": "relative"})
    assert found.engine.cache == Path("/fast/impasto")
    assert found.store.path == Path("/home/ann/.local/state/impasto/journal.sqlite3")


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "[web]\nport = 1\n[limits]\nqueue = 1\nburst = 1")
    found = load(file, {"IMPASTO_WEB_PORT": "2", "IMPASTO_LIMITS_QUEUE": "2"}, {"web.port": 3})
    assert (found.web.port, found.limits.queue, found.limits.burst) == (3, 2, 1)
    assert found.source == file


def test_the_file_is_found_through_the_environment_or_in_the_users_folder(tmp_path: Path) -> None:
    file = written(tmp_path, "[web]\nport = 81")
    assert load(None, {"IMPASTO_CONFIG": str(file)}).web.port == 81
    (tmp_path / "impasto").mkdir()
    (tmp_path / "impasto" / "config.toml").write_text("[web]\nport = 82")
    assert load(None, {"XDG_CONFIG_HOME": str(tmp_path)}).web.port == 82
    assert load(file, {"XDG_CONFIG_HOME": str(tmp_path)}).web.port == 81


def test_every_setting_can_be_given_in_the_environment(tmp_path: Path) -> None:
    values = {
        setting.variable: TOKEN
        if isinstance(setting.default, Secret)
        else str(tmp_path)
        if setting.name == "engine.weights"
        else "telegram:123"
        if setting.name == "admin.owners"
        else str(setting.default)
        for setting in config.settings()
    }
    found = load(None, values)
    assert found.web.access_token.reveal() == found.discord.token.reveal() == TOKEN
    assert found.engine.weights == tmp_path
    assert found.limits == Config().limits


def test_an_empty_variable_says_nothing() -> None:
    assert load(None, {"IMPASTO_WEB_PORT": "", "IMPASTO_WEB_TOKEN": ""}) == load(None, {})


def test_variables_of_no_section_are_somebody_elses() -> None:
    assert load(None, {"IMPASTO_PORT": "tcp://10.0.0.1:80", "IMPASTO_SERVICE_HOST": "10.0.0.1"}).web.port == 8080


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[web]\nprot = 1", "There is no setting web.prot. Did you mean web.port?"),
        ("[engine]\nacces_token = 'x'", "Did you mean web.access_token?"),
        ("[web]\nqueue = 1", "There is no setting web.queue. Did you mean limits.queue?"),
        ("port = 1", "There is no setting port. Did you mean web.port?"),
        ("[limit]\nqueue = 1", "no section [limit]. Did you mean limits?"),
        ("web = 1", "web is a section"),
        ("[web]\nport = '80'", "web.port must be a whole number from 0 to 65535, not '80'."),
        ("[web]\nport = true", "web.port must be a whole number from 0 to 65535, not True."),
        ("[web]\nport = 65536", "web.port must be a whole number from 0 to 65535, not 65536."),
        ("[web]\nport = {}", "web.port must be a whole number"),
        ("[web]\nhost = ''", "web.host must be text in quotes, not ''."),
        ("[engine]\ndevice = 'gpu'", 'engine.device must be "auto" or "cpu" or "cuda", not \'gpu\'.'),
        ("[engine]\ncache = 3", "engine.cache must be a path in quotes, not 3."),
        ("[engine]\nweights = 3", "engine.weights must be a path in quotes, not 3."),
        ("[engine]\nhang_seconds = 0", "engine.hang_seconds must be a number, 10 or more, not 0."),
        ("[store]\nkeep_hours = 0", "store.keep_hours must be a number above 0, not 0."),
        ('[store]\npath = "a\\u0000b"', r"store.path must be a path in quotes, not 'a\x00b'."),
        ("[engine]\nhang_seconds = nan", "engine.hang_seconds must be a number, 10 or more, not nan."),
        ("[limits]\nburst = 0", "limits.burst must be a whole number, 1 or more, not 0."),
        ("[defaults]\nsize = 512\n[limits]\nmax_size = 256", "defaults.size = 512 is above limits.max_size = 256"),
        ("[defaults]\nfine_size = 2049", "defaults.fine_size = 2049 is above limits.max_fine_size = 2048"),
        (
            "[discord]\nshards = 2\nshard = 2",
            "discord.shard = 2 is not one of discord.shards = 2: they are counted from 0 to 1.",
        ),
        (
            "[discord]\nshard = 1",
            "discord.shard = 1 is not one of discord.shards = 0: they are to be named as well.",
        ),
        ("[web", "is not valid TOML"),
    ],
)
def test_what_will_not_do_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(text, tmp_path)


def test_a_limit_below_a_default_that_was_not_given_is_the_default(tmp_path: Path) -> None:
    found = load(written(tmp_path, "[limits]\nmax_size = 640\nmax_fine_size = 320"), {})
    assert (found.defaults.size, found.defaults.fine_size) == (640, 320)


def test_a_misspelt_variable_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"no setting IMPASTO_WEB_PROT\. Did you mean IMPASTO_WEB_PORT"):
        load(None, {"IMPASTO_WEB_PROT": "1"})


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(tmp_path / "binary.toml", {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_other_machines_are_let_in_with_an_access_token_only(host: str) -> None:
    with pytest.raises(ConfigError, match=r"no web\.access_token"):
        load(None, {"IMPASTO_WEB_HOST": host})
    assert load(None, {"IMPASTO_WEB_HOST": host, "IMPASTO_WEB_TOKEN": TOKEN}).warnings == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LocalHost"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert load(None, {}, {"web.host": host}).web.host == host


def test_a_token_that_can_be_guessed_draws_a_warning() -> None:
    (warning,) = load(None, {"IMPASTO_WEB_HOST": "0.0.0.0", "IMPASTO_WEB_TOKEN": "short"}).warnings
    assert "Strangers can guess it" in warning


def test_a_token_in_a_file_that_everybody_can_read_draws_a_warning(tmp_path: Path) -> None:
    text = f"[telegram]\ntoken = '{TOKEN}'"
    (warning,) = load(written(tmp_path, text, 0o644), {}).warnings
    assert "telegram.token" in warning
    assert "chmod 600" in warning
    assert TOKEN not in warning
    assert load(written(tmp_path, text, 0o640), {}).warnings == ()
    assert load(written(tmp_path, "[telegram]\ntoken = ''", 0o644), {}).warnings == ()


def test_a_secret_shows_itself_in_no_way() -> None:
    found = load(None, {"IMPASTO_WEB_TOKEN": TOKEN, "IMPASTO_DISCORD_TOKEN": TOKEN})
    secret = found.web.access_token
    shown = [repr(found), str(found), f"{secret}", f"{secret!r}", f"{secret:>40}", f"{[secret]}"]
    assert not any(TOKEN in text for text in shown)
    with pytest.raises(TypeError):
        msgspec.json.encode(found)
    assert found.secrets == (TOKEN, TOKEN)


def test_a_secret_of_the_wrong_type_is_refused_without_being_shown(tmp_path: Path) -> None:
    number = "7357" * 4
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, f"[telegram]\ntoken = {number}"), {})
    # A log of it has the whole chain of causes.
    told = "".join(traceback.format_exception(caught.value))
    assert "telegram.token must be text in quotes." in told
    assert number not in told


def test_a_secret_knows_itself_and_nothing_else() -> None:
    secret = Secret(TOKEN)
    assert secret.matches(TOKEN)
    assert not secret.matches(TOKEN[:-1])
    assert not secret.matches("\udcff naïve")
    assert secret == Secret(TOKEN)
    assert secret != TOKEN


def test_a_secret_that_is_not_set_admits_nobody() -> None:
    assert not Secret()
    assert not Secret().matches("")


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        load(None, {}).web.port = 1  # type: ignore[misc]


def test_owners_are_ids_in_a_list_or_with_commas_in_the_environment(tmp_path: Path) -> None:
    assert load(None, {"IMPASTO_ADMIN_OWNERS": "telegram:123, discord:456"}).admin.owners == (
        "telegram:123",
        "discord:456",
    )
    file = tmp_path / "config.toml"
    for wrong in ("owners = ['@ann']", "owners = 'telegram:1'", "owners = ['telegram:-100']"):
        file.write_text(f"[admin]\n{wrong}\n")
        with pytest.raises(ConfigError, match=r'admin.owners must be a list such as \["telegram:123"'):
            load(file)
