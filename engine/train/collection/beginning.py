"""A generator that nearly gives pictures back, for a training to begin with.

Departure from CycleGAN: to learn that from random weights takes thousands of steps. It needs colours as they are, too,
which instance normalisation takes away; so there is batch normalisation, and since it is a part of the convolutions,
none that batches could disturb.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn

from engine.fast.generator import Block, ResNetGenerator

COLOURS = 3
PIXELS = tuple(product(range(2), repeat=2))  # (row, column) of the four that one position of half the size holds
GAIN = 1.2  # with it the tanh at the end is nearest to the identity


@torch.no_grad()
def identity(width: int, blocks: int) -> ResNetGenerator:
    """The pixels' colours go through the first channels of every layer, side by side; blocks add nothing yet."""
    generator = ResNetGenerator(width, blocks, "batch")
    for weight in (parameter for name, parameter in generator.named_parameters() if name.endswith("weight")):
        nn.init.kaiming_normal_(weight, 0.7)
    weights, biases = ([getattr(layer, part) for layer in _convs(generator)] for part in ("weight", "bias"))
    for bias in (parameter for name, parameter in generator.named_parameters() if name.endswith("bias")):
        bias.zero_()
    for block in generator.model:
        if isinstance(block, Block):
            block.conv_block[5].weight.zero_()  # type: ignore[operator,union-attr]
    first, down, deeper, up, upper, last = weights
    _keep_colours(first, 1.0)
    biases[0][:COLOURS] = 1  # so that no value is below 0, which ReLU would take
    _put_side_by_side(down, COLOURS)
    _put_side_by_side(deeper, COLOURS * len(PIXELS))
    _put_apart(up, COLOURS * len(PIXELS))
    _put_apart(upper, COLOURS)
    last.mul_(0.05)
    _keep_colours(last, GAIN)
    biases[-1][:] = -GAIN
    return generator


def _convs(generator: ResNetGenerator) -> list[nn.Module]:
    """All but those of the blocks."""
    return [layer for layer in generator.model if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def _keep_colours(weight: Tensor, gain: float) -> None:
    middle = weight.shape[-1] // 2
    for colour in range(COLOURS):
        weight[colour] = 0
        weight[colour, colour, middle, middle] = gain


def _put_side_by_side(weight: Tensor, channels: int) -> None:
    """The four pixels of every position of half the size become four channels."""
    for channel, (place, (row, column)) in product(range(channels), enumerate(PIXELS)):
        filter = weight[len(PIXELS) * channel + place]
        filter[:] = 0
        filter[channel, 1 + row, 1 + column] = 1


def _put_apart(weight: Tensor, channels: int) -> None:
    """The reverse, by a transposed convolution."""
    weight[:, :channels] = 0
    for channel, (place, (row, column)) in product(range(channels), enumerate(PIXELS)):
        weight[len(PIXELS) * channel + place, channel, 1 + row, 1 + column] = 1
