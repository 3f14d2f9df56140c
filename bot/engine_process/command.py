"""How the engine's processes are started: their command lines, and the environment that they may see."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from engine import wire


def worker_command(settings: wire.EngineSettings | None = None) -> list[str]:
    """How to start `engine.worker` with these settings."""
    # -P: not from the folder where the bot was started, which may hold another "engine".
    return [sys.executable, "-P", "-m", "engine.worker", wire.encode_settings(settings or wire.EngineSettings())]


def fetch_command(settings: wire.EngineSettings) -> list[str]:
    """How to start `engine.fetch` with these settings."""
    return [sys.executable, "-P", "-m", "engine.fetch", wire.encode_settings(settings)]


# Every step takes and returns the same gigabyte. Kept, and in huge pages, the kernel need not zero it again each time,
# which took a third of a pass at 1024 pixels. The engine gives it back when it has nothing to do.
MALLOC = {"hugetlb": 1, "mmap_max": 0, "trim_threshold": 2**40}
# A thread that waits for another by spinning keeps it from the core, where other programs want the cores too: ten
# small pictures took 11 s instead of 0.5. So it sleeps soon; said to GNU's OpenMP, which torch brings on Linux, and to
# LLVM's. Sleeping at once (OMP_WAIT_POLICY=PASSIVE) took up to twice as long.
WAITING = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}


# oneDNN keeps the code that it makes for every layer and shape of picture, up to 1024 of them. Our networks have some
# dozens of layers, so that what one picture needs is kept, and not what every size before it needed.
# torch's own layer above it keeps another 1024 of what a size needs: after 40 fine pictures of as many sizes they
# took 165 MB of the 525 in use.
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256", "LRU_CACHE_CAPACITY": "128"}
# What the engine may know of our environment: where things are, how to talk to people, and what steers its libraries.
# A list of what it may not know would always lack somebody's secret.
KNOWN = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "XDG_CACHE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy", "LRU_CACHE_CAPACITY"),
)
KNOWN_BEGINNINGS = (
    *("LC_", "LD_", "PYTHON", "GLIBC_", "MALLOC_", "OMP_", "GOMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_", "OPENBLAS_"),
    *("TORCH_", "PYTORCH_", "CUDA_", "NVIDIA_", "CUBLAS_", "CUDNN_"),
)
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the engine may know of ours: no secrets, and where the code lies that this process runs."""
    tunables = ":".join(f"glibc.malloc.{name}={value}" for name, value in MALLOC.items())
    return {"GLIBC_TUNABLES": tunables} | WAITING | CACHES | without_secrets(environ)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The same, without what is for painting only."""
    kept = {name: value for name, value in environ.items() if name in KNOWN or name.startswith(KNOWN_BEGINNINGS)}
    # A proxy that wants a password is for `impasto fetch` alone.
    kept |= {name: environ[name] for name in PROXIES if "@" not in environ.get(name, "@")}
    code = str(Path(wire.__file__).resolve().parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (code, environ.get("PYTHONPATH"))))
    return kept


def fetching_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The same for a process that is to download, and meets no stranger's file."""
    return clean_environment(environ) | {name: environ[name] for name in PROXIES if name in environ}
