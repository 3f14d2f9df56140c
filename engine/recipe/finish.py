"""At which size a fine picture is optimised: the last strokes, up to its own size, are the instant network's."""

from __future__ import annotations

from engine.recipe.settings import Recipe

INSTANT = ("fast", "universal")  # what a fine picture may begin as
ENLARGED = 1.5  # times, in the end
SMALLEST = 384  # pixels, long side; below it an optimisation has too few for a face
SHORTEST = 32  # pixels, of any side


def optimised_size(recipe: Recipe, height: int, width: int) -> tuple[int, int]:
    """The size (h, w) in pixels up to which a complete recipe's picture of this size is optimised.

    Where that is less, the network has the last word: not where the paper's method is asked for plainly, or from the
    photo or noise, and not with the full encoder, whose pictures need it less.
    """
    mixed = recipe.mode in ("fine", "explain") and recipe.init in INSTANT and recipe.encoder == "slim"
    reduction = min(ENLARGED, max(height, width) / SMALLEST)
    if not mixed or recipe.plain == "yes" or recipe.strength == 0 or reduction <= 1:
        return height, width
    return max(SHORTEST, round(height / reduction)), max(SHORTEST, round(width / reduction))
