"""The most memory that one picture takes, in a process of its own: on a CPU all of it, on a GPU the GPU's."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from pathlib import Path

import msgspec
import torch

from engine.painter import TorchPainter, set_up_process
from engine.wire import EngineSettings, Paint

TIMEOUT = 3600.0  # seconds; the slowest mode of a large picture takes minutes


def of_picture(order: Paint) -> int:
    """The bytes that a new process takes to start and to paint this order."""
    command = [sys.executable, "-m", "engine.train.measure.memory"]
    done = subprocess.run(
        command, input=msgspec.msgpack.encode(order), stdout=subprocess.PIPE, timeout=TIMEOUT, check=True
    )
    return int(done.stdout)


def peak() -> int:
    """The most bytes that this process has had so far."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    # Not `getrusage`: the kernel has its maximum begin with the size of the process that started this one.
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return 1024 * int(found[1])


def main() -> None:
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Paint)
    set_up_process(EngineSettings())
    deque(TorchPainter(EngineSettings()).paint(order), maxlen=0)
    print(peak())


if __name__ == "__main__":
    main()
