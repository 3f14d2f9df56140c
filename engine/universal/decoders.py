"""The decoders of universal mode: from features of the slim encoder's branch back to the picture."""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.encoders.slim import SlimEncoder
from engine.gallery import HERE

FILE = HERE / "weights" / "universal.safetensors"
# From deep to shallow: layer of the slim encoder's branch -> its decoder's channels, grid by grid, each twice as fine
# as the one before.
LEVELS: dict[str, tuple[tuple[int, ...], ...]] = {
    "fire4": ((64, 64), (48, 32)),
    "fire2": ((64, 48), (48,)),
    "conv1": ((),),
}


class Decoder(nn.Module):
    """From one layer's features back to the picture."""

    def __init__(self, channels: int, grids: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        self.grids = nn.ModuleList()
        for grid in grids:
            convs = nn.ModuleList()
            for n in grid:
                convs.append(nn.Conv2d(channels, n, 3, padding=1, padding_mode="reflect"))
                channels = n
            self.grids.append(convs)
        # The finest grid is conv1's, half the picture's: four pixels a position.
        self.last = nn.Conv2d(channels, 12, 3, padding=1, padding_mode="reflect")

    @property
    def first(self) -> nn.Conv2d:
        """The convolution that takes the features."""
        return next(module for module in self.modules() if isinstance(module, nn.Conv2d))

    def forward(self, F: Tensor) -> Tensor:
        """Features (B, N_l, h, w) to pictures (B, 3, H, W), near 0..1."""
        h = F
        for i, convs in enumerate(self.grids):
            if i:
                h = fn.interpolate(h, scale_factor=2, mode="nearest")
            assert isinstance(convs, nn.ModuleList)
            for conv in convs:
                h = fn.relu_(conv(h))
        return fn.pixel_shuffle(self.last(h), 2)


class Decoders(nn.ModuleDict):
    """A decoder for each level, by the layer's name."""

    def __init__(self) -> None:
        super().__init__({name: Decoder(SlimEncoder.channels()[name], grids) for name, grids in LEVELS.items()})

    def of(self, name: str) -> Decoder:
        """One level's decoder."""
        decoder = self[name]
        assert isinstance(decoder, Decoder)
        return decoder


def load(device: torch.device) -> Decoders:
    """The package's decoders."""
    decoders = Decoders()
    decoders.load_state_dict({key: tensor.float() for key, tensor in load_file(FILE).items()})
    return decoders.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
