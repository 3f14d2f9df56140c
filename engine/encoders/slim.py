"""The embedded encoder: a narrow VGG-19 with read-outs, and a branch of SqueezeNet's shape beside it.

The trunk stands for VGG-19, whose layers carry forms and large strokes. The sixteen filters of its first layer see too
little of fine strokes, though, and an optimisation against them alone leaves a mesh in the picture. The branch, which
stands for SqueezeNet 1.0 (Iandola et al. 2016), starts with 96 filters of 7x7.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as fn
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.encoders.vgg import CONTENT_LAYERS, STYLE_LAYERS, Trunk
from engine.gallery import HERE
from engine.tensors import in_type

FILE = HERE / "weights" / "slim.safetensors"
# Channels of the trunk's five blocks: half of VGG-19's where large forms are made, a quarter before.
WIDTHS = (16, 32, 128, 256, 256)
# VGG-19's layers that 1x1 read-outs of the trunk stand for: layer -> channels. The content layer is as wide as in its
# teacher.
READOUTS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512, "conv4_2": 128}
CONV1 = 96  # filters of the branch's first layer
# The branch's fire modules: name -> (inputs, squeezed, each of the two expansions). The squeezed layers are half as
# wide again as in SqueezeNet, which makes them easier to train.
FIRES = {
    "fire2": (96, 24, 64),
    "fire3": (128, 24, 64),
    "fire4": (128, 48, 128),
    "fire5": (256, 48, 128),
    "fire6": (256, 96, 192),
    "fire7": (384, 96, 192),
    "fire8": (384, 160, 256),
}
POOLED = ("fire2", "fire5")  # max pooling stands before these
BRANCH = ("conv1", *FIRES)


class Fire(nn.Module):
    """1x1 squeeze, then 1x1 and 3x3 expansions side by side, ReLU after each."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.one = nn.Conv2d(squeezed, expanded, 1)
        # Departure: SqueezeNet pads with zeros, which would leave a frame around every picture.
        self.three = nn.Conv2d(squeezed, expanded, 3, padding=1, padding_mode="reflect")
        self.joined: nn.Conv2d | None = None

    def forward(self, x: Tensor) -> Tensor:
        s = fn.relu_(self.squeeze(x))
        if self.joined is not None:
            return fn.relu_(self.joined(s))
        return fn.relu(torch.cat([self.one(s), self.three(s)], 1))

    def join(self) -> nn.Conv2d:
        """Make one convolution of both expansions, and return it."""
        (n, squeezed), three = self.one.weight.shape[:2], self.three
        joined = nn.Conv2d(squeezed, 2 * n, 3, padding=1, padding_mode="reflect").requires_grad_(False)
        weight = torch.cat([fn.pad(self.one.weight, (1, 1, 1, 1)), three.weight])
        assert self.one.bias is not None
        assert three.bias is not None
        joined.load_state_dict({"weight": weight, "bias": torch.cat([self.one.bias, three.bias])})
        self.joined = joined.to(memory_format=torch.channels_last)
        del self.one, self.three
        return self.joined


class Branch(nn.Module):
    """Layers under SqueezeNet's names, at 1/2 (conv1), 1/4 (fire2-4) and 1/8 (fire5-8) of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.padding_mode = "reflect"
        self.conv1 = nn.Conv2d(3, CONV1, 7, stride=2)
        self.fires = nn.ModuleDict({name: Fire(*shape) for name, shape in FIRES.items()})

    def layer(self, name: str, h: Tensor) -> Tensor:
        """The output of one layer for ``h``, the output of the layer before; for conv1 the picture in -1..1."""
        if name == "conv1":
            # SqueezeNet does not pad here; (2, 3) keeps the grid at exactly half the picture's.
            return fn.relu_(self.conv1(fn.pad(h, (2, 3, 2, 3), mode=self.padding_mode)))
        if name in POOLED:
            if self.padding_mode == "circular":
                h = fn.pad(h, (0, 1, 0, 1), mode="circular")  # what the last window of three lacks
            h = fn.max_pool2d(h, 3, stride=2, ceil_mode=True)
        out: Tensor = self.fires[name](h)
        return out

    def forward(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Outputs of ``layers`` for a picture x (B, 3, H, W) in 0..1; nothing beyond the deepest is computed."""
        wanted = set(layers)
        found: dict[str, Tensor] = {}
        h = (2 * x - 1).to(self.conv1.weight.dtype)
        for name in BRANCH:
            h = self.layer(name, h)
            if name in wanted:
                found[name] = h
            if len(found) == len(wanted):
                break
        return found


class SlimEncoder(nn.Module):
    """Trunk, read-outs and branch. `load` gives the trained one."""

    # The branch's conv1 and fire2 replace conv1_1 and conv2_1, with more filters and in less time; fire7 and fire8 of
    # the branch are too deep to be faithful. A recipe can still name them all.
    style_layers = (*STYLE_LAYERS[2:], "conv1", "fire2", "fire3", "fire4", "fire5", "fire6")
    content_layers = CONTENT_LAYERS

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTHS, padding_mode="reflect")
        self.readouts = nn.ModuleDict(
            {name: nn.Conv2d(self.trunk.channels[name], n, 1) for name, n in READOUTS.items()}
        )
        self.branch = Branch()
        # One factor for every filter, so that its mean activation is 1: layer -> (N_l,).
        self.scaled = False  # whether the weights hold the factors already
        self.scales = nn.ParameterDict({name: torch.ones(n) for name, n in self.channels().items()})

    @classmethod
    def load(cls, path: Path = FILE) -> SlimEncoder:
        """The encoder with the weights of the package."""
        encoder = cls()
        encoder.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        return encoder.eval().requires_grad_(False)

    @torch.no_grad()
    def quick(self, dtype: torch.dtype) -> SlimEncoder:
        """The same function with fewer passes over the features, in ``dtype``; not for training.

        The factors move into the weights: what a layer's filters are multiplied with, the next layer divides by. A
        fire module's two expansions become one convolution, whose products cost less than joining two results.
        """
        quick = copy.deepcopy(self)
        for name, conv in quick.readouts.items():
            _scale(conv, quick.scales[name])
        before = quick.scales["conv1"]
        _scale(quick.branch.conv1, before)
        for name, fire in quick.branch.fires.items():
            assert isinstance(fire, Fire)
            fire.squeeze.weight.div_(before.view(1, -1, 1, 1))
            before = quick.scales[name]
            _scale(fire.join(), before)
        quick.scaled = True
        return in_type(quick, dtype)

    @staticmethod
    def channels() -> dict[str, int]:
        """The number of filters by layer."""
        return READOUTS | {"conv1": CONV1} | {name: 2 * expanded for name, (_, _, expanded) in FIRES.items()}

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """``layers`` (names of `channels`) for x (B, 3, H, W) in 0..1: (B, N_l, h_l, w_l), mean near 1."""
        wanted = list(dict.fromkeys(layers))
        trunk = [name for name in wanted if name in READOUTS]
        branch = [name for name in wanted if name not in READOUTS]
        found = self.branch(x, branch) if branch else {}
        for name, h in (self.trunk(x, trunk) if trunk else {}).items():
            found[name] = fn.relu_(self.readouts[name](h))
        if self.scaled:
            return {name: found[name] for name in wanted}
        return {name: found[name] * self.scales[name].view(1, -1, 1, 1) for name in wanted}


def _scale(conv: nn.Module, factors: Tensor) -> None:
    """Multiply each filter's output by its factor, which is above 0 and so passes a ReLU."""
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    conv.weight.mul_(factors.view(-1, 1, 1, 1))
    conv.bias.mul_(factors)
