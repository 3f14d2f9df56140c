"""One small order of every mode of the laboratory, as people write them."""

from __future__ import annotations

ORDERS = {
    "texture": "/texture starrynight depth=1 size=64 steps=2",
    "content": "/reconstruct conv2_1 size=64 steps=2",
    "dream": "/dream conv3_1 octaves=1 size=64 steps=2",
    "sheet": "/sheet starrynight size=64",
    "like": "/like size=128",
    "map": "/map size=256",
    "suggest": "/suggest size=64",
    "explain": "/explain starrynight size=64 steps=3",
}
WITHOUT_PHOTO = ("texture", "map")


def begins(mode: str) -> str:
    """What the recipe line of such an order begins with."""
    return f"/stylize starrynight mode={mode} " if "starrynight" in ORDERS[mode] else f"/stylize mode={mode} "
