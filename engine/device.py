"""Where tensors live: choosing the device, its name for people, and what its failures mean."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import torch

# Pixels, long side. Up to here a second thread saved at most a quarter of the time on two idle cores; where other
# programs wanted the cores too, it took up to half as long again.
SMALL = 256

T = TypeVar("T")
R = TypeVar("R")
log = logging.getLogger("engine")


def choose(wanted: str) -> tuple[torch.device, tuple[str, ...]]:
    """The device to paint on for ``auto``, ``cpu`` or ``cuda``, and notes for the operator about the choice."""
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu"), ()
    if not torch.cuda.is_available():
        return torch.device("cpu"), ("engine.device is cuda, but torch finds no GPU: painting on the CPU.",)
    return torch.device("cuda"), ()


def wake(device: torch.device) -> None:
    """Have a GPU's driver set itself up while it may still ask the system for what it likes: the cage is shut next."""
    if device.type == "cuda":
        with suppress(RuntimeError):  # no memory just now, for example: the first picture finds out, and says so
            torch.zeros(1, device=device).cpu()


def keep_to(device: torch.device, share: int) -> None:
    """Never take more than one of so many parts of a GPU's memory: other processes paint there too."""
    if device.type == "cuda" and share > 1:
        torch.cuda.set_per_process_memory_fraction(1 / share, device)


@functools.cache
def quick_type(device: torch.device) -> torch.dtype:
    """The type to multiply in: bfloat16 where the processor has instructions for it, else float32.

    Emulated, as before AVX512-bf16, it is slower than float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    cpu = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    has = cpu.get("avx512_bf16") or cpu.get("amx_bf16") or cpu.get("bf16")  # the last on Arm
    return torch.bfloat16 if has else torch.float32


def in_words(device: torch.device) -> str:
    """``CPU, 2 threads`` or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    count = torch.get_num_threads()
    return f"CPU, {count} thread{'s' if count > 1 else ''}"


def held() -> int:
    """Bytes that this process has in the machine's memory."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return 0


def free(device: torch.device, at_rest: int, share: int = 1) -> int:
    """Bytes that a picture could take; 0 where the system does not say.

    Args:
        at_rest: what this process held when it had painted nothing yet. What it holds beyond that is used again.
        share: how many processes share a GPU. What the others have not taken yet is theirs.
    """
    if device.type == "cuda":
        unused, in_all = torch.cuda.mem_get_info(device)
        used = torch.cuda.memory_allocated(device)
        return max(0, min(unused + torch.cuda.memory_reserved(device), in_all // share) - used)
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
        return min(found, _left_in_group()) + max(0, held() - at_rest)
    return 0


def _left_in_group() -> int:
    """Bytes until the limit that a container has, by control groups of the second version; without one, very many."""
    with suppress(OSError, ValueError):
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        return max(0, limit - used)
    return 2**62


def with_threads_for(size: int, stages: Generator[T, None, R]) -> Generator[T, None, R]:
    """The stages, with one thread for every step of a small picture, the process's own number for all others.

    Sums are in another order with another number of threads: the number may depend on what the recipe says, never on
    how busy the machine is, or the same line would not be the same picture. Between two steps the number is the
    process's own again, for another picture may be painted there.
    """
    count = torch.get_num_threads()
    try:
        while True:
            torch.set_num_threads(1 if size <= SMALL else count)
            try:
                stage = next(stages)
            except StopIteration as end:
                result: R = end.value
                return result
            finally:
                torch.set_num_threads(count)
            yield stage
    finally:
        stages.close()


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
