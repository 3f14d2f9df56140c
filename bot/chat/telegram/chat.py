"""Telegram: logs in, takes what comes, and hands over what is finished. It and its rooms telegram_*.py alone know how.

An update is confirmed to Telegram only when it has been dealt with, so a crash loses no order; what was dealt with and
not confirmed comes again, and is recognised (`Incoming.idempotency_key`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any

# With it the library gives durations as timedelta; without, it warns of a change to come wherever it makes one.
os.environ.setdefault("PTB_TIMEDELTA", "true")

import telegram
from telegram import BotCommand, BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats, Update
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application, ContextTypes, TypeHandler

from bot.chat.telegram.attachments import user_of
from bot.chat.telegram.calls import Calls, is_passing, waiting_time
from bot.chat.telegram.gallery import GalleryView
from bot.chat.telegram.inline import Inline
from bot.chat.telegram.job_messages import JobMessages
from bot.chat.telegram.orders import Orders
from bot.chat.telegram.rate_limiter import RateLimiter
from bot.config import Telegram
from bot.core.errors import Undeliverable
from bot.core.jobs import Job
from bot.core.journal.store import Store
from bot.core.messages import Chat, Result, Status
from bot.dialog.buttons import Actions
from bot.dialog.commands import COMMANDS, Commands
from bot.health import Health
from engine.gallery import Gallery

log = logging.getLogger(__name__)
App = Application[Any, Any, Any, Any, Any, Any]

WEBHOOK_PATH = "/telegram"
OFFICIAL = "https://api.telegram.org"
FETCH_BYTES = 20 * 2**20  # what Telegram's own server lets bots fetch
UPDATES = ["message", "channel_post", "callback_query", "inline_query"]
TOKEN = re.compile(r"\d{1,20}:[\w-]{1,100}", re.ASCII)
FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0  # seconds between tries
POLL_SECONDS = 25  # that Telegram holds a request for updates
UPDATE_SECONDS = 900.0  # how long one update is tried
HOOK_SECONDS = 40.0  # that Telegram is kept waiting
AT_ONCE = 50  # updates; Telegram hands out 100 at most
NAMES = 1000  # of updates that are remembered, for those that come twice
ABOUT = "I repaint photos in the style of paintings. Send me one, or reply /stylize starrynight to one in a group."


class TelegramChat(Chat):
    """A Chat whose platform is Telegram. `run` it in a task; until it has logged in, answers wait.

    Args:
        flood: whose turn it is to write.
        album_seconds: silence after which an album counts as complete.
    """

    name = "telegram"

    def __init__(
        self,
        config: Telegram,
        commands: Commands,
        actions: Actions,
        store: Store,
        gallery: Gallery,
        health: Health,
        *,
        max_photo_bytes: int = FETCH_BYTES,
        flood: RateLimiter | None = None,
        album_seconds: float = 1.0,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._config = config
        self._commands = commands
        self._actions = actions
        self._store = store
        self._gallery = gallery
        self._max_photo = max_photo_bytes
        self._calls = Calls(flood or RateLimiter())
        self._album_seconds = album_seconds
        self._first_pause = first_pause
        self._api = config.api_url.rstrip("/")
        self._desk: JobMessages | None = None
        self._orders: Orders | None = None
        self._inline: Inline | None = None
        self._app: App | None = None
        self._in = asyncio.Event()  # logged in
        self._connected = False
        self._tasks = asyncio.TaskGroup()
        self._flying: dict[int, asyncio.Task[None]] = {}
        self._done: dict[int, None] = {}  # the newest last
        self._turns: dict[str, asyncio.Lock] = {}
        self.ended = ""  # why it does not run any more, as a sentence
        health.gauge("telegram_connected", "Whether Telegram can be reached.", lambda: self._connected)

    # --- the Chat ----------------------------------------------------------------------------------------------------

    async def turn(self, job: Job, status: Status) -> None:
        if self._desk is not None:
            await self._desk.turn(job, status)

    async def show(self, job: Job, status: Status) -> None:
        if self._desk is not None:
            await self._desk.show(job, status)

    async def deliver(self, job: Job, result: Result) -> None:
        await (await self._at_desk()).deliver(job, result)

    async def tell(self, job: Job, text: str) -> None:
        await (await self._at_desk()).tell(job, text)

    async def _at_desk(self) -> JobMessages:
        await self._in.wait()
        assert self._desk
        return self._desk

    # --- running -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Log in and take what comes, until cancelled. Returns when Telegram refuses the token, having said so."""
        # The library under the library logs every request with its address, in which the token stands.
        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if not TOKEN.fullmatch(self._config.token.reveal()):
            self._end("telegram.token is no token: it looks like 123456789:AbC..., and @BotFather gives it.")
            return
        pause = self._first_pause
        while not self.ended:
            try:
                await self._session()
            except Exception:  # a bug of ours: the other chats go on, and so does this one
                log.exception("Telegram broke down, next try in %.0f s", pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE)

    async def _session(self) -> None:
        """From logging in until Telegram is of no more use."""
        builder = Application.builder().token(self._config.token.reveal()).updater(None)
        builder = builder.base_url(f"{self._api}/bot").base_file_url(f"{self._api}/file/bot")
        builder = builder.connect_timeout(10).read_timeout(30).write_timeout(30).media_write_timeout(90)
        app = builder.connection_pool_size(32).pool_timeout(60).build()
        app.add_handler(TypeHandler(Update, self._on_update))
        try:
            if await self._log_in(app):
                async with asyncio.TaskGroup() as self._tasks:
                    await self._work(app)
        finally:
            self._connected = False
            self._in.clear()
            self._desk = self._orders = self._inline = self._app = None
            await app.shutdown()
            await app.bot.shutdown()  # which the line above leaves out where logging in has failed

    def _end(self, sentence: str) -> None:
        self.ended = sentence
        log.error("Telegram is not connected: %s", sentence)

    async def _log_in(self, app: App) -> bool:
        """Whether we are in. Tries for as long as the network is at fault."""
        pause = self._first_pause
        while True:
            try:
                await app.initialize()
            except InvalidToken:
                self._end("it refuses telegram.token. Ask @BotFather for the token, or for a new one (/token).")
                return False
            except RetryAfter as error:
                await asyncio.sleep(waiting_time(error))
            except TelegramError as error:
                log.warning("Telegram cannot be reached, next try in %.0f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE)
            else:
                return True

    async def _work(self, app: App) -> None:
        bot = app.bot
        desk = JobMessages(bot, self._calls, self._store, self._gallery, self._tasks)
        most = min(self._max_photo, FETCH_BYTES) if self._api == OFFICIAL else self._max_photo
        self._orders = Orders(
            bot,
            bot.bot,
            self._calls,
            desk,
            self._commands,
            self._actions,
            self._store,
            GalleryView(bot, self._calls, desk, self._commands, self._store, self._gallery),
            max_bytes=most,
            album_seconds=self._album_seconds,
        )
        self._inline = Inline(bot, self._calls, self._store, self._gallery, self._tasks)
        self._desk, self._app = desk, app
        self._connected = True
        self._in.set()
        log.info("Telegram: I am @%s", bot.username)
        if not bot.bot.can_read_all_group_messages:
            log.info("Telegram: privacy mode is on, so in groups I see commands only; that is enough")
        self._tasks.create_task(self._introduce(bot))
        if self._config.webhook_url:
            await self._listen(bot)
        else:
            await self._poll(app)

    async def _introduce(self, bot: telegram.Bot) -> None:
        """Commands and description, as menus show them; only what has changed, since Telegram counts these calls."""
        commands = [BotCommand(name, text[:256]) for name, text in COMMANDS.items()]
        try:
            for scope in (BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats()):
                if list(await bot.get_my_commands(scope)) != commands:
                    await bot.set_my_commands(commands, scope)
            if (await bot.get_my_description()).description != ABOUT:
                await bot.set_my_description(ABOUT)
            if (await bot.get_my_short_description()).short_description != ABOUT[:120]:
                await bot.set_my_short_description(ABOUT[:120])
        except TelegramError as error:
            log.warning("Telegram did not take the list of commands: %s", error)

    # --- updates -----------------------------------------------------------------------------------------------------

    async def _poll(self, app: App) -> None:
        """Ask for updates. The number that confirms goes only as far as every update before it is dealt with."""
        offset: int | None = None
        pause = self._first_pause
        while True:
            try:
                if offset is None:
                    await app.bot.delete_webhook()
                updates = await app.bot.get_updates(
                    offset=offset, timeout=0 if self._flying else POLL_SECONDS, allowed_updates=UPDATES
                )
            except InvalidToken:
                self._end("it refuses telegram.token all of a sudden. Ask @BotFather for a new one (/token).")
                return
            except TelegramError as error:
                self._said_trouble(error)
                await asyncio.sleep(waiting_time(error) if isinstance(error, RetryAfter) else pause)
                pause = min(2 * pause, LAST_PAUSE)
                continue
            pause = self._first_pause
            if not self._connected:
                log.info("Telegram: connected again")
                self._connected = True
            fresh = [update for update in updates if self._is_fresh(update)]
            for update in fresh:
                self._take(app, update)
            newest = max((update.update_id for update in updates), default=(offset or 1) - 1)
            offset = min(self._flying, default=newest + 1)
            if self._flying and (not fresh or len(self._flying) >= AT_ONCE):
                await asyncio.wait(self._flying.values(), return_when=asyncio.FIRST_COMPLETED, timeout=1.0)

    def _said_trouble(self, error: TelegramError) -> None:
        if isinstance(error, Conflict):
            log.error(
                "Another copy of this bot is running with the same telegram.token, and Telegram serves only one."
                " Stop it; I try again until then."
            )
        elif self._connected:
            log.warning("Telegram cannot be reached, and I keep trying: %s", error)
        self._connected = False

    def _is_fresh(self, update: Update) -> bool:
        return update.update_id not in self._flying and update.update_id not in self._done

    def _take(self, app: App, update: Update) -> asyncio.Task[None]:
        task = self._tasks.create_task(app.process_update(update))
        self._flying[update.update_id] = task

        def landed(done: asyncio.Task[None]) -> None:
            del self._flying[update.update_id]
            if done.cancelled():  # with its session, so it has to come again
                return
            self._done[update.update_id] = None
            while len(self._done) > NAMES:
                del self._done[next(iter(self._done))]

        task.add_done_callback(landed)
        return task

    async def _on_update(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Deal with it, trying again while the network is at fault."""
        pause = self._first_pause
        try:
            async with asyncio.timeout(UPDATE_SECONDS):
                while True:
                    try:
                        await self._dealt_with(update)
                        return
                    except Exception as error:
                        if not is_passing(error):
                            raise
                        wait = waiting_time(error) if isinstance(error, RetryAfter) else pause
                        log.warning("update %d: %r, next try in %.0f s", update.update_id, error, wait)
                        await asyncio.sleep(wait)
                        pause = min(2 * pause, LAST_PAUSE)
        except Undeliverable as error:
            log.info("update %d: %s", update.update_id, error)
        except TimeoutError:
            log.error("update %d was given up", update.update_id)
        except Exception:
            log.exception("update %d could not be dealt with", update.update_id)

    async def _dealt_with(self, update: Update) -> None:
        assert self._orders
        assert self._inline
        message = update.message or update.channel_post
        if message is not None and message.media_group_id:
            await self._orders.message(message)  # its parts wait for each other
        elif message is not None:
            async with self._turn(f"{message.chat_id} {user_of(message)}"):
                await self._orders.message(message)
        elif update.callback_query is not None:
            async with self._turn(f"button {update.callback_query.from_user.id}"):
                await self._orders.pressed(update.callback_query)
        elif update.inline_query is not None:
            await self._inline.answer(update.inline_query)

    def _turn(self, whose: str) -> asyncio.Lock:
        """One after the other, as they were written; others need not wait."""
        self._turns = {name: lock for name, lock in self._turns.items() if lock.locked()} | {
            whose: self._turns.get(whose) or asyncio.Lock()
        }
        return self._turns[whose]

    # --- webhook -----------------------------------------------------------------------------------------------------

    @property
    def secret(self) -> str:
        """What Telegram shows with every update that it posts: made from the token, so nobody has to invent it."""
        return hmac.new(self._config.token.reveal().encode(), b"impasto webhook", hashlib.sha256).hexdigest()

    async def _listen(self, bot: telegram.Bot) -> None:
        pause = self._first_pause
        while True:
            try:
                await bot.set_webhook(
                    self._config.webhook_url,
                    secret_token=self.secret,
                    allowed_updates=UPDATES,
                    max_connections=AT_ONCE,
                )
                break
            except BadRequest as error:
                self._end(
                    f"it will not use telegram.webhook_url: {error}. It wants https on port 443, 80, 88 or 8443."
                )
                return
            except TelegramError as error:
                self._said_trouble(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE)
        await asyncio.Event().wait()

    async def hook(self, headers: Mapping[str, str], body: bytes) -> int:
        """An update that Telegram posts; answered when it is dealt with, so that otherwise it comes again.

        Returns:
            The HTTP status.
        """
        if not hmac.compare_digest(headers.get("X-Telegram-Bot-Api-Secret-Token", "").encode(), self.secret.encode()):
            return 403
        app = self._app
        if app is None:
            return 503
        try:
            update = Update.de_json(json.loads(body), app.bot)
        except (ValueError, KeyError, TypeError):
            return 400
        if update.update_id in self._done:
            return 200
        task = self._flying.get(update.update_id) or self._take(app, update)
        _, pending = await asyncio.wait([task], timeout=HOOK_SECONDS)
        return 503 if pending or task.cancelled() else 200
