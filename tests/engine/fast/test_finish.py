"""How an instant picture ends: its strokes are drawn out as far as its styles and its strength ask for."""

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.fast.finish import CRISP, finish, last_touches
from engine.recipe import Recipe, complete, parse
from engine.strokes.drawn import drawn
from engine.style.look import Look, look_of, mixed
from tests.shapes import disc


def recipe(text: str = "") -> Recipe:
    return complete(parse(f"starrynight {text}", gallery.default()), gallery.default(), size=120, seed=7)


def painted() -> Tensor:
    noise = 0.1 * torch.randn(1, 3, 90, 120, generator=torch.Generator().manual_seed(1))
    return (disc(90, 120)[None] + noise).clamp(0, 1)


def look(flow: float) -> Look:
    return look_of(painted(), flow)


def test_the_less_strength_the_less_strokes_are_drawn_out() -> None:
    changed = [
        float((last_touches(painted(), recipe(f"strength={strength}"), look(1.0)) - painted()).abs().mean())
        for strength in (0, 1, 10, 42)
    ]
    assert changed[0] == 0
    assert changed == sorted(changed)
    assert changed[1] < 0.001


def test_a_style_of_dots_may_leave_its_strokes_as_they_are() -> None:
    assert torch.equal(last_touches(painted(), recipe("colors=photo"), look(0.0)), painted())


def test_it_has_its_styles_colours_unless_the_photos_are_asked_for() -> None:
    blue = look_of(torch.tensor([0.1, 0.2, 0.6]).view(1, 3, 1, 1) + 0.2 * painted()[:, :1], flow=0.0)
    red, _, most = last_touches(painted(), recipe(), blue).mean((0, 2, 3)).tolist()
    assert most > red + 0.2
    assert torch.equal(last_touches(painted(), recipe("colors=photo"), blue), painted())


def test_a_mixture_is_drawn_out_as_far_as_its_styles_are() -> None:
    assert mixed([(look(1.0), 3.0), (look(0.0), 1.0)]).flow == pytest.approx(0.75)


def test_in_a_small_picture_strokes_are_drawn_out_less_so_that_eyes_stay() -> None:
    small = last_touches(painted(), recipe("colors=photo"), look(1.0))
    assert torch.equal(small, drawn(painted(), 1.0, 120 / 512, CRISP * 120 / 512))


def test_the_brush_broadens_what_is_drawn_out() -> None:
    broad = last_touches(painted(), recipe("brush=4 colors=photo"), look(1.0))
    assert torch.equal(broad, drawn(painted(), 1.0, 4 * 120 / 512, 4 * CRISP * 120 / 512))


def test_a_network_without_strokes_keeps_the_subject_and_nothing_else_is_done() -> None:
    photo = disc(90, 120)[None]
    assert torch.equal(finish(painted(), photo, recipe(), None, None), painted())
    assert not torch.equal(finish(painted(), photo, recipe(), None, torch.ones(1, 1, 90, 120)), painted())


def test_every_style_of_the_gallery_says_how_far() -> None:
    flows = {style.name: style.flow for style in gallery.default()}
    assert flows["starrynight"] == 1
    assert 0 < flows["grandejatte"] < 1  # dots
    assert 0 < flows["dore"] < 1  # hatching
