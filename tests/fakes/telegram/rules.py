"""Telegram's rules for what is written: sizes, floods, keyboards, and what may be edited into what.

The description of the API cannot say them. What breaks one that the bot should know is a violation, too.
"""

from __future__ import annotations

import io
import itertools
from typing import Any

from PIL import Image

from tests.fakes.telegram.state import ME, Call, Refuse, State

CONTENT = {
    *("text", "entities", "caption", "caption_entities"),
    *("photo", "animation", "document", "has_media_spoiler", "_data"),
}
PHOTO_MB, FILE_MB, FETCH_MB = 10, 50, 20


def units(text: str) -> int:
    """Length as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


class Rules(State):
    """Raises Refuse where Telegram would."""

    def _may_write(self, chat: int) -> None:
        if chat in self.kicked:
            raise Refuse(403, "Forbidden: bot was kicked from the supergroup chat")
        if chat not in self.chats:
            raise Refuse(400, "Bad Request: chat not found")

    def _flood(self, chat: int, count: int) -> None:
        now = self.clock()
        if now < self.closed.get(chat, 0.0):
            self.violations.append(f"wrote to {chat} during its pause")
            raise Refuse(429, "Too Many Requests", retry_after=int(self.closed[chat] - now) + 1)
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
        self.closed[chat] = self.clock() + seconds

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

    def _words(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The part of a message that a text makes."""
        text, entities = parameters["text"], parameters.get("entities", [])
        return {"text": text} | self._text(text, entities, 4096, parameters.get("parse_mode"))

    def _post(self, parameters: dict[str, Any]) -> dict[str, Any]:
        chat = int(parameters["chat_id"])
        reply = parameters.get("reply_parameters")
        if reply and (chat, reply["message_id"]) not in self.messages and not reply.get("allow_sending_without_reply"):
            raise Refuse(400, "Bad Request: message to be replied not found")
        thread = parameters.get("message_thread_id")
        if thread is not None and not self.chat(chat).get("is_forum"):
            raise Refuse(400, "Bad Request: message thread not found")
        message = self._new(
            chat,
            {key: ME[key] for key in ("id", "is_bot", "first_name", "username")},
            thread=thread,
            reply=reply["message_id"] if reply else None,
        )
        if "reply_markup" in parameters:
            message["reply_markup"] = parameters["reply_markup"]
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
            file = {"file_id": id, "file_unique_id": f"u{id}", "file_size": len(data)}
            part_of_message = {"document": file}
            if media["type"] == "animation":  # which has both
                part_of_message["animation"] = file | {"width": 1, "height": 1, "duration": 1}
                if media.get("has_spoiler"):
                    part_of_message["has_media_spoiler"] = True
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
        parameters = call.parameters
        media = {"type": kind, "media": f"attach://{kind}" if kind in call.files else parameters[kind]}
        names = ("caption", "caption_entities", "has_spoiler", "parse_mode")
        content = self._media(call, media | {name: parameters[name] for name in names if name in parameters})
        message = self._post(parameters)
        message |= content
        return self._kept(message)

    def _edited(self, parameters: dict[str, Any]) -> dict[str, Any]:
        message = self.messages.get((int(parameters["chat_id"]), int(parameters["message_id"])))
        if message is None:
            raise Refuse(400, "Bad Request: message to edit not found")
        if message["from"]["id"] != ME["id"]:
            raise Refuse(400, "Bad Request: message can't be edited")
        return message

    def _change(self, message: dict[str, Any], parameters: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        names = CONTENT | {"reply_markup"}
        new = {key: value for key, value in message.items() if key not in names} | content
        if "reply_markup" in parameters:
            new["reply_markup"] = parameters["reply_markup"]

        def look(one: dict[str, Any]) -> dict[str, Any]:
            kinds = {"_kind": "photo" if "photo" in one else "document" if "document" in one else ""}
            return {key: one.get(key) for key in names - {"photo", "animation", "document"}} | kinds

        if look(new) == look(message):
            raise Refuse(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are the same",
            )
        new["edit_date"] = 1_700_000_100
        self.messages[message["chat"]["id"], message["message_id"]] = new
        return self._kept(new)
