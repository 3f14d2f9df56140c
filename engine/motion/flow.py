"""How a scene moves from one frame to another: optical flow, what of it to trust, and warping along it.

Flow is by dense inverse search (Kroeger et al. 2016) in OpenCV. Where OpenCV is not installed nothing is taken to have
moved, and only what stands still is trusted.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.tensors import YIQ

# Of a flow and the one back: beyond a share of their lengths and half a pixel they disagree (Sundaram et al. 2010, as
# in Ruder et al. 2016, equation 5, whose numbers are these).
SHARE, SLACK = 0.01, 0.5
BOUNDARY_SHARE, BOUNDARY_SLACK = 0.01, 0.002  # of a motion boundary, likewise (equation 6)
COLOUR = 0.04  # of luminance: what differs by so much along the flow is trusted by 1 / e
CUT = 0.35  # share of a frame that must be trusted, or it shows another scene
SMALLEST = 48  # pixels of the short side; on less, the search's patches do not fit


class Motion(NamedTuple):
    """Where each pixel of a frame was in an earlier one."""

    flow: Tensor  # (1, 2, H, W): right and down from here to there, in pixels
    trust: Tensor  # (1, 1, H, W) in 0..1: 0 where it was covered, at the edges of what moves, and outside
    cut: bool  # nothing of the frame was to be seen before


def available() -> bool:
    """Whether OpenCV is installed."""
    return importlib.util.find_spec("cv2") is not None


def motion(now: Tensor, before: Tensor) -> Motion:
    """From frame ``now`` to ``before``, (1, 3, H, W) in 0..1 each."""
    return both_ways(now, before)[0]


def both_ways(now: Tensor, before: Tensor) -> tuple[Motion, Motion]:
    """From frame ``now`` to ``before``, and from there to ``now``."""
    a, b = luminance(now), luminance(before)
    there, back = (_dis(a, b), _dis(b, a)) if available() else (torch.zeros(2, 1, 2, *a.shape[2:])).unbind(0)
    there, back = there.to(now), back.to(now)
    return _trusted(a, b, there, back), _trusted(b, a, back, there)


def _trusted(a: Tensor, b: Tensor, there: Tensor, back: Tensor) -> Motion:
    trust = consistent(there, back) * _off_boundaries(there) * alike(softened(a), softened(warped(b, there)), COLOUR)
    return Motion(there, trust, bool(trust.mean() < CUT))


def alike(a: Tensor, b: Tensor, colour: float) -> Tensor:
    """1 where luminances agree, 1 / e where they differ by ``colour``."""
    return torch.exp(-((a - b) / colour).square())


def luminance(x: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 1, H, W)."""
    return torch.einsum("j,bjhw->bhw", torch.tensor(YIQ[0]).to(x), x)[:, None]


def consistent(there: Tensor, back: Tensor) -> Tensor:
    """Where following one flow and then the other leads back, (1, 1, H, W) of 0 and 1."""
    returned = warped(back, there, "bilinear")
    gap = (there + returned).square().sum(1, keepdim=True)
    lengths = there.square().sum(1, keepdim=True) + returned.square().sum(1, keepdim=True)
    return (gap <= SHARE * lengths + SLACK).to(there) * inside(there)


def inside(flow: Tensor) -> Tensor:
    """Where the flow leads to a pixel of the frame, (1, 1, H, W) of 0 and 1."""
    at = places(flow)
    height, width = flow.shape[2:]
    held = (at[:, 0] >= -0.5) & (at[:, 0] <= width - 0.5) & (at[:, 1] >= -0.5) & (at[:, 1] <= height - 0.5)
    return held[:, None].to(flow)


def _off_boundaries(flow: Tensor) -> Tensor:
    """Where the flow does not jump, (1, 1, H, W) of 0 and 1."""
    down, right = torch.gradient(flow, dim=(2, 3))
    change = (down.square() + right.square()).sum(1, keepdim=True)
    return (change <= BOUNDARY_SHARE * flow.square().sum(1, keepdim=True) + BOUNDARY_SLACK).to(flow)


def softened(y: Tensor) -> Tensor:
    """Without the grain of a compressed clip, which is no change of the scene."""
    return fn.avg_pool2d(y, 3, 1, 1, count_include_pad=False)


def places(flow: Tensor) -> Tensor:
    """Where the flow leads each pixel, (1, 2, H, W): column and row."""
    height, width = flow.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return flow + torch.stack([columns, rows])[None].to(flow)


def warped(x: Tensor, flow: Tensor, mode: str = "bicubic") -> Tensor:
    """x (B, N, H, W) as seen along the flow (1, 2, H, W); beyond the border its outermost pixels."""
    return sampled(x, places(flow), mode)


def sampled(x: Tensor, at: Tensor, mode: str) -> Tensor:
    """x (B, N, h, w) at places (1, 2, H, W) in its pixels."""
    height, width = x.shape[2:]
    # grid_sample's own units: -1 and 1 are the outer edges of the outermost pixels.
    scale = torch.tensor([2 / width, 2 / height]).to(at).view(1, 2, 1, 1)
    grid = ((at + 0.5) * scale - 1).permute(0, 2, 3, 1).expand(len(x), -1, -1, -1)
    return fn.grid_sample(x, grid, mode, "border", align_corners=False)


@functools.cache
def _search() -> Any:
    cv2: Any = importlib.import_module("cv2")

    cv2.setNumThreads(1)  # beside torch's own threads more would only be in their way
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def _dis(a: Tensor, b: Tensor) -> Tensor:
    """The flow from a to b, (1, 1, H, W) each."""
    pad = [max(0, SMALLEST - side) for side in a.shape[2:]]
    a8, b8 = (_bytes(fn.pad(y, (0, pad[1], 0, pad[0]), mode="replicate")) for y in (a, b))
    found = torch.from_numpy(_search().calc(a8, b8, None)).permute(2, 0, 1)[None]
    return found[..., : a.shape[2], : a.shape[3]].contiguous()


def _bytes(y: Tensor) -> np.ndarray:
    return y[0, 0].mul(255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
