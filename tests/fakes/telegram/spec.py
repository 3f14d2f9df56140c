"""The official description of the Bot API, as a judge of requests and of our own answers."""

from __future__ import annotations

from typing import Any

from tests.fakes.descriptions import description


class Spec:
    """The official description, as a judge. Every method returns sentences about what is wrong."""

    def __init__(self) -> None:
        contents = description("telegram-bot-api.json")
        self.methods, self.types = contents["methods"], contents["types"]

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
