"""How much memory a fine picture takes, and whether it is there: the engine reduces by it, and people are told."""

from __future__ import annotations

import msgspec

from engine.recipe.finish import optimised_size
from engine.recipe.settings import Recipe

OPTIMISED = ("fine", "explain")  # the modes that are looked at in advance, for they take the most


class Memory(msgspec.Struct, frozen=True):
    """What the engine says of its memory when it is ready."""

    free: int = 0  # bytes that a picture could take; 0 is not known
    slim: int = 0  # bytes for every pixel of a picture that is optimised with this encoder; 0 is not known
    full: int = 0

    def needed(self, recipe: Recipe, height: int, width: int) -> int:
        """Bytes for a picture of a complete recipe; 0 where nobody knows, and of modes that need little."""
        if recipe.mode not in OPTIMISED:
            return 0
        height, width = optimised_size(recipe, height, width)
        return (self.full if recipe.encoder == "full" else self.slim) * height * width

    def suffices(self, recipe: Recipe, height: int, width: int) -> bool:
        """Whether there is enough, as far as is known."""
        return not self.free or self.needed(recipe, height, width) <= self.free
