"""What flickers is steadied where the scene allows it, and nothing leaks from scene to scene."""

import itertools

import pytest
import torch
from torch import Tensor

from engine.motion.flicker import Flicker
from engine.motion.flow import luminance
from engine.motion.steady import STRETCH, OneByOne, Painted, steady
from engine.motion.track import first, followed
from tests.scenes import as_bytes, pan, square, texture

pytest.importorskip("cv2")
CPU = torch.device("cpu")


def noisy(seed: int = 1) -> OneByOne:
    """A painter whose strokes are other ones in every frame."""
    generator = torch.Generator().manual_seed(seed)
    return OneByOne(lambda x: (0.8 * x + 0.2 * torch.rand(x.shape, generator=generator)).clamp(0, 1))


def painted(frames: list[Tensor], loop: bool = False) -> list[Painted]:
    return list(steady(as_bytes(frames), noisy(), loop, CPU))


def flicker(results: list[Painted], each: OneByOne | None = None) -> float:
    found = Flicker()
    for frame in results:
        found.add(each.paint(frame.source) if each else frame.x, frame.moved)
    assert found.value is not None
    return found.value


def test_a_steadied_clip_flickers_less_and_keeps_its_contrast() -> None:
    results = painted(pan(12))
    alone = noisy()
    assert flicker(results) < 0.4 * flicker(results, alone)
    for frame in results:
        detail = [float(luminance(x).diff(dim=3).abs().mean()) for x in (frame.x, alone.paint(frame.source))]
        assert detail[0] > 0.8 * detail[1]


def test_a_stroke_stays_as_it_was_painted_until_another_takes_its_place() -> None:
    """Where nothing moves, a frame is made of the paintings of the two ends, and little of it is of both."""
    marks: list[float] = []

    def mark(x: Tensor) -> Tensor:
        marks.append(len(marks) / STRETCH)
        return torch.full_like(x, marks[-1])

    still = [texture(64, 96)] * (STRETCH + 1)
    results = list(steady(as_bytes(still), OneByOne(mark), False, CPU))
    for frame in results[1:-1]:
        ends = (frame.x < 0.02) | (frame.x > 0.98)
        assert ends.float().mean() > 0.2
        assert float(frame.x.mean()) == pytest.approx(frame.at / STRETCH, abs=0.12)


def test_every_frame_comes_once_and_in_order() -> None:
    assert [frame.at for frame in painted(pan(19, 48, 64))] == list(range(19))


def test_behind_a_cut_nothing_is_left_of_the_scene_before() -> None:
    dark, bright = texture(64, 96, 8) * 0.2, texture(64, 96, 9) * 0.2 + 0.8
    results = list(steady(as_bytes([dark] * 3 + [bright] * 3), OneByOne(lambda x: x), False, CPU))
    assert (results[3].x - bright).abs().max() < 0.01
    assert results[3].moved is not None
    assert results[3].moved.cut


@pytest.mark.parametrize("count", [1, 2, 5, 12, 17])
def test_the_last_frame_of_a_loop_leads_to_the_first(count: int) -> None:
    still = [texture(64, 96)] * count
    looped, ended = painted(still, loop=True), painted(still)
    assert [frame.at for frame in looped] == [frame.at for frame in ended] == [*range(count)]
    if count > 1:
        apart = [float((clip[-1].x - clip[0].x).abs().mean()) for clip in (looped, ended)]
        assert apart[0] < 0.7 * apart[1]


def test_what_comes_into_sight_is_not_smeared() -> None:
    """Behind a square that moves on, the background is as it was painted, not what the square left there."""
    frames = [square(8 * i) for i in range(9)]
    results = list(steady(as_bytes(frames), OneByOne(lambda x: 1 - x), False, CPU))
    for frame in results:
        wrong = (frame.x - (1 - frame.source)).abs().mean(1)
        assert wrong.mean() < 0.03
        assert (wrong > 0.3).float().mean() < 0.01


def test_noise_moves_with_the_picture_and_begins_anew_behind_a_cut() -> None:
    frames = pan(3)
    track = first(64, 96)
    for before, now in itertools.pairwise(frames):
        track = followed(track, _motion(now, before))
    assert (track.at[0, 0, 20:40, 20:60] - first(64, 96).at[0, 0, 20:40, 20:60] - 8).abs().mean() < 0.3
    assert track.drift[1] == pytest.approx(8, abs=0.2)
    assert followed(track, _motion(texture(64, 96, 8), texture(64, 96, 9))).drift == (0, 0)


def _motion(now: Tensor, before: Tensor):
    from engine.motion.flow import motion

    return motion(now, before)
