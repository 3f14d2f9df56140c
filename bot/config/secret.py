"""A text that is told to nobody by mistake."""

from __future__ import annotations

import hmac


class Secret:
    """A text that never shows itself: not in print, not in a log, not in a traceback. Empty means 'not set'."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def matches(self, guess: str) -> bool:
        """Whether ``guess`` is the secret, in a time that does not tell how nearly. Never true of one not set."""
        return bool(self._text) and hmac.compare_digest(self._text.encode(), guess.encode("utf-8", "surrogatepass"))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(set)" if self._text else "Secret(not set)"

    def __str__(self) -> str:
        return "*****" if self._text else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
