"""Which buttons there are, under which pictures, and the recipe as each of them changes it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from bot.core.admission import Rules
from bot.core.errors import InvalidOrder
from bot.core.jobs import OPEN, Job
from engine.recipe import INSTANT, MODES, MOST_THEN, RATIO_BOUNDS, More, Recipe

STEP = 20  # of the scale of strength
MORE_STEPS = 100  # of a fine picture, at its full size
GO_ON_STEPS = 16  # with which it goes on at another strength; 24 looked the same


class Action(StrEnum):
    """What a button does; the value is its letter."""

    AGAIN = "a"
    VARIATIONS = "r"
    STRONGER = "p"
    SOFTER = "m"
    COLORS = "c"
    FINER = "f"
    STEPS = "s"
    LARGER = "l"
    EXPLAIN = "e"
    FILM = "v"
    ORIGINAL = "o"
    DELETE = "d"


NO_ORDERS = frozenset({Action.ORIGINAL, Action.DELETE})  # all others are orders of a new picture
LABELS = {
    Action.AGAIN: "Again",
    Action.VARIATIONS: "Variations",
    Action.STRONGER: "Stronger",
    Action.SOFTER: "Softer",
    Action.COLORS: "Photo's colours",
    Action.FINER: "Finer",
    Action.STEPS: f"+{MORE_STEPS} steps",
    Action.LARGER: "Larger",
    Action.EXPLAIN: "How it was made",
    Action.FILM: "How it was painted",
    Action.ORIGINAL: "Original file",
    Action.DELETE: "Delete",
}


def fits(action: Action, job: Job, largest: int, rules: Rules) -> bool:
    """Whether a button belongs under a job's picture, whose mode may have ``largest`` pixels where it is."""
    recipe, settings = job.recipe, job.recipe.rules.settings
    match action:
        case Action.VARIATIONS:
            return recipe.mode in MODES and not job.moves
        case Action.STEPS:
            return _goes_on(job, MORE_STEPS, rules)
        case Action.FINER:
            return recipe.mode in MODES and recipe.mode != "fine"
        case Action.LARGER:
            return recipe.size is not None and recipe.size < largest and not recipe.rules.sketched
        case Action.EXPLAIN:
            return recipe.mode == "fine"
        case Action.FILM:
            return recipe.mode == "fine" and not job.moves
        case Action.AGAIN:
            return "seed" in settings
        case Action.STRONGER | Action.SOFTER:
            return "strength" in settings and not (recipe.strength is None and recipe.ratio is None)
        case Action.COLORS:
            return "colors" in settings
        case _:
            return True


def _goes_on(job: Job, steps: int, rules: Rules) -> bool:
    """Whether a job's picture can go on from where it is, by so many steps."""
    recipe = job.recipe
    return (
        recipe.mode == "fine"
        and not job.moves
        and job.state not in OPEN  # so that its size is not known yet
        and recipe.strength != 0
        and len(recipe.then or ()) < MOST_THEN
        and recipe.all_steps + steps <= rules.max_steps
    )


def label(action: Action, job: Job) -> str:
    if action is Action.COLORS and job.recipe.colors == "photo":
        return "Painting's colours"
    return LABELS[action]


def repeated(job: Job) -> Recipe:
    """The recipe that paints a job's picture again. A size that nobody named stays so: another mode has another."""
    return job.recipe if job.size_named else msgspec.structs.replace(job.recipe, size=None)


def larger(job: Job, largest: int) -> Recipe:
    """The recipe with twice the size, and no more than ``largest`` (pixels)."""
    size = job.recipe.size or largest
    if job.state in OPEN:  # so that it is not known yet how large it will be
        raise InvalidOrder("This picture is not finished yet. Try again when it is.")
    if size >= largest:
        raise InvalidOrder(f"This picture has size={size} already, and mode={job.recipe.mode} goes no further here.")
    return msgspec.structs.replace(job.recipe, size=min(2 * size, largest))


def changed(action: Action, job: Job, rules: Rules) -> Recipe:
    """The recipe as a button changes it. Only Again takes another seed, so that the others show what they change.

    Raises:
        InvalidOrder
    """
    recipe = repeated(job)
    match action:
        case Action.STRONGER:
            return _stronger(job, STEP, rules)
        case Action.SOFTER:
            return _stronger(job, -STEP, rules)
        case Action.STEPS:
            if not _goes_on(job, MORE_STEPS, rules):
                raise InvalidOrder(_no_further(job, rules))
            return _further(job, More(MORE_STEPS))
        case Action.COLORS:
            colors = "style" if recipe.colors == "photo" else "photo"
            return msgspec.structs.replace(recipe, colors=colors)
        case Action.FINER:
            if recipe.mode not in MODES or recipe.mode == "fine":
                raise InvalidOrder(f"This picture was made with mode={recipe.mode} already; there is no finer mode.")
            size = min(recipe.size, rules.largest("fine")) if recipe.size else None
            return msgspec.structs.replace(recipe, mode="fine", size=size)
        case Action.EXPLAIN:
            if recipe.mode != "fine":
                raise InvalidOrder("Only a picture of mode=fine can be explained.")
            return msgspec.structs.replace(recipe, mode="explain", frames=None, clip=None)
        case Action.FILM:
            if recipe.mode != "fine":
                raise InvalidOrder("Only a picture of mode=fine is painted step by step.")
            return msgspec.structs.replace(recipe, clip="yes", frames=None)
        case _:
            return msgspec.structs.replace(recipe, seed=None)


def _further(job: Job, more: More) -> Recipe:
    """The very picture, its size included, and then more of it."""
    return msgspec.structs.replace(job.recipe, then=(*(job.recipe.then or ()), more))


def _no_further(job: Job, rules: Rules) -> str:
    if job.state in OPEN:
        return "This picture is not finished yet. Try again when it is."
    if job.recipe.mode != "fine" or job.moves or job.recipe.strength == 0:
        return "Only a still of mode=fine can have more steps."
    if job.recipe.all_steps + MORE_STEPS > rules.max_steps:
        return f"This picture has {job.recipe.all_steps} steps already, and the limit is {rules.max_steps} here."
    return f"This picture has gone on {MOST_THEN} times already. Order one with more steps= from the start."


def change_in_words(old: Recipe, new: Recipe) -> str:
    """What a button has changed of strength, size or steps; nothing where it is something else."""
    if new.then and new.then != old.then:
        more = new.then[-1]
        return f"{more.steps} steps more" + (f" at strength={more.strength}" if more.strength else "")
    given = [(name, getattr(new, name)) for name in ("strength", "size")]
    return " ".join(f"{name}={value}" for name, value in given if value not in (None, getattr(old, name)))


def _stronger(job: Job, by: int, rules: Rules) -> Recipe:
    """``by`` steps up the scale of strength, whose 25 steps are a factor of ten of the papers' ratio.

    A fine picture goes on from where it is, as far as it may; anything else is painted anew.
    """
    recipe = repeated(job)
    if recipe.ratio is not None and recipe.last_strength is not None:  # it went on by strength: the ratio is history
        recipe = msgspec.structs.replace(recipe, ratio=None, strength=recipe.last_strength)
    if recipe.ratio is not None:
        ratio = min(max(float(f"{recipe.ratio * 10 ** (-by / 25):.6g}"), RATIO_BOUNDS[0]), RATIO_BOUNDS[1])
        if ratio == recipe.ratio:
            raise InvalidOrder(f"ratio={recipe.ratio:g} is the end of the scale.")
        return msgspec.structs.replace(recipe, ratio=ratio)
    now = recipe.last_strength
    old = now if now is not None else 50
    new = min(max(old + by, 0), 100)
    if new == old:
        end = "the most" if by > 0 else "the least, the photo itself"
        raise InvalidOrder(f"This picture has strength={old} already, and that is {end}.")
    # From a photo or noise so few steps would change nothing that one sees: the engine has no sketch to go by.
    if new and recipe.init in INSTANT and _goes_on(job, GO_ON_STEPS, rules):
        return _further(job, More(GO_ON_STEPS, new))
    return msgspec.structs.replace(recipe, strength=new, then=None)
