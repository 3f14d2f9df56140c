"""Clips made of one photo, to be measured: a camera that pans over it, comes nearer, or turns around what is in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from engine.images.animation import Clip
from engine.motion.flow import sampled
from engine.tensors import fit, resize
from engine.wire import APNG

STEP = 4  # pixels a frame, of a pan
NEARER = 1.02  # times as large a frame, of a zoom
TURN = math.radians(16)  # from the first frame of a turn to its last
NEAR, FAR = 0.75, 1.6  # distances of the two planes of a turn, where 1 is the camera's from what it turns around
FIGURE = (0.17, 0.3)  # radii of what stands in front, of the frame's width and height
OUTSIDE = 1.3  # times the frame's sides is the photo's part over which it turns
FRAME = Fraction(1, 12)  # seconds

Camera = Callable[[Tensor, int, int], list[Tensor]]  # photo (3, H, W) in 0..1, long side, frames -> (1, 3, h, w) each


def film(photo: Tensor, camera: str, side: int, count: int) -> Clip:
    """The clip that one of the `CAMERAS` takes of a photo (3, H, W) in 0..1."""
    frames = [x[0].clamp(0, 1).mul(255).round().to(torch.uint8) for x in CAMERAS[camera](photo, side, count)]
    return Clip(APNG, frames, [FRAME] * count, None, 0)


def pan(photo: Tensor, side: int, count: int) -> list[Tensor]:
    """To the right, over a strip from the middle of the photo."""
    height = side * 3 // 4
    wide = _covering(photo, height, side + count * STEP)
    return [wide[..., i * STEP : i * STEP + side] for i in range(count)]


def zoom(photo: Tensor, side: int, count: int) -> list[Tensor]:
    """Into the middle of the photo."""
    height, most = side * 3 // 4, NEARER ** (count - 1)
    large = _covering(photo, round(height * most), round(side * most))
    frames = []
    for i in range(count):
        scale = NEARER ** (count - 1 - i)  # pixels of the large photo to one of the frame
        whole = large if scale == 1 else resize(large, (round(large.shape[2] / scale), round(large.shape[3] / scale)))
        rows, columns = _rays(height, side)
        shrunk = whole.shape[3] / large.shape[3] * scale  # by how much rounding to whole pixels missed
        at = torch.stack([columns * shrunk + whole.shape[3] / 2, rows * shrunk + whole.shape[2] / 2])[None] - 0.5
        frames.append(sampled(whole, at, "bicubic"))
    return frames


def turn(photo: Tensor, side: int, count: int) -> list[Tensor]:
    """Around the photo's middle: an oval part of it stands in front of the whole of it, and hides what is behind."""
    height = side * 3 // 4
    large = _covering(photo, round(height * OUTSIDE), round(side * OUTSIDE))
    frames = []
    for i in range(count):
        angle = TURN * (i / max(1, count - 1) - 0.5)
        behind, _ = _plane(large, FAR, angle, side, height)
        front, (right, down) = _plane(large, NEAR, angle, side, height)
        distance = ((right / FIGURE[0]).square() + (down * side / height / FIGURE[1]).square()).sqrt()
        edge = ((1 - distance) * FIGURE[0] * side).clamp(0, 1)  # a pixel wide
        frames.append(torch.lerp(behind, front, edge))
    return frames


def _plane(
    picture: Tensor, depth: float, angle: float, side: int, height: int
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """What a camera, turned by an angle around a point at 1 before it, sees of a picture at a depth, and where.

    Where is right and down from the axis in widths of the frame, as the picture lies when it is seen straight on.
    """
    rows, columns = _rays(height, side)
    x, y = columns / side, rows / side  # of a ray that has gone 1 forwards; the focal length is a width
    sine, cosine = math.sin(angle), math.cos(angle)
    # The camera stands at (sine, 0, 1 - cosine) and looks at (0, 0, 1); the picture lies in the plane z = depth.
    forwards, right = cosine + x * sine, x * cosine - sine
    gone = (depth - 1 + cosine) / forwards
    across, down = (sine + gone * right) / depth, gone * y / depth
    at = torch.stack([across * side + picture.shape[3] / 2, down * side + picture.shape[2] / 2])[None] - 0.5
    return sampled(picture, at, "bicubic"), (across, down)


def _rays(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Down and right from the middle of a frame to that of each pixel, (H, W) each."""
    rows, columns = torch.arange(height) + 0.5 - height / 2, torch.arange(width) + 0.5 - width / 2
    return rows[:, None].expand(-1, width), columns[None].expand(height, -1)


def _covering(photo: Tensor, height: int, width: int) -> Tensor:
    """The middle of the photo at this size, (1, 3, height, width)."""
    scale = max(height / photo.shape[1], width / photo.shape[2])
    whole = fit(photo, math.ceil(scale * max(photo.shape[1:])))[None]
    if whole.shape[2] < height or whole.shape[3] < width:  # by a pixel, where sides were rounded
        whole = resize(whole, (max(height, whole.shape[2]), max(width, whole.shape[3])))
    top, left = (whole.shape[2] - height) // 2, (whole.shape[3] - width) // 2
    return whole[..., top : top + height, left : left + width]


CAMERAS: dict[str, Camera] = {"pan": pan, "zoom": zoom, "turn": turn}
