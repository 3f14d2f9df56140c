"""The command line's look into a journal that a bot works with."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.command_line.questions import manage_sign_ins
from bot.config import Config, load
from bot.core.errors import ConfigError
from bot.core.journal import visit
from bot.core.journal.rows.sign_ins import SignIn
from bot.core.journal.store import Store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(None, {}, {"store.path": tmp_path / "journal.sqlite3"})


async def _three_signed_in(store: Store) -> None:
    for number, browser in enumerate(("phone", "laptop", "desk")):
        since = time.time() - 60 + number
        await store.add_sign_in(SignIn(id=f"id{number}", browser=browser, since=since, until=since + 3600), most=10)


async def test_sign_ins_are_listed_and_ended_while_the_bot_runs(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Store.open(config.store.path) as store:
        await _three_signed_in(store)
        await store.visited()
        manage_sign_ins(config, [])
        listed = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in listed] == ["id0", "id1", "id2"]
        assert listed[0].endswith("  phone")
        manage_sign_ins(config, ["id1"])
        assert capsys.readouterr().out == "Ended: 1.\n"
        assert await store.visited()
        assert not await store.visited()
        assert [one.browser for one in await store.sign_ins()] == ["phone", "desk"]
        manage_sign_ins(config, ["all"])
        assert await store.sign_ins() == []
        capsys.readouterr()
        manage_sign_ins(config, [])
        assert capsys.readouterr().out == "Nobody is signed in.\n"


async def test_a_sign_in_that_is_not_there_is_named_and_none_is_ended(config: Config) -> None:
    async with Store.open(config.store.path) as store:
        await _three_signed_in(store)
        with pytest.raises(ConfigError, match=r"There is no sign-in id7\."):
            manage_sign_ins(config, ["id1", "id7"])
        assert len(await store.sign_ins()) == 3


async def test_the_bots_own_writing_is_no_visit(config: Config) -> None:
    async with Store.open(config.store.path) as store:
        await store.visited()
        await _three_signed_in(store)
        assert not await store.visited()


def test_where_there_is_no_journal_a_sentence_says_so(config: Config) -> None:
    with pytest.raises(ConfigError, match="there is no journal"):
        manage_sign_ins(config, [])


@pytest.mark.parametrize(("version", "advice"), [(8, "Start the bot once"), (99, "a newer Impasto. Update this one")])
async def test_a_journal_of_another_version_is_left_alone(config: Config, version: int, advice: str) -> None:
    async with Store.open(config.store.path):
        pass
    with closing(sqlite3.connect(config.store.path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(ConfigError, match=advice):
        visit.signed_in(config.store.path)
