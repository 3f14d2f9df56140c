"""Who runs this bot: those who may pause it, see everybody's orders and block people."""

from __future__ import annotations

import msgspec


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever writes is one by their id on the platform, or by the platform itself."""

    people: tuple[str, ...] = ()  # "telegram:123"
    chats: tuple[str, ...] = ()  # where everybody is one: "web" of a page that only this machine can open

    def include(self, user: str) -> bool:
        """Whether this person is one."""
        return user in self.people or user.partition(":")[0] in self.chats
