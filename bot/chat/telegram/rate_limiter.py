"""Calls to Telegram: each waits for its turn, obeys "retry after", follows a group that moved, fails with our errors.

Telegram counts edits like messages: about one a second in a chat, 20 a minute in a group, 30 a second in all. These
limits are kept here, so that it rarely has to refuse. When it asks for a pause, that holds for everybody who writes to
that chat, however many began to wait before.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError
from telegram.ext import BaseRateLimiter, ExtBot

from bot.chat.transport import MessageGone
from bot.core.errors import LimitReached, NotNow, Undeliverable

log = logging.getLogger(__name__)

WINDOW = 60.0  # seconds
SECOND = 1.0
MARGIN = 0.1  # seconds on top of the pause that Telegram asks for: clocks differ

GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message to delete not found")
BARRED = ("not enough rights", "have no rights", "chat_send_")
CLOSED = (
    *("chat not found", "peer_id_invalid", "group chat was deactivated", "user is deactivated"),
    *("chat_write_forbidden", "need administrator rights", "message thread not found"),
    *("topic_closed", "topic_deleted", "chat_restricted", "chat_admin_required"),
)
UNCHANGED = "message is not modified"


class Crowded(LimitReached):
    """The turn to write there would not come soon enough."""


class Barred(Undeliverable):
    """Something of this kind may not be sent there; text may be, perhaps."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be written."""

    group: int = 20  # a minute
    private: int = 60  # a minute
    overall: int = 25  # a second; Telegram's limit is about 30
    spare: float = 0.5  # the share of a chat's minute that progress may use up: the rest is for answers


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """How a call waits for its turn: the ``rate_limit_args`` of the bot's methods."""

    patience: float = math.inf  # seconds
    taken: bool = False  # by `RateLimiter.turn`; such a call is not worth a second try


ANSWER = Turn(patience=30.0)  # updates are confirmed in order, so one that waits holds up all others
ALWAYS = Turn()
PROGRESS = Turn(taken=True)
Bot = ExtBot[Turn]


class RateLimiter(BaseRateLimiter[Turn]):
    """Whose turn it is.

    Args:
        clock: seconds, from any beginning.
        sleep: waits so many of them.
    """

    def __init__(
        self,
        rates: Rates | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.rates = rates or Rates()
        self.now = clock
        self._sleep = sleep
        self._written: dict[int, list[float]] = {}  # when, by chat
        self._written_at_all: list[float] = []
        self._closed: dict[int, float] = {}  # until when
        self._moved: dict[int, int] = {}  # groups that became supergroups

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        """What was written counts for the next session, too."""

    # --- calls -------------------------------------------------------------------------------------------------------

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Turn | None,
    ) -> Any:
        """Make a call when it may be made.

        Raises:
            Crowded, MessageGone, Undeliverable, TelegramError
        """
        if "chat_id" not in data:
            return await callback(*args, **kwargs)
        chat, count, turn = int(data["chat_id"]), _messages(endpoint, data), rate_limit_args or ALWAYS
        while True:
            chat = self._moved.get(chat, chat)
            if count and not turn.taken and not await self.turn(chat, count=count, patience=turn.patience):
                raise Crowded("So much is written here that Telegram slows the bot down. Try again in a minute.")
            try:
                return await callback(endpoint, data | {"chat_id": chat}, **kwargs)
            except RetryAfter as error:
                seconds = waiting_time(error)
                log.info("Telegram asks for a pause of %.0f s in a chat", seconds)
                self.close(chat, seconds + MARGIN)
                if turn.taken or not count:
                    raise
            except ChatMigrated as error:
                self._moved[chat] = error.new_chat_id
            except (BadRequest, Forbidden) as error:
                if UNCHANGED in str(error).lower():  # it is as it was to become
                    return True
                if (ours := _ours(error)) is None:
                    raise
                raise ours from error

    async def pause(self, seconds: float) -> None:
        """Wait by the clock that turns are counted by."""
        await self._sleep(seconds)

    # --- turns -------------------------------------------------------------------------------------------------------

    async def turn(
        self,
        chat: int,
        *,
        count: int = 1,
        patience: float = math.inf,
        after: float = -math.inf,
        spare: bool = False,
        soon: bool = False,
    ) -> bool:
        """Wait until ``count`` messages may be written to the chat, and count them as written.

        Args:
            patience: seconds; False when the turn would not come within them.
            after: not before this time.
            spare: for what may as well be left out, and may be given up while it waits.
            soon: do not spread spare turns evenly over the minute.
        """
        chat, end = self._moved.get(chat, chat), self.now() + patience
        while (wait := max(after - self.now(), self._wait(chat, count, spare, soon))) > 0:
            if self.now() + wait > end:
                return False
            await self._sleep(wait)
        for times in (self._written.setdefault(chat, []), self._written_at_all):
            times.extend([self.now()] * count)
        return True

    def close(self, chat: int, seconds: float) -> None:
        """Telegram asked for a pause. A shorter one never opens what a longer one has closed."""
        self._closed[chat] = max(self._closed.get(chat, 0.0), self.now() + seconds)

    def _wait(self, chat: int, count: int, spare: bool, soon: bool) -> float:
        """Seconds until the turn comes, as things stand."""
        now = self.now()
        self._forget(now)
        written, overall = self._written.get(chat, []), self.rates.overall
        most = self.rates.group if chat < 0 else self.rates.private
        spread = 0.0
        if spare:
            most = max(1, int(most * self.rates.spare))
            if written:  # evenly, not all at the minute's beginning
                spread = written[-1] + (SECOND if soon else WINDOW / most) - now
        return max(
            spread,
            self._closed.get(chat, now) - now,
            _until_room(written, min(count, most), most, now, WINDOW),
            _until_room(self._written_at_all, min(count, overall), overall, now, SECOND),
        )

    def _forget(self, now: float) -> None:
        recent = {chat: [at for at in times if at > now - WINDOW] for chat, times in self._written.items()}
        self._written = {chat: times for chat, times in recent.items() if times}
        self._written_at_all = [at for at in self._written_at_all if at > now - SECOND]
        self._closed = {chat: until for chat, until in self._closed.items() if until > now}


def _until_room(written: Sequence[float], count: int, most: int, now: float, window: float) -> float:
    """Seconds until ``count`` more fit among the ``most`` of a window."""
    excess = len(written) + count - most
    return written[excess - 1] + window - now if excess > 0 else 0.0


def _messages(endpoint: str, data: dict[str, Any]) -> int:
    """How many messages Telegram counts a call as."""
    if endpoint == "sendMediaGroup":
        return len(data["media"])
    return int(endpoint.startswith(("send", "editMessage")) and endpoint != "sendChatAction")


def _ours(error: TelegramError) -> Exception | None:
    """One of our errors, where there is one for it."""
    text = str(error).lower()
    if isinstance(error, Forbidden):
        return Undeliverable("Telegram does not let the bot write there any more: it was removed or blocked.")
    if any(sign in text for sign in GONE):
        return MessageGone(str(error))
    if any(sign in text for sign in BARRED):
        return Barred(f"Telegram does not let the bot send that there: {error}.")
    if any(sign in text for sign in CLOSED):
        return Undeliverable(f"Telegram does not let the bot write there: {error}.")
    return None


def waiting_time(error: Exception, otherwise: float = 0.0) -> float:
    """The seconds that Telegram asks for, if it does."""
    wait = error.retry_after if isinstance(error, RetryAfter) else otherwise
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()


def is_passing(error: BaseException) -> bool:
    """Whether it may work later: the network, Telegram itself, or that we are starting or stopping."""
    if isinstance(error, BadRequest):  # which the library derives from NetworkError
        return False
    return isinstance(error, NetworkError | RetryAfter | TimeoutError | NotNow)
