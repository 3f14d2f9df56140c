"""The official description of the Bot API, against which requests, and our own answers, are checked.

It lies beside the checkout, or where IMPASTO_SPECS says. Where it is missing, tests that need it are skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
# Read when this is imported: the tests take every IMPASTO_ variable away.
SPECS = Path(os.environ.get("IMPASTO_SPECS", ROOT.parent / "shared" / "specs"))
SPEC_FILE = SPECS / "telegram-bot-api.json"


class Spec:
    """The official description, as a judge. Every method returns sentences about what is wrong."""

    def __init__(self) -> None:
        if not SPEC_FILE.is_file():
            pytest.skip(f"{SPEC_FILE} is missing: what the bot sends to Telegram cannot be checked (IMPASTO_SPECS)")
        description = json.loads(SPEC_FILE.read_text("utf-8"))
        self.methods, self.types = description["methods"], description["types"]

    def request(self, method: str, parameters: dict[str, Any], files: dict[str, bytes]) -> list[str]:
        if method not in self.methods:
            return [f"there is no method {method}"]
        fields = {field["name"]: field for field in self.methods[method].get("fields", [])}
        wrong = [
            f"{method}: unknown parameter {name}"
            for name in (*parameters, *files)
            if name not in fields and parameters.get(name) is not None
        ]
        for name, field in fields.items():
            if name in parameters:
                if not any(self.fits(kind, parameters[name]) for kind in field["types"]):
                    wrong.append(f"{method}: {name} is no {field['types']}: {parameters[name]!r}"[:300])
            elif field["required"] and name not in files:
                wrong.append(f"{method}: {name} is missing")
        return wrong

    def answer(self, method: str, result: Any) -> list[str]:
        if method not in self.methods:
            return []
        kinds = self.methods[method]["returns"]
        return (
            []
            if any(self.fits(kind, result) for kind in kinds)
            else [f"our answer to {method} is no {kinds}: {result!r}"[:400]]
        )

    def fits(self, kind: str, value: Any) -> bool:
        if kind.startswith("Array of "):
            inner = kind.removeprefix("Array of ")
            return isinstance(value, list) and all(self.fits(inner, item) for item in value)
        match kind:
            case "Integer":
                return isinstance(value, int) and not isinstance(value, bool)
            case "Float":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "String":
                return isinstance(value, str)
            case "Boolean" | "True":
                return isinstance(value, bool)
            case "InputFile":
                return isinstance(value, str | bytes)
        definition = self.types[kind]
        if "subtypes" in definition:
            return any(self.fits(subtype, value) for subtype in definition["subtypes"])
        if not isinstance(value, dict):
            return False
        fields = {field["name"]: field for field in definition.get("fields", [])}
        if set(value) - set(fields):
            return False
        for name, field in fields.items():
            if name not in value:
                if field["required"]:
                    return False
            elif not any(self.fits(inner, value[name]) for inner in field["types"]):
                return False
        return True
