"""A Discord of our own, on the real wire: REST with multipart, a gateway with heartbeats and RESUME, and its rules.

What a client does wrong is written into `violations`, and refused as Discord refuses it. Every request is held against
Discord's OpenAPI description where a copy of it lies beside the checkout; the rules that it does not know (three
seconds to acknowledge, fifteen minutes of a token, one acknowledgement, 2000 characters, 100 of a custom_id, upload
limits, no mentions) are kept by hand, always.
"""

from __future__ import annotations

import asyncio
import fnmatch
import itertools
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, WSMsgType, web

PATIENCE = 120.0  # seconds; only a failing test waits that long
SPECS = Path(os.environ.get("IMPASTO_SPECS") or Path(__file__).parents[4] / "shared" / "specs")
SPEC = SPECS / "discord-openapi.json"
EPOCH_MS = 1420070400000
TOKEN = "MTIz.fake.token-of-the-tests"
BOT, APPLICATION, GUILD = 900, 900, 500
ACK_SECONDS, TOKEN_SECONDS = 3.0, 15 * 60.0
UPLOAD = 10 * 2**20
VIEW, SEND, ATTACH, HISTORY, MANAGE = 1 << 10, 1 << 11, 1 << 15, 1 << 16, 1 << 5
ALL = VIEW | SEND | ATTACH | HISTORY | 1 << 14 | 1 << 38 | 1 << 31
EPHEMERAL, LOADING, V2 = 1 << 6, 1 << 7, 1 << 15
CONTENT_INTENT, DIRECT, CONVERSATION = 1 << 15, 1, 3
BUTTON, SELECT = 2, 3


class Spec:
    """Discord's own description of its requests; silent where it is not there."""

    def __init__(self, path: Path = SPEC) -> None:
        self.paths: dict[str, Any] = {}
        if not path.is_file():
            return
        from jsonschema import Draft202012Validator
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        contents = json.loads(path.read_text("utf-8"))
        self.paths = contents["paths"]
        self._contents = contents
        registry: Any = Registry().with_resource(
            "urn:discord", Resource.from_contents(contents, default_specification=DRAFT202012)
        )
        self._validator = lambda schema: Draft202012Validator(schema, registry=registry)

    def wrong(self, method: str, path: str, body: Any) -> Iterator[str]:
        """What is wrong with a request, as sentences."""
        if not self.paths:
            return
        template = self._template(path)
        operation = self.paths.get(template, {}).get(method.lower())
        if operation is None:
            yield f"{method} {path} is not in Discord's API"
            return
        if body is None or "requestBody" not in operation:
            return
        pointer = template.replace("~", "~0").replace("/", "~1")
        schema = {
            "$ref": f"urn:discord#/paths/{pointer}/{method.lower()}/requestBody/content/application~1json/schema"
        }
        body = _normal(body, method)
        for error in self._validator(schema).iter_errors(body):
            where = "/".join(map(str, error.absolute_path))
            yield f"{method} {path}: {where}: {error.message[:300]}"
        inner = operation["requestBody"]["content"]["application/json"]["schema"]
        for key in self._strangers(body, inner):
            yield f"{method} {path}: the key {key} is unknown"

    def _template(self, path: str) -> str:
        parts = path.split("/")
        for template in self.paths:
            names = template.split("/")
            if len(names) == len(parts) and all(
                n == p or (n.startswith("{") and not p.startswith("@")) for n, p in zip(names, parts, strict=True)
            ):
                return template
        return path

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            found = self._contents
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _branches(self, value: Any, schema: Any) -> Iterator[Any]:
        """The parts of a schema that this value fulfils."""
        schema = self._resolved(schema)
        yield schema
        for inner in schema.get("allOf", ()):
            yield from self._branches(value, inner)
        for inner in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            absolute = json.loads(json.dumps(inner).replace('"#/', '"urn:discord#/'))
            if self._validator(absolute).is_valid(value):
                yield from self._branches(value, inner)

    def _strangers(self, value: Any, schema: Any, where: str = "") -> Iterator[str]:
        branches = list(self._branches(value, schema))
        if isinstance(value, list):
            items = [branch["items"] for branch in branches if "items" in branch]
            for index, item in enumerate(value):
                for inner in items[:1]:
                    yield from self._strangers(item, inner, f"{where}/{index}")
        if isinstance(value, dict):
            known: dict[str, Any] = {}
            for branch in branches:
                known |= branch.get("properties", {})
            if not known or any("additionalProperties" in branch for branch in branches):
                return
            for key, item in value.items():
                if key not in known:
                    yield f"{where}/{key}"
                else:
                    yield from self._strangers(item, known[key], f"{where}/{key}")


def _normal(value: Any, method: str) -> Any:
    """Without what discord.py sends beside the description and Discord takes: ids as numbers, a few idle keys."""
    if isinstance(value, list):
        return [_normal(item, method) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key == "tts" and method == "PATCH":
            continue
        if key == "nsfw" and "type" in value and method == "PUT":
            continue
        # Of an attachment that is kept, discord.py repeats what Discord said of it.
        if "url" in value and "filename" in value and key not in ("id", "filename", "description"):
            continue
        is_id = key == "id" or key.endswith("_id")
        counts = key in ("id",) and value.get("type") in range(1, 19)  # a component's number
        found[key] = str(item) if is_id and isinstance(item, int) and not counts else _normal(item, method)
    return found


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


class Fault:
    """A request that is to fail."""

    def __init__(self, method: str, path: str, status: int, code: int, times: int, headers: dict[str, str]) -> None:
        self.method, self.path, self.status, self.code = method, path, status, code
        self.times, self.headers = times, headers


class Refused(Exception):
    """A request that Discord answers with an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Request:
    """A request as it came."""

    method: str
    path: str
    body: Any
    files: dict[str, bytes]
    at: float


class Session:
    """A gateway session: its log is what RESUME replays."""

    def __init__(self, id: str, intents: int) -> None:
        self.id, self.intents = id, intents
        self.log: list[dict[str, Any]] = []
        self.socket: web.WebSocketResponse | None = None


class FakeDiscord:
    """Use `running`. Times are by ``clock``, in seconds since the epoch, which `later` moves on."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.violations: list[str] = []
        self.requests: list[Request] = []
        self.users: dict[int, dict[str, Any]] = {}
        self.guilds: dict[int, dict[str, Any]] = {}
        self.channels: dict[int, dict[str, Any]] = {}
        self.messages: dict[int, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}  # by path: what the CDN has
        self.interactions: dict[int, Interaction] = {}
        self.commands: list[dict[str, Any]] = []
        self.syncs = 0
        self.sessions: dict[str, Session] = {}
        self.resumed = 0
        self.identified = 0
        self.token = TOKEN
        self.approved = ~0  # intents that the developer's portal has switched on
        self.heartbeats = 0
        self.faults: list[Fault] = []
        self.hold: Callable[[Request], Any] | None = None  # awaited with every request
        self.url = ""
        self._spec = Spec()
        self._numbers = itertools.count(1)
        self._nonces: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._edits: dict[int, list[float]] = {}
        self.bot = self.add_user("Impasto", BOT, bot=True)

    # --- the world ---------------------------------------------------------------------------------------------------

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

    def fails(self, method: str, path: str, status: int, code: int = 0, *, times: int = 1, **headers: str) -> None:
        """Let the next requests that match fail."""
        self.faults.append(Fault(method, path, status, code, times, headers))

    # --- what people do ----------------------------------------------------------------------------------------------

    async def says(
        self,
        user: int,
        channel: int,
        content: str = "",
        files: Sequence[tuple[str, bytes]] = (),
        reply_to: int | None = None,
    ) -> int:
        """A message of a person; returns its id."""
        message = self._message(channel, user, content)
        message["attachments"] = [self._attach(channel, name, data) for name, data in files]
        if f"<@{BOT}>" in content:
            message["mentions"] = [self.users[BOT]]
        if reply_to is not None:
            message["type"] = 19
            message["message_reference"] = {"message_id": str(reply_to), "channel_id": str(channel), "type": 0}
        self.messages[int(message["id"])] = message
        await self._tell_of(message, "MESSAGE_CREATE")
        return int(message["id"])

    async def slash(self, user: int, channel: int, name: str, /, **options: Any) -> Interaction:
        """A slash command; bytes are a file that is uploaded with it."""
        return await self._interact(user, channel, 2, self._slash_data(channel, name, options, None))

    async def autocomplete(self, user: int, channel: int, name: str, option: str, text: str) -> Interaction:
        return await self._interact(user, channel, 4, self._slash_data(channel, name, {option: text}, option))

    def _slash_data(self, channel: int, name: str, options: dict[str, Any], focused: str | None) -> dict[str, Any]:
        command = next(c for c in self.commands if c["name"] == name and c.get("type", 1) == 1)
        kinds = {option["name"]: option["type"] for option in command.get("options", ())}
        resolved: dict[str, Any] = {}
        said = []
        for key, value in options.items():
            if isinstance(value, tuple):
                attachment = self._attach(channel, *value)
                resolved.setdefault("attachments", {})[attachment["id"]] = attachment
                value = attachment["id"]
            if kinds[key] == 7:
                found = self.channels[value] | {"permissions": "0"}
                resolved.setdefault("channels", {})[str(value)] = found
                value = str(value)
            said.append({"name": key, "type": kinds[key], "value": value} | ({"focused": True} if focused else {}))
        return {"id": command["id"], "name": name, "type": 1, "options": said, "resolved": resolved}

    async def menu(self, user: int, channel: int, name: str, message: int) -> Interaction:
        """Right-click a message, Apps, name."""
        command = next(c for c in self.commands if c["name"] == name and c.get("type") == 3)
        resolved = {"messages": {str(message): self.messages[message]}}
        data = {"id": command["id"], "name": name, "type": 3, "target_id": str(message), "resolved": resolved}
        return await self._interact(user, channel, 2, data)

    async def press(self, user: int, message: int, label: str) -> Interaction:
        found = next(c for c in self.components(message) if c["type"] == BUTTON and label in str(c.get("label")))
        assert not found.get("disabled"), f"{label} cannot be pressed"
        data = {"component_type": BUTTON, "custom_id": found["custom_id"], "id": 1}
        return await self._interact(user, int(self.messages[message]["channel_id"]), 3, data, message)

    async def choose(self, user: int, message: int, value: str) -> Interaction:
        """Choose in the menu that offers this value."""
        found = next(
            c
            for c in self.components(message)
            if c["type"] == SELECT and any(option["value"] == value for option in c["options"])
        )
        data = {"component_type": SELECT, "custom_id": found["custom_id"], "id": 1, "values": [value]}
        return await self._interact(user, int(self.messages[message]["channel_id"]), 3, data, message)

    async def submit(self, shown: Interaction, text: str) -> Interaction:
        """Write into the one field of a modal, and send it."""
        assert shown.modal
        inputs = [c for c in _walk(shown.modal["components"]) if c["type"] == 4]
        row = {"type": 1, "components": [{"type": 4, "custom_id": inputs[0]["custom_id"], "value": text}]}
        data = {"custom_id": shown.modal["custom_id"], "components": [row]}
        return await self._interact(shown.user, shown.channel, 5, data, shown.source)

    async def delete(self, message: int) -> None:
        found = self.messages.pop(message)
        gone = {key: found[key] for key in ("id", "channel_id", "guild_id") if key in found}
        await self._dispatch("MESSAGE_DELETE", gone)

    async def delete_channel(self, channel: int) -> None:
        await self._dispatch("CHANNEL_DELETE", self.channels.pop(channel))

    async def _interact(
        self, user: int, channel: int, kind: int, data: dict[str, Any], source: int | None = None
    ) -> Interaction:
        found = Interaction(self.id(), f"token-{next(self._numbers)}-" + "x" * 40, kind, user, channel, self.clock())
        found.source = source
        self.interactions[found.id] = found
        place = self.channels[channel]
        guild = place.get("guild_id")
        payload: dict[str, Any] = {
            **{"id": str(found.id), "application_id": str(APPLICATION), "type": kind, "token": found.token},
            **{"version": 1, "channel_id": str(channel), "channel": place | {"permissions": str(ALL)}},
            **{"app_permissions": str(self.allowed(channel)), "locale": "en-US", "entitlements": [], "data": data},
            **{"attachment_size_limit": self.limit(channel), "context": 0 if guild else 1},
            "authorizing_integration_owners": {"0": guild or "0"},
        }
        if source is not None:
            payload["message"] = self._plain(self.messages[source])
        if guild:
            member = self._member(user) | {"user": self.users[user], "permissions": str(ALL | MANAGE)}
            payload |= {"guild_id": guild, "guild_locale": "en-US", "member": member}
        else:
            payload["user"] = self.users[user]
        if place["type"] == CONVERSATION:
            payload |= {"context": 2, "authorizing_integration_owners": {"1": str(user)}}
        await self._dispatch("INTERACTION_CREATE", payload)
        return found

    # --- looking -----------------------------------------------------------------------------------------------------

    async def until(self, truth: Callable[[], Any]) -> Any:
        """What ``truth`` returns, once it is true; it is looked at after every request."""
        async with asyncio.timeout(PATIENCE):
            while not (found := truth()):
                self._changed.clear()
                await self._changed.wait()
        return found

    def components(self, message: int) -> list[dict[str, Any]]:
        return list(_walk(self.messages[message].get("components", ())))

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

    def _seen(self, message: dict[str, Any], intents: int) -> dict[str, Any]:
        """A message as a client with these intents is shown it."""
        hidden = (
            not intents & CONTENT_INTENT
            and "guild_id" in message
            and message["author"]["id"] != str(BOT)
            and not any(user["id"] == str(BOT) for user in message["mentions"])
        )
        return message | ({"content": "", "attachments": [], "components": []} if hidden else {})

    def _plain(self, message: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in message.items() if key != "guild_id"}

    def _with_reference(self, message: dict[str, Any], intents: int) -> dict[str, Any]:
        reference = message.get("message_reference")
        shown = self._seen(message, intents)
        if reference is None:
            return shown
        there = self.messages.get(int(reference["message_id"]))
        return shown | {"referenced_message": self._plain(self._seen(there, intents)) if there else None}

    async def _tell_of(self, message: dict[str, Any], event: str) -> None:
        if self.channels[int(message["channel_id"])]["type"] == CONVERSATION:
            return
        for session in self.sessions.values():
            payload = self._with_reference(message, session.intents)
            author = int(message["author"]["id"])
            if "guild_id" in message:
                payload = payload | {"member": self._member(author)}
            await self._send(session, event, payload)

    # --- the gateway -------------------------------------------------------------------------------------------------

    async def _dispatch(self, event: str, payload: dict[str, Any]) -> None:
        for session in self.sessions.values():
            await self._send(session, event, payload)

    async def _send(self, session: Session, event: str, payload: Any) -> None:
        frame = {"op": 0, "s": len(session.log) + 1, "t": event, "d": payload}
        session.log.append(frame)
        if session.socket is not None and not session.socket.closed:
            await session.socket.send_str(json.dumps(frame))

    async def reconnect(self) -> None:
        """Ask every client to come back (op 7)."""
        for session in self.sessions.values():
            if session.socket is not None:
                socket, session.socket = session.socket, None
                await socket.send_str(json.dumps({"op": 7, "d": None}))

    async def hang_up(self, code: int = 4000) -> None:
        """Drop every line."""
        for session in self.sessions.values():
            if session.socket is not None:
                socket, session.socket = session.socket, None
                await socket.close(code=code)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": 10, "d": {"heartbeat_interval": 41250}}))
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            message = json.loads(frame.data)
            match message["op"]:
                case 1:
                    self.heartbeats += 1
                    await socket.send_str(json.dumps({"op": 11}))
                case 2:
                    await self._identify(socket, message["d"])
                case 6:
                    await self._resume(socket, message["d"])
            self._changed.set()
        return socket

    async def _identify(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        if said["token"] != self.token:
            await socket.close(code=4004)
            return
        if said["intents"] & ~self.approved:
            await socket.close(code=4014)
            return
        self.identified += 1
        session = Session(f"session-{next(self._numbers)}", said["intents"])
        session.socket = socket
        self.sessions = {session.id: session}
        ready = {
            **{"v": 10, "user": self.users[BOT], "session_id": session.id, "private_channels": []},
            **{"guilds": [{"id": str(id), "unavailable": True} for id in self.guilds], "shard": [0, 1]},
            **{"resume_gateway_url": self.url.replace("http", "ws") + "/gateway"},
            "application": {"id": str(APPLICATION), "flags": 0},
        }
        await self._send(session, "READY", ready)
        for id, guild in self.guilds.items():
            channels = [channel for channel in self.channels.values() if channel.get("guild_id") == str(id)]
            me = self._member(BOT) | {"user": self.users[BOT]}
            whole = guild | {
                **{"channels": channels, "members": [me], "member_count": 5, "large": False, "threads": []},
                **{"presences": [], "voice_states": [], "stage_instances": [], "guild_scheduled_events": []},
                **{"joined_at": "2026-01-01T00:00:00+00:00", "unavailable": False, "soundboard_sounds": []},
            }
            await self._send(session, "GUILD_CREATE", whole)

    async def _resume(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        session = self.sessions.get(said["session_id"])
        if session is None:
            await socket.send_str(json.dumps({"op": 9, "d": False}))
            return
        for frame in session.log[said["seq"] :]:
            await socket.send_str(json.dumps(frame))
        session.socket = socket
        self.resumed += 1
        await self._send(session, "RESUMED", {})

    # --- REST --------------------------------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        body, files = await _read(request)
        path = request.path.removeprefix("/api/v10")
        mine = Request(request.method, path, body, files, self.clock())
        self.requests.append(mine)
        try:
            if self.hold is not None:
                await self.hold(mine)
            for fault in self.faults:
                if fault.times and request.method == fault.method and fnmatch.fnmatch(path, fault.path):
                    fault.times -= 1
                    more = {"retry_after": 0.01, "global": False} if fault.status == 429 else {}
                    return _json({"code": fault.code, "message": "as the test wants", **more}, fault.status, fault)
            self.violations.extend(self._spec.wrong(request.method, path, body))
            self._authorise(request, path)
            found = await self._route(mine, request)
            return web.Response(status=204) if found is None else _json(found)
        except Refused as refused:
            return _json({"code": refused.code, "message": refused.message}, refused.status)
        finally:
            self._changed.set()

    def _authorise(self, request: web.Request, path: str) -> None:
        if path.startswith(("/webhooks/", "/interactions/")):
            return
        if request.headers.get("Authorization") != f"Bot {self.token}":
            raise Refused(401, 0, "401: Unauthorized")

    async def _route(self, request: Request, raw: web.Request) -> Any:
        body = request.body or {}
        match (request.method, *request.path.strip("/").split("/")):
            case "GET", "users", "@me":
                return self.users[BOT]
            case "GET", "oauth2" | "applications", *_ if request.path.endswith("/@me"):
                app: dict[str, Any] = {"id": str(APPLICATION), "name": "Impasto", "icon": None, "description": ""}
                app |= {"owner": self.users[BOT], "rpc_origins": [], "summary": ""}
                return app | {"bot_public": True, "bot_require_code_grant": False, "verify_key": "0", "flags": 0}
            case "PUT", "applications", _, "commands":
                self.syncs += 1
                self.commands = [
                    {"description": "", **c, "id": str(self.id()), "application_id": str(APPLICATION), "version": "1"}
                    | {"default_member_permissions": c.get("default_member_permissions")}
                    for c in request.body
                ]
                return self.commands
            case "POST", "interactions", id, token, "callback":
                return self._acknowledge(int(id), token, request)
            case "POST", "webhooks", _, token:
                return await self._follow_up(self._by_token(token), request)
            case method, "webhooks", _, token, "messages", which:
                return await self._of_interaction(method, self._by_token(token), which, request)
            case "POST", "users", "@me", "channels":
                return self.channels[self._direct(int(body["recipient_id"]))]
            case "GET", "channels", id:
                return self._channel(int(id))
            case "POST", "channels", id, "messages":
                return await self._post(int(id), request)
            case method, "channels", id, "messages", which:
                return await self._of_channel(method, int(id), int(which), request)
        raise Refused(404, 0, f"404: Not Found: {request.path}")

    def _direct(self, user: int) -> int:
        for id, channel in self.channels.items():
            if channel["type"] == DIRECT and channel["recipients"][0]["id"] == str(user):
                return id
        return self.add_channel(None, user=user)

    def _channel(self, id: int) -> dict[str, Any]:
        if id not in self.channels:
            raise Refused(404, 10003, "Unknown Channel")
        if not self.allowed(id) & VIEW:
            raise Refused(403, 50001, "Missing Access")
        return self.channels[id]

    def _by_token(self, token: str) -> Interaction:
        found = next((i for i in self.interactions.values() if i.token == token), None)
        if found is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if self.clock() - found.at > TOKEN_SECONDS:
            self.violations.append("a token was used after its fifteen minutes")
            raise Refused(401, 50027, "Invalid Webhook Token")
        if found.answered is None:
            self.violations.append("an interaction was answered by webhook before it was acknowledged")
            raise Refused(404, 10015, "Unknown Webhook")
        return found

    def _acknowledge(self, id: int, token: str, request: Request) -> Any:
        found = self.interactions.get(id)
        if found is None or found.token != token:
            raise Refused(404, 10062, "Unknown interaction")
        if found.answered is not None:
            self.violations.append("an interaction was acknowledged twice")
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if found.late or self.clock() - found.at > ACK_SECONDS:
            if not found.late:
                self.violations.append(f"an interaction of kind {found.kind} was acknowledged after 3 s")
            raise Refused(404, 10062, "Unknown interaction")
        kind, data = request.body["type"], request.body.get("data") or {}
        found.answered = kind
        found.ephemeral = bool(data.get("flags", 0) & EPHEMERAL)
        message = None
        if kind in (4, 5):
            shown = self._new(found.channel, {} if kind == 5 else data, request.files, found)
            message = self.messages[int(shown["id"])]
            message["flags"] = data.get("flags", 0) | (LOADING if kind == 5 else 0)
            found.original = int(message["id"])
        elif kind in (6, 7):
            found.original = found.source
            if kind == 7 and found.source is not None:
                message = self._change(found.source, data, request.files, found)
        elif kind == 8:
            found.choices = data["choices"]
            self._rule(len(found.choices or ()) <= 25, "more than 25 choices")
            for choice in found.choices or ():
                self._rule(
                    0 < len(choice["name"]) <= 100 and 0 < len(str(choice["value"])) <= 100, "a choice's length"
                )
        elif kind == 9:
            found.modal = data
            self._components(data["components"], v2=False)
            self._rule(1 <= len(data["title"]) <= 45, "a modal's title has 45 characters at most")
        answer = {
            **{"id": str(id), "type": found.kind, "response_message_loading": kind == 5},
            **{"response_message_id": str(found.original) if found.original else None},
            "response_message_ephemeral": found.ephemeral,
        }
        resource = {"resource": {"type": kind, "message": message}} if message is not None and kind != 5 else {}
        return {"interaction": answer, **resource}

    async def _follow_up(self, found: Interaction, request: Request) -> Any:
        original = self.messages.get(found.original or 0)
        if found.answered == 5 and original is not None and original["flags"] & LOADING:
            return self._change(int(original["id"]), request.body, request.files, found)
        message = self._new(found.channel, request.body, request.files, found)
        found.followups.append(int(message["id"]))
        return message

    async def _of_interaction(self, method: str, found: Interaction, which: str, request: Request) -> Any:
        id = found.original if which == "@original" else int(which)
        if id not in self.messages or id not in (found.original, *found.followups):
            raise Refused(404, 10008, "Unknown Message")
        return await self._handle(method, id, request, found)

    async def _of_channel(self, method: str, channel: int, id: int, request: Request) -> Any:
        self._channel(channel)
        message = self.messages.get(id)
        if message is None or message["flags"] & EPHEMERAL:
            raise Refused(404, 10008, "Unknown Message")
        if method == "PATCH" and message["author"]["id"] != str(BOT):
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        return await self._handle(method, id, request, None)

    async def _handle(self, method: str, id: int, request: Request, found: Interaction | None) -> Any:
        if method == "DELETE":
            await self.delete(id)
            return None
        if method == "PATCH":
            self._edits[id] = [at for at in self._edits.get(id, ()) if request.at - at < 5] + [request.at]
            self._rule(len(self._edits[id]) <= 5, "a message was edited more than five times in five seconds")
            return self._change(id, request.body, request.files, found)
        intents = next(iter(self.sessions.values())).intents if self.sessions else 0
        return self._with_reference(self.messages[id], intents)

    async def _post(self, channel: int, request: Request) -> Any:
        self._channel(channel)
        body = request.body
        if not self.allowed(channel) & SEND or (request.files and not self.allowed(channel) & ATTACH):
            raise Refused(403, 50013, "Missing Permissions")
        mentions = body.get("allowed_mentions")
        self._rule(mentions is not None and not mentions.get("parse"), "a message may mention people")
        if body.get("enforce_nonce") and body["nonce"] in self._nonces:
            return self.messages[self._nonces[body["nonce"]]]
        reference = body.get("message_reference")
        if reference and int(reference["message_id"]) not in self.messages:
            if reference.get("fail_if_not_exists", True):
                raise Refused(400, 50035, "Invalid Form Body")
            reference = None
        message = self.messages[int(self._new(channel, body, request.files, None)["id"])]
        if reference:
            there = {"message_id": str(reference["message_id"]), "channel_id": str(channel), "type": 0}
            message |= {"type": 19, "message_reference": there}
        if body.get("enforce_nonce"):
            self._nonces[body["nonce"]] = int(message["id"])
        await self._tell_of(message, "MESSAGE_CREATE")
        return message

    def _new(
        self, channel: int, body: dict[str, Any], files: dict[str, bytes], found: Interaction | None
    ) -> dict[str, Any]:
        message = self._message(channel, BOT, "")
        self.messages[int(message["id"])] = message
        message["flags"] = body.get("flags") or 0
        if found is not None:
            message |= {"webhook_id": str(APPLICATION), "application_id": str(APPLICATION)}
        return self._change(int(message["id"]), body, files, found)

    def _change(self, id: int, body: dict[str, Any], files: dict[str, bytes], found: Interaction | None) -> Any:
        message = self.messages[id]
        channel = int(message["channel_id"])
        flags = message["flags"] | (body.get("flags") or 0)
        self._rule(len(body.get("content") or "") <= 2000, "a message has 2000 characters at most")
        self._rule(not (flags & V2 and body.get("content")), "a message of components has no content")
        kept = []
        if "attachments" in body:
            for said in body["attachments"]:
                name = f"files[{said['id']}]"
                if name in files:
                    data = files[name]
                    if len(data) > self.limit(channel):
                        self.violations.append(f"a file of {len(data)} bytes is above the limit")
                        raise Refused(413, 40005, "Request entity too large")
                    self._rule(len(said.get("description") or "") <= 1024, "an alt text has 1024 characters at most")
                    kept.append(self._attach(channel, said["filename"], data, said.get("description")))
                else:
                    kept += [a for a in message["attachments"] if a["id"] == str(said["id"])]
            self._rule(len(kept) <= 10, "a message has 10 files at most")
            message["attachments"] = kept
        listed = {f"files[{said['id']}]" for said in body.get("attachments", ())}
        self._rule(set(files) <= listed, f"{set(files) - listed} are not among the attachments")
        for key in ("content", "embeds", "components"):
            if key in body:
                message[key] = body[key] or ("" if key == "content" else [])
        if "components" in body:
            self._components(message["components"], v2=bool(flags & V2))
            names = {f"attachment://{a['filename']}" for a in message["attachments"]}
            for part in _walk(message["components"]):
                url = (part.get("media") or {}).get("url", "")
                self._rule(not url.startswith("attachment://") or url in names, f"{url} is no file of the message")
        message["flags"] = flags & ~LOADING if "content" in body or "components" in body or files else flags
        message["edited_timestamp"] = None
        return self._plain(message)

    def _components(self, components: list[dict[str, Any]], *, v2: bool) -> None:
        parts = list(_walk(components))
        ids = [part["custom_id"] for part in parts if "custom_id" in part]
        self._rule(len(ids) == len(set(ids)), "a custom_id occurs twice")
        self._rule(all(1 <= len(id) <= 100 for id in ids), "a custom_id has 1 to 100 characters")
        self._rule(len(components) <= (40 if v2 else 5), "too many rows")
        self._rule(len(parts) <= 40, "a message has 40 components at most")
        for part in parts:
            if part["type"] == 1:
                self._rule(1 <= len(part["components"]) <= 5, "a row has 1 to 5 components")
            if part["type"] == BUTTON:
                self._rule(len(part.get("label") or "") <= 80, "a button's label has 80 characters at most")
            if part["type"] == SELECT:
                self._rule(1 <= len(part["options"]) <= 25, "a menu has 1 to 25 options")
                values = [option["value"] for option in part["options"]]
                self._rule(len(values) == len(set(values)), "a menu offers a value twice")
                self._rule(all(len(option["label"]) <= 100 for option in part["options"]), "an option's label is long")
        self._rule(sum(len(p["content"]) for p in parts if p["type"] == 10) <= 4000, "4000 characters in all")

    def _rule(self, kept: bool, sentence: str) -> None:
        if not kept:
            self.violations.append(sentence)

    async def _cdn(self, request: web.Request) -> web.Response:
        data = self.files.get(request.path)
        if data is None:
            return web.Response(status=404)
        return web.Response(body=data)


def _walk(components: Any) -> Iterator[dict[str, Any]]:
    for component in components:
        yield component
        yield from _walk(component.get("components", ()))
        for key in ("accessory", "component"):
            if key in component:
                yield from _walk([component[key]])


def _json(value: Any, status: int = 200, fault: Fault | None = None) -> web.Response:
    headers = dict(fault.headers) if fault else {}
    if status == 429:
        headers |= {"Via": "1.1 fake", "Retry-After": "1"}
    response = web.Response(body=json.dumps(value).encode(), status=status, headers=headers)
    response.headers["Content-Type"] = "application/json"  # exactly so: with a charset, discord.py takes it for text
    return response


async def _read(request: web.Request) -> tuple[Any, dict[str, bytes]]:
    if request.content_type == "multipart/form-data":
        body, files = None, {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            assert part.name
            data = bytes(await part.read())
            if part.name == "payload_json":
                body = json.loads(data)
            else:
                files[part.name] = data
        return body, files
    text = await request.read()
    return (json.loads(text) if text else None), {}


@asynccontextmanager
async def running(fake: FakeDiscord | None = None) -> AsyncIterator[FakeDiscord]:
    """A Discord on a free port, for as long as the context lasts."""
    fake = fake or FakeDiscord()
    app = web.Application(client_max_size=40 * 2**20)
    app.router.add_get("/gateway", fake._gateway)
    app.router.add_get("/attachments/{rest:.*}", fake._cdn)
    app.router.add_route("*", "/api/v10/{rest:.*}", fake._rest)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await fake.hang_up(1001)
        await runner.cleanup()
