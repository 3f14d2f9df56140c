"""The API's description: valid, complete, and what the server does."""

from __future__ import annotations

import re

import jsonschema
from aiohttp import ClientSession

from bot.chat.web.api.description import PROBLEMS, document
from engine.recipe import SETTINGS
from engine.wire import Failed
from tests.bot.chat.web.api.harness import Script
from tests.bot.chat.web.harness import Site


async def test_every_address_is_described(session: ClientSession, at: Site) -> None:
    described = await Script(session, at).get("/api/v1/openapi.json")
    assert described["openapi"] == "3.1.0"
    ours = {
        (method, path) for path, methods in described["paths"].items() for method in methods if method != "parameters"
    }
    served = set()
    for route in at.web._server._application().router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith("/api/v1/") and route.method != "HEAD":
            served.add((route.method.lower(), re.sub(r":[^}]*\}", "}", path.removeprefix("/api/v1"))))
    assert ours == served - {("get", "/openapi.json")}


async def test_what_is_answered_is_what_is_described(session: ClientSession, at: Site) -> None:
    script = Script(session, at)
    schemas = {"$defs": document()["components"]["schemas"]}

    def check(value: object, name: str) -> None:
        schema = {"$ref": f"#/$defs/{name}"} | schemas
        text = str(schema).replace("#/components/schemas/", "#/$defs/")
        jsonschema.Draft202012Validator(eval(text)).validate(value)

    ordered = await script.accepted()
    check(ordered, "Picture")
    order = await at.engine.order()
    at.engine.does(Failed(order.job, "refused", "No."))
    async with script.listening(ordered) as stream:
        check(await stream.until("failed"), "Picture")
    for style in await script.get("/api/v1/styles"):
        check(style, "Style")
    check((await script.order(recipe="nothing"))[1], "Problem")


async def test_the_page_for_people_names_everything(session: ClientSession, at: Site) -> None:
    page = (await Script(session, at).get("/api")).decode()
    for name in SETTINGS:
        assert f"<code>{name}=</code>" in page
    for status in PROBLEMS:
        assert f"<code>{status}</code>" in page
    for word in ("Idempotency-Key", "POST /api/v1/pictures", "application/problem+json", "curl -F photo=@"):
        assert word in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!/)', page) == [], "nothing is fetched from elsewhere"
