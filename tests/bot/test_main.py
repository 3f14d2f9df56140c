"""The program as a person runs it: real processes, real sockets, real signals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import skimage.data
from PIL import Image

from bot import app
from bot.command_line import main as program
from bot.command_line.arguments import arguments as arguments_of
from bot.command_line.stylize import stylize
from bot.config import load
from engine import recipe
from engine.gallery import Gallery

ROOT = Path(__file__).parents[2]
LONG = 300  # seconds; the patience of a test, for a busy machine
FAULTY = str(Path(__file__).parent / "engine_process" / "faulty_engine.py")
TOKEN = "123456789:AAE4-abcdefghijklmnopqrstuvwxyz_12345"


async def start(*arguments: str | Path, cwd: Path, **environ: str) -> Process:
    # One thread: several wait for each other after every operation, which takes for ever on a busy machine.
    ours = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "IMPASTO_ENGINE_THREADS": "1"}
    environment = {**os.environ, **ours, **environ}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *map(str, arguments), cwd=cwd, env=environment, stdout=PIPE, stderr=PIPE
    )


async def run(*arguments: str | Path, cwd: Path, **environ: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    process = await start(*arguments, cwd=cwd, **environ)
    try:
        out, err = await ended(process)
    finally:
        await finish(process)
    assert process.returncode is not None
    return process.returncode, out, err


@contextlib.asynccontextmanager
async def running(tmp_path: Path, *arguments: str, **environ: str) -> AsyncIterator[tuple[Process, str]]:
    """A bot with its chat page up, and the page's address; killed if the test leaves it running."""
    process = await start(*arguments, cwd=tmp_path, IMPASTO_WEB_PORT="0", **environ)
    try:
        assert process.stdout
        async with asyncio.timeout(LONG):
            line = (await process.stdout.readline()).decode()
        address = re.search(r"http://\S+", line)
        assert address, line
        yield process, address[0]
    finally:
        await finish(process)


async def ended(process: Process) -> tuple[str, str]:
    async with asyncio.timeout(LONG):
        out, err = await process.communicate()
    return out.decode(), err.decode()


async def finish(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(skimage.data.astronaut()).save(path)
    return path


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """The program within this process, where it is quicker: exit code, standard output, standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)

    def run_program(*arguments: str | Path) -> tuple[int, str, str]:
        try:
            code = program.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return (code, *capsys.readouterr())

    yield run_program
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


# --- the bot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_bot_starts_without_configuration_and_ends_gracefully_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with running(tmp_path) as (process, url):
        async with aiohttp.ClientSession() as session, session.get(url) as page:
            assert page.status == 200
            assert "<html" in await page.text()
        process.send_signal(number)
        out, err = await ended(process)
    assert process.returncode == 0
    assert "/stylize starrynight" in out
    assert "Traceback" not in err
    journal = Path(os.environ["HOME"]) / ".local/state/impasto/journal.sqlite3"
    assert journal.stat().st_mode & 0o077 == 0


async def test_a_bot_whose_log_is_for_programs_writes_nothing_else(tmp_path: Path) -> None:
    process = await start(cwd=tmp_path, IMPASTO_WEB_PORT="0", IMPASTO_LOG_FORMAT="json")
    seen: list[dict[str, str]] = []
    try:
        assert process.stderr
        async with asyncio.timeout(LONG):
            while not any(line["message"].startswith("The engine is ready") for line in seen):
                seen.append(json.loads(await process.stderr.readline()))
        process.send_signal(signal.SIGTERM)
        out, err = await ended(process)
    finally:
        await finish(process)
    seen += [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert any(line["message"].startswith("ready: http://127.0.0.1:") for line in seen)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in seen)
    assert process.returncode == 0


async def test_a_port_that_is_taken_is_a_line_of_such_a_log(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = await run("--port", str(port), cwd=tmp_path, IMPASTO_LOG_FORMAT="json")
    (line,) = map(json.loads, err.splitlines())
    assert (code, out, line["level"]) == (2, "", "error")
    assert line["message"].startswith(f"Port {port} on 127.0.0.1 is taken.")


async def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = await run("--port", str(port), cwd=tmp_path)
    assert code == 2
    assert err.strip() == (
        f"impasto: Port {port} on 127.0.0.1 is taken. Stop what uses it, or choose another: impasto --port {port + 1}"
    )
    assert out == ""


async def test_two_bots_do_not_share_a_journal(tmp_path: Path) -> None:
    async with running(tmp_path):
        code, _, err = await run("--port", "0", cwd=tmp_path)
    assert code == 2
    assert "another Impasto is running" in err


def test_a_bad_configuration_is_a_sentence(call: Callable[..., tuple[int, str, str]]) -> None:
    Path("c.toml").write_text("[web]\nprot = 1")
    code, _, err = call("--config", "c.toml")
    assert (code, err.strip()) == (2, "impasto: There is no setting web.prot. Did you mean web.port?")


def test_other_machines_are_not_let_in_without_a_token(call: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = call("--host", "0.0.0.0")
    assert code == 2
    assert "web.access_token" in err


# --- one picture -----------------------------------------------------------------------------------------------------


async def test_a_photo_becomes_a_picture_whose_line_paints_it_again(tmp_path: Path, styles: Gallery) -> None:
    photo = tmp_path / "small.png"
    Image.fromarray(skimage.data.astronaut()).resize((80, 64)).save(photo)
    code, out, err = await run("stylize", photo, "starrynight steps=3", "-o", "one.png", cwd=tmp_path)
    assert code == 0, err
    painted = recipe.parse(out, styles)
    assert (painted.styles[0].name, painted.steps) == ("starrynight", 3)
    assert painted.size == 80, "a photo that is smaller than the default keeps its size"
    assert "The Starry Night, Vincent van Gogh, 1889" in err
    # The line goes in as separate words too, as when a shell splits it.
    code, again, err = await run("stylize", photo, *out.split(), "-o", "two.png", cwd=tmp_path)
    assert (code, again) == (0, out), err
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert one.size == two.size == (80, 64)
        assert np.array_equal(np.asarray(one), np.asarray(two))
        with Image.open(photo) as original:
            assert not np.array_equal(np.asarray(one), np.asarray(original))


async def test_a_fine_picture_gets_the_encoder_that_its_engine_prefers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, out = tmp_path / "photo.jpg", tmp_path / "out.png"
    photo.write_bytes(b"well")  # an order to that engine
    monkeypatch.setattr(app, "worker_command", lambda settings: [sys.executable, FAULTY])
    config = load(None, {"HOME": os.environ["HOME"]})
    for more in ("mode=fine", "encoder=slim", "mode=fast"):
        order = ["stylize", str(photo), f"starrynight {more}", "-o", str(out), "--force"]
        assert await stylize(config, arguments_of(order))
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("encoder=")[2] for line in lines] == ["full", "slim", ""]


async def test_any_picture_can_be_the_style(tmp_path: Path, photo: Path, styles: Gallery) -> None:
    tiles = tmp_path / "tiles.png"
    Image.fromarray(skimage.data.coffee()).save(tiles)
    line = "mine init=photo size=64 steps=3"
    code, out, err = await run("stylize", photo, line, "--style", tiles, "-o", "out.png", cwd=tmp_path)
    assert code == 0, err
    assert recipe.parse(out, styles).mine
    assert "out.png: A picture of your own; 64 × 64" in err


async def test_a_file_that_is_no_photo_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear Theo, " * 100)
    code, out, err = await run("stylize", "letter.jpg", "starrynight", "-o", "out.png", cwd=tmp_path)
    assert code == 1
    assert out == ""
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("impasto: ")
    assert sorted(os.listdir(tmp_path)) == ["letter.jpg"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["photo.jpg", "starynight", "-o", "out.png"], "Did you mean starrynight?"),
        (["photo.jpg", "starrynight siz=64", "-o", "out.png"], "Did you mean size?"),
        (["none.jpg", "starrynight", "-o", "out.png"], "none.jpg cannot be read"),
        (["photo.jpg", "starrynight", "-o", "nowhere/out.png"], "folder nowhere does not exist"),
        (["photo.jpg", "starrynight", "-o", "photo.jpg"], "photo.jpg exists already"),
        (["photo.jpg", "starrynight", "-o", "out.tiff"], "Give it a name that ends in one of .png, .jpg"),
        (["photo.jpg", "starrynight", "-o", "out.jpg", "--format", "webp"], "out.jpg is the name of a jpeg"),
        (["photo.jpg", "photo.jpg", "starrynight", "-o", "out.jpg"], "There are 2 photos, and out.jpg is one file"),
        (["photo.jpg", "-", "starrynight", "-o", "-"], "standard output takes one picture"),
        (["-", "-", "starrynight"], "Standard input is named twice"),
        ([".", "none.jpg", "starrynight"], "none.jpg cannot be read"),
        (["foto", "starrynight"], "The photo foto cannot be read: No such file"),
        (["empty/", "starrynight"], "There are no photos in the folder empty/"),
        (["photo.jpg", "/help"], "/help orders no picture"),
        (["photo.jpg", "mine", "-o", "out.png"], "--style PICTURE"),
        (["starrynight", "-o", "out.png"], "Which photo? Name its file before the line"),
        (["starynight mode=texture", "-o", "out.png"], "Did you mean starrynight?"),
        (["photo.jpg", "starrynight", "mode=texture", "-o", "out.png"], "takes no photo. Leave photo.jpg out."),
        (["photo.jpg", "/reconstruct conv9_1", "-o", "out.png"], "has no layer conv9_1"),
        (["mine", "mode=texture", "-o", "out.png"], "--style PICTURE"),
        (
            ["photo.jpg", "mine mode=fast", "--style", "photo.jpg", "-o", "out.png"],
            "mode=fast knows the gallery's styles",
        ),
        (["photo.jpg", "scream", "--style", "photo.jpg", "-o", "out.png"], "does not ask for photo.jpg"),
        (["photo.jpg", "mine", "--style", "none.jpg", "-o", "out.png"], "The style picture none.jpg cannot be read"),
    ],
)
def test_an_invalid_order_is_refused_at_once(
    photo: Path, arguments: list[str], reason: str, call: Callable[..., tuple[int, str, str]]
) -> None:
    Path("empty").mkdir()
    code, out, err = call("stylize", *arguments)
    assert (code, out) == (2, "")
    assert reason in err


def test_a_picture_is_not_written_over_without_force(photo: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    Path("out.png").write_bytes(b"mine")
    code, _, err = call("stylize", photo, "starrynight", "-o", "out.png")
    assert code == 2
    assert "--force" in err
    assert Path("out.png").read_bytes() == b"mine"


# --- questions -------------------------------------------------------------------------------------------------------


def test_the_styles_can_be_listed_for_programs(styles: Gallery, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["styles", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == [style.name for style in styles]
    assert list(listed[0]) == [
        *("name", "title", "artist", "year", "licence", "credit", "aliases", "tags"),
        *("strength", "brush", "fast", "swatch", "preview"),
    ]
    wave = listed[1]
    assert (wave["name"], wave["year"], wave["aliases"]) == ("greatwave", "c. 1831", ["wave", "hokusai"])
    assert wave["swatch"] == str(styles["greatwave"].swatch)


async def test_the_styles_that_a_picture_is_like_are_named(tmp_path: Path, styles: Gallery) -> None:
    picture = styles["scream"].swatch
    code, out, err = await run("styles", "--like", picture, "--json", cwd=tmp_path)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [list(near) for near in found] == [["style", "reason", "distance"]] * 5
    assert found[0]["style"] == "scream"
    (tmp_path / "none.txt").write_text("no picture")
    code, out, err = await run("styles", "--like", "none.txt", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("impasto: ")
    assert err.count("\n") == 1


def test_the_styles_can_be_listed_for_people(styles: Gallery, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["styles"]) == 0
    shown = capsys.readouterr().out
    for style in styles:
        assert style.title in shown


def test_an_operators_own_styles_are_listed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMPASTO_GALLERY_FOLDER", str(tmp_path))
    assert program.main(["styles"]) == 2
    assert capsys.readouterr().err == (
        f"impasto: gallery.folder: {tmp_path}/styles.toml cannot be read: No such file or directory.\n"
    )
    own_style(tmp_path)
    assert program.main(["styles", "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)[-1]
    assert (ours["name"], ours["fast"]) == ("ourmural", False)
    assert ours["preview"] == str(tmp_path / "swatches" / "ourmural.webp")


async def test_a_sheet_goes_into_its_file_and_its_names_to_standard_output(
    photo: Path, tmp_path: Path, styles: Gallery
) -> None:
    code, out, err = await run("sheet", photo, "size=64", "-o", "sheet.png", cwd=tmp_path)
    assert code == 0, err
    assert out.split("\n")[:-1] == [f"{number} {style.name}" for number, style in enumerate(styles, 1)]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height > sheet.width > 4 * 64


async def test_an_operators_own_style_is_painted(photo: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    own_style(own)
    code, out, err = await run(
        *("stylize", photo, "our mural steps=2 size=64 mode=fine init=photo", "-o", "out.png"),
        cwd=tmp_path,
        IMPASTO_GALLERY_FOLDER="own",
    )
    assert code == 0, err
    assert "/stylize ourmural mode=fine" in out


def own_style(folder: Path) -> None:
    """One style of an operator's own."""
    text = 'name = "ourmural"\ntitle = "Our Mural"\nartist = "The neighbours"\nyear = "2021"\nlicence = "ours"\n'
    (folder / "styles.toml").write_text(f"[[style]]\n{text}")
    (folder / "swatches").mkdir()
    Image.fromarray(skimage.data.coffee()[:96, :96]).save(folder / "swatches" / "ourmural.webp")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        program.main(["--version"])
    assert end.value.code == 0
    assert re.fullmatch(r"impasto \S.*\n", capsys.readouterr().out)


def test_the_configuration_may_be_named_before_or_behind_the_command() -> None:
    before = arguments_of(["--config", "c.toml", "doctor"])
    behind = arguments_of(["doctor", "--config", "c.toml"])
    assert before.config == behind.config == Path("c.toml")
