"""What each setting means and which values it takes, in words: for --help, for README's table and the API's page."""

from __future__ import annotations

from collections.abc import Mapping

from engine.recipe.settings import SETTINGS

MEANINGS: Mapping[str, str] = {
    "mode": "how to paint: at once, at once in any style, or by optimisation; the laboratory has more",
    "strength": "0 returns the photo, 50 is the papers' balance, 100 nearly forgets the photo",
    "brush": "scale of the strokes; 1 is that of the style's picture",
    "colors": "whose colours the picture has; matched gives the style the photo's before it is painted with",
    "alpha": "put the photo's transparent parts on white, or keep them transparent",
    "faces": "paint faces and other subjects, such as animals, with restraint, so that they stay what they are,"
    " or like everything else",
    "size": "long side in pixels; where it is not given, the photo's own, up to 1024, in fine mode 768",
    "frames": "of an animation, the most that are painted; 1 gives a still of its first",
    "seed": "random seed; same seed, same picture",
    "steps": "steps of the optimiser, over all scales",
    "then": "what follows: so many steps more; 20@80 are 20 at strength 80",
    "layers": "layers that the style is compared at, each perhaps with its weight",
    "content": "layers that the content is compared at",
    "pooling": "pooling of the encoder",
    "optimizer": "optimiser",
    "init": "what the optimisation starts from",
    "ratio": "the papers' alpha/beta, instead of strength=",
    "encoder": "the feature network: the one in the package, or ImageNet's VGG-19",
    "clip": "show how the picture was painted, as a clip",
    "rate": "learning rate of optimizer=adam, for colours of 0 to 255",
    "tv": "weight of total variation, which smooths",
    "normalize": "let every style layer pull at the picture as hard as the others",
    "plain": "the paper's method with one size, a grid that stays, and every place of the photo counting alike",
    "preset": "the settings of Gatys' paper, or the same with Adam; what else the line says is kept",
    "depth": "of a texture: how many of the five style layers it is made of",
    "tile": "of a texture: whether its edges fit together",
    "octaves": "of a dream: how many sizes it goes through",
    "zoom": "of a dream: so many frames, each nearer and dreamed further, as a clip",
    "every": "of mode=explain: the picture after every so many steps, not after 1, 10, 100 and the last",
    "cell": "one picture of a sheet, counted row by row, in full",
}


def values(setting: str) -> str:
    """What the setting takes, as its reader says to who has written something else."""
    try:
        SETTINGS[setting]("?")
    except ValueError as error:
        return str(error)
    raise AssertionError(f"{setting} takes anything")
