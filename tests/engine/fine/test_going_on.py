"""Going on with a finished picture: by steps, or at another strength, from what was kept or from the start."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from engine import gallery
from engine.fine import canvases
from engine.fine.canvases import Canvases
from engine.fine.gatys import Step
from engine.painter import TorchPainter
from engine.recipe import Recipe, complete, line, parse
from engine.stages import Picture, Refused, Stage
from engine.wire import GIF, KEPT_SECONDS, MOST_KEPT, EngineSettings, Paint
from engine.work import Work
from tests.scenes import file, pan, pictures


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu"))


@pytest.fixture(autouse=True)
def nothing_kept(painter: TorchPainter) -> None:
    painter.canvases = Canvases()


def photo(colour: str = "orange") -> bytes:
    image = Image.linear_gradient("L").resize((90, 60)).convert("RGB")
    image.paste(colour, (20, 15, 50, 40))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def recipe(text: str) -> Recipe:
    return complete(parse(text, gallery.default()), gallery.default(), size=72, seed=7)


def painted(painter: TorchPainter, text: str, data: bytes = b"", **changes: object) -> tuple[list[Stage], Picture]:
    order = Paint("job", data or photo(), recipe(text), **changes)  # type: ignore[arg-type]
    *stages, picture = painter.paint(order)
    assert isinstance(picture, Picture)
    return [stage for stage in stages if isinstance(stage, Stage)], picture


@pytest.mark.parametrize(
    "settings",
    [
        "colors=photo",
        "colors=matched normalize=yes",
        "plain=yes init=noise optimizer=adam",
        "ratio=0.01",
    ],
)
def test_what_goes_on_is_bit_for_bit_what_is_painted_from_the_start(painter: TorchPainter, settings: str) -> None:
    begun = f"starrynight mode=fine steps=3 {settings}"
    first = [painted(painter, f"{begun} {then}")[1] for then in ("", "then=15", "then=15,3@80", "then=15,3@80,2,2@30")]
    assert [picture.went_on for picture in first] == [False, True, True, True]
    assert len({picture.data for picture in first}) == len(first)
    painter.canvases = Canvases()
    anew = painted(painter, f"{begun} then=15,3@80,2,2@30")[1]
    assert not anew.went_on
    assert anew.data == first[-1].data, "the recipe line inside it included"


def test_what_goes_on_takes_the_steps_that_are_left_and_counts_on(painter: TorchPainter) -> None:
    whole, _ = painted(painter, "starrynight mode=fine steps=6 then=3")
    painted(painter, "starrynight mode=fine steps=6")
    rest, _ = painted(painter, "starrynight mode=fine steps=6 then=3,4")
    assert [stage.text for stage in whole if "step" in stage.text][-1] == "step 9 of 9"
    assert [stage.text for stage in rest if "step" in stage.text] == [f"step {n} of 13" for n in (10, 11, 12, 13)]
    assert "a first sketch" in {stage.text for stage in whole}
    assert "a first sketch" not in {stage.text for stage in rest}
    assert rest[-1].done == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("starrynight mode=fine steps=6 then=3", photo("green")),
        ("starrynight mode=fine steps=6 seed=8 then=3", b""),
        ("greatwave mode=fine steps=6 then=3", b""),
        ("starrynight mode=fine steps=7 then=3", b""),
        ("starrynight mode=fine steps=6", b""),
    ],
)
def test_another_picture_or_the_same_once_more_is_painted_from_the_start(
    painter: TorchPainter, text: str, data: bytes
) -> None:
    painted(painter, "starrynight mode=fine steps=6")
    assert not painted(painter, text, data)[1].went_on


def test_what_is_verified_or_filmed_is_painted_from_the_start(painter: TorchPainter) -> None:
    painted(painter, "starrynight mode=fine steps=4")
    _, more = painted(painter, "starrynight mode=fine steps=4 then=2")
    assert more.went_on
    order = Paint("job", photo(), more.recipe, checked=more.data)
    *_, verified = painter.paint(order)
    assert isinstance(verified, Picture)
    assert not verified.went_on
    assert verified.notes[0] == "Verified: identical, in every pixel."
    _, film = painted(painter, "starrynight mode=fine steps=4 then=2 clip=yes", plays=("image/gif",))
    assert not film.went_on


def test_a_strength_changes_the_picture_as_much_as_painting_anew_does(painter: TorchPainter) -> None:
    def far(text: str) -> float:
        return distance(painted(painter, text)[1], plain)

    plain = painted(painter, "starrynight mode=fine strength=40 steps=8")[1]
    stronger, softer = (
        far("starrynight mode=fine strength=40 steps=8 then=4@80"),
        far("starrynight mode=fine strength=40 steps=8 then=4@10"),
    )
    anew = far("starrynight mode=fine strength=80 steps=8"), far("starrynight mode=fine strength=10 steps=8")
    assert stronger > 0.5 * anew[0]
    assert softer > 0.5 * anew[1]


def distance(one: Picture, other: Picture) -> float:
    with Image.open(io.BytesIO(one.data)) as a, Image.open(io.BytesIO(other.data)) as b:
        pairs = zip(a.convert("RGB").tobytes(), b.convert("RGB").tobytes(), strict=True)
        return sum((x - y) ** 2 for x, y in pairs) ** 0.5


def test_a_moving_picture_does_not_go_on(painter: TorchPainter) -> None:
    clip = file("GIF", pictures(pan(2)), [100, 100])
    order = Paint("job", clip, recipe("starrynight mode=fine steps=2 then=2"), plays=(GIF.media_type,))
    with pytest.raises(Refused, match="does not go on"):
        list(painter.paint(order))


# --- what is kept ----------------------------------------------------------------------------------------------------


def work(painter: TorchPainter, seed: int, then: str = "") -> Work:
    return Work(torch.full((3, 64, 72), 0.5), recipe(f"starrynight mode=fine seed={seed} {then}"), None, None)


def last(of: Work, x: float = 0.0) -> Step:
    raw = of.p[None] + x
    return Step(90, 90, 1.0, 0.0, 0.0, 0.0, 0.0, raw, raw)


def test_only_so_many_are_kept_and_the_oldest_goes_first(painter: TorchPainter) -> None:
    kept = Canvases()
    for seed in range(MOST_KEPT + 1):
        kept.keep(work(painter, seed), last(work(painter, seed)))
    assert kept.find(work(painter, 0, "then=5")) is None
    assert kept.find(work(painter, 1, "then=5")) is not None
    assert kept.size == MOST_KEPT * 3 * 64 * 72 * 4


def test_only_so_many_bytes_are_kept(painter: TorchPainter) -> None:
    kept = Canvases(most_bytes=2 * 3 * 64 * 72 * 4)
    for seed in range(3):
        kept.keep(work(painter, seed), last(work(painter, seed)))
    found = [kept.find(work(painter, seed, "then=5")) is not None for seed in range(3)]
    assert found == [False, True, True]


def test_what_was_kept_for_long_enough_is_let_go(painter: TorchPainter) -> None:
    now = 0.0
    kept = Canvases(clock=lambda: now)
    kept.keep(work(painter, 1), last(work(painter, 1)))
    now = KEPT_SECONDS - 1
    assert kept.tidy() > 0
    now = KEPT_SECONDS + 1
    assert kept.tidy() == 0
    assert kept.find(work(painter, 1, "then=5")) is None


def test_the_furthest_beginning_is_gone_on_from(painter: TorchPainter) -> None:
    kept = Canvases()
    kept.keep(work(painter, 1), last(work(painter, 1), 0.1))
    kept.keep(work(painter, 1, "then=5@80"), last(work(painter, 1), 0.2))
    found = kept.find(work(painter, 1, "then=5@80,7"))
    assert found is not None
    assert (found.after, found.strength) == (1, 80)
    assert float(found.x.mean()) == pytest.approx(0.7)


def test_a_picture_that_was_reduced_for_memory_is_not_kept(painter: TorchPainter) -> None:
    kept, whole = Canvases(), work(painter, 1)
    small = whole.p[None, :, ::2, ::2]
    kept.keep(whole, Step(90, 90, 1.0, 0.0, 0.0, 0.0, 0.0, small, small))
    assert kept.size == 0


def test_two_lines_that_say_the_same_name_the_same_picture() -> None:
    made = recipe("starrynight mode=fine then=100,20@80")
    assert line(made).count("then=100,20@80") == 1
    assert canvases._painted(made, ()) == canvases._painted(recipe("starrynight mode=fine clip=yes"), ())
