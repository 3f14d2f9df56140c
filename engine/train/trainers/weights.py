"""Writing trained weights into the package."""

from __future__ import annotations

import logging
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

log = logging.getLogger(__name__)


def save_half(network: nn.Module, file: Path, metadata: dict[str, str]) -> None:
    """The network's weights as fp16 safetensors; ``metadata`` tells what they are."""
    file.parent.mkdir(exist_ok=True)
    save_file(
        {name: tensor.half().contiguous().cpu() for name, tensor in network.state_dict().items()}, file, metadata
    )
    file.chmod(0o644)
    log.info("wrote %s, %d bytes", file, file.stat().st_size)
