"""What a process in the cage can still do, and what it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine import cage
from engine.cage import landlock, system_calls
from engine.cage.kernel import libc

LANDLOCK = libc().syscall(landlock.CREATE_RULESET, None, 0, landlock.VERSION)
caged = pytest.mark.skipif(LANDLOCK < 4, reason="this kernel has no Landlock that knows of connections")
ENTER = """
import os, signal, socket, subprocess, sys, tempfile
from pathlib import Path
from engine import cage
here = Path(sys.argv[1])
held = cage.enter([here / "gallery"], [here / "cache"], network=len(sys.argv) > 2)
def refused(work):
    try:
        work()
    except OSError as error:
        return error.errno in (1, 13)
    return False
"""


def run(root: Path, here: Path, code: str, *more: str) -> str:
    """What a process prints that enters the cage and then does this."""
    words = [sys.executable, "-P", "-c", ENTER + code, str(here), *more]
    done = subprocess.run(
        words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(root)}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("gallery", "cache", "secrets"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return tmp_path


@caged
def test_it_reads_and_writes_what_it_was_given_and_nothing_else(root: Path, here: Path) -> None:
    found = run(
        root,
        here,
        """
print((here / "gallery/file").read_text(), (here / "cache/file").read_text(), "cage" in (cage.__file__))
(here / "cache/new").write_text("new")
print(refused((here / "secrets/file").read_text), refused(lambda: (here / "gallery/file").write_text("no")))
print(refused(lambda: os.listdir(Path.home())), refused(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()))
""",
    )
    assert found.split() == ["gallery", "cache", "True", "True", "True", "True", "True"]


@caged
def test_what_is_loaded_late_and_temporary_files_are_within_reach(root: Path, here: Path) -> None:
    code = """
import PIL.WebPImagePlugin, engine.gallery, sqlite3, ssl
with tempfile.TemporaryFile() as file:
    file.write(b"scratch")
print(len(engine.gallery.default().styles) > 0, next(iter(engine.gallery.default())).swatch.read_bytes()[:4])
"""
    assert run(root, here, code) == "True b'RIFF'"


@caged
@pytest.mark.parametrize("network", [False, True])
def test_it_connects_to_nobody_unless_there_is_something_to_download(root: Path, here: Path, network: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        code = f"print(refused(lambda: socket.create_connection({address})), *held, sep=',')"
        found = run(root, here, code, *(["network"] if network else [])).split(",")
    assert found[0] == str(not network)
    assert (cage.NETWORK in found) is not network
    assert {cage.NO_PRIVILEGES, cage.FILES} <= set(found)


@caged
def test_threads_and_children_are_in_it_too(root: Path, here: Path) -> None:
    code = """
import threading
found = []
thread = threading.Thread(target=lambda: found.append(refused((here / "secrets/file").read_text)))
thread.start(); thread.join()
print(*found, subprocess.run(["cat", str(here / "secrets/file")], capture_output=True).returncode)
"""
    assert run(root, here, code) == "True 1"


def test_a_kernel_without_landlock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        def prctl(self, *_: object) -> int:
            return 0

        def syscall(self, *_: object) -> int:
            return -1

    for module in (cage, landlock, system_calls):
        monkeypatch.setattr(module, "libc", Old)
    assert cage.enter(network=False) == (cage.NO_PRIVILEGES,)
    assert cage.shut(network=False) == ()
