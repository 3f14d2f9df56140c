"""A generator's file: read, held against the layout layer by layer, and written."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.fast.generator import EPSILON, ResNetGenerator

MOST_BLOCKS = 12  # with more, what a pixel depends on reaches beyond a tile's margin
FIRST = "model.1.weight"
STATISTICS = ("running_mean", "running_var")

State = dict[str, Tensor]


class GeneratorError(ValueError):
    """A file is no generator that can paint; says why, in a sentence that begins with the file."""


def load(path: Path) -> ResNetGenerator:
    """The generator of a file: safetensors, or ``.pth`` as torch writes weights alone.

    Raises:
        GeneratorError
    """
    try:
        state = _plain(_read(path))
        generator = _fitting(state)
    except GeneratorError as error:
        raise GeneratorError(f"{path} {error}") from error
    state = {name: tensor.float() for name, tensor in state.items()}
    generator.load_state_dict(_folded(state, generator) if generator.kind == "batch" else state)
    return generator.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def save(generator: ResNetGenerator, path: Path, metadata: Mapping[str, str]) -> None:
    """Write it as fp16 safetensors; ``metadata`` tells what trained it, on which data, when."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().half().contiguous().cpu() for name, tensor in _stored(generator).items()}
    save_file(state, path, {"what": "a generator, engine/fast/generator.py", **metadata})
    path.chmod(0o644)


def _read(path: Path) -> State:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise GeneratorError(f"cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise GeneratorError("is damaged, or no safetensors file.") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError) as error:
        raise GeneratorError("is damaged, or holds more than weights. Save the network's state_dict alone.") from error
    if not isinstance(found, Mapping) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise GeneratorError("does not hold a network's weights by name. Save the network's state_dict alone.")
    return {str(name): tensor for name, tensor in found.items()}


def _plain(state: State) -> State:
    """The weights by the names of a network that was trained on one GPU and without dropout."""
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    second = state.get("model.10.conv_block.6.weight")
    if second is not None and second.dim() == 4:  # with dropout, what follows it in a block has the next number
        state = {re.sub(r"conv_block\.([67])\.", _one_less, name): tensor for name, tensor in state.items()}
    # Averages over the training, which torch before 0.4 stored, and instance normalisation does not use.
    unused = ("num_batches_tracked", *(() if _is_batch(state) else STATISTICS))
    return {name: tensor for name, tensor in state.items() if not name.endswith(unused)}


def _one_less(number: re.Match[str]) -> str:
    return f"conv_block.{int(number[1]) - 1}."


def _is_batch(state: State) -> bool:
    return "model.2.weight" in state


def _fitting(state: State) -> ResNetGenerator:
    """A generator of the size that these weights have."""
    first = state.get(FIRST)
    if first is None or first.dim() != 4:
        raise GeneratorError(f"is no ResNet generator as CycleGAN has it: there is no {FIRST} of four dimensions.")
    blocks = sum(name.endswith("conv_block.1.weight") for name in state)
    if not 1 <= blocks <= MOST_BLOCKS:
        raise GeneratorError(f"has {blocks} residual blocks. Generators with 1 to {MOST_BLOCKS} can be used.")
    generator = ResNetGenerator(len(first), blocks, "batch" if _is_batch(state) else "instance")
    wanted = {name: tensor.shape for name, tensor in _stored(generator).items()}
    for name, shape in wanted.items():
        if name not in state:
            raise GeneratorError(f"is incomplete: {name} is missing.")
        if state[name].shape != shape:
            raise GeneratorError(f"has {name} of the shape {_text(state[name].shape)}, and it must be {_text(shape)}.")
        if not (state[name].is_floating_point() and state[name].isfinite().all()):
            raise GeneratorError(f"has values in {name} that are no numbers to paint with.")
    if superfluous := next((name for name in state if name not in wanted), None):
        raise GeneratorError(f"has {superfluous[:80]}, which the ResNet generator of CycleGAN does not have.")
    return generator


def _stored(generator: ResNetGenerator) -> State:
    return _unfolded(generator) if generator.kind == "batch" else generator.state_dict()


def _text(shape: torch.Size) -> str:
    return "×".join(str(n) for n in shape) or "a single number"


# --- batch normalisation, which is a part of the convolutions in memory and by itself in a file ----------------------


def _normalised(generator: ResNetGenerator) -> Iterator[tuple[str, str, int]]:
    """Every convolution that is normalised: its name, that of the normalisation, and the dimension of its filters."""
    convs = [(name, module) for name, module in generator.named_modules() if hasattr(module, "weight")]
    for name, module in convs[:-1]:
        before, _, number = name.rpartition(".")
        yield name, f"{before}.{int(number) + 1}", 1 if isinstance(module, nn.ConvTranspose2d) else 0


def _folded(state: State, generator: ResNetGenerator) -> State:
    folded = dict(state)
    for conv, norm, dimension in _normalised(generator):
        gamma, beta, mean, variance = (folded.pop(f"{norm}.{part}") for part in ("weight", "bias", *STATISTICS))
        scale = gamma * torch.rsqrt(variance + EPSILON)
        shape = [1] * 4
        shape[dimension] = -1
        folded[f"{conv}.weight"] = state[f"{conv}.weight"] * scale.view(shape)
        folded[f"{conv}.bias"] = beta - mean * scale
    return folded


def _unfolded(generator: ResNetGenerator) -> State:
    state = dict(generator.state_dict())
    for conv, norm, _ in _normalised(generator):
        bias = state.pop(f"{conv}.bias")
        parts = (torch.ones_like(bias), bias, torch.zeros_like(bias), torch.ones_like(bias))
        state |= {f"{norm}.{part}": t for part, t in zip(("weight", "bias", *STATISTICS), parts, strict=True)}
    return state
