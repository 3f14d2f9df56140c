"""What Telegram knows in a test: chats, messages, files, and everything that was asked of it."""

from __future__ import annotations

import asyncio
import io
import itertools
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from PIL import Image

from tests.fakes.telegram.spec import Spec
from tests.waiting import Board

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


class Refuse(Exception):
    """An answer that says no."""

    def __init__(self, code: int, text: str, **parameters: int) -> None:
        super().__init__(text)
        self.code = code
        self.parameters = parameters


class Call:
    """A request that was made."""

    def __init__(self, method: str, parameters: dict[str, Any], files: dict[str, bytes]) -> None:
        self.method = method
        self.parameters = parameters
        self.files = files
        self.error: Refuse | None = None

    def __repr__(self) -> str:
        words = {
            key: str(value)[:60] for key, value in self.parameters.items() if key in ("chat_id", "text", "caption")
        }
        return f"{self.method} {words} {list(self.files)} {self.error or ''}"


class State(Board):
    """The server's state.

    Args:
        clock: seconds; floods are measured by it.
    """

    def __init__(self, *, token: str = TOKEN, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.token = token
        self.clock = clock
        self.spec = Spec()
        self.url = ""
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
        self.closed: dict[int, float] = {}  # until when
        self.updates: list[dict[str, Any]] = []  # that nobody has confirmed
        self._ids = itertools.count(1000)
        self._message_ids: defaultdict[int, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
        self._poller: asyncio.Event | None = None

    def seen(self) -> str:
        return f"The last calls: {self.calls[-12:]}; {self.violations}"

    @property
    def pending(self) -> int:
        """Updates that nobody has confirmed."""
        return len(self.updates)

    def update(self, **content: Any) -> dict[str, Any]:
        """Hand something to the bot."""
        update = {"update_id": next(self._ids), **content}
        if not self.spec.fits("Update", update):
            self.violations.append(f"our own update is none: {update}"[:600])
        self.updates.append(update)
        self.notice()
        return update

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

    # --- what tests look at ------------------------------------------------------------------------------------------

    def of_bot(self, chat: int) -> list[dict[str, Any]]:
        """The bot's messages that stand in a chat now, oldest first."""
        return [m for (c, _), m in sorted(self.messages.items()) if c == chat and m["from"]["id"] == ME["id"]]

    def pictures(self, chat: int) -> list[dict[str, Any]]:
        """Those that are finished, with a recipe line."""
        return [m for m in self.of_bot(chat) if m.get("_data") and " mode=" in m.get("caption", "")]

    def made(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def answered(self, query: str) -> Call | None:
        return next(
            (
                c
                for c in self.made("answerCallbackQuery")
                if str(c.parameters["callback_query_id"]) == query and not c.error
            ),
            None,
        )

    def at_the_end(self) -> list[str]:
        """Everything that was against the rules."""
        return self.violations + [
            f"the press {id} ({data}) was never answered" for id, data in self.unanswered.items()
        ]
