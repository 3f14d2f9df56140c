"""The API's description (OpenAPI 3.1), made of the structs that it takes and gives."""

from __future__ import annotations

import functools
from importlib import metadata
from typing import Any, NamedTuple

import msgspec

from bot.chat.web.api.orders import PICTURES
from bot.chat.web.api.schema import PREFIX, Order, Picture, Problem, Style, Verification
from engine.recipe import MEANINGS, values

REF = "#/components/schemas/{name}"


class Operation(NamedTuple):
    """What can be asked for at one address."""

    method: str
    path: str  # below the prefix
    name: str
    text: str
    answers: dict[int, tuple[str, Any]]  # by status: in words, and the media types
    takes: type | None = None


def _json(kind: Any) -> dict[str, Any]:
    return {"application/json": {"schema": kind}}


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": REF.format(name=kind.__name__)}


_FILE = {"schema": {"type": "string", "format": "binary"}}
_PICTURE = _json(_ref(Picture))
_RESULT = {kind: _FILE for kind in ("image/png", "image/jpeg", "image/webp", "image/gif", "image/apng", "video/mp4")}
ONE = "/pictures/{id}"

OPERATIONS = (
    Operation(
        "post",
        "/pictures",
        "orderPicture",
        "Order a picture. It is on disk when this answers, and survives a restart. The same Idempotency-Key is never"
        " two pictures, so an order may be sent again when its answer was lost.",
        {202: ("A Picture, and its address as Location.", _PICTURE)},
        takes=Order,
    ),
    Operation(
        "post",
        "/verifications",
        "verifyPicture",
        "Have a picture painted once more, and say whether it is the one that was sent. It is an order like any other:"
        " follow it until it is finished, and read “same” and “notes”.",
        {202: ("A Picture, and its address as Location.", _PICTURE)},
        takes=Verification,
    ),
    Operation("get", ONE, "getPicture", "How it stands.", {200: ("A Picture.", _PICTURE)}),
    Operation(
        "get",
        f"{ONE}/events",
        "followPicture",
        "How it stands, whenever that changes, as server-sent events: each has the name “picture” and a Picture as its"
        " data. The stream ends when the picture is finished, failed or cancelled.",
        {200: ("The stream.", {"text/event-stream": {"schema": {"type": "string"}}})},
    ),
    Operation(
        "get",
        f"{ONE}/preview",
        "getPreview",
        "How the picture looks so far, while it is painted.",
        {200: ("A small picture.", {"image/jpeg": _FILE})},
    ),
    Operation(
        "get", f"{ONE}/result", "getResult", "The finished picture.", {200: ("The file, its line in it.", _RESULT)}
    ),
    Operation(
        "delete",
        ONE,
        "deletePicture",
        "Cancel a picture that waits or is being painted; delete one that is finished, failed or cancelled, and all"
        " that is kept of it.",
        {200: ("It is cancelled: a Picture.", _PICTURE), 204: ("It is deleted.", None)},
    ),
    Operation(
        "get",
        "/styles",
        "listStyles",
        "The gallery.",
        {200: ("Every style.", _json({"type": "array", "items": _ref(Style)}))},
    ),
)
PROBLEMS = {
    400: "It cannot be read.",
    401: "The access token is missing or wrong.",
    403: "It comes from another site's page, or is not allowed.",
    404: "There is no such picture, or it is no longer kept.",
    409: "Not in this state.",
    413: "Too large.",
    415: "Neither JSON nor a form.",
    422: "The recipe or the photo cannot be used.",
    429: "A limit stands in the way.",
    503: "Not at the moment.",
}


@functools.cache
def document() -> dict[str, Any]:
    """The description, as JSON has it."""
    _, schemas = msgspec.json.schema_components((Order, Verification, Picture, Problem, Style), ref_template=REF)
    recipe = schemas["Order"]["properties"]["recipe"]
    recipe["description"] += "\n\nSettings, as name=value:\n\n" + "\n".join(
        f"- `{name}=` {values(name)}: {meaning}." for name, meaning in MEANINGS.items()
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Impasto", "version": _version(), "summary": "Photos in the style of paintings."},
        "servers": [{"url": PREFIX}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "web.access_token of the configuration, where one is set.",
                }
            },
        },
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _ref(Problem)}}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "description": operation.text,
        "responses": {
            **{str(s): {"description": t} | ({"content": c} if c else {}) for s, (t, c) in operation.answers.items()},
            "default": {"description": "Why not, in a sentence.", "content": problem},
        },
    }
    if "{id}" in operation.path:
        described["parameters"] = [_parameter("id", "path", "Of the answer to the order.", required=True)]
    if operation.takes:
        key = "Up to 200 characters of your choice, new for every order."
        described["parameters"] = [_parameter("Idempotency-Key", "header", key)]
        described["requestBody"] = {
            "required": True,
            "content": _bodies(operation.takes, schemas[operation.takes.__name__]),
        }
    return described


def _parameter(name: str, where: str, text: str, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "description": text, "schema": {"type": "string"}}


def _bodies(kind: type, schema: dict[str, Any]) -> dict[str, Any]:
    """A form has the pictures as files, JSON in base64."""
    fields = {
        name: {"type": "string", "format": "binary", "description": of["description"]} if name in PICTURES else of
        for name, of in schema["properties"].items()
    }
    form = {"type": "object", "properties": fields, "required": schema["required"]}
    return {"multipart/form-data": {"schema": form}, "application/json": {"schema": _ref(kind)}}


def _version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "0"
