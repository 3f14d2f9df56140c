"""What a request is answered with where it fails."""

from __future__ import annotations


class HttpError(Exception):
    """A request that is answered with an error status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
