"""The gateway: sessions with heartbeats and RESUME, and the events that they are sent."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.discord.world import APPLICATION, BOT, CONTENT_INTENT, CONVERSATION, TOKEN, World


class Session:
    """A gateway session: its log is what RESUME replays."""

    def __init__(self, id: str, intents: int, shard: tuple[int, int]) -> None:
        self.id, self.intents, self.shard = id, intents, shard
        self.log: list[dict[str, Any]] = []
        self.socket: web.WebSocketResponse | None = None

    def serves(self, guild: int) -> bool:
        """Whether it is told of a server; of what happens in private, 0, the first shard alone is."""
        number, of = self.shard
        return (guild >> 22) % of == number


class Gateway(World):
    """Its sockets, one for every client."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, Session] = {}
        self.approved = ~0  # intents that the developer's portal has switched on
        self.token = TOKEN
        self.recommended = 1  # connections of a bot
        self.resumed = 0
        self.identified = 0
        self.heartbeats = 0

    @property
    def gateway(self) -> str:
        return f"{self.url.replace('http', 'ws')}/gateway"

    def _seen(self, message: dict[str, Any], intents: int) -> dict[str, Any]:
        """A message as a client with these intents is shown it."""
        hidden = (
            not intents & CONTENT_INTENT
            and "guild_id" in message
            and message["author"]["id"] != str(BOT)
            and not any(user["id"] == str(BOT) for user in message["mentions"])
        )
        return message | ({"content": "", "attachments": [], "components": [], "embeds": []} if hidden else {})

    def _with_reference(self, message: dict[str, Any], intents: int) -> dict[str, Any]:
        reference = message.get("message_reference")
        shown = self._seen(message, intents)
        if reference is None:
            return shown
        there = self.messages.get(int(reference["message_id"]))
        return shown | {"referenced_message": self.plain(self._seen(there, intents)) if there else None}

    async def _tell_of(self, message: dict[str, Any], event: str) -> None:
        if self.channels[int(message["channel_id"])]["type"] == CONVERSATION:
            return
        for session in self._told_of(int(message.get("guild_id", 0))):
            payload = self._with_reference(message, session.intents)
            author = int(message["author"]["id"])
            if "guild_id" in message:
                payload = payload | {"member": self._member(author)}
            await self._send(session, event, payload)

    async def _dispatch(self, event: str, payload: dict[str, Any]) -> None:
        guild = payload.get("guild_id") or (payload["id"] if event.startswith("GUILD_") else 0)
        for session in self._told_of(int(guild)):
            await self._send(session, event, payload)

    def _told_of(self, guild: int) -> list[Session]:
        return [session for session in self.sessions.values() if session.serves(guild)]

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
            self.notice()
        return socket

    async def _identify(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        if said["token"] != self.token:
            await socket.close(code=4004)
            return
        if said["intents"] & ~self.approved:
            await socket.close(code=4014)
            return
        self.identified += 1
        number, of = said.get("shard", (0, 1))
        session = Session(f"session-{next(self._numbers)}", said["intents"], (number, of))
        session.socket = socket
        self.sessions = {id: other for id, other in self.sessions.items() if other.shard not in ((number, of), (0, 1))}
        self.sessions[session.id] = session
        guilds = [id for id in self.guilds if session.serves(id)]
        ready = {
            **{"v": 10, "user": self.users[BOT], "session_id": session.id, "private_channels": []},
            **{"guilds": [{"id": str(id), "unavailable": True} for id in guilds], "shard": [number, of]},
            **{"resume_gateway_url": self.gateway},
            "application": {"id": str(APPLICATION), "flags": 0},
        }
        await self._send(session, "READY", ready)
        for id in guilds:
            await self._send(session, "GUILD_CREATE", self._whole(id))

    async def adds_bot(self, guild: int) -> None:
        """Somebody adds the bot to a server, once more perhaps; of others Discord says whether they are available."""
        new = {name: value for name, value in self._whole(guild).items() if name != "unavailable"}
        await self._dispatch("GUILD_CREATE", new)

    def _whole(self, id: int) -> dict[str, Any]:
        """A server with its channels."""
        channels = [channel for channel in self.channels.values() if channel.get("guild_id") == str(id)]
        me = self._member(BOT) | {"user": self.users[BOT]}
        return self.guilds[id] | {
            **{"channels": channels, "members": [me], "member_count": 5, "large": False, "threads": []},
            **{"presences": [], "voice_states": [], "stage_instances": [], "guild_scheduled_events": []},
            **{"joined_at": "2026-01-01T00:00:00+00:00", "unavailable": False, "soundboard_sounds": []},
        }

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
