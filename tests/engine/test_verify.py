"""A picture held against what its recipe makes of its photo now."""

from __future__ import annotations

import io
from fractions import Fraction

import pytest
import torch
from PIL import Image

from engine import wire
from engine.images import animation, moving
from engine.images.animation import Clip
from engine.images.decode import DEFAULT_LIMITS
from engine.images.encode import encode_png
from engine.images.export import export
from engine.images.metadata import Says
from engine.stages import Refused
from engine.verify import clip_verdict, verdict

MADE = "impasto 0.1.0 w1111 g2222"
X = torch.nn.functional.interpolate(
    torch.rand(1, 3, 12, 18, generator=torch.Generator().manual_seed(3)), (96, 144), mode="bicubic"
)[0].clamp(0, 1)


def said(sent: bytes, made_with: str = MADE) -> str:
    return verdict(sent, X, DEFAULT_LIMITS, made_with)


def test_the_picture_itself_is_identical() -> None:
    assert said(encode_png(X, made_with=MADE)) == "Verified: identical, in every pixel."


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_copy_that_lost_a_little_is_the_same_to_the_eye(kind: str) -> None:
    assert "the same to the eye (" in said(export(encode_png(X), kind))


def test_a_smaller_copy_is_compared_at_its_size() -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(encode_png(X))).resize((72, 48), Image.Resampling.BICUBIC).save(file, "PNG")
    assert "the same to the eye (" in said(file.getvalue())


@pytest.mark.parametrize(
    ("made_with", "why"),
    [
        ("impasto 0.1.0 w9999 g2222", "with other versions: impasto 0.1.0 w9999 g2222;"),
        (MADE, "another kind of machine"),
        ("", "does not say"),
    ],
)
def test_another_picture_differs_and_is_told_why(made_with: str, why: str) -> None:
    sentence = said(encode_png(X.flip(2), made_with=made_with))
    assert "it differs (" in sentence
    assert why in sentence


def test_a_part_of_it_is_of_another_shape_and_no_picture_is_refused() -> None:
    assert "cut or is of another photo" in said(encode_png(X[:, :, :96]))
    with pytest.raises(Refused, match="cannot be used"):
        said(b"cat")


SAYS = Says("/stylize greatwave size=128 seed=7", MADE)


def clip(kind: wire.PhotoFormat, frames: int = 6, x: torch.Tensor = X) -> Clip:
    shown = [x[:, :, 2 * i : 2 * i + 128].mul(255).round().to(torch.uint8) for i in range(frames)]
    return Clip(kind, shown, [Fraction(1, 10)] * frames, None, 0)


def made(of: Clip) -> bytes:
    return moving.encode(of, (of.kind.media_type,), 0, SAYS).data


@pytest.mark.parametrize("kind", moving.KINDS, ids=lambda kind: kind.name)
def test_a_clip_is_held_against_one_of_its_own_kind(kind: wire.PhotoFormat) -> None:
    if kind is wire.MP4:
        pytest.importorskip("av")
    sent = made(clip(kind))
    assert clip_verdict(sent, clip(wire.GIF), DEFAULT_LIMITS, SAYS) == "Verified: identical, in every pixel."
    other = clip_verdict(sent, clip(wire.GIF, x=X.flip(1)), DEFAULT_LIMITS, SAYS)
    assert "it differs (" in other
    assert "the versions are the same" in other, "which the file says"
    assert "has 6 frames, and its recipe makes 3" in clip_verdict(sent, clip(kind, 3), DEFAULT_LIMITS, SAYS)


def test_what_a_messenger_made_of_a_clip_is_the_same_to_the_eye() -> None:
    pytest.importorskip("av")
    gif = animation.read(made(clip(wire.GIF)), lambda height, width: (height, width), lambda _: 100)
    sent = moving.encode(gif, (wire.MP4.media_type,)).data
    assert "the same to the eye (" in clip_verdict(sent, clip(wire.GIF), DEFAULT_LIMITS, SAYS)


def test_what_moves_and_what_does_not_differ() -> None:
    assert "because it does not move" in clip_verdict(encode_png(X), clip(wire.GIF), DEFAULT_LIMITS, SAYS)
    assert "because it moves" in said(made(clip(wire.GIF)))
