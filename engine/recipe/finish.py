"""What a fine picture gets beside its optimisation, and at which size it is optimised."""

from __future__ import annotations

from engine.recipe.settings import Recipe

INSTANT = ("fast", "universal")  # what a fine picture may begin as
ENLARGED = 1.5  # times, in the end
SMALLEST = 384  # pixels, long side; below it an optimisation has too few for a face
SHORTEST = 32  # pixels, of any side


def optimisation_alone(recipe: Recipe) -> bool:
    """Whether a fine picture is what the optimisation leaves: from the photo or noise, or plainly as in the paper."""
    return recipe.init not in INSTANT or recipe.plain == "yes"


def optimised_size(recipe: Recipe, height: int, width: int) -> tuple[int, int]:
    """The size (h, w) in pixels up to which a complete recipe's picture of this size is optimised.

    Where that is less, the network has the last word: not with the full encoder, whose pictures need it less.
    """
    mixed = recipe.mode in ("fine", "explain") and recipe.encoder == "slim" and not optimisation_alone(recipe)
    reduction = min(ENLARGED, max(height, width) / SMALLEST)
    if not mixed or recipe.strength == 0 or reduction <= 1:
        return height, width
    return max(SHORTEST, round(height / reduction)), max(SHORTEST, round(width / reduction))
