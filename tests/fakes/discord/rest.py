"""REST with multipart: requests are held against Discord's description and its rules of time, and answered."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from tests.fakes.discord.people import People
from tests.fakes.discord.rules import LOADING, Rules
from tests.fakes.discord.spec import spec
from tests.fakes.discord.world import (
    APPLICATION,
    ATTACH,
    BOT,
    EPHEMERAL,
    SEND,
    VIEW,
    Interaction,
    Refused,
)

ACK_SECONDS, TOKEN_SECONDS = 3.0, 15 * 60.0
NONCE_SECONDS = 300.0  # Discord says: some minutes


class Fault:
    """A request that is to fail."""

    def __init__(self, method: str, path: str, status: int, code: int, times: int, headers: dict[str, str]) -> None:
        self.method, self.path, self.status, self.code = method, path, status, code
        self.times, self.headers = times, headers


@dataclass
class Request:
    """A request as it came."""

    method: str
    path: str
    body: Any
    files: dict[str, bytes]
    at: float


class Rest(Rules, People):
    """Every request of the bot, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.hold: Callable[[Request], Any] | None = None  # awaited with every request
        self.on_cdn: Callable[[], Any] | None = None  # awaited when a file is fetched
        self.cdn: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None  # answers for files instead
        self.syncs = 0
        self.hurried = False  # the test has taken away the pauses between edits
        self._spec = spec()
        self._nonces: dict[str, tuple[int, float]] = {}  # messages, and when they were posted
        self._edits: dict[int, list[float]] = {}

    def fails(self, method: str, path: str, status: int, code: int = 0, *, times: int = 1, **headers: str) -> None:
        """Let the next requests that match fail."""
        self.faults.append(Fault(method, path, status, code, times, headers))

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
            if self._spec is not None:
                self.violations.extend(self._spec.wrong(request.method, path, body))
            self._authorise(request, path)
            found = await self._route(mine, request)
            return web.Response(status=204) if found is None else _json(found)
        except Refused as refused:
            return _json({"code": refused.code, "message": refused.message}, refused.status)
        finally:
            self.notice()

    def _authorise(self, request: web.Request, path: str) -> None:
        if path.startswith(("/webhooks/", "/interactions/")):
            return
        if request.headers.get("Authorization") != f"Bot {self.token}":
            raise Refused(401, 0, "401: Unauthorized")

    async def _route(self, request: Request, raw: web.Request) -> Any:
        body = request.body or {}
        match (request.method, *request.path.strip("/").split("/")):
            case "GET", "gateway", "bot":
                limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
                return {"url": self.gateway, "shards": self.recommended, "session_start_limit": limits}
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
                return await self._of_interaction(method, self._by_token(token, looks=method == "GET"), which, request)
            case "POST", "users", "@me", "channels":
                return self.channels[self.direct(int(body["recipient_id"]))]
            case "GET", "channels", id:
                return self._channel(int(id))
            case "POST", "channels", id, "messages":
                return await self._post(int(id), request)
            case method, "channels", id, "messages", which:
                return await self._of_channel(method, int(id), int(which), request)
        raise Refused(404, 0, f"404: Not Found: {request.path}")

    def _channel(self, id: int) -> dict[str, Any]:
        if id not in self.channels:
            raise Refused(404, 10003, "Unknown Channel")
        if not self.allowed(id) & VIEW:
            raise Refused(403, 50001, "Missing Access")
        return self.channels[id]

    def _by_token(self, token: str, *, looks: bool = False) -> Interaction:
        """``looks``: nothing is answered, so that it may be asked whether there is an acknowledgement."""
        found = next((i for i in self.interactions.values() if i.token == token), None)
        if found is None:
            raise Refused(404, 10015, "Unknown Webhook")
        if self.clock() - found.at > TOKEN_SECONDS:
            self.violations.append("a token was used after its fifteen minutes")
            raise Refused(401, 50027, "Invalid Webhook Token")
        if found.answered is None:
            if not looks:
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
            body = request.body | {"flags": request.body.get("flags", 0) & ~EPHEMERAL}  # who sees it is decided
            return self._change(int(original["id"]), body, request.files, found)
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
            fast = not self.hurried and len(self._edits[id]) > 5
            self._rule(not fast, "a message was edited more than five times in five seconds")
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
            known, at = self._nonces[body["nonce"]]
            if self.clock() - at < NONCE_SECONDS:
                return self.messages[known]
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
            self._nonces[body["nonce"]] = int(message["id"]), self.clock()
        await self._tell_of(message, "MESSAGE_CREATE")
        return message

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        if self.on_cdn is not None:
            await self.on_cdn()
        if self.cdn is not None:
            return await self.cdn(request)
        data = self.files.get(request.path)
        if data is None:
            return web.Response(status=404)
        return web.Response(body=data)


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
