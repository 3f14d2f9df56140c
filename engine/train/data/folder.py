"""The data folder: where it is, and which of its photos are for training and which for measuring."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.train.data.crops import load

DATA = Path("../shared/data")


def held_out(path: Path) -> bool:
    """Whether a photo is kept for measuring: a fixed 1 in 30, by its name."""
    return sum(path.name.encode()) % 30 == 0


def all_photos(data: Path) -> list[Path]:
    return sorted((data / "photos/train").glob("*.jpg"))


def training_photos(data: Path) -> list[Path]:
    return [path for path in all_photos(data) if not held_out(path)]


def held_out_photos(data: Path) -> list[Path]:
    return [path for path in all_photos(data) if held_out(path)]


def evaluation_photos(data: Path) -> list[Path]:
    return sorted((data / "photos/eval").glob("*.jpg"))


def paintings(data: Path) -> list[Path]:
    return sorted((data / "paintings").glob("*.jpg"))


def picture(path: Path, device: torch.device | str = "cpu", short: int | None = None) -> Tensor:
    """The picture at ``path``, (1, 3, H, W) in 0..1; its short side at most ``short`` pixels."""
    return load(path, short)[None].to(device).float() / 255
