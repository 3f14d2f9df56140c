"""The terminal as a chat: the bar, the file, and the reason where there can be no file."""

from __future__ import annotations

import asyncio
import io
import os
import resource
from pathlib import Path

import pytest
from rich.console import Console

from bot.chat.terminal import PLACE, USER, TerminalChat, bar, check_output, print_styles, read_picture, write
from bot.core.errors import InternalError, InvalidOrder
from bot.core.jobs import Job, new_id
from bot.core.messages import Result, Status
from engine.gallery import Gallery
from engine.recipe import Recipe, Share

JOB = Job(id=new_id(), user=USER, place=PLACE, recipe=Recipe(styles=(Share("starrynight"),)), created=0.0)
RESULT = Result(picture=b"PNG", width=4, height=3, credit="Somebody", line="/stylize starrynight", seconds=1.0)
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def screen() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def seen(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_the_bar_shows_how_the_job_stands(tmp_path: Path) -> None:
    console = screen()
    with TerminalChat(tmp_path / "out.png", console=console) as chat:
        await chat.show(JOB, Status(text="step 40 of 125 [half a bracket", done=0.32))
    assert "step 40 of 125 [half a bracket" in seen(console)


def test_what_is_no_job_has_a_bar_too() -> None:
    console = screen()
    with bar("the full encoder", console) as show:
        show(0.25, "137 of 548 MB [half a bracket")
    assert "the full encoder: 137 of 548 MB [half a bracket" in seen(console)


async def test_before_there_is_a_job_the_engine_is_seen_to_start(tmp_path: Path) -> None:
    console = screen()
    with TerminalChat(tmp_path / "out.png", console=console):
        pass
    assert "starting the engine" in seen(console)


async def test_a_delivered_picture_is_in_its_file(tmp_path: Path) -> None:
    chat = TerminalChat(tmp_path / "out.png", console=screen())
    waiting = asyncio.create_task(chat.finished())
    await chat.deliver(JOB, RESULT)
    assert await waiting is RESULT
    assert (tmp_path / "out.png").read_bytes() == b"PNG"
    assert os.listdir(tmp_path) == ["out.png"]


async def test_delivering_twice_writes_once(tmp_path: Path) -> None:
    chat = TerminalChat(tmp_path / "out.png", console=screen())
    await chat.deliver(JOB, RESULT)
    await chat.deliver(JOB, RESULT)
    assert await chat.finished() is RESULT


async def test_a_job_without_a_picture_ends_the_waiting_with_the_reason(tmp_path: Path) -> None:
    chat = TerminalChat(tmp_path / "out.png", console=screen())
    await chat.notify(JOB, "The engine broke twice.")
    with pytest.raises(InternalError, match="The engine broke twice"):
        await chat.finished()


async def test_a_still_is_not_written_under_the_name_of_what_moves(tmp_path: Path) -> None:
    chat = TerminalChat(tmp_path / "out.gif", console=screen())
    await chat.deliver(JOB, RESULT)
    with pytest.raises(InvalidOrder, match=r"does not move.*ends in \.png"):
        await chat.finished()
    assert not os.listdir(tmp_path)


async def test_a_file_that_has_come_to_lie_there_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    chat = TerminalChat(tmp_path / "out.png", console=screen())
    (tmp_path / "out.png").write_bytes(b"somebody's")
    await chat.deliver(JOB, RESULT)
    with pytest.raises(InvalidOrder, match="exists already"):
        await chat.finished()
    assert (tmp_path / "out.png").read_bytes() == b"somebody's"
    assert os.listdir(tmp_path) == ["out.png"]


def test_with_force_a_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(b"old")
    check_output(tmp_path / "out.png", force=True)
    write(tmp_path / "out.png", b"new", force=True)
    assert (tmp_path / "out.png").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("out.jpg", "Give it a name that ends in .png"),
        ("folder.png", "is a folder"),
        ("there.png", "--force"),
        ("nowhere/out.png", "does not exist"),
    ],
)
def test_a_place_where_the_picture_cannot_go_is_refused_beforehand(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "there.png").write_bytes(b"")
    with pytest.raises(InvalidOrder, match=reason):
        check_output(tmp_path / name, force=False)


@as_root
def test_a_folder_that_one_may_not_write_into_is_refused_beforehand(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidOrder, match="may not write"):
        check_output(tmp_path / "out.png", force=False)


def test_a_picture_that_cannot_be_written_whole_leaves_nothing_behind(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # as good as a full disk
    try:
        with pytest.raises(InvalidOrder, match="cannot be written to"):
            write(tmp_path / "out.png", b"x" * 1000, force=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read: No such file"), (b"", "is empty"), (b"x" * (2**20 + 1), "larger than 1 MB")],
)
def test_a_photo_that_cannot_be_used_is_refused_with_its_name(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    photo = tmp_path / "photo.jpg"
    if content is not None:
        photo.write_bytes(content)
    with pytest.raises(InvalidOrder, match=reason) as caught:
        read_picture(photo, 1)
    assert str(photo) in str(caught.value)


def test_a_folder_is_no_photo(tmp_path: Path) -> None:
    with pytest.raises(InvalidOrder, match="Is a directory"):
        read_picture(tmp_path, 1)


def test_the_table_holds_every_style(styles: Gallery) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_styles(styles, console)
    for style in styles:
        assert style.credit in seen(console)
