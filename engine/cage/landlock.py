"""Landlock (Linux 5.13 and later): a list of what a process may reach, in files and by TCP."""

from __future__ import annotations

import os
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.cage.kernel import libc

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
VERSION, PATH_BENEATH = 1, 1  # linux/landlock.h, as all that follows
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE = 1 << 14
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
RIGHTS_SINCE = {1: (1 << 13) - 1, 2: 1 << 13, 3: TRUNCATE}  # by version of Landlock
TCP_RIGHTS = 0b11  # bind and connect, since version 4
SCOPES = 0b11  # abstract sockets, and signals, to processes outside: since version 6
READ = EXECUTE | READ_FILE | READ_DIR

# Where libraries and what they look up lie. Not all of /etc, /run and /proc: secrets may lie there.
SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/opt", "/nix", "/sys"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/driver", "/proc/devices"),
    *(f"/etc/{name}" for name in ("ld.so.cache", "ssl", "pki", "ca-certificates", "resolv.conf", "hosts")),
    *(f"/etc/{name}" for name in ("host.conf", "nsswitch.conf", "gai.conf", "localtime", "alternatives", "OpenCL")),
)
WRITABLE = ("/dev", "/proc/self/task")  # GPUs are devices; a thread's name is a file


def restrict(reads: Iterable[Path | None], writes: Iterable[Path | None], *, network: bool) -> tuple[bool, bool]:
    """Give up all other files, and connections unless ``network``; whether the one and the other holds now."""
    version = libc().syscall(CREATE_RULESET, None, 0, VERSION)
    if version < 1:
        return False, False
    rights = sum(added for since, added in RIGHTS_SINCE.items() if since <= version)
    net = TCP_RIGHTS if version >= 4 and not network else 0
    # The struct has grown with the versions, and an older kernel takes no longer one.
    fields = struct.pack("QQQ", rights, net, SCOPES)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = libc().syscall(CREATE_RULESET, fields, len(fields), 0)
    if rules < 0:
        return False, False
    try:
        for path, allowed in _reachable(reads, writes):
            _allow(rules, path, allowed & rights)
        if libc().syscall(RESTRICT_SELF, rules, 0) != 0:
            return False, False
    finally:
        os.close(rules)
    _scratch()
    return True, bool(net)


def _reachable(reads: Iterable[Path | None], writes: Iterable[Path | None]) -> Iterator[tuple[Path, int]]:
    everything = (1 << 15) - 1
    code = Path(__file__).resolve().parents[1]
    for name in (*SYSTEM, sys.prefix, sys.base_prefix):
        yield Path(name), READ
    for entry in map(Path, filter(None, sys.path)):
        # Beside our code, in a checkout, there may be a configuration: names may be listed there, and no more.
        yield entry, READ_DIR if entry.resolve() == code.parent else READ
    for part in (code, *code.parent.glob("*.egg-info")):
        yield part, READ
    for path in filter(None, reads):
        yield path, READ
    for path in (*map(Path, WRITABLE), *filter(None, writes)):
        yield path, everything


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this machine
        return
    try:
        if not path.is_dir():
            rights &= FILE_RIGHTS
        if rights:
            libc().syscall(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)


def _scratch() -> None:
    """Temporary files go where this process can still write: into memory, for /tmp has other people's."""
    if Path("/dev/shm").is_dir():
        tempfile.tempdir = os.environ["TMPDIR"] = "/dev/shm"
