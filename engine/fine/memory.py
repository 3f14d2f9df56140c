"""What an optimisation takes of the engine's memory, measured."""

from __future__ import annotations

import torch

from engine import device
from engine.recipe import Memory

# Bytes for every pixel of the largest scale, in bfloat16, beyond what the engine has at rest; measured on the CPU as
# the process's highest use.
SLIM = 1800
FULL = 2100
FLOAT = 1.4  # times as much in float32


def of(where: torch.device, free: int) -> Memory:
    """What the engine says of its memory, of which so many bytes are free."""
    times = 1 if device.quick_type(where) is torch.bfloat16 else FLOAT
    return Memory(free, round(times * SLIM), round(times * FULL))
