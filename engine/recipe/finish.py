"""At which size a fine picture is optimised: the last strokes, up to its own size, are the instant network's."""

from __future__ import annotations

from engine.recipe.settings import Recipe

INSTANT = ("fast", "universal")  # what a fine picture may begin as
ENLARGED = 1.5  # times, in the end
SHORTEST = 32  # pixels, of any side
SMALLEST = 384  # pixels, long side; below it an optimisation has too few for a face


def is_finished(recipe: Recipe) -> bool:
    """Whether the network has the last word in a complete recipe of fine mode."""
    slim = recipe.mode in ("fine", "explain") and recipe.encoder == "slim"
    return slim and recipe.init in INSTANT and recipe.plain != "yes" and recipe.strength != 0


def optimised_size(recipe: Recipe, height: int, width: int) -> tuple[int, int]:
    """The size (h, w) in pixels up to which a picture of this size is optimised."""
    long = max(height, width)
    if not is_finished(recipe) or long <= SMALLEST:
        return height, width
    reduction = min(ENLARGED, long / SMALLEST)
    return max(SHORTEST, round(height / reduction)), max(SHORTEST, round(width / reduction))
