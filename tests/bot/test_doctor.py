"""What the doctor finds, with engines and neighbours that are quickly made."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from bot import doctor
from bot.command_line.questions import list_jobs
from bot.config import Config, Engine, load
from bot.core.jobs import Job, Place, State
from bot.core.journal.store import Store
from bot.doctor import CAGE, Finding
from bot.engine_ray.frames import Plan
from engine import cage, gallery, wire
from engine.gallery import Gallery
from engine.recipe import Recipe, Share

READY = (
    "from engine import wire; sys.stdout.buffer.write(wire.encode(wire.Ready('a toy', ('slim',), '1', ('Mind it.',))))"
)


def configured(**settings: object) -> Config:
    return load(None, {"HOME": str(Path.home())}, {name.replace("__", "."): value for name, value in settings.items()})


def engine(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time; {code}"]


async def found(config: Config, command: list[str]) -> dict[str, Finding]:
    return {finding.about: finding async for finding in doctor.painting(config, command)}


@contextmanager
def neighbour(body: bytes, status: int = 200) -> Iterator[int]:
    """Something that listens and answers everything with the same."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


async def test_an_engine_that_starts_says_what_it_paints_on() -> None:
    seen = await found(configured(), engine(f"{READY}; sys.stdout.flush(); time.sleep(600)"))
    assert seen["engine"] == Finding("note", "engine", "Mind it.")
    assert seen["encoders"] == Finding(
        "note",
        "encoders",
        "for a GPU, or for encoder=full: “impasto fetch full” gets it, 548 MB, of which 25 are kept",
    )


def test_the_encoder_of_fine_mode_is_named_and_where_to_get_the_full_one() -> None:
    bare, whole = wire.Ready("CPU", ("slim",), "1"), wire.Ready("a card", ("slim", "full"), "1", encoder="full")
    named, missing = doctor.encoders(configured(), bare)
    assert named.text == "fine mode paints with slim (engine.encoder = auto); full is not on this machine"
    assert "impasto fetch full" in missing.text
    [named] = doctor.encoders(configured(), whole)
    assert named.text == "fine mode paints with full (engine.encoder = auto); full is on this machine"
    # A file that was named and is missing: the engine's own note speaks of it.
    assert len(list(doctor.encoders(configured(engine__weights="/nowhere.pth"), bare))) == 1


def test_it_is_said_which_parts_of_the_cage_hold() -> None:
    whole = doctor.cage(CAGE)
    assert (whole.verdict, whole.text) == ("ok", f"for the engine holds: {', '.join(CAGE)}")
    assert "fetch full" in doctor.cage(CAGE[:3]).text
    assert "the system cannot: no other programs" in doctor.cage(CAGE[:2]).text
    assert doctor.cage(()).verdict == "note"
    assert CAGE == (cage.NO_PRIVILEGES, cage.FILES, cage.CALLS, cage.SOCKETS), "the engine calls them differently"


def test_it_is_said_what_the_extra_video_gives_and_what_goes_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there: set[str] = set()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in there else None)
    none = doctor.video()
    assert (none.verdict, none.about) == ("note", "video")
    assert "MP4 and WebM cannot be read or written" in none.text
    assert "may flicker" in none.text
    assert "pip install '.[video]'" in none.text
    there.add("av")
    assert "PyAV" not in doctor.video().text
    there.add("cv2")
    monkeypatch.setattr(metadata, "version", lambda name: f"1.0 of {name}")
    whole = doctor.video()
    assert whole.verdict == "ok"
    assert "PyAV 1.0 of av, OpenCV 1.0 of opencv-python-headless" in whole.text


async def test_an_engine_that_does_not_start_is_quoted() -> None:
    seen = await found(configured(), engine("sys.exit('There is no torch here.')"))
    assert seen == {
        "engine": Finding("bad", "engine", "It does not start. The last line of its log: There is no torch here.")
    }


async def test_an_engine_that_writes_no_frames_is_bad() -> None:
    seen = await found(configured(), engine("print('hello, I am no engine at all'); time.sleep(600)"))
    assert seen["engine"].verdict == "bad"


async def test_an_engine_that_hangs_is_given_up() -> None:
    impatient = msgspec.structs.replace(configured(), engine=Engine(load_seconds=0.1))
    seen = await found(impatient, engine("time.sleep(600)"))
    assert "nothing for 0.1 s" in seen["engine"].text


async def test_a_command_that_does_not_exist_is_bad() -> None:
    seen = await found(configured(), ["/nonexistent/python"])
    assert seen["engine"].verdict == "bad"


def test_a_free_port_is_well_and_a_taken_one_names_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = doctor.port(configured(web__port=port))
    assert taken.verdict == "bad"
    assert f"--port {port + 1}" in taken.text
    assert doctor.port(configured(web__port=0)).verdict == "ok"


def test_an_address_may_stand_in_brackets() -> None:
    assert "There is no address" not in doctor.port(configured(web__host="[::1]", web__port=0)).text


def test_an_address_of_another_machine_is_recognised() -> None:
    # 192.0.2.0/24 is set aside for documentation, so it is nobody's.
    found = doctor.port(configured(web__host="192.0.2.1", web__access_token="correct-horse-battery"))
    assert found == Finding(
        "bad", "port", "192.0.2.1 (web.host) is not an address of this machine. Keep 127.0.0.1, or name one that is."
    )
    assert "There is no address somewhere" in doctor.address_trouble("somewhere", 8080, socket.gaierror())


@pytest.mark.parametrize("status", [200, 503])
def test_a_bot_that_runs_already_is_recognised(status: int) -> None:
    with neighbour(json.dumps({"ok": status == 200, "checks": {}}).encode(), status) as port:
        running = doctor.already_running(configured(web__port=port))
    assert running
    assert running.verdict == "ok"


def test_who_paints_in_a_bot_that_runs_is_shown() -> None:
    with neighbour(json.dumps({"ok": True, "checks": {}, "workers": {"1": "busy", "2": "idle"}}).encode()) as port:
        running = doctor.already_running(configured(web__port=port))
    assert running
    assert running.text.endswith("of its workers 1 is busy, 2 is idle")


@pytest.mark.parametrize(
    ("workers", "environ", "verdict", "text"),
    [
        (1, {}, "ok", "one, with the whole machine"),
        (2, {"CUDA_VISIBLE_DEVICES": "0,1"}, "ok", "2 workers on 2 cards, one each"),
        (3, {"CUDA_VISIBLE_DEVICES": "0,1"}, "note", "3 workers on 2 cards"),
        (2, {"CUDA_VISIBLE_DEVICES": ""}, "ok", "2 workers with 2 threads each, on 4 cores"),
        (8, {"CUDA_VISIBLE_DEVICES": ""}, "note", "8 workers with 1 thread each, on 4 cores"),
    ],
)
def test_the_parts_of_the_machine_that_workers_have_are_shown(
    workers: int, environ: dict[str, str], verdict: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(4)))
    finding = doctor.workers(configured(engine__workers=workers), environ)
    assert finding.verdict == verdict
    assert finding.text.startswith(text)


@pytest.mark.parametrize("body", [b"<html>a site</html>", b"[]", b"3", b'{"ok": true}', b"\xff"])
def test_somebody_elses_server_is_not_taken_for_a_bot(body: bytes) -> None:
    with neighbour(body) as port:
        assert doctor.already_running(configured(web__port=port)) is None


async def test_the_journal_is_looked_at_without_being_made(tmp_path: Path) -> None:
    config = configured(store__path=str(tmp_path / "new" / "j.sqlite3"))
    assert (await doctor.journal(config, running=False)).verdict == "ok"
    assert os.listdir(tmp_path) == []


async def test_a_journal_that_is_none_or_in_use_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite3"
    config = configured(store__path=str(path))
    async with Store.open(path):
        assert "another Impasto is running" in (await doctor.journal(config, running=False)).text
    path.write_bytes(b"Dear Theo, " * 1000)
    assert (await doctor.journal(config, running=False)).verdict == "bad"


async def test_a_job_that_cannot_be_read_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(store__path=str(tmp_path / "j.sqlite3"))
    place, recipe = Place("web", "room"), Recipe(styles=(Share("starrynight"),))
    async with Store.open(config.store.path) as store:
        for id, state in (("good", State.QUEUED), ("gone", State.DELIVERED), ("melted", State.QUEUED)):
            await store.add(Job(id=id, user="ann", place=place, recipe=recipe, created=0.0, state=state), b"photo")
        await store._do(lambda db: db.execute("UPDATE jobs SET job = '{' WHERE id = 'melted'"))
    found = await doctor.journal(config, running=False)
    assert (found.verdict, "One job in the journal cannot be read" in found.text) == ("note", True)
    list_jobs(config, everything=False)
    assert [text.split()[:2] for text in capsys.readouterr().out.splitlines()] == [
        ["good", "queued"],
        ["melted", "unreadable"],
    ]


def test_a_style_without_its_picture_is_named(styles: Gallery) -> None:
    lost = gallery.Style(name="lost", title="Lost", artist="A", year="1900", licence="")
    assert doctor.swatches(Gallery((*styles.styles, lost))).text.startswith("no picture for")
    assert "lost" in doctor.swatches(Gallery((lost,))).text


def test_what_was_changed_is_listed_and_secrets_are_not() -> None:
    config = load(None, {"IMPASTO_DISCORD_TOKEN": "hunter2hunter2", "IMPASTO_LIMITS_QUEUE": "7"})
    listed = "\n".join(f"{finding.verdict} {finding.text}" for finding in doctor.configuration(config))
    assert "limits.queue = 7" in listed
    assert "discord.token = *****" in listed
    assert "bad discord.token is not a bot token" in listed
    assert "hunter2" not in listed


@pytest.mark.parametrize(
    ("body", "status", "verdict", "text"),
    [
        (b'{"ok": true, "result": {"username": "a_bot"}}', 200, "ok", "@a_bot, polls for updates; privacy mode is on"),
        (b'{"ok": false}', 401, "bad", "Ask @BotFather"),
        (b'{"ok": false}', 404, "bad", "Ask @BotFather"),
        (b'{"ok": false}', 500, "note", "(500)"),
        (b"no json", 200, "note", "cannot be reached"),
    ],
)
def test_a_telegram_token_is_tried_and_never_shown(body: bytes, status: int, verdict: str, text: str) -> None:
    token = "123456789:AAtoken_of_somebody_0123456789abcdef"
    with neighbour(body, status) as port:
        config = configured(telegram__token=token, telegram__api_url=f"http://127.0.0.1:{port}")
        finding = doctor.telegram(config)
    assert (finding.verdict, finding.about) == (verdict, "Telegram")
    assert text in finding.text
    assert token not in finding.text


def test_a_telegram_that_cannot_be_reached_is_no_fault_of_the_configuration() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    config = configured(telegram__token="1:a", telegram__api_url=f"http://127.0.0.1:{port}")
    assert doctor.telegram(config).verdict == "note"


async def test_telegram_and_discord_are_named_though_neither_is_configured() -> None:
    examined = doctor.examine(configured(), gallery.default(), engine(""), Plan())
    seen = {finding.about: finding async for finding in examined}
    assert seen["Telegram"] == Finding("ok", "Telegram", "disabled: no token (IMPASTO_TELEGRAM_TOKEN)")
    assert seen["Discord"] == Finding("ok", "Discord", "disabled: no token (IMPASTO_DISCORD_TOKEN)")
