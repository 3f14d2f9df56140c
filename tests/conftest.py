"""What every test may rely on: no settings from outside, and little real things to work with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import gallery


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody's configuration, cache or journal reaches a test, nor is touched by one."""
    for variable in [name for name in os.environ if name.startswith("IMPASTO_")]:
        monkeypatch.delenv(variable)
    home = tmp_path_factory.mktemp("home")
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
