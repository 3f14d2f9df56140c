"""The terminal as a chat and as a screen: the bar, the tables, and pictures for whoever waits for them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bot.chat.terminal import USER, TerminalChat, bar, painting_bar, print_styles
from bot.core.errors import InternalError
from bot.core.jobs import Job, Place, new_id
from bot.core.messages import Result, Status
from engine.gallery import Gallery
from engine.recipe import Recipe, Share

RESULT = Result(picture=b"PNG", width=4, height=3, credit="Somebody", line="/stylize starrynight", seconds=1.0)


def job(place: Place) -> Job:
    return Job(id=new_id(), user=USER, place=place, recipe=Recipe(styles=(Share("starrynight"),)), created=0.0)


def screen() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def seen(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_bar_shows_how_the_picture_stands() -> None:
    console = screen()
    with painting_bar(console) as show:
        show("step 40 of 125 [half a bracket", 0.32)
    assert "step 40 of 125 [half a bracket" in seen(console)


def test_before_there_is_a_job_the_engine_is_seen_to_start() -> None:
    console = screen()
    with painting_bar(console):
        pass
    assert "starting the engine" in seen(console)


def test_what_is_no_job_has_a_bar_too() -> None:
    console = screen()
    with bar("the full encoder", console) as show:
        show(0.25, "137 of 548 MB [half a bracket")
    assert "the full encoder: 137 of 548 MB [half a bracket" in seen(console)


def test_where_no_terminal_is_nothing_is_drawn() -> None:
    console = Console(file=io.StringIO())
    with painting_bar(console) as show:
        show("step 40 of 125", 0.32)
    assert seen(console) == ""


async def test_each_order_hears_of_itself_alone() -> None:
    chat, shown = TerminalChat(), list[tuple[str, str]]()
    with (
        chat.expecting((), lambda status: shown.append(("one", status.text))) as (one, first),
        chat.expecting(("image/gif",), lambda status: shown.append(("two", status.text))) as (two, second),
    ):
        await chat.show(job(two), Status(text="painting"))
        await chat.deliver(job(two), RESULT)
        await chat.deliver(job(two), RESULT)
        assert shown == [("two", "painting")]
        assert await second is RESULT
        assert not first.done()
        assert (chat.plays_in(one), chat.plays_in(two)) == ((), ("image/gif",))
    await chat.show(job(one), Status(text="nobody waits any more"))
    await chat.deliver(job(one), RESULT)


async def test_a_job_without_a_picture_ends_the_waiting_with_the_reason() -> None:
    chat = TerminalChat()
    with chat.expecting((), lambda status: None) as (place, finished):
        await chat.notify(job(place), "The engine broke twice.")
        with pytest.raises(InternalError, match="The engine broke twice"):
            await finished


def test_the_table_holds_every_style(styles: Gallery) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_styles(styles, console)
    for style in styles:
        assert style.credit in seen(console)
