"""Flow on scenes whose motion is known, and what of it is trusted."""

import pytest
import torch

from engine.motion.flow import motion, places, warped
from tests.scenes import disc, pan, square, texture

pytest.importorskip("cv2")


def test_a_pan_is_found_and_what_comes_in_at_the_edge_is_not_trusted() -> None:
    before, now = pan(2)
    found = motion(now, before)
    inner = (..., slice(8, -8), slice(8, -16))
    assert (found.flow[:, :1][inner] - 4).abs().mean() < 0.2
    assert found.flow[:, 1:][inner].abs().mean() < 0.2
    assert found.trust[inner].mean() > 0.9
    assert found.trust[..., -3:].mean() < 0.1
    assert not found.cut


def test_of_a_moving_square_the_uncovered_ground_is_not_trusted() -> None:
    found = motion(square(40), square(34))
    assert (found.flow[0, 0, 26:42, 48:60] + 6).abs().mean() < 0.5
    assert found.trust[0, 0, 26:42, 48:60].mean() > 0.8
    assert found.trust[0, 0, 24:44, 35:39].mean() < 0.2  # where the square was
    assert found.trust[0, 0, 55:, 80:].mean() > 0.95


def test_a_turning_disc_is_followed() -> None:
    now, before = disc(0.06), disc(0.0)
    found = motion(now, before)
    column, row = (places(torch.zeros(1, 2, 96, 96))[0] - 48).unbind(0)
    inner = row**2 + column**2 < 24**2
    gap = (warped(before, found.flow) - now).abs().mean(1)[0]
    assert gap[inner].mean() < 0.03
    assert found.trust[0, 0][inner].mean() > 0.6


def test_another_scene_is_a_cut() -> None:
    assert motion(texture(64, 96, 8), texture(64, 96, 9)).cut


def test_in_a_cross_fade_what_has_changed_is_not_trusted() -> None:
    a, b = texture(64, 96, 8), texture(64, 96, 9)
    quick = motion(torch.lerp(a, b, 0.6), torch.lerp(a, b, 0.3))
    slow = motion(torch.lerp(a, b, 0.02), a)
    assert quick.trust.mean() < 0.7
    assert slow.trust.mean() > 0.9


def test_without_opencv_only_what_stands_still_is_trusted(monkeypatch) -> None:
    monkeypatch.setattr("engine.motion.flow.available", lambda: False)
    found = motion(square(40), square(30))
    assert found.trust[0, 0, 50:, 80:].min() == 1
    assert found.trust[0, 0, 24:44, 30:40].mean() < 0.5
