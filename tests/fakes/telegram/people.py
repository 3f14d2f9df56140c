"""What people do at Telegram: write, press buttons, ask inline, delete."""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram.state import ME, State


class People(State):
    """Each of these is an update for the bot."""

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
        animation: bytes | None = None,
        video: bool = False,
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
                "is_video": video,
            }
        if animation is not None:
            id = self.keep(animation, size)
            file = {"file_id": id, "file_unique_id": f"u{id}", "file_size": self.sizes.get(id, len(animation))}
            message |= {"document": file, "animation": file | {"width": 1, "height": 1, "duration": 1}}
        if spoiler:
            message["has_media_spoiler"] = True
        if album:
            message["media_group_id"] = album
        if text:
            message["caption" if photo or document or sticker or animation else "text"] = text
        message |= more
        if not silent:
            self.update(message=self._shown(message))
        return int(message["message_id"])

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

    def corrects(self, chat: int, message: int, text: str) -> None:
        """A person edits what they wrote."""
        shown = self.messages[chat, message]
        shown["caption" if "caption" in shown or "photo" in shown else "text"] = text
        shown["edit_date"] = shown["date"] + 5
        self.update(edited_message=self._shown(shown))

    def adds_bot(self, chat: int, *, before: str = "left", after: str = "member", user: int = 7) -> None:
        """A person adds the bot to a group, or changes what it is there."""
        self.update(
            my_chat_member={
                "chat": self.chat(chat),
                "from": self.user(user),
                "date": 1_700_000_000,
                "old_chat_member": {"status": before, "user": ME} | ({"until_date": 0} if before == "kicked" else {}),
                "new_chat_member": {"status": after, "user": ME},
            }
        )

    def deletes(self, chat: int, message: int) -> None:
        del self.messages[chat, message]
