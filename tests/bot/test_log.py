"""The log never holds a secret."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator

import pytest

from bot import log

TELEGRAM = "123456789:AAE4-abcdefghijklmnopqrstuvwxyz_12345"
DISCORD = "MTE5NzQ2NTg3MjM0NTY3ODkw.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"
INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OTphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg"
SECRET = "my own/secret"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    log.set_up("info", [SECRET], stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


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
