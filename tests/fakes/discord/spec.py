"""Discord's own description of its requests, and what is wrong with a request by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.fakes.descriptions import description


@cache
def spec() -> Spec:
    """Discord's own; skips the test where it is missing."""
    return Spec(description("discord-openapi.json"))


class Spec:
    """An OpenAPI description."""

    def __init__(self, contents: dict[str, Any]) -> None:
        self._contents = contents
        self._seen: dict[tuple[str, str, str], list[str]] = {}
        self._paths: dict[str, Any] = contents["paths"]
        registry: Any = Registry().with_resource(
            "urn:discord", Resource.from_contents(contents, default_specification=DRAFT202012)
        )
        self._validator = lambda schema: Draft202012Validator(schema, registry=registry)

    def wrong(self, method: str, path: str, body: Any) -> list[str]:
        """What is wrong with a request, as sentences."""
        request = method, path, json.dumps(body)
        if request not in self._seen:  # every test begins with the same commands, which are much to look through
            self._seen[request] = list(self._wrong(method, path, body))
        return self._seen[request]

    def _wrong(self, method: str, path: str, body: Any) -> Iterator[str]:
        template = self._template(path)
        operation = self._paths.get(template, {}).get(method.lower())
        if operation is None:
            yield f"{method} {path} is not in Discord's API"
            return
        if body is None or "requestBody" not in operation:
            return
        pointer = template.replace("~", "~0").replace("/", "~1")
        schema = {
            "$ref": f"urn:discord#/paths/{pointer}/{method.lower()}/requestBody/content/application~1json/schema"
        }
        body = _normal(body, method)
        for error in self._validator(schema).iter_errors(body):
            where = "/".join(map(str, error.absolute_path))
            yield f"{method} {path}: {where}: {error.message[:300]}"
        inner = operation["requestBody"]["content"]["application/json"]["schema"]
        for key in self._strangers(body, inner):
            yield f"{method} {path}: the key {key} is unknown"

    def _template(self, path: str) -> str:
        parts = path.split("/")
        for template in self._paths:
            names = template.split("/")
            if len(names) == len(parts) and all(
                n == p or (n.startswith("{") and not p.startswith("@")) for n, p in zip(names, parts, strict=True)
            ):
                return template
        return path

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            found = self._contents
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _branches(self, value: Any, schema: Any) -> Iterator[Any]:
        """The parts of a schema that this value fulfils."""
        schema = self._resolved(schema)
        yield schema
        for inner in schema.get("allOf", ()):
            yield from self._branches(value, inner)
        for inner in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            absolute = json.loads(json.dumps(inner).replace('"#/', '"urn:discord#/'))
            if self._validator(absolute).is_valid(value):
                yield from self._branches(value, inner)

    def _strangers(self, value: Any, schema: Any, where: str = "") -> Iterator[str]:
        branches = list(self._branches(value, schema))
        if isinstance(value, list):
            items = [branch["items"] for branch in branches if "items" in branch]
            for index, item in enumerate(value):
                for inner in items[:1]:
                    yield from self._strangers(item, inner, f"{where}/{index}")
        if isinstance(value, dict):
            known: dict[str, Any] = {}
            for branch in branches:
                known |= branch.get("properties", {})
            if not known or any("additionalProperties" in branch for branch in branches):
                return
            for key, item in value.items():
                if key not in known:
                    yield f"{where}/{key}"
                else:
                    yield from self._strangers(item, known[key], f"{where}/{key}")


def _normal(value: Any, method: str) -> Any:
    """Without what discord.py sends beside the description and Discord takes: ids as numbers, a few idle keys."""
    if isinstance(value, list):
        return [_normal(item, method) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        if key == "tts" and method == "PATCH":
            continue
        if key == "nsfw" and "type" in value and method == "PUT":
            continue
        # Of an attachment that is kept, discord.py repeats what Discord said of it.
        if "url" in value and "filename" in value and key not in ("id", "filename", "description"):
            continue
        is_id = key == "id" or key.endswith("_id")
        counts = key in ("id",) and value.get("type") in range(1, 19)  # a component's number
        found[key] = str(item) if is_id and isinstance(item, int) and not counts else _normal(item, method)
    return found
