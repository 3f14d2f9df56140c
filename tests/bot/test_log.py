"""The log never holds a secret."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import log
from bot.core.jobs import new_id
from bot.engine_process.supervisor import Supervisor

TELEGRAM = "123456789:AAE4-abcdefghijklmnopqrstuvwxyz_12345"
DISCORD = "MTE5NzQ2NTg3MjM0NTY3ODkw.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"
INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OTphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg"
SECRET = "my own/secret"


@pytest.fixture(params=["text"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    log.set_up("info", [SECRET], stream, request.param)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


both = pytest.mark.parametrize("written", ["text", "json"], indirect=True)
as_json = pytest.mark.parametrize("written", ["json"], indirect=True)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@both
@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        f"GET /?token={SECRET}",
        "GET /bot?secret=my%20own%2Fsecret",
        f"https://api.telegram.org/bot{TELEGRAM}/getMe",
        f"Authorization: Bot {DISCORD}",
        f"PATCH https://discord.com/api/v10/webhooks/900/{INTERACTION}/messages/@original",
        f"POST https://discord.com/api/v10/interactions/1234/{INTERACTION}/callback?with_response=1",
        "ClientResponseError(url='https://discord.com/api/v10/webhooks/900/hunter2hunter2')",
        f"FollowUp(token={INTERACTION})",
        "GET /events?after=3&token=hunter2hunter2 HTTP/1.1",
    ],
)
def test_no_secret_gets_into_a_line(written: io.StringIO, said: str) -> None:
    logging.getLogger("library").info("asked for %s", said)
    line = written.getvalue()
    assert log.HIDDEN in line
    for secret in (SECRET, "my%20own", TELEGRAM, DISCORD, INTERACTION, "hunter2"):
        assert secret not in line


@both
def test_no_secret_gets_into_a_traceback(written: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot reach bot{TELEGRAM} with {SECRET}")
    except ValueError:
        logging.getLogger("library").exception("broken")
    assert "ValueError: cannot reach bot***** with *****" in written.getvalue()


def test_what_is_no_secret_stays(written: io.StringIO) -> None:
    logging.getLogger("library").info("job 7hq2mzkd at 2026-01-02T03:04:05.678901 took %.2f s", 1.5)
    assert "job 7hq2mzkd at 2026-01-02T03:04:05.678901 took 1.50 s" in written.getvalue()


def test_less_than_the_level_is_not_logged_and_warnings_of_libraries_are(written: io.StringIO) -> None:
    logging.getLogger("library").debug("details")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this is going away", stacklevel=1)
    assert "details" not in written.getvalue()
    assert "this is going away" in written.getvalue()


def test_trouble_that_repeats_itself_is_folded(written: io.StringIO) -> None:
    now = [0.0]
    handler = next(one for one in logging.getLogger().handlers if getattr(one, "stream", None) is written)
    handler.filters[:] = [log.Folding(lambda: now[0])]

    def fails(times: int) -> None:
        for number in range(times):
            logging.getLogger("library").error("socket %d cannot be accepted", number)

    fails(1000)
    logging.getLogger("library").error("something else")
    assert written.getvalue().count("cannot be accepted") == log.SHOWN
    assert "something else" in written.getvalue()
    now[0] += log.FOLDED_SECONDS
    fails(1)
    assert f"cannot be accepted (and {1000 - log.SHOWN} more like it in between)" in written.getvalue()


def test_what_is_no_trouble_is_never_folded(written: io.StringIO) -> None:
    for number in range(3 * log.SHOWN):
        logging.getLogger("bot").info("job %d accepted", number)
    assert written.getvalue().count("accepted") == 3 * log.SHOWN


# --- for programs ----------------------------------------------------------------------------------------------------


@as_json
def test_a_line_is_an_object_that_says_when_how_bad_who_and_which_job(written: io.StringIO) -> None:
    job = new_id()
    logging.getLogger("bot.core.studio").warning("job %s waits for\nan engine: %s", job, SECRET)
    (line,) = lines(written)
    when = datetime.fromisoformat(line.pop("time"))
    assert abs((datetime.now(UTC) - when).total_seconds()) < 3600
    assert line == {
        "level": "warning",
        "logger": "bot.core.studio",
        "job": job,
        "message": f"job {job} waits for\nan engine: {log.HIDDEN}",
    }


@as_json
def test_a_traceback_stands_in_the_line_that_it_belongs_to(written: io.StringIO) -> None:
    try:
        raise ValueError("a bug")
    except ValueError:
        logging.getLogger("library").exception("broken")
    (line,) = lines(written)
    assert line["message"] == "broken"
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith("ValueError: a bug")
    assert "job" not in line


@as_json
def test_a_name_that_is_no_text_does_not_cost_the_line(written: io.StringIO) -> None:
    root = logging.getLogger()  # pytest listens too, and could not send such a name from process to process
    root.handlers[:] = [handler for handler in root.handlers if getattr(handler, "stream", None) is written]
    logging.getLogger("library").error("no file %s", b"\xff.png".decode("utf-8", "surrogateescape"))
    assert lines(written)[0]["message"] == "no file \\udcff.png"


@as_json
async def test_what_the_engine_process_says_is_a_line_too(written: io.StringIO) -> None:
    job, ended = new_id(), asyncio.Event()
    words = f"import sys; sys.stderr.write('ERROR Job {job} failed.\\nwith {TELEGRAM}\\n')"
    async with Supervisor(
        [sys.executable, "-c", words], observer=lambda event: ended.set() if event == "crashed" else None
    ):
        await asyncio.wait_for(ended.wait(), 60)
    said = [line for line in lines(written) if line["logger"] == "impasto.engine"]
    assert {"level": "error", "job": job, "message": f"Job {job} failed."}.items() <= said[0].items()
    assert (said[1]["level"], said[1]["message"]) == ("error", f"with {log.HIDDEN}")


def test_every_line_that_names_a_job_names_it_alike(root: Path) -> None:
    """Or a program that reads the log would miss it; and no other word looks like one's name."""
    found = 0
    for path in (*root.glob("bot/**/*.py"), *root.glob("engine/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "logger."))):
                continue
            text = next((arg.value for arg in node.args if isinstance(arg, ast.Constant)), "")
            told = [ast.unparse(arg) for arg in node.args]
            if any(word.endswith(("job", "job.id", "order.job")) for word in told):
                assert "ob %s" in str(text), f"{path}: {text!r}"
                found += 1
            assert not log.JOB.search(str(text)), f"{path}: {text!r}"
    assert found > 5
