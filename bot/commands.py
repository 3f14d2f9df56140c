"""What the words mean; the same on every platform."""

from __future__ import annotations

from bot.chat import Incoming, Reply
from bot.studio import Studio
from engine.gallery import Gallery


class Commands:
    """Answers messages."""

    def __init__(self, studio: Studio, gallery: Gallery) -> None:
        raise NotImplementedError

    async def handle(self, incoming: Incoming) -> Reply:
        """The answer to a message. Never raises: what goes wrong is said in the reply."""
        raise NotImplementedError
