"""Updates, asked for or posted to us: in order for each person, and confirmed to Telegram only when dealt with.

So a crash loses no order; what was dealt with and not confirmed comes again, and is recognised
(`Incoming.idempotency_key`). The items of an album come as messages of their own, and are put together again here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from telegram import Message, Update
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.backoff import Backoff
from bot.chat.telegram.messages import text_of, user_of
from bot.chat.telegram.rate_limiter import Bot, is_passing, waiting_time
from bot.core.errors import Undeliverable
from bot.dialog.parse import parse

log = logging.getLogger(__name__)

KINDS = ["message", "edited_message", "channel_post", "callback_query", "inline_query", "my_chat_member"]
POLL_SECONDS = 25  # that Telegram holds a request for updates
UPDATE_SECONDS = 900.0  # how long one update is tried
HOOK_SECONDS = 40.0  # that Telegram is kept waiting
AT_ONCE = 50  # updates; Telegram hands out 100 at most
REMEMBERED = 1000  # updates that were dealt with, for those that come twice
ALBUM = 10  # pictures of an album at most
ALBUMS_KEPT = 200  # that are remembered, for items that come late


class UpdateRequests(HTTPXRequest):
    """How updates are asked for: one that the library cannot read comes without what is in it, and so is confirmed
    like any other, instead of coming again and again with all that came beside it."""

    def __init__(self, httpx_kwargs: dict[str, Any] | None = None) -> None:
        super().__init__(httpx_kwargs=httpx_kwargs)
        self._said: OrderedDict[int, None] = OrderedDict()  # the numbers of those that were logged

    def parse_json_payload(self, payload: bytes) -> dict[str, Any]:  # type: ignore[override]
        answer = HTTPXRequest.parse_json_payload(payload)
        result = answer.get("result")
        if isinstance(result, list):
            answer["result"] = [self.readable(update) for update in result]
        return answer

    def readable(self, update: Any) -> Any:
        """The update, or its number alone."""
        try:
            Update.de_json(update, None)
            return update
        except Exception as error:  # whatever the library stumbles over
            number = update.get("update_id") if isinstance(update, dict) else None
            if not isinstance(number, int):
                raise
            if number not in self._said:
                log.warning("update %d cannot be read, and is left out: %r", number, type(error).__name__)
            self._said[number] = None
            while len(self._said) > REMEMBERED:
                self._said.popitem(last=False)
            return {"update_id": number}


@dataclass
class Updates:
    """Takes updates and has ``handle`` deal with each, trying again while the network is at fault."""

    bot: Bot
    handle: Callable[[Update], Awaitable[None]]
    tasks: asyncio.TaskGroup  # owns what is under way
    done: OrderedDict[int, None]  # the numbers of updates that were dealt with, the newest last
    retry: Backoff  # while Telegram cannot be reached
    requests: UpdateRequests
    connected: bool = True
    _running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    # --- where they come from ----------------------------------------------------------------------------------------

    async def poll(self) -> str:
        """Ask for updates until Telegram refuses the token; returns a sentence about it.

        The number that confirms goes only as far as every update before it is dealt with.
        """
        offset: int | None = None
        pauses = iter(self.retry)
        while True:
            try:
                if offset is None:
                    await self.bot.delete_webhook()
                timeout = 0 if self._running else POLL_SECONDS
                updates = await self.bot.get_updates(offset=offset, timeout=timeout, allowed_updates=KINDS)
            except InvalidToken:
                return "it refuses telegram.token, which it took before. Ask @BotFather for a new one (/token)."
            except TelegramError as error:
                await self._wait_out(error, next(pauses))
                continue
            pauses = iter(self.retry)
            if not self.connected:
                log.info("Telegram: connected again")
                self.connected = True
            new = [u for u in updates if u.update_id not in self._running and u.update_id not in self.done]
            for update in new:
                self._take(update)
            newest = max((update.update_id for update in updates), default=(offset or 1) - 1)
            offset = min(self._running, default=newest + 1)
            if self._running and (not new or len(self._running) >= AT_ONCE):
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED, timeout=1.0)

    async def listen(self, url: str, secret: str) -> str:
        """Have updates posted to ``url`` until cancelled; returns why that cannot be."""
        for pause in self.retry:
            try:
                await self.bot.set_webhook(url, secret_token=secret, allowed_updates=KINDS, max_connections=AT_ONCE)
                break
            except BadRequest as error:
                return f"it does not take telegram.webhook_url: {error}. It wants https on port 443, 80, 88 or 8443."
            except TelegramError as error:
                await self._wait_out(error, pause)
        self.connected = True
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def posted(self, body: bytes) -> int:
        """An update that Telegram posts; answered when it is dealt with, so that otherwise it comes again.

        Returns:
            The HTTP status.
        """
        try:
            update = Update.de_json(self.requests.readable(json.loads(body)), self.bot)
        except (ValueError, KeyError, TypeError, AttributeError):
            return 400
        if update.update_id in self.done:
            return 200
        task = self._running.get(update.update_id) or self._take(update)
        _, pending = await asyncio.wait([task], timeout=HOOK_SECONDS)
        return 503 if pending or task.cancelled() else 200

    async def _wait_out(self, error: TelegramError, pause: float) -> None:
        if isinstance(error, Conflict):
            log.error(
                "Another copy of this bot is running with the same telegram.token, and Telegram serves only one."
                " Stop it; I try again until then."
            )
        elif self.connected:
            log.warning("Telegram cannot be reached, and I keep trying: %s", error)
        self.connected = False
        await asyncio.sleep(waiting_time(error, pause))

    # --- what becomes of them ----------------------------------------------------------------------------------------

    def _take(self, update: Update) -> asyncio.Task[None]:
        task = self._running[update.update_id] = self.tasks.create_task(self._deal_with(update))
        task.add_done_callback(lambda task: self._dealt_with(update.update_id, task))
        return task

    def _dealt_with(self, number: int, task: asyncio.Task[None]) -> None:
        del self._running[number]
        if task.cancelled():  # with its session, so it has to come again
            return
        self.done[number] = None
        while len(self.done) > REMEMBERED:
            self.done.popitem(last=False)

    async def _deal_with(self, update: Update) -> None:
        try:
            async with asyncio.timeout(UPDATE_SECONDS):
                for pause in self.retry:
                    try:
                        await self._handle_in_order(update)
                        return
                    except Exception as error:
                        if not is_passing(error):
                            raise
                        wait = waiting_time(error, pause)
                        log.warning("update %d: %r, next try in %.0f s", update.update_id, error, wait)
                        await asyncio.sleep(wait)
        except Undeliverable as error:
            log.info("update %d: %s", update.update_id, error)
        except TimeoutError:
            log.error("update %d was given up", update.update_id)
        except Exception:
            log.exception("update %d could not be dealt with", update.update_id)

    async def _handle_in_order(self, update: Update) -> None:
        """One after the other, as a person sent them; others need not wait."""
        message = update.message or update.edited_message or update.channel_post
        query = update.callback_query
        if message is not None and not message.media_group_id:  # the parts of an album wait for each other
            whose = f"{message.chat_id} {user_of(message)}"
        elif query is not None:
            whose = f"button {query.from_user.id}"
        else:
            await self.handle(update)
            return
        lock = self._locks.setdefault(whose, asyncio.Lock())
        async with lock:
            await self.handle(update)


@dataclass
class _Album:
    """What has come of one album."""

    items: dict[int, Message] = field(default_factory=dict)  # by number; the first one answers for all
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    head: Message | None = None  # the item whose text was answered


@dataclass
class Albums:
    """Puts items together again; ``answer`` gets the item that has the text, and all of them."""

    answer: Callable[[Message, Sequence[Message]], Awaitable[None]]
    quiet_seconds: float  # after which an album counts as complete
    _albums: OrderedDict[tuple[int, str], _Album] = field(default_factory=OrderedDict)

    async def add(self, item: Message) -> None:
        """Return when the album is answered, or rather this item of it where it comes late."""
        album = self._albums.setdefault((item.chat_id, str(item.media_group_id)), _Album())
        while len(self._albums) > ALBUMS_KEPT:
            self._albums.popitem(last=False)
        if not album.answered.is_set():
            album.items[item.message_id] = item
            album.changed.set()
            if item.message_id == next(iter(album.items)):
                await self._until_quiet(album)
                await self._answer_all(album)
            await album.answered.wait()
        if album.head and item.message_id not in album.items:  # the picture that an order lacked, or one more
            both = sorted((album.head, item), key=lambda message: message.message_id)
            await self.answer(album.head, both if parse(text_of(album.head)).names_mine else [item])

    async def _until_quiet(self, album: _Album) -> None:
        while len(album.items) < ALBUM:
            album.changed.clear()
            try:
                async with asyncio.timeout(self.quiet_seconds):
                    await album.changed.wait()
            except TimeoutError:
                return

    async def _answer_all(self, album: _Album) -> None:
        items = [album.items[number] for number in sorted(album.items)]
        head = next((item for item in items if text_of(item)), items[0])
        passing = False
        try:
            await self.answer(head, items)
        except Exception as error:
            passing = is_passing(error)  # and it is tried again, whole
            raise
        finally:
            if not passing:
                album.head, album.items = head, {item.message_id: item for item in items}
                album.answered.set()
