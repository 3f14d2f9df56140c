"""What the operator has decided: the settings, and how they are read."""

from bot.config.load import is_loopback, load
from bot.config.secret import Secret
from bot.config.settings import (
    SECTIONS,
    Admin,
    Config,
    Defaults,
    Discord,
    Engine,
    Gallery,
    Limits,
    Log,
    Setting,
    Store,
    Telegram,
    Web,
    settings,
)

__all__ = [
    "SECTIONS",
    "Admin",
    "Config",
    "Defaults",
    "Discord",
    "Engine",
    "Gallery",
    "Limits",
    "Log",
    "Secret",
    "Setting",
    "Store",
    "Telegram",
    "Web",
    "is_loopback",
    "load",
    "settings",
]
