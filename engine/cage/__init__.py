"""What the engine process gives up before it opens a stranger's file: privileges, other people's files, the network.

In two steps: `enter` before anything is loaded, `shut` when all is. Neither needs any rights, nothing brings back what
was given up, and where the kernel lacks a part, the others hold: each step says which do.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from engine.cage import landlock, system_calls
from engine.cage.kernel import libc

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h
NO_PRIVILEGES = "no new privileges"
FILES, NETWORK = "only its own files", "no TCP connections"
CALLS, SOCKETS = "no other programs or rare system calls", "no sockets"


def die_with_the_bot() -> None:
    """Have the kernel kill this process when the one that started it is gone, even if it was stopped itself."""
    with suppress(AttributeError):  # only Linux has this function
        libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter(reads: Iterable[Path | None] = (), writes: Iterable[Path | None] = (), *, network: bool) -> tuple[str, ...]:
    """Give up privileges, files and connections; before threads are started, for it holds only later ones.

    Args:
        reads, writes: files and folders to be kept within reach, beside the system's and Python's own.
        network: whether connections may still be made, as a download needs.

    Returns:
        What holds.
    """
    if not sys.platform.startswith("linux") or libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return ()
    files, connections = landlock.restrict(reads, writes, network=network)
    return NO_PRIVILEGES, *([FILES] if files else []), *([NETWORK] if connections else [])


def shut(*, network: bool) -> tuple[str, ...]:
    """Give up the system calls that only loading needed, and all that painting never does; for every thread.

    Args:
        network: as in `enter`, which comes first.

    Returns:
        What holds beside.
    """
    if not sys.platform.startswith("linux") or not system_calls.refuse(network=network):
        return ()
    return (CALLS,) if network else (CALLS, SOCKETS)
