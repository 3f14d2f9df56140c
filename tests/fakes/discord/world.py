"""What a Discord consists of: people, servers, channels, messages and files, and what there is to be seen of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.waiting import Board

EPOCH_MS = 1420070400000
TOKEN = "MTIz.fake.token-of-the-tests"
BOT, APPLICATION, GUILD = 900, 900, 500
UPLOAD = 10 * 2**20
VIEW, SEND, ATTACH, HISTORY, MANAGE, MODERATE = 1 << 10, 1 << 11, 1 << 15, 1 << 16, 1 << 5, 1 << 13
ALL = VIEW | SEND | ATTACH | HISTORY | 1 << 14 | 1 << 38 | 1 << 31
EPHEMERAL = 1 << 6
CONTENT_INTENT, DIRECT, CONVERSATION = 1 << 15, 1, 3
BUTTON, SELECT = 2, 3


@dataclass
class Interaction:
    """One interaction, and what has become of it."""

    id: int
    token: str
    kind: int
    user: int
    channel: int
    at: float
    source: int | None = None  # the message whose component was used
    answered: int | None = None  # the callback's type
    original: int | None = None  # the message that answers it
    ephemeral: bool = False
    followups: list[int] = field(default_factory=list)
    choices: list[dict[str, Any]] | None = None
    modal: dict[str, Any] | None = None
    late: bool = False  # that it comes too late is what the test wants


class Refused(Exception):
    """A request that Discord answers with an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class World(Board):
    """Times are by ``clock``, in seconds since the epoch, which `later` moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0.0
        self.url = ""
        self.violations: list[str] = []
        self.users: dict[int, dict[str, Any]] = {}
        self.granted: dict[int, int] = {}  # permissions in servers beyond everybody's, by user
        self.guilds: dict[int, dict[str, Any]] = {}
        self.channels: dict[int, dict[str, Any]] = {}
        self.messages: dict[int, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}  # by path: what the CDN has
        self.interactions: dict[int, Interaction] = {}
        self.commands: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self.bot = self.add_user("Impasto", BOT, bot=True)

    def clock(self) -> float:
        return time.time() + self.offset

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.offset += seconds

    def id(self) -> int:
        return int(self.clock() * 1000 - EPOCH_MS) << 22 | next(self._numbers) % 2**22

    def add_user(self, name: str, id: int | None = None, *, bot: bool = False) -> int:
        id = id or self.id()
        user = {"id": str(id), "username": name, "discriminator": "0", "avatar": None, "global_name": None}
        self.users[id] = user | {"bot": bot, "public_flags": 0}
        return id

    def add_guild(self, id: int = GUILD, *, tier: int = 0) -> int:
        role = {
            **{"id": str(id), "name": "@everyone", "color": 0, "hoist": False, "position": 0, "permissions": str(ALL)},
            **{"managed": False, "mentionable": False, "flags": 0},
        }
        self.guilds[id] = {
            **{"id": str(id), "name": "Painters", "icon": None, "owner_id": "1", "roles": [role], "emojis": []},
            **{"features": [], "stickers": [], "premium_tier": tier, "preferred_locale": "en-US", "nsfw_level": 0},
            **{"verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0},
            **{"mfa_level": 0, "afk_timeout": 300, "afk_channel_id": None, "system_channel_id": None},
            **{"system_channel_flags": 0, "premium_progress_bar_enabled": False, "nsfw": False, "splash": None},
            **{"discovery_splash": None, "description": None, "banner": None, "application_id": None},
        }
        return id

    def add_channel(self, guild: int | None = GUILD, *, nsfw: bool = False, deny: int = 0, user: int = 0) -> int:
        id = self.id()
        if guild is None:
            self.channels[id] = {"id": str(id), "type": DIRECT, "recipients": [self.users[user]]}
            return id
        over = [{"id": str(BOT), "type": 1, "allow": "0", "deny": str(deny)}] if deny else []
        self.channels[id] = {
            **{"id": str(id), "type": 0, "guild_id": str(guild), "name": f"channel-{id % 1000}", "position": 0},
            **{"permission_overwrites": over, "nsfw": nsfw, "topic": None, "rate_limit_per_user": 0, "flags": 0},
        }
        return id

    def add_conversation(self, *users: int) -> int:
        """Where people are among themselves: the bot is there by their installation only."""
        id = self.id()
        self.channels[id] = {"id": str(id), "type": CONVERSATION, "recipients": [self.users[user] for user in users]}
        self.channels[id] |= {"name": None, "icon": None, "owner_id": str(users[0])}
        return id

    def direct(self, user: int) -> int:
        """The channel between somebody and the bot; made where there is none."""
        for id, channel in self.channels.items():
            if channel["type"] == DIRECT and channel["recipients"][0]["id"] == str(user):
                return id
        return self.add_channel(None, user=user)

    def permissions(self, user: int) -> int:
        """Somebody's in every server."""
        return ALL | self.granted.get(user, 0)

    def allowed(self, channel: int) -> int:
        """The bot's permissions there."""
        if self.channels[channel]["type"] == CONVERSATION:
            return 0
        denied = sum(int(over["deny"]) for over in self.channels[channel].get("permission_overwrites", ()))
        return ALL & ~denied

    def limit(self, channel: int) -> int:
        """The largest file, in bytes, that may be uploaded there."""
        guild = self.guilds.get(int(self.channels[channel].get("guild_id", 0)), {})
        return {2: 50, 3: 100}.get(guild.get("premium_tier", 0), 10) * 2**20 if guild else UPLOAD

    # --- looking ----------------------------------------------------------------------------------------------------

    def components(self, message: int) -> list[dict[str, Any]]:
        return list(walk(self.messages[message].get("components", ())))

    def text(self, message: int) -> str:
        """All that a message says."""
        found = self.messages[message]
        texts = [c["content"] for c in self.components(message) if c["type"] == 10]
        return "\n".join([found["content"], *texts])

    def of_bot(self, channel: int) -> list[dict[str, Any]]:
        """The bot's messages there, oldest first."""
        found = [m for m in self.messages.values() if m["channel_id"] == str(channel)]
        return [m for m in found if m["author"]["id"] == str(BOT)]

    def file(self, message: int, index: int = 0) -> bytes:
        """A file of a message."""
        return self.files[self.messages[message]["attachments"][index]["url"].removeprefix(self.url)]

    def check(self) -> None:
        """The end of a test: no rule was broken, and nothing is left without its acknowledgement."""
        for found in self.interactions.values():
            if found.answered is None and not found.late:
                self.violations.append(f"an interaction of kind {found.kind} was never acknowledged")
        assert not self.violations, "\n".join(self.violations)

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, channel: int, author: int, content: str) -> dict[str, Any]:
        message = {
            **{"id": str(self.id()), "channel_id": str(channel), "author": self.users[author], "content": content},
            **{"timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None, "tts": False, "type": 0},
            **{"mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": []},
            **{"pinned": False, "components": [], "flags": 0},
        }
        guild = self.channels[channel].get("guild_id")
        return message | ({"guild_id": guild} if guild else {})

    def _member(self, user: int) -> dict[str, Any]:
        return {
            **{"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0},
            **{"nick": None, "avatar": None, "premium_since": None, "pending": False},
        }

    def _attach(self, channel: int, name: str, data: bytes, description: str | None = None) -> dict[str, Any]:
        id = self.id()
        path = f"/attachments/{channel}/{id}/{name}"
        self.files[path] = data
        kinds = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".txt": "text/plain"}
        url = self.url + path
        found = {"id": str(id), "filename": name, "size": len(data), "url": url, "proxy_url": url, "width": 96}
        kind = kinds.get(Path(name).suffix, "application/octet-stream")
        return found | {"height": 64, "content_type": kind, "description": description}

    def preview(self, link: str, data: bytes, kind: str = "gifv") -> dict[str, Any]:
        """What a message shows of a link; Discord's proxy has its picture."""
        path = f"/external/{self.id()}/{link.rpartition('/')[2]}"
        self.files[path] = data
        picture = {"url": link, "proxy_url": self.url + path, "width": 96, "height": 64}
        where = {"gifv": "video", "video": "video", "rich": "image"}.get(kind, "thumbnail")
        return {"type": kind, "url": link, where: picture}

    def sticker(self, name: str, data: bytes, format: int = 2) -> dict[str, Any]:
        """A sticker: 1 is PNG, 2 APNG, 3 Lottie, 4 GIF."""
        id = self.id()
        self.files[f"/stickers/{id}.{'json' if format == 3 else 'png'}"] = data
        return {"id": str(id), "name": name, "format_type": format}

    def snapshot(self, message: int) -> dict[str, Any]:
        """What a message that forwards this one carries of it."""
        names = ("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags", "sticker_items")
        found = self.messages[message]
        return {"message": {name: found[name] for name in names if name in found}}

    def plain(self, message: dict[str, Any]) -> dict[str, Any]:
        """As it stands in answers and interactions."""
        return {key: value for key, value in message.items() if key != "guild_id"}


def walk(components: Any) -> Iterator[dict[str, Any]]:
    for component in components:
        yield component
        yield from walk(component.get("components", ()))
        for key in ("accessory", "component"):
            if key in component:
                yield from walk([component[key]])
