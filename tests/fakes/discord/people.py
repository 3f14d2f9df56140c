"""What people do on Discord: write, give commands, press, choose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from discord.utils import snowflake_time

from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.world import (
    ALL,
    APPLICATION,
    BOT,
    BUTTON,
    CONVERSATION,
    SELECT,
    Interaction,
    walk,
)


class People(Gateway):
    """They act with their ids, in channels and on messages with theirs."""

    async def says(
        self,
        user: int,
        channel: int,
        content: str = "",
        files: Sequence[tuple[str, bytes]] = (),
        reply_to: int | None = None,
        **more: Any,
    ) -> int:
        """A message of a person, perhaps with other parts such as embeds; returns its id."""
        message = self._message(channel, user, content)
        message["attachments"] = [self._attach(channel, name, data) for name, data in files]
        if f"<@{BOT}>" in content:
            message["mentions"] = [self.users[BOT]]
        if reply_to is not None:
            message["type"] = 19
            message["message_reference"] = {"message_id": str(reply_to), "channel_id": str(channel), "type": 0}
        message |= more
        self.messages[int(message["id"])] = message
        await self._tell_of(message, "MESSAGE_CREATE")
        return int(message["id"])

    async def corrects(self, message: int, content: str, after: float = 5.0) -> None:
        """Its writer edits a message, so many seconds after it was written."""
        edited, at = self.messages[message], snowflake_time(message) + timedelta(seconds=after)
        edited |= {"content": content, "edited_timestamp": at.isoformat()}
        if f"<@{BOT}>" in content:
            edited["mentions"] = [self.users[BOT]]
        await self._tell_of(edited, "MESSAGE_UPDATE")

    async def open_channel(self, *, nsfw: bool = False, deny: int = 0) -> int:
        """A new channel of the server, of which clients are told."""
        id = self.add_channel(nsfw=nsfw, deny=deny)
        await self._dispatch("CHANNEL_CREATE", self.channels[id])
        return id

    def available(self, user: int) -> set[str]:
        """The slash commands that somebody is shown in a server."""
        needed = {c["name"]: int(c["default_member_permissions"] or 0) for c in self.commands if c.get("type", 1) == 1}
        return {name for name, permissions in needed.items() if not permissions & ~self.permissions(user)}

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
        inputs = [c for c in walk(shown.modal["components"]) if c["type"] == 4]
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
            payload["message"] = self.plain(self.messages[source])
        if guild:
            member = self._member(user) | {"user": self.users[user], "permissions": str(self.permissions(user))}
            payload |= {"guild_id": guild, "guild_locale": "en-US", "member": member}
        else:
            payload["user"] = self.users[user]
        if place["type"] == CONVERSATION:
            payload |= {"context": 2, "authorizing_integration_owners": {"1": str(user)}}
        await self._dispatch("INTERACTION_CREATE", payload)
        return found
