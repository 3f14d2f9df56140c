"""The API's page for people, made of its description."""

from __future__ import annotations

import html
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.chat.web.api.description import OPERATIONS, PROBLEMS, Operation, document
from bot.chat.web.api.schema import PREFIX, Order, Verification
from engine.recipe import MEANINGS, values

SENT = (Order.__name__, Verification.__name__)
TEMPLATE = Path(__file__).parents[1] / "static" / "api" / "page.html"


def text(origin: str) -> str:
    """The page, with examples for this address."""
    schemas = document()["components"]["schemas"]
    return string.Template(TEMPLATE.read_text("utf-8")).substitute(
        origin=html.escape(origin),
        prefix=PREFIX,
        operations="\n".join(map(_operation, OPERATIONS)),
        structs="\n".join(_struct(name, schema) for name, schema in schemas.items()),
        settings="\n".join(_row(f"{name}=", values(name), meaning) for name, meaning in MEANINGS.items()),
        problems="\n".join(_row(str(status), meaning) for status, meaning in PROBLEMS.items()),
    )


def _operation(operation: Operation) -> str:
    answers = (f"{status}: {what}" for status, (what, _) in operation.answers.items())
    path = html.escape(f"{operation.method.upper()} {PREFIX}{operation.path}")
    return f"<h3><code>{path}</code></h3><p>{html.escape(operation.text)}<br>{html.escape(' '.join(answers))}</p>"


def _struct(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", ()) if name in SENT else ()  # of what is sent
    rows = (
        _row(field, _type(of), " ".join(filter(None, ("Needed." if field in needed else "", _about(of)))))
        for field, of in schema["properties"].items()
    )
    about = html.escape(schema.get("description", ""))
    return f'<h3>{name}</h3><p>{about}</p><div class="wide"><table><tbody>{_joined(rows)}</tbody></table></div>'


def _about(schema: dict[str, Any]) -> str:
    return str(schema.get("description", "")).partition("\n")[0]  # the recipe's settings have a table of their own


def _type(schema: dict[str, Any]) -> str:
    """What a field holds, in a word or two."""
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("contentEncoding") == "base64":
        return "file, or base64"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "")).replace("null", "nothing")


def _row(first: str, *others: str) -> str:
    cells = (f"<td>{html.escape(other)}</td>" for other in others)
    return f"<tr><td><code>{html.escape(first)}</code></td>{_joined(cells)}</tr>"


def _joined(parts: Iterable[str]) -> str:
    return "".join(parts)
