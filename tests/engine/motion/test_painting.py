"""The package's network on a pan; fine mode's order of work; the path of a morph."""

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.fast import network
from engine.fast.finish import finish, last_touches
from engine.fast.paint import paint as paint_still
from engine.fine.gatys import Step
from engine.motion import morph, optimised
from engine.motion.feedforward import ByNetwork, FeedForward, Finishing
from engine.motion.flicker import Flicker
from engine.motion.flow import Motion
from engine.motion.steady import OneByOne, steady
from engine.motion.track import first
from engine.recipe import Recipe, complete, parse
from engine.style.look import look_of
from tests.scenes import as_bytes, pan

pytest.importorskip("cv2")
CPU = torch.device("cpu")


def recipe(text: str) -> Recipe:
    return complete(parse(text, gallery.default()), gallery.default(), size=96, seed=7)


@pytest.mark.parametrize("text", ["starrynight", "starrynight brush=1.5 colors=photo"])
def test_a_pan_hardly_flickers_in_fast_mode(text) -> None:
    net, frames = network.load(CPU), pan(5)
    flow = torch.zeros(1, 2, 64, 96)
    flow[:, 0] = 4
    known = Motion(flow, torch.ones(1, 1, 64, 96), False)
    known.trust[..., -8:] = 0
    pair = net.pair([("starrynight", 1.0)])
    painting = FeedForward(net, pair, recipe(text), (64, 96))
    moving, stills = Flicker(), Flicker()
    for i, frame in enumerate(steady(as_bytes(frames), ByNetwork(painting), False, CPU)):
        moving.add(frame.x, known if i else None)
        stills.add(list(paint_still(net, frame.source[0], pair, recipe(text)))[-1][1], known if i else None)
        assert frame.x.shape == (1, 3, 64, 96)
    assert moving.value is not None
    assert stills.value is not None
    assert moving.value < 0.1
    assert moving.value < 0.5 * stills.value


def test_the_subject_keeps_its_detail_in_every_frame_and_nothing_else_does() -> None:
    frames = pan(3)
    keep = torch.zeros(1, 1, 64, 96)
    keep[..., 20:40, 20:40] = 1
    flat = OneByOne(lambda x: torch.full_like(x, 0.5))
    found = list(Finishing(flat, recipe("starrynight"), None, lambda _: keep)(frames, [first(64, 96) for _ in frames]))
    assert [float(x[..., 24:36, 24:36].std()) > 0.02 for x in found] == [True] * 3
    assert [float(x[..., 44:, 44:].std()) for x in found] == pytest.approx([0] * 3, abs=1e-6)
    tracks = [first(64, 96) for _ in frames]
    untouched = list(Finishing(flat, recipe("starrynight"), None, lambda _: None)(frames, tracks))
    assert [float(x.std()) for x in untouched] == pytest.approx([0] * 3, abs=1e-6)


def test_frames_keep_their_forms_as_stills_do() -> None:
    frames, tracks = pan(3), [first(64, 96) for _ in range(3)]
    flat = OneByOne(lambda x: 0.3 + 0.4 * x.roll(20, 3))
    look = look_of(frames[0])
    found = list(Finishing(flat, recipe("starrynight"), look, lambda _: None)(frames, tracks))
    for frame, x in zip(frames, found, strict=True):
        assert torch.equal(x, finish(0.3 + 0.4 * frame.roll(20, 3), frame, recipe("starrynight"), look, None))
        assert not torch.equal(x, 0.3 + 0.4 * frame.roll(20, 3))
    free = list(Finishing(flat, recipe("starrynight faces=free"), look, lambda _: None)(frames, tracks))
    for frame, x in zip(frames, free, strict=True):
        assert torch.equal(x, last_touches(0.3 + 0.4 * frame.roll(20, 3), recipe("starrynight"), look))


def test_a_subject_that_comes_into_a_clip_comes_by_and_by() -> None:
    frames, tracks = pan(3), [first(64, 96) for _ in range(3)]
    ends = iter([None, torch.ones(1, 1, 64, 96)])
    flat = OneByOne(lambda x: torch.full_like(x, 0.5))
    before, middle, after = (
        float(x.std()) for x in Finishing(flat, recipe("starrynight"), None, lambda _: next(ends))(frames, tracks)
    )
    assert before < 1e-6 < middle < after


class Sketcher:
    """Paints a frame as it starts, and notes how it was asked."""

    def __init__(self) -> None:
        self.starts: list[Tensor | None] = []
        self.steps: list[int | None] = []
        self.tied: list[bool] = []

    def __call__(self, p, start, plan, anchor):
        self.starts.append(start)
        self.steps.append(plan[0].steps if plan else None)
        self.tied.append(anchor is not None)
        x = 1 - p[None] if start is None else start
        if anchor is not None:
            assert float(anchor(x)) >= 0
        yield Step(1, 1, 1.0, 0.0, 0.0, 0.0, 0.0, x, x)


def begun(p: Tensor) -> Tensor:
    return torch.full_like(p[None], 0.25)


def test_a_fine_frame_starts_from_the_one_before_and_is_tied_to_it() -> None:
    sketcher = Sketcher()
    frames = pan(3)
    reached = list(optimised.paint(as_bytes(frames), recipe("starrynight mode=fine steps=24"), sketcher, begun, CPU))
    assert [r.at for r in reached] == [0, 1, 2, 1, 0, 1, 2]
    assert sketcher.steps == [None, 8, 8, 3, 3, 3, 3]
    assert sketcher.tied == [False] + [True] * 6
    inner = (..., slice(8, -8), slice(8, -20))
    assert sketcher.starts[1] is not None
    assert ((sketcher.starts[1] - (1 - frames[1])).abs()[inner]).mean() < 0.1
    uncovered = sketcher.starts[1][..., -2:]  # came in from the right
    assert (uncovered - 0.25).abs().mean() < 0.02, "it begins as a still does, not as the photo"


def test_the_temporal_loss_grows_with_the_distance_from_what_is_trusted() -> None:
    clip = optimised._Clip(as_bytes(pan(2)), recipe("starrynight mode=fine"), Sketcher(), begun, CPU)
    before, trust = torch.full((1, 3, 64, 96), 0.5), torch.zeros(1, 1, 64, 96)
    trust[..., :48] = 1
    loss = clip._tie([(before, trust)])
    assert loss is not None
    there, elsewhere = before.clone(), before.clone()
    there[..., :10] += 0.1
    elsewhere[..., 60:] += 0.3
    assert float(loss(there)) > 0
    assert float(loss(elsewhere)) == 0


def test_a_morph_goes_round_and_the_photo_shows_between_two_styles() -> None:
    path = morph.path(["a", "b"], 8, 40)
    assert path[0] == ([("a", 1.0)], 40)
    assert path[4] == ([("b", 1.0)], 40)
    assert dict(path[2][0]) == pytest.approx({"a": 0.5, "b": 0.5})
    assert path[2][1] == 26
    assert dict(path[7][0])["a"] > 0.8
