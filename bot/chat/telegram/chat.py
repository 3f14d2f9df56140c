"""Telegram: logs in, takes what comes, and delivers what is finished. Only this folder knows the library."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping

import httpx
import msgspec
from telegram import BotCommand, BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats, Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest

from bot.backoff import Backoff
from bot.chat.messenger import Messenger
from bot.chat.telegram.admins import Admins
from bot.chat.telegram.gallery import GalleryMessages
from bot.chat.telegram.inline import Inline
from bot.chat.telegram.messages import TelegramAddress
from bot.chat.telegram.orders import Orders
from bot.chat.telegram.presses import Presses
from bot.chat.telegram.rate_limiter import Bot, RateLimiter, waiting_time
from bot.chat.telegram.sending.transport import FILE_BYTES, TelegramTransport
from bot.chat.telegram.updates import Albums, UpdateRequests, Updates
from bot.config import Telegram
from bot.core.errors import Undeliverable
from bot.core.jobs import Job, Place
from bot.core.messages import Hook, Platform, Result, Status
from bot.dialog.parse import COMMANDS
from bot.dialog.services import Services
from engine.wire import GIF, MP4

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/telegram"
OFFICIAL = "https://api.telegram.org"
FETCH_BYTES = 20 * 2**20  # what Telegram's own server lets bots fetch
TOKEN = re.compile(r"\d{1,20}:[\w-]{1,100}", re.ASCII)
START = "Bots may only write to people who wrote to them: open a chat with the bot and press Start, once."
ABOUT = "I repaint photos in the style of paintings. Send me one, or reply /stylize starrynight to one in a group."


class TelegramChat(Platform):
    """A Chat whose platform is Telegram. `run` it in a task; until it has logged in, answers wait.

    Args:
        limiter: whose turn it is to write.
        album_seconds: silence after which an album counts as complete.
        retry: pauses while Telegram cannot be reached.
    """

    name = "telegram"
    plays = (MP4.media_type, GIF.media_type)

    def __init__(
        self,
        config: Telegram,
        services: Services,
        *,
        limiter: RateLimiter | None = None,
        album_seconds: float = 1.0,
        retry: Backoff | None = None,
    ) -> None:
        self._config = config
        self._services = services
        self._limiter = limiter or RateLimiter()
        self._album_seconds = album_seconds
        self._retry = retry or Backoff(longest=30.0)
        self._api = config.api_url.rstrip("/")
        self._logged_in = asyncio.Event()
        self._messenger: Messenger | None = None  # while logged in
        self._transport: TelegramTransport | None = None  # likewise
        self._updates: Updates | None = None  # likewise
        self._tasks = asyncio.TaskGroup()
        self._done: OrderedDict[int, None] = OrderedDict()  # updates that were dealt with
        self.ended = ""  # why it does not run any more, as a sentence
        connected = "Whether Telegram can be reached."
        services.health.gauge("telegram_connected", connected, lambda: bool(self._updates and self._updates.connected))

    # --- the Chat ----------------------------------------------------------------------------------------------------

    def most_bytes(self, job: Job) -> int:
        return FILE_BYTES

    async def wait_to_show(self, job: Job, status: Status) -> None:
        if self._messenger is not None:
            await self._messenger.wait_to_show(job, status)

    async def show(self, job: Job, status: Status) -> None:
        if self._messenger is not None:
            await self._messenger.show(job, status)

    async def deliver(self, job: Job, result: Result) -> None:
        await (await self._connected()).deliver(job, result)

    async def notify(self, job: Job, text: str) -> None:
        await (await self._connected()).notify(job, text)

    async def tell(self, user: str, text: str) -> None:
        await self._logged_in.wait()
        assert self._transport
        try:
            await self._transport.say(TelegramAddress(chat=int(user.partition(":")[2])), text)
        except Undeliverable as error:
            raise Undeliverable(f"{error} {START}") from error

    def repeated(self, place: Place, last: Place) -> Place:
        """A covered photo stays covered."""
        address, before = TelegramAddress.of(place), TelegramAddress.of(last)
        address = msgspec.structs.replace(address, spoiler=address.spoiler or before.spoiler)
        return address.place(place.chat, place.room)

    async def _connected(self) -> Messenger:
        await self._logged_in.wait()
        assert self._messenger
        return self._messenger

    # --- running -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        # The library under the library logs every request with its address, in which the token stands.
        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if not TOKEN.fullmatch(self._config.token.reveal()):
            self.ended = "telegram.token is invalid: it looks like 123456789:AbC..., and @BotFather gives it."
        pauses = iter(self._retry)
        while not self.ended:
            try:
                self.ended = await self._session()
            except Exception:  # a bug of ours: the other chats go on, and so does this one
                pause = next(pauses)
                log.exception("Telegram broke down, next try in %.0f s", pause)
                await asyncio.sleep(pause)
        log.error("Telegram is not connected: %s", self.ended)

    async def _session(self) -> str:
        """From logging in until Telegram refuses the bot for good; returns why, as a sentence."""
        # Made once for both, and in a thread: to read the certificates takes 20 to 40 ms each time.
        trusted = {"verify": await asyncio.to_thread(httpx.create_ssl_context)}
        requests = UpdateRequests(httpx_kwargs=trusted)
        bot = ExtBot(
            self._config.token.reveal(),
            f"{self._api}/bot",
            f"{self._api}/file/bot",
            request=HTTPXRequest(
                connection_pool_size=32,
                connect_timeout=10,
                read_timeout=30,
                write_timeout=30,
                media_write_timeout=90,
                pool_timeout=60,
                httpx_kwargs=trusted,
            ),
            get_updates_request=requests,
            rate_limiter=self._limiter,
        )
        try:
            if refused := await self._log_in(bot):
                return refused
            async with asyncio.TaskGroup() as self._tasks:
                return await self._work(bot, requests)
        finally:
            self._logged_in.clear()
            self._messenger = self._updates = self._transport = None
            await bot.shutdown()

    async def _log_in(self, bot: Bot) -> str:
        """Try for as long as the network is at fault. Returns why Telegram refuses, if it does."""
        for pause in self._retry:
            try:
                await bot.initialize()
                break
            except InvalidToken:
                return "it refuses telegram.token. Ask @BotFather for the token, or for a new one (/token)."
            except TelegramError as error:
                wait = waiting_time(error, pause)
                log.warning("Telegram cannot be reached, next try in %.0f s: %s", wait, error)
                await asyncio.sleep(wait)
        log.info("Telegram: I am @%s", bot.username)
        if not bot.bot.can_read_all_group_messages:
            log.info("Telegram: privacy mode is on, so in groups I see commands only; that is enough")
        return ""

    async def _work(self, bot: Bot, requests: UpdateRequests) -> str:
        services, limiter, tasks = self._services, self._limiter, self._tasks
        most = min(services.max_photo_bytes, FETCH_BYTES) if self._api == OFFICIAL else services.max_photo_bytes
        transport = TelegramTransport(bot, limiter, services, tasks)
        gallery, admins = GalleryMessages(bot, transport, services), Admins(bot, services.studio.rooms)
        inline = Inline(bot, services, tasks)
        async with Messenger(transport, services, clock=limiter.now) as messenger:
            orders = Orders(bot, services, transport, gallery, messenger, admins, most)
            albums = Albums(orders.answer, self._album_seconds)
            presses = Presses(bot, services, messenger, gallery, orders, admins)

            async def handle(update: Update) -> None:
                message = update.message or update.channel_post
                if update.effective_message:
                    transport.saw(update.effective_message.chat.id, update.effective_message.message_id)
                if message and message.media_group_id:
                    await albums.add(message)
                elif message:
                    await orders.answer(message, [message])
                elif update.edited_message:
                    await orders.corrected(update.edited_message)
                elif update.callback_query:
                    await presses.pressed(update.callback_query)
                elif update.inline_query:
                    await inline.answer(update.inline_query)
                elif update.my_chat_member:
                    await orders.greet(update.my_chat_member)

            updates = self._updates = Updates(bot, handle, tasks, self._done, self._retry, requests)
            self._messenger, self._transport = messenger, transport
            self._logged_in.set()
            tasks.create_task(_introduce(bot))
            if self._config.webhook_url:
                return await updates.listen(self._config.webhook_url, self.secret)
            return await updates.poll()

    # --- webhook -----------------------------------------------------------------------------------------------------

    @property
    def hooks(self) -> Mapping[str, Hook]:
        return {WEBHOOK_PATH: self.hook} if self._config.webhook_url else {}

    @property
    def secret(self) -> str:
        """What Telegram shows with every update that it posts: made from the token, so nobody has to invent it."""
        return hmac.new(self._config.token.reveal().encode(), b"impasto webhook", hashlib.sha256).hexdigest()

    async def hook(self, headers: Mapping[str, str], body: bytes) -> int:
        """See `Updates.posted`; only Telegram knows the secret."""
        if not hmac.compare_digest(headers.get("X-Telegram-Bot-Api-Secret-Token", "").encode(), self.secret.encode()):
            return 403
        return await self._updates.posted(body) if self._updates else 503


async def _introduce(bot: Bot) -> None:
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
    except Exception:  # an answer that the library cannot read must not end the session, and the next one likewise
        log.exception("Telegram was not given the list of commands")
