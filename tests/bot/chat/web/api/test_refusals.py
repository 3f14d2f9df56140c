"""What the API refuses: with a status, and a sentence as application/problem+json."""

from __future__ import annotations

import msgspec
import pytest
from aiohttp import ClientSession

from tests.bot.chat.web.api.harness import PHOTO, Script
from tests.bot.chat.web.harness import Site, site

TOKEN = "correct horse battery staple"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def script(session: ClientSession, at: Site) -> Script:
    return Script(session, at)


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"recipe": "starynight"}, 422, "Did you mean starrynight?"),
        ({"recipe": "starrynight siz=64"}, 422, "Did you mean size?"),
        ({"recipe": "/help"}, 422, "/help orders no picture"),
        ({"recipe": "mine"}, 422, "Which picture is the style?"),
        ({"recipe": "starrynight size=4096 mode=fine"}, 422, "the limit is 2048"),
        ({"recipe": ""}, 400, "required field `recipe`"),
        ({"recipe": "x" * 2001}, 400, "recipe"),
        ({"format": "tiff"}, 400, "tiff"),
        ({"photos": "x"}, 400, "There is no field “photos”: they are recipe, photo, style, format."),
    ],
)
async def test_an_order_that_cannot_be_painted(
    script: Script, fields: dict[str, str], status: int, reason: str
) -> None:
    got, problem = await script.order(**fields)
    assert (got, problem["status"]) == (status, status)
    assert reason in problem["detail"]


async def test_a_missing_photo(script: Script) -> None:
    for photo in (None, b""):
        status, problem = await script.order(photo=photo)
        assert (status, problem["detail"].partition(".")[0]) == (422, "There is no photo to paint")


async def test_too_large_a_photo(session: ClientSession) -> None:
    async with site(max_photo_bytes=10_000) as at:
        script = Script(session, at)
        for size in (10_001, 60_000):  # more than the photo may have, more than the body may have
            status, problem = await script.order(photo=bytes(size))
            assert (status, "0.00954 MB is the limit" in problem["detail"]) == (413, True)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"starrynight", 415),
        (JSON, b"{", 400),
        (JSON, b"[" * 100_000, 400),
        (JSON, b"[]", 400),
        (JSON, b'{"recipe": "scream", "photo": "no base64!"}', 400),
        (JSON, b'{"recipe": "scream", "colour": 1}', 400),
        (FORM, b"", 400),
        (FORM, b"nothing like a form", 400),
        (FORM, b"--x\r\n" + b"A: b\r\n" * 1000 + b"\r\n\r\n--x--", 400),
        (FORM, b"--x\r\nContent-Disposition: form-data; name=recipe\r\n\r\n\xff\xfe\r\n--x--", 400),
        (FORM, b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--", 400),
        ({"Content-Type": "multipart/form-data"}, b"--x--", 400),
    ],
)
async def test_a_body_that_is_no_order(script: Script, headers: dict[str, str], body: bytes, status: int) -> None:
    got, problem, answer = await script.ask("POST", "/api/v1/pictures", body, headers)
    assert (got, answer.content_type) == (status, "application/problem+json")
    assert problem["detail"].endswith(".")


async def test_ids_are_not_to_be_guessed(script: Script) -> None:
    ordered = await script.accepted()
    id = ordered["id"]
    for wrong in (id[:8] + "0" * 24, "0" * 32):
        for method in ("GET", "DELETE"):
            assert (await script.ask(method, f"/api/v1/pictures/{wrong}"))[0] == 404
    for path in (id[:8], f"{id}x", "../styles/x"):
        status, problem, _ = await script.ask("GET", f"/api/v1/pictures/{path}")
        assert (status, problem["title"]) == (404, "Not Found")
    status, problem, _ = await script.ask("PUT", f"/api/v1/pictures/{id}")
    assert (status, problem["title"]) == (405, "Method Not Allowed")


async def test_pictures_of_the_page_are_not_to_be_had_here(script: Script) -> None:
    from tests.bot.chat.web.harness import Tab, only_job

    tab = Tab(script.session, script.at)
    await tab.say("/stylize starrynight", await tab.photo())
    job = await only_job(script.at)
    assert (await script.ask("GET", f"/api/v1/pictures/{job.id}{'0' * 24}"))[0] == 404


async def test_other_sites_pages_and_names_stay_outside(script: Script) -> None:
    foreign = Script(script.session, script.at, Origin="http://evil.example")
    assert (await foreign.order())[0] == 403
    rebound = Script(script.session, script.at, Host="evil.example")
    status, problem, _ = await rebound.ask("GET", "/api/v1/styles")
    assert (status, problem["status"]) == (403, 403)


async def test_with_a_token_only_who_knows_it_may_order(session: ClientSession) -> None:
    async with site(token=TOKEN) as at:
        for wrong in (Script(session, at), Script(session, at, Authorization="Bearer guess")):
            status, problem, answer = await wrong.ask("POST", "/api/v1/pictures", PHOTO)
            assert (status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="Impasto"')
            assert "Authorization: Bearer TOKEN" in problem["detail"]
        assert (await wrong.ask("GET", "/api"))[0] == 401
        right = Script(session, at, Authorization=f"Bearer {TOKEN}")
        ordered = await right.accepted()
        assert (await wrong.ask("GET", ordered["links"]["self"]))[0] == 401
        assert (await right.get(ordered["links"]["self"]))["id"] == ordered["id"]


async def test_what_moved_on_is_told_to_who_listens(script: Script) -> None:
    ordered = await script.accepted()
    streams = []
    for _ in range(8):
        streams.append(await script.session.get(script.at.url.rstrip("/") + ordered["links"]["events"]))
    status, problem, _ = await script.ask("GET", ordered["links"]["events"])
    assert (status, problem["detail"].partition(".")[0]) == (429, "Too many listen to pictures here")
    for stream in streams:
        stream.close()


def test_problems_have_the_words_of_http() -> None:
    from bot.chat.web.api.problems import problem

    assert msgspec.json.decode(problem(409, "Why.").body) == {
        "status": 409,
        "title": "Conflict",
        "detail": "Why.",
        "type": "about:blank",
    }
