"""What every test may rely on: no settings from outside, and little real things to work with."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from bot.engine_process.command import WAITING
from engine import gallery

# Before torch reads it, here and in the processes that tests start. At pictures as small as the tests' a second thread
# takes more than it gives: four files of them took 2.5 times the processor's time with two. Tests that are about
# threads say how many, and those wait as the engine's do.
for name, value in {"OMP_NUM_THREADS": "1", **WAITING}.items():
    os.environ.setdefault(name, value)

HOMES = itertools.count()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What the tests are made of stays to the end: Python need not look at it again and again for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of their own, for pytest looks through all its folders to number the next."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, _homes: Path) -> None:
    """Nobody's configuration, cache or journal reaches a test, nor is touched by one."""
    for variable in [name for name in os.environ if name.startswith("IMPASTO_")]:
        monkeypatch.delenv(variable)
    home = _homes / str(next(HOMES))
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def styles() -> gallery.Gallery:
    """The package's own gallery."""
    return gallery.default()


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).parent.parent
