"""The command line as a process: several photos, pipes, Ctrl-C, shells that complete."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from bot.command_line.arguments import arguments, settings_table
from engine.recipe import SETTINGS
from tests.bot.test_main import FAULTY, LONG, ROOT
from tests.pictures import picture
from tests.waiting import eventually

# The program, with an engine that does what each photo says.
OBEDIENT = f"""
import sys
from bot import app
from bot.command_line.main import main
app.worker_command = lambda settings: [sys.executable, {FAULTY!r}]
sys.exit(main())
"""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "IMPASTO_ENGINE_THREADS": "1", **more}


@contextlib.asynccontextmanager
async def program(*words: str, script: str = OBEDIENT, **environ: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *words), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment(**environ)
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def run(*words: str, given: bytes = b"", **more: str) -> tuple[int | None, bytes, str]:
    """Exit code, standard output, standard error."""
    async with program(*words, **more) as process, asyncio.timeout(LONG):
        out, err = await process.communicate(given)
        return process.returncode, out, err.decode()


def photos(**contents: str) -> None:
    for name, text in contents.items():
        Path(f"{name}.png").write_text(text)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- several photos --------------------------------------------------------------------------------------------------


async def test_a_folder_of_photos_is_painted_by_one_engine(tmp_path: Path) -> None:
    for name, data in (("astronaut", skimage.data.astronaut()), ("coffee", skimage.data.coffee())):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(data).resize((90, 72)).save(tmp_path / "in" / f"{name}.jpg")
    (tmp_path / "in" / "letter.jpg").write_text("Dear Theo, " * 100)
    real = "import sys\nfrom bot.command_line.main import main\nsys.exit(main())"
    code, out, err = await run("stylize", "in", "starrynight", "-o", "out/", "--json", script=real)
    assert code == 1, "one of them is no photo"
    one, two, letter = map(json.loads, out.splitlines())
    assert [one["file"], two["file"]] == ["out/astronaut-starrynight.jpg", "out/coffee-starrynight.jpg"]
    assert sorted(letter) == ["error", "photo"]
    assert "This is text, not a picture" in letter["error"]
    assert err.splitlines()[-1] == "Finished: 2 of 3, in out."
    for said in (one, two):
        assert list(said) == ["photo", "file", "line", "seconds", "width", "height", "notes"]
        with Image.open(said["file"]) as written:
            assert (written.format, written.size) == ("JPEG", (said["width"], said["height"]))
            assert written.getexif()[0x010E] == said["line"]


async def test_one_that_cannot_be_painted_stops_no_other() -> None:
    photos(a="well", b="refuse", c="well")
    code, out, err = await run("stylize", "a.png", "b.png", "c.png", "scream", "size=64")
    assert (code, out.count(b"/stylize scream")) == (1, 2)
    assert "impasto: b.png: I do not like it." in err
    assert sorted(os.listdir()) == ["a-scream.png", "a.png", "b.png", "c-scream.png", "c.png"]


async def test_more_photos_than_a_person_may_order_elsewhere() -> None:
    for number in range(12):
        photos(**{f"p{number}": "well"})
    code, out, err = await run("stylize", ".", "scream", "-o", "out/")
    assert (code, len(out.splitlines())) == (0, 12), err


async def test_without_an_engine_the_others_are_not_even_tried() -> None:
    photos(a="well", b="well")
    dead = OBEDIENT.replace(f"{FAULTY!r}", f"{FAULTY!r}, 'dies'")
    code, out, err = await run("stylize", "a.png", "b.png", "greatwave", script=dead)
    assert (code, out) == (1, b"")
    assert err.count("impasto doctor") == 1
    assert "Finished: 0 of 2." in err


# --- pipes -----------------------------------------------------------------------------------------------------------


async def test_a_photo_may_come_in_and_its_picture_go_out_by_a_pipe() -> None:
    code, out, err = await run("stylize", "-", "scream", given=b"well")
    assert (code, out) == (0, b"well")
    assert "/stylize scream" in err, "the line is beside the picture"
    code, out, err = await run("stylize", "-", "scream", "-o", "out.png", given=b"well")
    assert (code, Path("out.png").read_bytes()) == (0, b"well")  # noqa: ASYNC240
    code, out, err = await run("stylize", "-", "scream")
    assert (code, out, err) == (2, b"", "impasto: The photo on standard input is empty.\n")


def test_who_has_read_enough_is_no_trouble() -> None:
    for words in ("doctor", "styles", "styles --json", "stylize --help"):
        command = f"{sys.executable} -m bot {words} | head -n 1; exit ${{PIPESTATUS[0]}}"
        ran = subprocess.run(["bash", "-c", command], env=environment(), capture_output=True, text=True, timeout=LONG)
        assert ran.returncode in (0, 141), ran
        assert (ran.stdout.count("\n"), ran.stderr) == (1, ""), words


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_ctrl_c_keeps_what_is_finished_and_ends_the_engine() -> None:
    photos(a="well", b="patient", c="well")
    async with program("stylize", "a.png", "b.png", "c.png", "scream", "-o", "out/") as process:
        assert process.stdout
        async with asyncio.timeout(LONG):
            assert b"/stylize scream" in await process.stdout.readline()
        (engine,) = children(process.pid)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(LONG):
            out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert err.decode().splitlines()[-1] == "impasto: Stopped. Finished and kept: 1 of 3, in out."
    assert os.listdir("out") == ["a-scream.png"]

    async def gone() -> bool:
        return not os.path.exists(f"/proc/{engine}")  # noqa: ASYNC240

    await eventually(gone)


# --- the desktop -----------------------------------------------------------------------------------------------------


async def test_a_picture_is_opened_with_what_the_desktop_has(tmp_path: Path) -> None:
    opener, opened = tmp_path / "bin" / "xdg-open", tmp_path / "opened"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    photos(a="well", b="well")

    async def what() -> str:
        return opened.read_text().strip() if opened.exists() else ""

    path = f"{opener.parent}:{os.environ['PATH']}"
    assert (await run("stylize", "a.png", "scream", "--open", PATH=path))[0] == 0
    assert await eventually(what) == str(tmp_path / "a-scream.png")
    opened.unlink()
    assert (await run("stylize", "a.png", "b.png", "scream", "-o", "out/", "--open", PATH=path))[0] == 0
    assert await eventually(what) == str(tmp_path / "out")


# --- help and completion ---------------------------------------------------------------------------------------------


def test_the_help_has_every_setting_with_its_values() -> None:
    assert re.findall(r"^  (\w+)=", settings_table(), re.MULTILINE) == list(SETTINGS)
    assert "(a whole number from 0 to 100)" in " ".join(settings_table().split())


def test_words_may_stand_behind_options() -> None:
    args = arguments(["stylize", "a.jpg", "-o", "out/", "scream", "size=64", "--force"])
    assert (args.words, args.output, args.force) == (["a.jpg", "scream", "size=64"], "out/", True)
    with pytest.raises(SystemExit):
        arguments(["stylize", "a.jpg", "scream", "--fource"])
    with pytest.raises(SystemExit):
        arguments(["doctor", "please"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_a_shell_can_be_told_how_to_complete(shell: str) -> None:
    pytest.importorskip("argcomplete")
    code, out, err = await run("completion", shell)
    assert (code, err) == (0, "")
    assert b"impasto" in out


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("impasto sty", {"stylize", "styles"}),
        ("impasto stylize photo.png star", {"starrynight"}),
        ("impasto stylize photo.png scream:70+gre", {"scream:70+greatwave"}),
        ("impasto stylize photo.png scream str", {"strength=", "streetberlin", "strawhat"}),
        ("impasto stylize photo.png scream mode=f", {"mode=fast", "mode=fine"}),
        ("impasto stylize pho", {"photo.png"}),
        ("impasto stylize photo.png scream --format w", {"webp"}),
        ("impasto stylize photo.png our", {"ourmural"}),
    ],
)
def test_a_shell_completes_files_styles_and_settings(typed: str, completed: set[str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    (tmp_path / "photo.png").write_bytes(picture())
    own = tmp_path / "own"
    (own / "swatches").mkdir(parents=True)
    Image.open(io.BytesIO(picture())).save(own / "swatches" / "ourmural.webp")
    (own / "styles.toml").write_text(
        '[[style]]\nname = "ourmural"\ntitle = "Our Mural"\nartist = "We"\nyear = "2021"\nlicence = "ours"\n'
    )
    answer = tmp_path / "answer"
    asked = environment(
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_SUPPRESS_SPACE="1",
        _ARGCOMPLETE_STDOUT_FILENAME=str(answer),
        COMP_LINE=typed,
        COMP_POINT=str(len(typed)),
        COMP_TYPE="9",
        IMPASTO_GALLERY_FOLDER=str(own),
    )
    subprocess.run([sys.executable, "-m", "bot"], env=asked, capture_output=True, timeout=LONG)
    assert set(answer.read_text().splitlines()) == completed


# --- verify ----------------------------------------------------------------------------------------------------------


async def test_a_picture_is_held_against_what_its_recipe_makes_of_a_photo(tmp_path: Path) -> None:
    for name, data in (("astronaut", skimage.data.astronaut()), ("coffee", skimage.data.coffee())):
        Image.fromarray(data).resize((90, 72)).save(tmp_path / f"{name}.png")
    real = "import sys\nfrom bot.command_line.main import main\nsys.exit(main())"
    code, _, err = await run("stylize", "astronaut.png", "starrynight", "size=96", script=real)
    assert code == 0, err
    code, out, err = await run("verify", "astronaut-starrynight.png", "astronaut.png", script=real)
    assert (code, out) == (0, b"Verified: identical, in every pixel.\n"), err
    code, out, err = await run("verify", "astronaut-starrynight.png", "coffee.png", script=real)
    assert (code, out[:21]) == (1, b"Verified: it differs "), err


async def test_a_picture_of_somebody_else_cannot_be_verified() -> None:
    photos(theirs="well", a="well")
    code, out, err = await run("verify", "theirs.png", "a.png")
    assert (code, out) == (2, b"")
    assert "theirs.png does not say how it was made" in err
