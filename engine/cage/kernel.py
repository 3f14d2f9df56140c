"""How this process speaks to the kernel where Python has no words for it."""

from __future__ import annotations

import ctypes


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
