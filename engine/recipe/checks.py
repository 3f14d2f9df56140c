"""What a recipe must not say: settings that contradict each other, or that its mode does not have."""

from __future__ import annotations

from typing import Literal

from engine.gallery import Gallery
from engine.recipe.cells import cell
from engine.recipe.modes import FINE_ONLY, MODES, OWN, TABLE, Mode, ModeRules
from engine.recipe.settings import LAYERS, MOST_STATIONS, SETTINGS, EncoderName, Recipe, RecipeError, Share, weighted
from engine.recipe.words import nearest


def default_mode(recipe: Recipe, gallery: Gallery) -> Mode:
    """The quickest mode that has every setting given."""
    for name, mode in OWN.items():
        if getattr(recipe, name) is not None:
            return mode
    if recipe.colors == "matched" or any(getattr(recipe, name) is not None for name in FINE_ONLY):
        return "fine"
    return instant_mode(recipe, gallery)


def rules_for(recipe: Recipe, gallery: Gallery) -> ModeRules:
    """What the mode of a recipe takes that is not complete yet."""
    return TABLE[recipe.mode or default_mode(recipe, gallery)]


def instant_mode(recipe: Recipe, gallery: Gallery) -> Literal["fast", "universal"]:
    """The mode that paints these styles in a moment."""
    knows_all = all(fast_knows(share, gallery) for share in recipe.styles)
    return "fast" if knows_all and not _collection_in_a_mix(recipe, gallery) else "universal"


def fast_knows(share: Share, gallery: Gallery) -> bool:
    """Whether the feed-forward network is trained for a style."""
    style = gallery.find(share.name)
    return style is not None and style.fast


def _collection_in_a_mix(recipe: Recipe, gallery: Gallery) -> str | None:
    """The name of one, which fast mode paints by a network of its own, so that there is nothing to mix."""
    found = (gallery.find(share.name) for share in recipe.styles) if len(recipe.styles) > 1 else ()
    return next((style.name for style in found if style and style.generator), None)


def check(recipe: Recipe, gallery: Gallery) -> None:
    """Refuse settings that contradict each other, or that the mode does not have for these styles.

    Raises:
        RecipeError
    """
    mode = recipe.mode or default_mode(recipe, gallery)
    _check_styles(recipe, mode)
    _check_settings(recipe, mode)
    _check_pairs(recipe)
    if recipe.cell is not None:
        cell(recipe, recipe.cell, gallery)
    if recipe.encoder is not None:
        _check_encoder(recipe, recipe.encoder)
    if recipe.mode == "morph":
        if len(recipe.styles) < 2:
            raise RecipeError("mode=morph goes from style to style: name two or more, such as starrynight+greatwave.")
        _check_fast(recipe, gallery, "mode=morph", "Choose other styles.")
    elif recipe.mode == "fast":
        _check_fast(recipe, gallery, "mode=fast", "Use mode=universal or mode=fine, or leave mode= out.")
    elif recipe.init == "fast":
        _check_fast(recipe, gallery, "init=fast", "Use init=universal or init=photo, or leave init= out.")


def _check_styles(recipe: Recipe, mode: Mode) -> None:
    names = "+".join(share.name for share in recipe.styles)
    match TABLE[mode].styles:
        case "some" if not names:
            raise RecipeError("Which style? Write for example /stylize starrynight; /styles shows them all.")
        case "none" if names:
            raise RecipeError(f"mode={mode} takes no style. Leave {names[:60]} out.")
        case "guide" if names not in ("", "mine"):
            raise RecipeError(
                f"mode={mode} is guided by a picture of your own, mine, or by none. Leave {names[:60]} out."
            )


def _check_settings(recipe: Recipe, mode: Mode) -> None:
    """Every setting is one that the mode has."""
    for name in SETTINGS:
        if name != "mode" and name not in TABLE[mode].settings and getattr(recipe, name) is not None:
            raise RecipeError(f"mode={mode} does not support {name}=. Leave it out{_elsewhere(name, mode)}.")
    if recipe.colors == "matched" and mode not in ("fine", "explain", "variations"):
        raise RecipeError(f"mode={mode} does not support colors=matched. Use colors=photo, or mode=fine.")
    if mode == "sheet" and recipe.styles and (recipe.strength is not None or recipe.brush is not None):
        raise RecipeError(
            "A style's sheet goes through strengths and brushes by itself. Leave strength= and brush= out."
        )
    if recipe.size is not None and recipe.size > TABLE[mode].largest:
        raise RecipeError(f"size= is that of each picture here, and the limit is {TABLE[mode].largest} pixels.")
    if mode == "dream" and recipe.layers is not None and (len(recipe.layers) > 1 or ":" in recipe.layers[0]):
        raise RecipeError("A dream has one layer, without a weight: layers=conv4_2 for example.")
    if recipe.tile == "yes" and recipe.depth is None and recipe.layers is None:
        raise RecipeError("tile=yes is for one texture and not for the strip of five. Add depth=5, or less.")


def _elsewhere(name: str, mode: Mode) -> str:
    """Which other mode has a setting, for who chose one of those that repaint a photo."""
    homes: tuple[Mode, ...] = ("fine", "texture", "dream", "grid")
    home = next((home for home in homes if name in TABLE[home].settings), None)
    return f", or use mode={home}" if home and mode in MODES else ""


def _check_pairs(recipe: Recipe) -> None:
    if recipe.strength is not None and recipe.ratio is not None:
        raise RecipeError("strength= and ratio= say the same thing in two ways. Keep one of them.")
    if recipe.depth is not None and recipe.layers is not None:
        raise RecipeError("depth= and layers= say the same thing in two ways. Keep one of them.")
    if recipe.then and recipe.strength == 0:
        raise RecipeError("With strength=0 the picture is the photo, and there is nothing to go on with. Drop then=.")
    if recipe.every is not None and recipe.steps is not None and recipe.all_steps > recipe.every * MOST_STATIONS:
        least = -(-recipe.all_steps // MOST_STATIONS)
        raise RecipeError(
            f"every={recipe.every} with {recipe.all_steps} steps would be more than {MOST_STATIONS} pictures. Write"
            f" every={least} or more."
        )
    if recipe.rate is not None and recipe.optimizer == "lbfgs":
        raise RecipeError("rate= is the learning rate of optimizer=adam; L-BFGS finds its own. Leave one of them out.")


def _check_fast(recipe: Recipe, gallery: Gallery, setting: str, advice: str) -> None:
    if recipe.mine:
        raise RecipeError(f"{setting} knows the gallery's styles only, and no picture of your own. {advice}")
    for share in recipe.styles:
        if not fast_knows(share, gallery):
            raise RecipeError(f"{setting} is not trained for {share.name}. {advice}")
    if name := _collection_in_a_mix(recipe, gallery):
        raise RecipeError(f"{setting} paints the collection {name} alone, and in no mix. {advice}")


def _check_encoder(recipe: Recipe, encoder: EncoderName) -> None:
    for name in (*weighted(recipe.layers or ()), *(recipe.content or ())):
        if name not in LAYERS[encoder]:
            hint = nearest(name, list(LAYERS[encoder])) or f" It has {', '.join(LAYERS[encoder])}."
            raise RecipeError(f"encoder={encoder} has no layer {name}.{hint}")
    if encoder == "slim" and recipe.pooling == "max":
        raise RecipeError("encoder=slim knows average pooling only. Leave pooling= out, or use encoder=full.")
