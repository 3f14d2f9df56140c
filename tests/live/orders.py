"""What people order on each platform, and what they see of the answer: the ledger of a proof.

It is built from what the platforms' doubles and the page were sent, and from nothing that the bot says of itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.fakes.discord.rules import LOADING
from tests.fakes.discord.world import Interaction
from tests.live.doubles import Discord, Telegram
from tests.live.page import Room

# What a message says while there is more to come; a message that says anything else is an answer.
WORKING = re.compile(
    r"/cancel |coming up|place \d|step \d|painting begins|is loading|as soon as|: finished|\bleft\b|waits until"
    r"|longer than expected|its turn comes|begins again|trying again|^$|▰|▱"
)
READY = re.compile(
    r"^(<@\d+> your|Your) picture is ready\.$"
)  # after a long one, beside the picture: edits notify nobody
POINTER = "This goes on below."  # in a message that Discord lets nobody edit any more
SENT_BACK = re.compile(r"send this again|still starting")


@dataclass
class Seen:
    """What stands where an order is answered."""

    pictures: int = 0
    sentences: list[str] = field(default_factory=list)  # that end the matter
    working: list[str] = field(default_factory=list)  # that promise more
    calls: int = 0  # that a picture is ready

    def add(self, text: str, *, working: bool = False) -> None:
        if working or WORKING.search(text):
            self.working.append(text)
        elif READY.match(text):
            self.calls += 1
        elif text != POINTER:
            self.sentences.append(text)

    @property
    def settled(self) -> bool:
        return self.pictures > 0 or bool(self.sentences)


class Order(Protocol):
    """One picture that somebody wants; its seed is its name in every answer."""

    seed: int
    kind: str  # the platform and the way, as the table has it
    placed: float  # by the monotonic clock

    @property
    def promised(self) -> bool:
        """Whether the person may rely on an answer."""
        ...

    def seen(self) -> Seen: ...


GOOD = ("answered", "sent back", "unheard")  # the others are violations
WRONG = ("lost", "unanswered", "twice", "stale", "given up", "refused")


def verdict(order: Order) -> str:
    """What has become of an order, in one of the words above.

    *Unheard* is an order that the platform itself reports as failed: Discord hands nothing over later.
    *Stale* is a message that promises more beside the answer.
    """
    seen = order.seen()
    if seen.pictures:
        if seen.pictures > 1 or seen.calls > 1 or seen.sentences:
            return "twice"
        return "stale" if seen.working else "answered"
    if seen.sentences:
        text = " ".join(seen.sentences)
        return "given up" if "given up" in text else "sent back" if SENT_BACK.search(text) else "refused"
    if seen.working or seen.calls:
        return "unanswered"
    return "lost" if order.promised else "unheard"


# --- Telegram --------------------------------------------------------------------------------------------------------


@dataclass
class TelegramOrder(Order):
    """An update is handed over until the bot confirms it, so every order is promised."""

    server: Telegram
    seed: int
    kind: str
    chat: int
    messages: Sequence[int]  # the person's own: the order, and the photo where that is another message
    placed: float = field(default_factory=time.monotonic)

    promised = True

    def seen(self) -> Seen:
        seen = Seen()
        for message in self.server.of_bot(self.chat):
            reply = message.get("reply_to_message", {}).get("message_id")
            if reply not in self.messages:
                continue  # it answers another order
            text = message.get("caption", message.get("text", ""))
            if message.get("_data") and f"seed={self.seed}" in text and " mode=" in text:
                seen.pictures += 1
            else:
                seen.add(text)
        return seen


def order_on_telegram(
    server: Telegram,
    seed: int,
    line: str,
    photo: bytes,
    *,
    group: int,
    way: str,
    document: bool = False,
    user: int = 0,
) -> TelegramOrder:
    """``way`` is private, group or reply (to a photo that was sent before). Without ``user`` it is a stranger's."""
    user = user or 1_000_000 + seed
    chat = group if way == "group" else user
    file = {"document": photo} if document else {"photo": photo}
    if way == "reply":
        shown = server.says(chat, user=user, silent=True, **file)
        messages = [shown, server.says(chat, line, user=user, reply=shown)]
    else:
        messages = [server.says(chat, line, user=user, **file)]
    return TelegramOrder(server, seed, f"Telegram, {way}", chat, messages)


# --- Discord ---------------------------------------------------------------------------------------------------------


@dataclass
class DiscordOrder(Order):
    """A slash command is promised an answer when it is acknowledged, a message when there is one of the bot's."""

    server: Discord
    seed: int
    kind: str
    user: int
    channel: int
    interaction: Interaction | None = None
    placed: float = field(default_factory=time.monotonic)

    @property
    def promised(self) -> bool:
        return self.interaction is not None and self.interaction.answered is not None

    def seen(self) -> Seen:
        seen = Seen()
        direct = [int(id) for id, c in self.server.channels.items() if c["type"] == 1 and self._is_theirs(c)]
        for channel in {self.channel, *direct}:
            for message in self.server.of_bot(channel):
                text = self.server.text(int(message["id"]))
                if message["attachments"] and f"seed={self.seed}" in text and " mode=" in text:
                    seen.pictures += 1
                else:
                    seen.add(text, working=bool(message["flags"] & LOADING))
        return seen

    def _is_theirs(self, channel: dict) -> bool:
        return channel["recipients"][0]["id"] == str(self.user)


async def order_on_discord(
    server: Discord,
    seed: int,
    words: dict[str, str | int],
    photo: tuple[str, bytes],
    *,
    way: str,
    private: bool,
    user: int = 0,
) -> DiscordOrder:
    """``way`` is slash or mention. Without ``user`` it is a stranger's. Every order has a channel of its own."""
    user = user if user in server.users else server.add_user(f"person{seed}", user or None)
    channel = server.direct(user) if private else await server.open_channel()
    order = DiscordOrder(server, seed, f"Discord, {way}", user, channel)
    try:
        if way == "slash":
            await server.slash(user, channel, "stylize", photo=photo, **words)
        else:
            line = " ".join(
                [str(words["style"]), *(f"{k}={v}" for k, v in words.items() if k not in ("style", "recipe"))]
            )
            await server.says(user, channel, f"<@900> {line} {words.get('recipe', '')}".strip(), [photo])
    except ConnectionError:  # the bot went down as it was told of it
        pass
    order.interaction = next((i for i in server.interactions.values() if i.channel == channel), None)
    return order


# --- the page --------------------------------------------------------------------------------------------------------


@dataclass
class PageOrder(Order):
    """The page sends until it is answered, so every order is promised."""

    room: Room
    seed: int
    kind: str = "page"
    message: str = ""  # its id, once it was taken
    refusal: str = ""  # what the door said instead
    placed: float = field(default_factory=time.monotonic)

    promised = True

    def seen(self) -> Seen:
        seen = Seen()
        if self.refusal:
            seen.add(self.refusal)
        if not self.message:
            return seen
        answers = [entry for entry in self.room.of("answer") if entry["to"] == self.message]
        jobs = {entry["job"] for entry in answers if entry.get("job")}
        for entry in answers:
            if not entry.get("job"):
                seen.add(entry["text"])
        ended = {entry["job"]: entry["text"] for entry in self.room.of("told") if entry["job"] in jobs}
        for text in ended.values():
            seen.sentences.append(text)
        finished = [entry for entry in self.room.of("finished") if f"seed={self.seed}" in entry["line"]]
        seen.pictures = len(finished)
        open_jobs = jobs - set(ended) - {entry["job"] for entry in finished}
        seen.working = [f"job {job}" for job in open_jobs]
        return seen


async def order_on_page(room: Room, seed: int, line: str, photo: bytes, name: str = "cat.png") -> PageOrder:
    """Returns when the page has been told that it was taken, or refused."""
    order = PageOrder(room, seed)
    await finish_on_page(order, line, photo, name)
    return order


async def finish_on_page(order: PageOrder, line: str, photo: bytes, name: str = "cat.png") -> None:
    order.message, order.refusal = await order.room.send(line, photo, name)
