"""What flickers is steadied where the scene allows it, and nothing leaks from scene to scene."""

import itertools

import pytest
import torch
from torch import Tensor

from engine.motion.flicker import Flicker
from engine.motion.flow import luminance
from engine.motion.steady import OPENING, OneByOne, Painted, steady
from engine.motion.track import first, followed
from tests.scenes import as_bytes, pan, texture

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
    last = results[-1]
    detail = [float(luminance(x).diff(dim=3).abs().mean()) for x in (last.x, alone.paint(last.source))]
    assert detail[0] > 0.8 * detail[1]


def test_every_frame_comes_once_and_in_order() -> None:
    assert [frame.at for frame in painted(pan(19, 48, 64))] == list(range(19))


def test_behind_a_cut_nothing_is_left_of_the_scene_before() -> None:
    dark, bright = texture(64, 96, 8) * 0.2, texture(64, 96, 9) * 0.2 + 0.8
    results = list(steady(as_bytes([dark] * 3 + [bright] * 3), OneByOne(lambda x: x), False, CPU))
    assert (results[3].x - bright).abs().max() < 0.01
    assert results[3].moved is not None
    assert results[3].moved.cut


def test_the_last_frame_of_a_loop_meets_the_first() -> None:
    still = [texture(64, 96)] * 12
    results = painted(still, loop=True)
    assert [frame.at for frame in results] == [*range(12), *range(OPENING)]
    last, opened, closed = results[11].x, results[0].x, results[12].x
    assert (closed - last).abs().mean() < 0.5 * (opened - last).abs().mean()


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
