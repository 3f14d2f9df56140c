"""Encoders without a border: what a convolution lacks on one side of a picture it takes from the other.

The pictures' sides have to be multiples of 16, or a pooling leaves a row out.
"""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

E = TypeVar("E", bound=nn.Module)


def circular(encoder: E) -> E:
    """The same encoder, sharing its weights, with circular padding."""
    # deepcopy keeps what its memo holds already.
    around = copy.deepcopy(encoder, {id(weight): weight for weight in encoder.parameters()})
    for module in around.modules():
        if hasattr(module, "padding_mode"):
            module.padding_mode = "circular"  # type: ignore[assignment]
    return around
