"""Where tensors live: choosing the device, its name for people, and what its failures mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

log = logging.getLogger("engine")


def choose(wanted: str) -> tuple[torch.device, tuple[str, ...]]:
    """The device to paint on for ``auto``, ``cpu`` or ``cuda``, and notes for the operator about the choice."""
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu"), ()
    if not torch.cuda.is_available():
        return torch.device("cpu"), ("engine.device is cuda, but torch finds no GPU: painting on the CPU.",)
    return torch.device("cuda"), ()


def in_words(device: torch.device) -> str:
    """``CPU, 2 threads`` or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    count = torch.get_num_threads()
    return f"CPU, {count} thread{'s' if count > 1 else ''}"


def is_out_of_memory(error: RuntimeError) -> bool:
    # The CPU's allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Every way of running out of memory as MemoryError, with the GPU's cache released."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
        raise


@contextmanager
def exit_on_gpu_fault() -> Iterator[None]:
    """After a fault of the GPU every later call fails as well: only a new process, which gets the job, can go on."""
    try:
        yield
    except RuntimeError as error:
        if type(error).__name__ == "AcceleratorError":  # torch.AcceleratorError, from torch 2.8 on
            log.exception("The GPU failed.")
            raise SystemExit(1) from error
        raise
