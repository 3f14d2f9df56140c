"""The log: one handler on standard error, and no secret ever in a line of it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from typing import TextIO
from urllib.parse import quote

HIDDEN = "*****"
# Tokens are hidden by their looks too: a person may paste one into a chat, a library may log one we never saw.
LOOKS = re.compile(
    r"(?<!\d)\d{8,12}:[\w-]{30,}"  # Telegram; its addresses say bot123...
    r"|(?<![\w-])[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # Discord
    r"|(?<=[?&]token=)[^&\s\"']+"  # the chat page's
)


class Redacting(logging.Formatter):
    """Formats a record whole, traceback included, and then hides every secret in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        spellings = {spelling for secret in secrets if secret for spelling in (secret, quote(secret, safe=""))}
        # The longest first: one secret may begin with another.
        known = [re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)]
        self._hide = re.compile("|".join([*known, LOOKS.pattern]))

    def format(self, record: logging.LogRecord) -> str:
        return self._hide.sub(HIDDEN, super().format(record))


def set_up(level: str = "info", secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send the log of everything in this process to ``stream``, warnings of libraries included."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Redacting(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
