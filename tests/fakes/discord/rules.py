"""Discord's rules for a message and its components, kept by hand: what breaks one is a violation."""

from __future__ import annotations

from typing import Any

from tests.fakes.discord.world import APPLICATION, BOT, BUTTON, SELECT, Interaction, Refused, World, walk

LOADING, V2 = 1 << 7, 1 << 15  # flags of a message


class Rules(World):
    """Posts and edits the bot's messages, as far as the rules allow."""

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
            for part in walk(message["components"]):
                url = (part.get("media") or {}).get("url", "")
                self._rule(not url.startswith("attachment://") or url in names, f"{url} is no file of the message")
        message["flags"] = flags & ~LOADING if "content" in body or "components" in body or files else flags
        message["edited_timestamp"] = None
        return self.plain(message)

    def _components(self, components: list[dict[str, Any]], *, v2: bool) -> None:
        parts = list(walk(components))
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
