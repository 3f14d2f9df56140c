"""Calls to Telegram: each waits for its turn, obeys "retry after", follows a group that moved, fails in our words."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError

from bot.chat.telegram.rate_limiter import RateLimiter
from bot.core.errors import LimitReached, Undeliverable

T = TypeVar("T")
log = logging.getLogger(__name__)

WORDS_SECONDS = 30.0  # that an answer waits for its turn: updates are confirmed in order, so one holds up all others
MARGIN = 0.1  # seconds on top of what Telegram says: its clock and ours are not one

GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to delete not found")
BARRED = ("not enough rights", "have no rights", "chat_send_")
CLOSED = (
    *(
        "chat not found",
        "peer_id_invalid",
        "group chat was deactivated",
        "user is deactivated",
        "chat_write_forbidden",
    ),
    *("need administrator rights", "message thread not found"),
    *("topic_closed", "topic_deleted", "chat_restricted", "chat_admin_required"),
)


class Gone(TelegramError):
    """The message is not there any more, or cannot be edited any more."""


class Crowded(LimitReached):
    """The turn to write there would not come soon enough."""


class Barred(Undeliverable):
    """Something of this kind may not be sent there; words may be, perhaps."""


class Calls:
    """Makes them, one chat at a time known to `RateLimiter`."""

    def __init__(self, flood: RateLimiter) -> None:
        self.flood = flood
        self._moved: dict[int, int] = {}  # groups that became supergroups

    async def call(
        self,
        chat: int,
        make: Callable[[int], Awaitable[T]],
        *,
        count: int = 1,
        free: bool = False,
        patience: float = math.inf,
    ) -> T:
        """Do ``make(chat)`` when it may be done.

        Args:
            free: Telegram does not count it.
            patience: seconds that its turn is waited for.

        Raises:
            Crowded, Gone, Undeliverable, BadRequest, NetworkError
        """
        while True:
            chat = self._moved.get(chat, chat)
            if not free and not await self.flood.turn(chat, count=count, patience=patience):
                raise Crowded("So much is written here that Telegram holds me back. Try again in a minute.")
            try:
                return await self._made(chat, make)
            except RetryAfter as error:
                self._told_to_wait(chat, error)
                if free:
                    raise
            except ChatMigrated as error:
                self._moved[chat] = error.new_chat_id

    async def spare_turn(
        self, chat: int, patience: float = math.inf, *, after: float = -math.inf, soon: bool = False
    ) -> bool:
        """As `RateLimiter.spare_turn`: whether progress may be shown now."""
        return await self.flood.spare_turn(self._moved.get(chat, chat), patience, after=after, soon=soon)

    async def spare(self, chat: int, make: Callable[[int], Awaitable[T]]) -> bool:
        """Do what a spare turn was taken for; whether it was done. Progress is not worth a second try."""
        chat = self._moved.get(chat, chat)
        try:
            await self._made(chat, make)
        except RetryAfter as error:
            self._told_to_wait(chat, error)
            return False
        except ChatMigrated as error:
            self._moved[chat] = error.new_chat_id
            return False
        return True

    def _told_to_wait(self, chat: int, error: RetryAfter) -> None:
        seconds = waiting_time(error)
        log.info("Telegram asks for a pause of %.0f s in a chat", seconds)
        self.flood.close(chat, seconds + MARGIN)

    async def _made(self, chat: int, make: Callable[[int], Awaitable[T]]) -> T:
        try:
            return await make(chat)
        except Forbidden as error:
            raise Undeliverable("Telegram lets me write there no more: I was removed or blocked.") from error
        except BadRequest as error:
            text = str(error).lower()
            if any(sign in text for sign in GONE):
                raise Gone(str(error)) from error
            if any(sign in text for sign in BARRED):
                raise Barred(f"Telegram does not let me send that there: {error}.") from error
            if any(sign in text for sign in CLOSED):
                raise Undeliverable(f"Telegram does not let me write there: {error}.") from error
            raise


def waiting_time(error: RetryAfter) -> float:
    """Seconds."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()


def is_passing(error: BaseException) -> bool:
    """Whether it may work later: the network, or Telegram itself. The library derives BadRequest from NetworkError."""
    return isinstance(error, NetworkError | RetryAfter | TimeoutError) and not isinstance(error, BadRequest)


def is_unchanged(error: BadRequest) -> bool:
    """The message is already as it was to become, which is as good as done."""
    return "message is not modified" in str(error).lower()
