"""The log: one handler on standard error, no secret ever in a line of it, and no line too often."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal, TextIO
from urllib.parse import quote

import msgspec

Format = Literal["text", "json"]

HIDDEN = "*****"
SHOWN = 10  # lines of the same trouble ...
FOLDED_SECONDS = 60.0  # ... in such a time
# Tokens are hidden by their looks too: a person may paste one into a chat, a library may log one we never saw.
LOOKS = re.compile(
    r"(?<!\d)\d{8,12}:[\w-]{30,}"  # Telegram; its addresses say bot123...
    r"|(?<![\w-])[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # Discord
    r"|(?:(?<=/webhooks/)|(?<=/interactions/))\d+/[^/?\s\"')]+"  # an interaction's, in addresses ...
    r"|aW50ZXJhY3Rpb246[\w=-]+"  # ... and anywhere else: base64 of "interaction:"
    r"|(?<=[?&]token=)[^&\s\"']+"  # the chat page's
)
# How every line names the job that it is about, the engine's own included.
JOB = re.compile(r"\b[Jj]ob ([a-hjkmnp-z2-9]{8})\b")


class Redacting(logging.Formatter):
    """Formats a record whole, traceback included, and then hides every secret in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        spellings = {spelling for secret in secrets if secret for spelling in (secret, quote(secret, safe=""))}
        # The longest first: one secret may begin with another.
        known = [re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)]
        self._hide = re.compile("|".join([*known, LOOKS.pattern]))

    def format(self, record: logging.LogRecord) -> str:
        return self.hidden(super().format(record))

    def hidden(self, text: str) -> str:
        return self._hide.sub(HIDDEN, text)


class AsJson(Redacting):
    """The same as one object a line, for programs; a traceback is one of its texts."""

    def format(self, record: logging.LogRecord) -> str:
        message = self.hidden(_sendable(record.getMessage()))
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname.lower(), "logger": record.name}
        if job := JOB.search(message):
            line["job"] = job[1]
        line["message"] = message
        if record.exc_info:
            line["traceback"] = self.hidden(_sendable(self.formatException(record.exc_info)))
        return msgspec.json.encode(line).decode()


def _sendable(text: str) -> str:
    """Without lone surrogates, as names of files have them that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


class Folding(logging.Filter):
    """Lets through only so much of the trouble that one line of code reports, and says how much it kept back.

    What fails a thousand times a second must not fill the disk as well.

    Args:
        clock: seconds, from any clock that is always the same one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int], _Repeated] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        now, place = self._clock(), (record.pathname, record.lineno)
        repeated = self._seen.get(place)
        if repeated is None or now - repeated.since >= FOLDED_SECONDS:
            if repeated and repeated.count > SHOWN:
                record.msg = f"{record.getMessage()} (and {repeated.count - SHOWN} more like it in between)"
                record.args = ()
            self._seen[place] = _Repeated(now)
            return True
        repeated.count += 1
        return repeated.count <= SHOWN


class _Repeated:
    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 1


def set_up(
    level: str = "info", secrets: Iterable[str] = (), stream: TextIO | None = None, format: Format = "text"
) -> None:
    """Send the log of everything in this process to ``stream``, warnings of libraries included."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(AsJson(secrets) if format == "json" else Redacting(secrets))
    handler.addFilter(Folding())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
