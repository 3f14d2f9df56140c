"""A Bot API server on this machine: Telegram's rules, on the wire, with everything that it is told written down.

Requests and our own answers are held against the official description of the API where it lies beside the project;
what that cannot say (sizes, floods, what may be edited into what) is enforced here always.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image

ROOT = Path(__file__).parent.parent
# Read when this is imported: the tests take every IMPASTO_ variable away.
SPECS = Path(os.environ.get("IMPASTO_SPECS", ROOT.parent / "shared" / "specs"))
SPEC_FILE = SPECS / "telegram-bot-api.json"
PATIENCE = 20.0
TOKEN = "123456789:AAfake_token_of_the_tests_0123456789ab"
ME = {
    "id": 123456789,
    "is_bot": True,
    "first_name": "Impasto",
    "username": "impasto_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": True,
}
WRITING = {"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"}
EDITING = {"editMessageText", "editMessageCaption", "editMessageMedia", "editMessageReplyMarkup"}
CONTENT = {
    *("text", "entities", "caption", "caption_entities"),
    *("photo", "document", "has_media_spoiler", "_data"),
}
PHOTO_MB, FILE_MB, FETCH_MB = 10, 50, 20


class Refuse(Exception):
    """An answer that says no."""

    def __init__(self, code: int, text: str, **parameters: int) -> None:
        super().__init__(text)
        self.code = code
        self.parameters = parameters


def units(text: str) -> int:
    """Length as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


class Spec:
    """The official description, as a judge. Every method returns sentences about what is wrong."""

    def __init__(self, path: Path = SPEC_FILE) -> None:
        self.known = path.is_file()
        description = json.loads(path.read_text("utf-8")) if self.known else {"methods": {}, "types": {}}
        self.methods, self.types = description["methods"], description["types"]

    def request(self, method: str, said: dict[str, Any], files: dict[str, bytes]) -> list[str]:
        if not self.known:
            return []
        if method not in self.methods:
            return [f"there is no method {method}"]
        fields = {field["name"]: field for field in self.methods[method].get("fields", [])}
        wrong = [
            f"{method}: unknown parameter {name}"
            for name in (*said, *files)
            if name not in fields and said.get(name) is not None
        ]
        for name, field in fields.items():
            if name in said:
                if not any(self.fits(kind, said[name]) for kind in field["types"]):
                    wrong.append(f"{method}: {name} is no {field['types']}: {said[name]!r}"[:300])
            elif field["required"] and name not in files:
                wrong.append(f"{method}: {name} is missing")
        return wrong

    def answer(self, method: str, result: Any) -> list[str]:
        if not self.known or method not in self.methods:
            return []
        kinds = self.methods[method]["returns"]
        return (
            []
            if any(self.fits(kind, result) for kind in kinds)
            else [f"our answer to {method} is no {kinds}: {result!r}"[:400]]
        )

    def fits(self, kind: str, value: Any) -> bool:
        if kind.startswith("Array of "):
            inner = kind.removeprefix("Array of ")
            return isinstance(value, list) and all(self.fits(inner, item) for item in value)
        match kind:
            case "Integer":
                return isinstance(value, int) and not isinstance(value, bool)
            case "Float":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "String":
                return isinstance(value, str)
            case "Boolean" | "True":
                return isinstance(value, bool)
            case "InputFile":
                return isinstance(value, str | bytes)
        definition = self.types[kind]
        if "subtypes" in definition:
            return any(self.fits(subtype, value) for subtype in definition["subtypes"])
        if not isinstance(value, dict):
            return False
        fields = {field["name"]: field for field in definition.get("fields", [])}
        if set(value) - set(fields):
            return False
        for name, field in fields.items():
            if name not in value:
                if field["required"]:
                    return False
            elif not any(self.fits(inner, value[name]) for inner in field["types"]):
                return False
        return True


class Call:
    """A request that was made."""

    def __init__(self, method: str, said: dict[str, Any], files: dict[str, bytes]) -> None:
        self.method = method
        self.said = said
        self.files = files
        self.error: Refuse | None = None

    def __repr__(self) -> str:
        words = {key: str(value)[:60] for key, value in self.said.items() if key in ("chat_id", "text", "caption")}
        return f"{self.method} {words} {list(self.files)} {self.error or ''}"


class FakeTelegram:
    """The server's state, what tests do in it as people, and its rules.

    Args:
        clock: seconds; floods are reckoned by it.
    """

    def __init__(self, *, token: str = TOKEN, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = token
        self.clock = clock
        self.spec = Spec()
        self.url = ""
        self.patience = PATIENCE  # seconds that a test waits for what must come
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.chats: dict[int, dict[str, Any]] = {}
        self.admins: set[tuple[int, int]] = set()
        self.kicked: set[int] = set()
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.history: defaultdict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
        self.files: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}  # what Telegram says of files, where it is not their length
        self.group_per_minute = 20
        self.private_per_minute = 90
        self.floods = 0
        self.faults: deque[tuple[str, Refuse | None]] = deque()  # method, or "*"; None breaks the line
        self.down = False
        self.unanswered: dict[str, str] = {}  # queries by id
        self.webhook: dict[str, Any] = {}
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.description = self.short_description = ""
        self.inline_answers: dict[str, list[dict[str, Any]]] = {}
        self._written: defaultdict[int, deque[float]] = defaultdict(deque)
        self._closed: dict[int, float] = {}
        self._updates: list[dict[str, Any]] = []
        self._ids = itertools.count(1000)
        self._message_ids: defaultdict[int, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
        self._poller: asyncio.Event | None = None
        self._changed: set[asyncio.Event] = set()

    # --- serving -----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeTelegram]:
        app = web.Application(client_max_size=100 * 2**20)
        app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._api),
                web.get("/file/bot{token}/{path:.+}", self._file),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            if self._poller:
                self._poller.set()
            await runner.cleanup()

    async def until(self, truth: Callable[[], Any]) -> Any:
        """The first true value, looked at after every request."""
        mine = asyncio.Event()
        self._changed.add(mine)
        try:
            async with asyncio.timeout(self.patience):
                while not (found := truth()):
                    await mine.wait()
                    mine.clear()
                return found
        except TimeoutError:
            raise AssertionError(f"in vain; the last calls: {self.calls[-12:]}; {self.violations}") from None
        finally:
            self._changed.discard(mine)

    def _notice(self) -> None:
        for event in self._changed:
            event.set()

    async def _file(self, request: web.Request) -> web.Response:
        if self.down:
            assert request.transport
            request.transport.abort()
        if request.match_info["token"] != self.token:
            return web.Response(status=401)
        found = self.files.get(request.match_info["path"].removeprefix("files/"))
        return web.Response(body=found) if found is not None else web.Response(status=404)

    async def _api(self, request: web.Request) -> web.Response:
        if self.down:
            assert request.transport
            request.transport.abort()
            return web.Response()
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return self._no(Refuse(401, "Unauthorized"))
        said, files = await self._read(request)
        call = Call(method, said, files)
        fault = self._fault(method)
        if fault is not False:
            if fault is None:
                assert request.transport
                request.transport.abort()
                return web.Response()
            assert isinstance(fault, Refuse)
            call.error = fault
            self.calls.append(call)
            self._notice()
            return self._no(fault)
        self.violations += self.spec.request(method, said, files)
        if method == "getUpdates":
            return await self._get_updates(said)
        self.calls.append(call)
        try:
            result = self._do(call)
        except Refuse as error:
            call.error = error
            return self._no(error)
        finally:
            self._notice()
        self.violations += self.spec.answer(method, result)
        return web.json_response({"ok": True, "result": result})

    def _fault(self, method: str) -> Refuse | bool | None:
        for index, (name, fault) in enumerate(self.faults):
            if name in (method, "*"):
                del self.faults[index]
                return fault
        return False

    def _no(self, error: Refuse) -> web.Response:
        body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": str(error)}
        if error.parameters:
            body["parameters"] = error.parameters
        return web.json_response(body, status=error.code)

    async def _read(self, request: web.Request) -> tuple[dict[str, Any], dict[str, bytes]]:
        said: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        if request.content_type == "application/json":
            return await request.json(), files
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = value.file.read()
            else:
                said[name] = self._value(str(request.match_info["method"]), name, str(value))
        return said, files

    def _value(self, method: str, name: str, text: str) -> Any:
        """Forms carry text: a number or an object is what the description says that it is."""
        fields = self.spec.methods.get(method, {}).get("fields", [])
        kinds = next((field["types"] for field in fields if field["name"] == name), None)
        if kinds == ["String"] or (kinds is None and name in ("text", "caption", "query_id", "url")):
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text

    # --- updates -----------------------------------------------------------------------------------------------------

    async def _get_updates(self, said: dict[str, Any]) -> web.Response:
        if self.webhook.get("url"):
            return self._no(Refuse(409, "Conflict: can't use getUpdates method while webhook is active"))
        if self._poller is not None:
            self._poller.set()  # the newer one wins, as at Telegram
        mine = self._poller = asyncio.Event()
        offset = said.get("offset")
        if offset is not None:
            self._updates = [update for update in self._updates if update["update_id"] >= offset]
        self._notice()
        end = time.monotonic() + min(float(said.get("timeout", 0)), PATIENCE)
        changed = asyncio.Event()
        self._changed.add(changed)
        try:
            while not self._updates and time.monotonic() < end and not mine.is_set():
                try:
                    async with asyncio.timeout(end - time.monotonic()):
                        waits = [asyncio.ensure_future(event.wait()) for event in (mine, changed)]
                        try:
                            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                        finally:
                            for wait in waits:
                                wait.cancel()
                except TimeoutError:
                    break
                changed.clear()
        finally:
            self._changed.discard(changed)
        if self._poller is mine:
            self._poller = None
        elif mine.is_set():
            return self._no(Refuse(409, "Conflict: terminated by other getUpdates request"))
        return web.json_response({"ok": True, "result": self._updates[:100]})

    @property
    def pending(self) -> int:
        """Updates that nobody has confirmed."""
        return len(self._updates)

    def update(self, **content: Any) -> dict[str, Any]:
        """Hand something to the bot."""
        update = {"update_id": next(self._ids), **content}
        if self.spec.known and not self.spec.fits("Update", update):
            self.violations.append(f"our own update is none: {update}"[:600])
        self._updates.append(update)
        self._notice()
        return update

    # --- people ------------------------------------------------------------------------------------------------------

    def chat(self, id: int, *, forum: bool = False) -> dict[str, Any]:
        if id not in self.chats:
            group = {"id": id, "type": "supergroup", "title": "Painters"} | ({"is_forum": True} if forum else {})
            self.chats[id] = group if id < 0 else {"id": id, "type": "private", "first_name": "Ann"}
        return self.chats[id]

    @staticmethod
    def user(id: int) -> dict[str, Any]:
        return {"id": id, "is_bot": False, "first_name": "Ann"}

    def keep(self, data: bytes, size: int | None = None) -> str:
        """Put a file on the server; returns its file_id."""
        id = f"file{next(self._ids)}"
        self.files[id] = data
        if size is not None:
            self.sizes[id] = size
        return id

    def photo_sizes(self, id: str) -> list[dict[str, Any]]:
        with Image.open(io.BytesIO(self.files[id])) as image:
            width, height = image.size
        size = self.sizes.get(id, len(self.files[id]))
        small = {
            "file_id": f"small{id}",
            "file_unique_id": f"us{id}",
            "width": max(1, width // 4),
            "height": max(1, height // 4),
        }
        return [
            small,
            {"file_id": id, "file_unique_id": f"u{id}", "width": width, "height": height, "file_size": size},
        ]

    def says(
        self,
        chat: int,
        text: str = "",
        *,
        user: int = 7,
        photo: bytes | None = None,
        document: bytes | None = None,
        sticker: bytes | None = None,
        reply: int | None = None,
        thread: int | None = None,
        spoiler: bool = False,
        album: str = "",
        size: int | None = None,
        mime: str = "image/png",
        moving: bool = False,
        silent: bool = False,
        **more: Any,
    ) -> int:
        """A person writes a message; returns its number. ``silent``: the bot does not get it (privacy mode)."""
        message = self._new(chat, self.user(user), thread=thread, reply=reply)
        if photo is not None:
            message["photo"] = self.photo_sizes(self.keep(photo, size))
        if document is not None:
            id = self.keep(document, size)
            message["document"] = {
                "file_id": id,
                "file_unique_id": f"u{id}",
                "file_name": "a.png" if mime.startswith("image/") else "a.pdf",
                "mime_type": mime,
                "file_size": self.sizes.get(id, len(document)),
            }
        if sticker is not None:
            id = self.keep(sticker)
            message["sticker"] = {
                "file_id": id,
                "file_unique_id": f"u{id}",
                "type": "regular",
                "width": 512,
                "height": 512,
                "is_animated": moving,
                "is_video": False,
            }
        if spoiler:
            message["has_media_spoiler"] = True
        if album:
            message["media_group_id"] = album
        if text:
            message["caption" if photo or document or sticker else "text"] = text
        message |= more
        if not silent:
            self.update(message=self._shown(message))
        return int(message["message_id"])

    def _new(
        self, chat: int, sender: dict[str, Any], *, thread: int | None = None, reply: int | None = None
    ) -> dict[str, Any]:
        id = next(self._message_ids[chat])
        message: dict[str, Any] = {"message_id": id, "date": 1_700_000_000, "chat": self.chat(chat), "from": sender}
        if thread is not None:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        if reply is not None and (chat, reply) in self.messages:
            original = {key: value for key, value in self.messages[chat, reply].items() if key != "reply_to_message"}
            message["reply_to_message"] = self._shown(original)
        self.messages[chat, id] = message
        return message

    @staticmethod
    def _shown(message: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in message.items() if not key.startswith("_")}

    def presses(self, chat: int, message: int, label: str, *, user: int = 7) -> str:
        """A person presses a button by its label; returns the query's id."""
        rows = self.messages[chat, message]["reply_markup"]["inline_keyboard"]
        data = next(button["callback_data"] for row in rows for button in row if label in button["text"])
        return self.sends_query(chat, message, data, user=user)

    def sends_query(self, chat: int, message: int, data: str, *, user: int = 7, id: str = "") -> str:
        id = id or f"q{next(self._ids)}"
        self.unanswered[id] = data
        self.update(
            callback_query={
                "id": id,
                "from": self.user(user),
                "chat_instance": "1",
                "data": data,
                "message": self._shown(self.messages[chat, message]),
            }
        )
        return id

    def asks_inline(self, text: str, *, user: int = 7) -> str:
        id = f"i{next(self._ids)}"
        self.update(inline_query={"id": id, "from": self.user(user), "query": text, "offset": ""})
        return id

    def deletes(self, chat: int, message: int) -> None:
        del self.messages[chat, message]

    # --- what tests look at ------------------------------------------------------------------------------------------

    def of_bot(self, chat: int) -> list[dict[str, Any]]:
        """The bot's messages that stand in a chat now, oldest first."""
        return [m for (c, _), m in sorted(self.messages.items()) if c == chat and m["from"]["id"] == ME["id"]]

    def pictures(self, chat: int) -> list[dict[str, Any]]:
        """Those that are finished, with a recipe line."""
        return [m for m in self.of_bot(chat) if m.get("_data") and " seed=" in m.get("caption", "")]

    def made(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def answered(self, query: str) -> Call | None:
        return next(
            (c for c in self.made("answerCallbackQuery") if str(c.said["callback_query_id"]) == query and not c.error),
            None,
        )

    def at_the_end(self) -> list[str]:
        """Everything that was against the rules."""
        return self.violations + [
            f"the press {id} ({data}) was never answered" for id, data in self.unanswered.items()
        ]

    # --- the rules ---------------------------------------------------------------------------------------------------

    def _do(self, call: Call) -> Any:
        method, said = call.method, call.said
        if "chat_id" in said and method not in ("getChatMember",):
            self._may_write(int(said["chat_id"]))
        if method in WRITING | EDITING:
            count = len(said["media"]) if method == "sendMediaGroup" else 1
            self._flood(int(said["chat_id"]), count)
        if "reply_markup" in said:
            self._keyboard(said["reply_markup"])
        action = getattr(self, f"_on_{method}", None)
        if action is None:
            self.violations.append(f"{method} is not known here")
            raise Refuse(404, "Not Found")
        return action(call)

    def _may_write(self, chat: int) -> None:
        if chat in self.kicked:
            raise Refuse(403, "Forbidden: bot was kicked from the supergroup chat")
        if chat not in self.chats:
            raise Refuse(400, "Bad Request: chat not found")

    def _flood(self, chat: int, count: int) -> None:
        now = self.clock()
        if now < self._closed.get(chat, 0.0):
            self.violations.append(f"wrote to {chat} during its pause")
            raise Refuse(429, "Too Many Requests", retry_after=int(self._closed[chat] - now) + 1)
        written = self._written[chat]
        while written and written[0] <= now - 60:
            written.popleft()
        most = self.group_per_minute if chat < 0 else self.private_per_minute
        if len(written) + count > most:
            self.floods += 1
            wait = int(written[0] + 60 - now) + 1
            self.closes(chat, wait)
            raise Refuse(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        written.extend([now] * count)

    def closes(self, chat: int, seconds: float) -> None:
        self._closed[chat] = self.clock() + seconds

    def _keyboard(self, markup: dict[str, Any]) -> None:
        rows = markup["inline_keyboard"]
        if sum(map(len, rows)) > 100 or any(len(row) > 8 for row in rows):
            self.violations.append("a keyboard with too many buttons")
        for button in itertools.chain(*rows):
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                self.violations.append(f"callback_data of {len(button['callback_data'].encode())} bytes")
                raise Refuse(400, "Bad Request: BUTTON_DATA_INVALID")

    def _text(self, text: str, entities: list[dict[str, Any]], most: int, mode: Any = None) -> dict[str, Any]:
        if mode is not None:
            self.violations.append("parse_mode lets people's words be markup")
        if not text.strip() and most == 4096:
            raise Refuse(400, "Bad Request: message text is empty")
        if units(text) > most:
            self.violations.append(f"a text of {units(text)}, the limit is {most}")
            raise Refuse(
                400, "Bad Request: message is too long" if most == 4096 else "Bad Request: message caption is too long"
            )
        for entity in entities:
            if entity["offset"] < 0 or entity["length"] < 1 or entity["offset"] + entity["length"] > units(text):
                self.violations.append(f"an entity beyond the text: {entity}")
                raise Refuse(400, "Bad Request: can't parse entities")
        return {"entities" if most == 4096 else "caption_entities": entities} if entities else {}

    def _post(self, said: dict[str, Any]) -> dict[str, Any]:
        chat = int(said["chat_id"])
        reply = said.get("reply_parameters")
        if reply and (chat, reply["message_id"]) not in self.messages and not reply.get("allow_sending_without_reply"):
            raise Refuse(400, "Bad Request: message to be replied not found")
        thread = said.get("message_thread_id")
        if thread is not None and not self.chat(chat).get("is_forum"):
            raise Refuse(400, "Bad Request: message thread not found")
        message = self._new(
            chat,
            {key: ME[key] for key in ("id", "is_bot", "first_name", "username")},
            thread=thread,
            reply=reply["message_id"] if reply else None,
        )
        if "reply_markup" in said:
            message["reply_markup"] = said["reply_markup"]
        return message

    def _kept(self, message: dict[str, Any]) -> dict[str, Any]:
        self.history[message["chat"]["id"], message["message_id"]].append(dict(message))
        return self._shown(message)

    def _media(self, call: Call, media: dict[str, Any]) -> dict[str, Any]:
        """The part of a message that a picture or file makes."""
        name = media["media"]
        if name.startswith("attach://"):
            part = name.removeprefix("attach://")
            if part not in call.files:
                self.violations.append(f"{name} is not among the parts")
                raise Refuse(400, "Bad Request: wrong file")
            data = call.files[part]
            id = ""
        elif name in self.files:
            data, id = self.files[name], name
        else:
            raise Refuse(400, "Bad Request: wrong file identifier/HTTP URL specified")
        if media["type"] == "photo":
            self._check_photo(data)
            id = id or self.keep(data)
            part_of_message: dict[str, Any] = {"photo": self.photo_sizes(id)}
            if media.get("has_spoiler"):
                part_of_message["has_media_spoiler"] = True
        else:
            if len(data) > FILE_MB * 10**6:
                raise Refuse(413, "Request Entity Too Large")
            id = id or self.keep(data)
            part_of_message = {"document": {"file_id": id, "file_unique_id": f"u{id}", "file_size": len(data)}}
        text = media.get("caption", "")
        more = self._text(text, media.get("caption_entities", []), 1024, media.get("parse_mode"))
        return part_of_message | ({"caption": text} | more if text else {}) | {"_data": data}

    def _check_photo(self, data: bytes) -> None:
        if len(data) > PHOTO_MB * 10**6:
            raise Refuse(413, "Request Entity Too Large")
        try:
            with Image.open(io.BytesIO(data)) as image:
                short, long = sorted(image.size)
        except OSError:
            raise Refuse(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
        if short + long > 10000 or long > 20 * short:
            raise Refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")

    def _direct(self, call: Call, kind: str) -> dict[str, Any]:
        """sendPhoto and sendDocument say at the top what InputMedia says inside."""
        said = call.said
        media = {"type": kind, "media": f"attach://{kind}" if kind in call.files else said[kind]}
        names = ("caption", "caption_entities", "has_spoiler", "parse_mode")
        content = self._media(call, media | {name: said[name] for name in names if name in said})
        message = self._post(said)
        message |= content
        return self._kept(message)

    def _edited(self, said: dict[str, Any]) -> dict[str, Any]:
        message = self.messages.get((int(said["chat_id"]), int(said["message_id"])))
        if message is None:
            raise Refuse(400, "Bad Request: message to edit not found")
        if message["from"]["id"] != ME["id"]:
            raise Refuse(400, "Bad Request: message can't be edited")
        return message

    def _change(self, message: dict[str, Any], said: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        names = CONTENT | {"reply_markup"}
        new = {key: value for key, value in message.items() if key not in names} | content
        if "reply_markup" in said:
            new["reply_markup"] = said["reply_markup"]

        def look(one: dict[str, Any]) -> dict[str, Any]:
            kinds = {"_kind": "photo" if "photo" in one else "document" if "document" in one else ""}
            return {key: one.get(key) for key in names - {"photo", "document"}} | kinds

        if look(new) == look(message):
            raise Refuse(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are the same",
            )
        new["edit_date"] = 1_700_000_100
        self.messages[message["chat"]["id"], message["message_id"]] = new
        return self._kept(new)

    # --- methods -----------------------------------------------------------------------------------------------------

    def _on_getMe(self, call: Call) -> Any:
        return ME

    def _on_sendMessage(self, call: Call) -> Any:
        more = self._text(call.said["text"], call.said.get("entities", []), 4096, call.said.get("parse_mode"))
        message = self._post(call.said)
        message |= {"text": call.said["text"]} | more
        return self._kept(message)

    def _on_sendPhoto(self, call: Call) -> Any:
        return self._direct(call, "photo")

    def _on_sendDocument(self, call: Call) -> Any:
        return self._direct(call, "document")

    def _on_sendMediaGroup(self, call: Call) -> Any:
        items = call.said["media"]
        if not 2 <= len(items) <= 10:
            self.violations.append(f"an album of {len(items)}")
            raise Refuse(400, "Bad Request: media must include 2-10 items")
        contents = [self._media(call, item) for item in items]
        album = f"album{next(self._ids)}"
        messages = []
        for content in contents:
            message = self._post(call.said)
            message |= content | {"media_group_id": album}
            messages.append(self._kept(message))
        return messages

    def _on_editMessageText(self, call: Call) -> Any:
        message = self._edited(call.said)
        if "text" not in message:
            raise Refuse(400, "Bad Request: there is no text in the message to edit")
        more = self._text(call.said["text"], call.said.get("entities", []), 4096, call.said.get("parse_mode"))
        return self._change(message, call.said, {"text": call.said["text"]} | more)

    def _on_editMessageCaption(self, call: Call) -> Any:
        message = self._edited(call.said)
        if "text" in message:
            raise Refuse(400, "Bad Request: there is no caption in the message to edit")
        text = call.said.get("caption", "")
        more = self._text(text, call.said.get("caption_entities", []), 1024, call.said.get("parse_mode"))
        kept = {key: message[key] for key in ("photo", "document", "has_media_spoiler", "_data") if key in message}
        return self._change(message, call.said, kept | {"caption": text} | more)

    def _on_editMessageMedia(self, call: Call) -> Any:
        message = self._edited(call.said)
        content = self._media(call, call.said["media"])
        if "media_group_id" in message and ("photo" in message) != ("photo" in content):
            raise Refuse(400, "Bad Request: the album can't be edited so")
        return self._change(message, call.said, content)

    def _on_editMessageReplyMarkup(self, call: Call) -> Any:
        message = self._edited(call.said)
        return self._change(message, call.said, {key: message[key] for key in CONTENT if key in message})

    def _on_deleteMessage(self, call: Call) -> Any:
        if self.messages.pop((int(call.said["chat_id"]), int(call.said["message_id"])), None) is None:
            raise Refuse(400, "Bad Request: message to delete not found")
        return True

    def _on_deleteMessages(self, call: Call) -> Any:
        for id in call.said["message_ids"]:
            self.messages.pop((int(call.said["chat_id"]), int(id)), None)
        return True

    def _on_sendChatAction(self, call: Call) -> Any:
        if call.said["action"] not in ("typing", "upload_photo", "upload_document"):
            self.violations.append(f"there is no action {call.said['action']}")
        return True

    def _on_getFile(self, call: Call) -> Any:
        id = call.said["file_id"].removeprefix("small")
        if id not in self.files:
            raise Refuse(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = self.sizes.get(id, len(self.files[id]))
        if size > FETCH_MB * 2**20:
            raise Refuse(400, "Bad Request: file is too big")
        return {"file_id": id, "file_unique_id": f"u{id}", "file_size": size, "file_path": f"files/{id}"}

    def _on_answerCallbackQuery(self, call: Call) -> Any:
        if units(call.said.get("text", "")) > 200:
            self.violations.append("an answer to a press of more than 200")
            raise Refuse(400, "Bad Request: MESSAGE_TOO_LONG")
        if self.unanswered.pop(str(call.said["callback_query_id"]), None) is None:
            raise Refuse(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        return True

    def _on_answerInlineQuery(self, call: Call) -> Any:
        results = call.said["results"]
        ids = [result["id"] for result in results]
        if len(results) > 50 or len(set(ids)) < len(ids) or any(not 1 <= len(id.encode()) <= 64 for id in ids):
            self.violations.append("inline results against the rules")
        for result in results:
            if result["type"] == "photo" and result["photo_file_id"] not in self.files:
                raise Refuse(400, "Bad Request: PHOTO_INVALID")
        self.inline_answers[str(call.said["inline_query_id"])] = results
        return True

    def _on_getChatMember(self, call: Call) -> Any:
        chat, user = int(call.said["chat_id"]), int(call.said["user_id"])
        if (chat, user) in self.admins:
            return {"status": "creator", "user": self.user(user), "is_anonymous": False}
        return {"status": "member", "user": self.user(user)}

    def _on_getMyCommands(self, call: Call) -> Any:
        return self.commands.get(call.said["scope"]["type"], [])

    def _on_setMyCommands(self, call: Call) -> Any:
        commands = call.said["commands"]
        for command in commands:
            name, text = command["command"], command["description"]
            if not (
                1 <= len(name) <= 32
                and name.replace("_", "").isalnum()
                and name == name.lower()
                and 1 <= len(text) <= 256
            ):
                self.violations.append(f"a command against the rules: {command}")
        self.commands[call.said["scope"]["type"]] = commands
        return True

    def _on_getMyDescription(self, call: Call) -> Any:
        return {"description": self.description}

    def _on_setMyDescription(self, call: Call) -> Any:
        self.description = call.said["description"]
        if units(self.description) > 512:
            self.violations.append("a description of more than 512")
        return True

    def _on_getMyShortDescription(self, call: Call) -> Any:
        return {"short_description": self.short_description}

    def _on_setMyShortDescription(self, call: Call) -> Any:
        self.short_description = call.said["short_description"]
        if units(self.short_description) > 120:
            self.violations.append("a short description of more than 120")
        return True

    def _on_deleteWebhook(self, call: Call) -> Any:
        self.webhook = {}
        return True

    def _on_setWebhook(self, call: Call) -> Any:
        if not call.said["url"].startswith("https://"):
            raise Refuse(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = call.said
        return True
