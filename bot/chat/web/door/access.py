"""Who may use the web chat: on loopback this machine's own pages, from elsewhere who knows the access token."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from urllib.parse import urlsplit

from bot.config import Web, is_loopback
from bot.core.errors import ConfigError

DAYS = 30  # that a sign-in lasts


class AccessControl:
    """Checks without side effects; the clock is an argument.

    Raises:
        ConfigError: the page would be open to other machines without a token.
    """

    def __init__(self, config: Web) -> None:
        self._token = config.access_token
        self._loopback = is_loopback(config.host)
        if not self._loopback and not self._token:
            raise ConfigError(
                f"web.host = {config.host} opens the chat page to other machines, and there is no web.access_token."
                " Set one, or keep 127.0.0.1."
            )

    def knows_host(self, host: str) -> bool:
        """Whether a Host header is one of ours.

        Only asked for on loopback and without a token: another site's name that is made to point here (DNS
        rebinding) must not pass. Else the page has as many names as the operator and their proxy like, and the token
        stands guard.
        """
        guarded = bool(self._token) or not self._loopback
        with suppress(ValueError):
            return guarded or is_loopback(urlsplit(f"//{host}").hostname or "")
        return False

    @staticmethod
    def same_origin(origin: str | None, host: str) -> bool:
        """Whether a request that changes something comes from our own page, or from no page at all."""
        with suppress(ValueError):
            return origin is None or urlsplit(origin).netloc.lower() == host.lower()
        return False

    def opens(self, token: str) -> bool:
        return self._token.matches(token)

    @property
    def guarded(self) -> bool:
        """Whether there is a token to be known."""
        return bool(self._token)

    def ticket(self, id: str, until: float) -> str:
        """What a browser keeps instead of the token; worthless once the token is changed.

        Args:
            id: the sign-in's, without a dot.
            until: epoch seconds.
        """
        content = f"{until:.0f}.{id}"
        return f"{content}.{self._sign(content)}"

    def sign_in_of(self, ticket: str, now: float) -> str:
        """The id in a ticket that is ours and not over; else nothing."""
        content, _, sign = ticket.rpartition(".")
        until, _, id = content.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 16 and ticket.isascii()):
            return ""
        return id if hmac.compare_digest(sign, self._sign(content)) and now < int(until) else ""

    def _sign(self, content: str) -> str:
        return hmac.new(
            self._token.reveal().encode(), f"impasto ticket {content}".encode(), hashlib.sha256
        ).hexdigest()
