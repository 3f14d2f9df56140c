"""The methods of the Bot API that the bot uses."""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram.rules import CONTENT, FETCH_MB, Rules, units
from tests.fakes.telegram.state import ME, Call, Refuse

WRITING = {"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"}
EDITING = {"editMessageText", "editMessageCaption", "editMessageMedia", "editMessageReplyMarkup"}


class Methods(Rules):
    """One of each name that the API has."""

    def _do(self, call: Call) -> Any:
        method, parameters = call.method, call.parameters
        if "chat_id" in parameters and method not in ("getChatMember",):
            self._may_write(int(parameters["chat_id"]))
        if method in WRITING | EDITING:
            count = len(parameters["media"]) if method == "sendMediaGroup" else 1
            self._flood(int(parameters["chat_id"]), count)
        if "reply_markup" in parameters:
            self._keyboard(parameters["reply_markup"])
        action = getattr(self, f"_on_{method}", None)
        if action is None:
            self.violations.append(f"{method} is not known here")
            raise Refuse(404, "Not Found")
        return action(call)

    def _on_getMe(self, call: Call) -> Any:
        return ME

    def _on_sendMessage(self, call: Call) -> Any:
        more = self._text(
            call.parameters["text"], call.parameters.get("entities", []), 4096, call.parameters.get("parse_mode")
        )
        message = self._post(call.parameters)
        message |= {"text": call.parameters["text"]} | more
        return self._kept(message)

    def _on_sendPhoto(self, call: Call) -> Any:
        return self._direct(call, "photo")

    def _on_sendDocument(self, call: Call) -> Any:
        return self._direct(call, "document")

    def _on_sendMediaGroup(self, call: Call) -> Any:
        items = call.parameters["media"]
        if not 2 <= len(items) <= 10:
            self.violations.append(f"an album of {len(items)}")
            raise Refuse(400, "Bad Request: media must include 2-10 items")
        contents = [self._media(call, item) for item in items]
        album = f"album{next(self._ids)}"
        messages = []
        for content in contents:
            message = self._post(call.parameters)
            message |= content | {"media_group_id": album}
            messages.append(self._kept(message))
        return messages

    def _on_editMessageText(self, call: Call) -> Any:
        message = self._edited(call.parameters)
        if "text" not in message:
            raise Refuse(400, "Bad Request: there is no text in the message to edit")
        more = self._text(
            call.parameters["text"], call.parameters.get("entities", []), 4096, call.parameters.get("parse_mode")
        )
        return self._change(message, call.parameters, {"text": call.parameters["text"]} | more)

    def _on_editMessageCaption(self, call: Call) -> Any:
        message = self._edited(call.parameters)
        if "text" in message:
            raise Refuse(400, "Bad Request: there is no caption in the message to edit")
        text = call.parameters.get("caption", "")
        more = self._text(text, call.parameters.get("caption_entities", []), 1024, call.parameters.get("parse_mode"))
        kept = {
            key: message[key]
            for key in ("photo", "animation", "document", "has_media_spoiler", "_data")
            if key in message
        }
        return self._change(message, call.parameters, kept | {"caption": text} | more)

    def _on_editMessageMedia(self, call: Call) -> Any:
        message = self._edited(call.parameters)
        content = self._media(call, call.parameters["media"])
        if "media_group_id" in message and ("photo" in message) != ("photo" in content):
            raise Refuse(400, "Bad Request: the album can't be edited so")
        return self._change(message, call.parameters, content)

    def _on_editMessageReplyMarkup(self, call: Call) -> Any:
        message = self._edited(call.parameters)
        return self._change(message, call.parameters, {key: message[key] for key in CONTENT if key in message})

    def _on_deleteMessage(self, call: Call) -> Any:
        if self.messages.pop((int(call.parameters["chat_id"]), int(call.parameters["message_id"])), None) is None:
            raise Refuse(400, "Bad Request: message to delete not found")
        return True

    def _on_deleteMessages(self, call: Call) -> Any:
        for id in call.parameters["message_ids"]:
            self.messages.pop((int(call.parameters["chat_id"]), int(id)), None)
        return True

    def _on_sendChatAction(self, call: Call) -> Any:
        if call.parameters["action"] not in ("typing", "upload_photo", "upload_document"):
            self.violations.append(f"there is no action {call.parameters['action']}")
        return True

    def _on_getFile(self, call: Call) -> Any:
        id = call.parameters["file_id"].removeprefix("small")
        if id not in self.files:
            raise Refuse(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = self.sizes.get(id, len(self.files[id]))
        if size > FETCH_MB * 2**20:
            raise Refuse(400, "Bad Request: file is too big")
        return {"file_id": id, "file_unique_id": f"u{id}", "file_size": size, "file_path": f"files/{id}"}

    def _on_answerCallbackQuery(self, call: Call) -> Any:
        if units(call.parameters.get("text", "")) > 200:
            self.violations.append("an answer to a press of more than 200")
            raise Refuse(400, "Bad Request: MESSAGE_TOO_LONG")
        if self.unanswered.pop(str(call.parameters["callback_query_id"]), None) is None:
            raise Refuse(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        return True

    def _on_answerInlineQuery(self, call: Call) -> Any:
        results = call.parameters["results"]
        ids = [result["id"] for result in results]
        if len(results) > 50 or len(set(ids)) < len(ids) or any(not 1 <= len(id.encode()) <= 64 for id in ids):
            self.violations.append("inline results against the rules")
        for result in results:
            if result["type"] == "photo" and result["photo_file_id"] not in self.files:
                raise Refuse(400, "Bad Request: PHOTO_INVALID")
        self.inline_answers[str(call.parameters["inline_query_id"])] = results
        return True

    def _on_getChatMember(self, call: Call) -> Any:
        chat, user = int(call.parameters["chat_id"]), int(call.parameters["user_id"])
        if (chat, user) in self.admins:
            return {"status": "creator", "user": self.user(user), "is_anonymous": False}
        return {"status": "member", "user": self.user(user)}

    def _on_getMyCommands(self, call: Call) -> Any:
        return self.commands.get(call.parameters["scope"]["type"], [])

    def _on_setMyCommands(self, call: Call) -> Any:
        commands = call.parameters["commands"]
        for command in commands:
            name, text = command["command"], command["description"]
            if not (
                1 <= len(name) <= 32
                and name.replace("_", "").isalnum()
                and name == name.lower()
                and 1 <= len(text) <= 256
            ):
                self.violations.append(f"a command against the rules: {command}")
        self.commands[call.parameters["scope"]["type"]] = commands
        return True

    def _on_getMyDescription(self, call: Call) -> Any:
        return {"description": self.description}

    def _on_setMyDescription(self, call: Call) -> Any:
        self.description = call.parameters["description"]
        if units(self.description) > 512:
            self.violations.append("a description of more than 512")
        return True

    def _on_getMyShortDescription(self, call: Call) -> Any:
        return {"short_description": self.short_description}

    def _on_setMyShortDescription(self, call: Call) -> Any:
        self.short_description = call.parameters["short_description"]
        if units(self.short_description) > 120:
            self.violations.append("a short description of more than 120")
        return True

    def _on_deleteWebhook(self, call: Call) -> Any:
        self.webhook = {}
        return True

    def _on_setWebhook(self, call: Call) -> Any:
        if not call.parameters["url"].startswith("https://"):
            raise Refuse(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = call.parameters
        return True
