"""The platforms' own descriptions of their APIs, against which every request to a fake server is checked.

They lie beside the checkout, or where IMPASTO_SPECS says. Where one is missing, the tests that need it are skipped: a
fake that checks nothing would approve of everything.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# Read when this is imported: the tests take every IMPASTO_ variable away.
FOLDER = Path(os.environ.get("IMPASTO_SPECS") or Path(__file__).parents[3] / "shared" / "specs")


@cache
def description(file: str) -> Any:
    """The contents of a description; skips the test where it is missing."""
    path = FOLDER / file
    if not path.is_file():
        pytest.skip(f"{path} is missing, so requests cannot be checked (IMPASTO_SPECS)")
    return json.loads(path.read_text("utf-8"))


def missing() -> str:
    """Why a programme that needs the descriptions cannot run, as a sentence; empty where it can."""
    files = ("telegram-bot-api.json", "discord-openapi.json")
    if all((FOLDER / file).is_file() for file in files):
        return ""
    return f"The platforms' API descriptions are not in {FOLDER}. IMPASTO_SPECS names the folder that has them."
