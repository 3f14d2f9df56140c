"""The feed-forward network: one pass paints a photo in any gallery style, or in any mixture of them.

The shape is Johnson, Alahi & Fei-Fei's (2016): down twice, residual blocks, up twice by nearest-neighbour and a
convolution. The styles are Dumoulin, Shlens & Kudlur's (2017): every style shares the convolutions and has its own
(gamma, beta) behind each instance normalisation.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
import torch.nn.functional as fn
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.fast.layers import Conv, Enlarging
from engine.fast.normalise import EPSILON, normalised
from engine.gallery import FAST, network_of
from engine.tensors import in_type

log = logging.getLogger("engine")
FILE = FAST
WIDTHS = (32, 64, 128)  # channels at full, half and quarter resolution
BLOCKS = 5
# Channels and residual blocks at an eighth of the resolution: large forms, for a tenth of the work.
DEEP, DEEP_BLOCKS = 160, 4
DEEP_AFTER = 2  # of the blocks at a quarter
STRIDE = 8  # pictures are padded to a multiple of this
# Scales of the two noise channels beside the photo; at 1 strokes follow the noise and no longer the photo.
FINE_NOISE, COARSE_NOISE = 0.05, 0.25
CELLS = (24, 80)  # pixels, sides of the cells of the coarse noise, whose contours strokes can follow
IDENTITY = "photo"  # the name of the pair that gives the photo back

Moments = tuple[Tensor, Tensor]  # mean and variance of each channel, (B, N, 1, 1)


def noise(count: int, height: int, width: int, generator: torch.Generator | None = None) -> Tensor:
    """What the network gets beside ``count`` photos, (count, 2, height, width): fine noise, and smooth noise."""
    fine = 2 * torch.rand(count, 1, height, width, generator=generator) - 1
    coarse = torch.zeros(count, 1, height, width)
    for cell in CELLS:
        cells = torch.randn(count, 1, height // cell + 2, width // cell + 2, generator=generator)
        smooth = fn.interpolate(cells, scale_factor=cell, mode="bicubic", align_corners=False)
        coarse += smooth[..., cell // 2 : cell // 2 + height, cell // 2 : cell // 2 + width] / len(CELLS)
    return torch.cat([FINE_NOISE * fine, COARSE_NOISE * coarse], 1)


class Shape(NamedTuple):
    """The size of a network."""

    widths: tuple[int, int, int, int] = (*WIDTHS, DEEP)  # channels at full resolution, 1/2, 1/4 and 1/8
    blocks: int = BLOCKS
    deep_blocks: int = DEEP_BLOCKS


class Network(nn.Module):
    """The shared convolutions and the pairs of all styles.

    A pair is one style's gamma and beta of every normalised channel, in the order of the layers: (2, C).
    """

    def __init__(self, names: Sequence[str], shape: Shape | None = None) -> None:
        """The network for the styles ``names``; the identity comes first among the pairs without being named."""
        super().__init__()
        shape = shape or Shape()
        full, half, quarter, deep = shape.widths
        # Two channels are noise, for strokes where the photo has nothing but flat colour.
        self.first = Conv(5, full, 7)
        self.down = nn.ModuleList([Conv(full, half, 3, 2), Conv(half, quarter, 3, 2)])
        self.blocks = nn.ModuleList([Conv(quarter, quarter, 3) for _ in range(2 * shape.blocks)])
        self.deep_down = Conv(quarter, deep, 3, 2)
        self.deep_blocks = nn.ModuleList([Conv(deep, deep, 3) for _ in range(2 * shape.deep_blocks)])
        self.deep_up = Enlarging(deep, quarter)
        self.up = nn.ModuleList([Enlarging(quarter, half), Enlarging(half, full)])
        self.last = Conv(full, 3, 5)
        # The last entry scales what skips the whole trunk, at full resolution (see `forward`).
        before, after = (2 * min(DEEP_AFTER, shape.blocks), 2 * max(0, shape.blocks - DEEP_AFTER))
        deeper = (deep, *[deep] * (2 * shape.deep_blocks), quarter)
        self.channels = (full, half, quarter, *[quarter] * before, *deeper, *[quarter] * after, half, full, full)
        self.names = (IDENTITY, *names)
        pair = torch.stack([torch.ones(sum(self.channels)), torch.zeros(sum(self.channels))])
        self.pairs = nn.Parameter(pair.repeat(len(self.names), 1, 1))  # (styles + 1, 2, C)

    def forward(self, x: Tensor, pair: Tensor, noise: Tensor, moments: list[Moments] | None = None) -> Tensor:
        """Paint.

        Args:
            x: photos, (B, 3, H, W) in 0..1; H and W multiples of `STRIDE`.
            pair: gamma and beta for each photo, (B, 2, C).
            noise: as `noise` makes it, (B, 2, H, W).
            moments: an empty list is filled with every layer's moments, taken over all of x together; a full one is
                used in place of the picture's own, so that a part of a picture is painted as the whole would be.

        Returns:
            Pictures, (B, 3, H, W) in 0..1.
        """
        norm = _Norm(pair, self.channels, moments)
        h = torch.cat([2 * x - 1, noise], 1).to(self.first.weight.dtype)
        h = first = norm(self.first(h))
        h = fn.relu(h)
        for conv in self.down:
            h = fn.relu_(norm(conv(h)))
        for i, (one, two) in enumerate(zip(self.blocks[::2], self.blocks[1::2], strict=True)):
            if i == DEEP_AFTER:
                h = h + self._deeper(h, norm)
            h = h + norm(two(fn.relu_(norm(one(h)))))
        for conv in self.up:
            h = fn.relu_(norm(conv(h)))
        # Departure: each style adds its own share of the first layer, channel by channel, to the trunk's output. That
        # keeps the identity sharp, which a trunk at a quarter of the size is not, and so every strength below 100.
        gamma, beta = norm.next()
        y = self.last(torch.addcmul(h, first, gamma.to(h.dtype))).float()
        # beta is the same everywhere, so it can pass through the last layer by itself.
        return torch.sigmoid(y + torch.einsum("oihw,bixy->boxy", self.last.weight.float(), beta))

    def quick(self, dtype: torch.dtype) -> Network:
        """A copy whose convolutions multiply in ``dtype``; the pairs, which are mixed, keep their precision."""
        return in_type(copy.deepcopy(self), dtype)

    def _deeper(self, h: Tensor, norm: _Norm) -> Tensor:
        """What the blocks at half of h's resolution add to h."""
        d = fn.relu_(norm(self.deep_down(h)))
        for one, two in zip(self.deep_blocks[::2], self.deep_blocks[1::2], strict=True):
            d = d + norm(two(fn.relu_(norm(one(d)))))
        return norm(self.deep_up(d))

    def pair(self, shares: Sequence[tuple[str, float]]) -> Tensor:
        """The mean pair, (2, C), of styles by name, each with its weight.

        Raises:
            KeyError: the network is not trained for a style.
        """
        total = sum(weight for _, weight in shares)
        return torch.stack([self.pairs[self._index(name)] * (weight / total) for name, weight in shares]).sum(0)

    def towards(self, pair: Tensor, t: float) -> Tensor:
        """The pair for a degree, (1, 2, C): 1 for ``pair`` (2, C), 0 for the photo; beyond 1 extrapolates."""
        return torch.lerp(self.pairs[0], pair, t)[None]

    def knows(self, name: str) -> bool:
        """Whether it is trained for this style."""
        return name in self.names[1:]

    def _index(self, name: str) -> int:
        if not self.knows(name):
            raise KeyError(name)
        return self.names.index(name)

    def add(self, name: str, pair: Tensor) -> None:
        """Add the pair of one more style, (2, C), or replace that of a known one."""
        if self.knows(name):
            self.pairs.data[self._index(name)] = pair.to(self.pairs)
        else:
            self.pairs = nn.Parameter(torch.cat([self.pairs.data, pair[None].to(self.pairs)]), False)
            self.names = (*self.names, name)

    def fingerprint(self) -> str:
        """Identifies the convolutions; a pair works only with those that it was trained with."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            if name != "pairs":
                digest.update(tensor.detach().half().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


class _Norm:
    """Conditional instance normalisation, layer after layer (Dumoulin et al., equation 5)."""

    def __init__(self, pair: Tensor, channels: Sequence[int], moments: list[Moments] | None) -> None:
        gammas, betas = (part.split(tuple(channels), 1) for part in pair.unbind(1))
        self._pairs = iter(list(zip(gammas, betas, strict=True)))
        self._moments = moments
        self._given = iter(list(moments)) if moments else None

    def __call__(self, h: Tensor) -> Tensor:
        """h (B, N, H, W) with each channel's mean and deviation replaced by the style's."""
        gamma, beta = self.next()
        if self._moments is None:
            return normalised(h, gamma.flatten(1), beta.flatten(1))
        if self._given is not None:
            mean, variance = next(self._given)
        else:
            mean, variance = moments_of(h.float())
            self._moments.append((mean, variance))
        scale = gamma * torch.rsqrt(variance + EPSILON)
        return torch.addcmul((beta - mean * scale).to(h.dtype), h, scale.to(h.dtype))

    def next(self) -> tuple[Tensor, Tensor]:
        """Gamma and beta of the next layer, (B, N, 1, 1)."""
        gamma, beta = next(self._pairs)
        return gamma[..., None, None], beta[..., None, None]


def moments_of(h: Tensor) -> Moments:
    """The moments of each channel over all of h (B, N, H, W)."""
    if h.is_cuda:
        variance, mean = torch.var_mean(h, (0, 2, 3), correction=0, keepdim=True)
        return mean, variance
    # On a CPU, and with channels last, var_mean takes ten times as long as this.
    mean = h.mean((0, 2, 3), keepdim=True)
    return mean, (h - mean).square().mean((0, 2, 3), keepdim=True)


def save(network: Network, path: Path, metadata: dict[str, str]) -> None:
    """Write the network as fp16 safetensors; ``metadata`` tells what trained it, on which data, when."""
    state = {name: tensor.detach().half().contiguous().cpu() for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = metadata | {"what": "the gallery's network, engine/fast/network.py", "network": network.fingerprint()}
    save_file(state, path, metadata | {"styles": msgspec.json.encode(network.names[1:]).decode()})
    path.chmod(0o644)


def load(device: torch.device, folder: Path | None = None, path: Path = FILE) -> Network:
    """The package's network on ``device``, with the pairs of an operator's own gallery ``folder`` added."""
    with safe_open(path, "pt") as file:
        names = msgspec.json.decode((file.metadata() or {})["styles"], type=list[str])
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    network = Network(names, shape_of(state))
    network.load_state_dict(state)
    for pair_file in sorted((folder / "pairs").glob("*.safetensors")) if folder else ():
        _add_pair(network, pair_file)
    network = network.eval().requires_grad_(False).to(device)
    return network.to(memory_format=torch.channels_last)


def shape_of(state: dict[str, Tensor]) -> Shape:
    """The size of the network whose stored weights these are."""
    names = ("first.weight", "down.0.weight", "down.1.weight", "deep_down.weight")
    full, half, quarter, deep = (state[name].shape[0] for name in names)
    blocks, deep_blocks = (sum(name.startswith(part) for name in state) // 4 for part in ("blocks.", "deep_blocks."))
    return Shape((full, half, quarter, deep), blocks, deep_blocks)


def save_pair(network: Network, name: str, folder: Path) -> Path:
    """Write one style's pair where `load` finds it; returns its file."""
    path = folder / "pairs" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    pair = network.pairs.data[network._index(name)].half().contiguous().cpu()
    save_file({"pair": pair}, path, {"network": network.fingerprint()})
    path.chmod(0o644)
    return path


def _add_pair(network: Network, path: Path) -> None:
    if network_of(path) != network.fingerprint():
        log.warning("%s was trained for other gallery weights. Train it again: python -m engine.train style", path)
        return
    network.add(path.stem, load_file(path)["pair"].float())
