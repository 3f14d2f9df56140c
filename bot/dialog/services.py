"""What every platform is built upon."""

from __future__ import annotations

import time
from typing import NamedTuple

from bot.core.journal.store import Store
from bot.core.people.halves import Halves
from bot.core.people.owners import Owners
from bot.core.studio import Studio
from bot.dialog.buttons import Buttons
from bot.dialog.commands import Commands
from bot.dialog.gallery import ContactSheets
from bot.dialog.loading import Loading
from bot.health import Health
from engine.gallery import Gallery


class Services(NamedTuple):
    """One bot's, shared by all of its platforms."""

    store: Store
    studio: Studio
    commands: Commands
    buttons: Buttons
    gallery: Gallery
    sheets: ContactSheets
    health: Health
    loading: Loading
    owners: Owners

    @property
    def max_photo_bytes(self) -> int:
        return self.studio.rules.max_photo_bytes

    @classmethod
    def around(cls, studio: Studio, store: Store, gallery: Gallery, owners: Owners | None = None) -> Services:
        owners = owners or Owners()
        commands, buttons = Commands(studio, gallery, Halves(store, time.time), owners), Buttons(studio, store)
        return cls(store, studio, commands, buttons, gallery, ContactSheets(), studio.health, Loading(), owners)
