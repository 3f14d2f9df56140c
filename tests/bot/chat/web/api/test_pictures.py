"""Pictures over HTTP: ordered, followed, fetched, taken back."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import msgspec
import pytest
import torch
from aiohttp import ClientSession
from PIL import Image

from bot.chat.web.door import converting, sending
from bot.core.limits import Limits
from engine.images.encode import encode_png
from engine.wire import Failed, Preview, Progress
from tests.bot.chat.web.api.harness import PHOTO, Script
from tests.bot.chat.web.harness import Site, site
from tests.pictures import clip, picture

PAINTED = picture((10, 60, 120), (96, 64))


@pytest.fixture
def script(session: ClientSession, at: Site) -> Script:
    return Script(session, at)


async def finished(script: Script, ordered: dict, data: bytes = PAINTED, media_type: str = "image/png") -> dict:
    """The picture, once the engine has painted it."""
    async with script.listening(ordered) as stream:
        script.at.engine.finishes(await script.at.engine.order(), data, ("A note.",), media_type)
        return await stream.until("finished")


async def test_an_order_is_followed_until_its_picture_can_be_fetched(script: Script) -> None:
    ordered = await script.accepted()
    async with script.listening(ordered) as stream:
        order = await script.at.engine.order()
        assert order.photo == PHOTO
        script.at.engine.does(Progress(order.job, 0.5, "step 60 of 120"))
        while "step 60" not in (painting := await stream.next())["text"]:
            pass
        assert (painting["state"], painting["done"], painting["place"]) == ("painting", 0.5, None)
        script.at.engine.does(Preview(order.job, b"a small picture"))
        while "preview" not in (painting := await stream.next())["links"]:
            pass
        assert await script.get(painting["links"]["preview"]) == b"a small picture"
        script.at.engine.finishes(order, PAINTED, ("A note.",))
        done = await stream.until("finished")
        assert await stream.ended()
    assert (done["width"], done["height"], done["seconds"], done["notes"]) == (96, 64, 12.3, ["A note."])
    assert done["line"].startswith("/stylize starrynight mode=fast")
    assert "seed=7" in done["line"]
    assert done["file"] == "my-harbour-starrynight.png"
    assert "Vincent van Gogh" in done["credit"]
    status, result, answer = await script.ask("GET", done["links"]["result"])
    assert (status, result, answer.content_type) == (200, PAINTED, "image/png")
    assert 'filename="my-harbour-starrynight.png"' in answer.headers["Content-Disposition"]
    assert await script.get(ordered["links"]["self"]) == done


async def test_orders_may_be_json(script: Script) -> None:
    body = {"recipe": "mine", "photo": base64.b64encode(PHOTO).decode(), "style": base64.b64encode(PAINTED).decode()}
    json = {"Content-Type": "application/json"}
    status, ordered, answer = await script.ask("POST", "/api/v1/pictures", msgspec.json.encode(body), json)
    assert (status, answer.headers["Location"]) == (202, ordered["links"]["self"])
    order = await script.at.engine.order()
    assert (order.photo, order.style) == (PHOTO, PAINTED)


@pytest.mark.parametrize(("wanted", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
async def test_a_picture_comes_in_the_format_that_was_asked_for(script: Script, wanted: str, kind: str) -> None:
    done = await finished(script, await script.accepted(format=wanted))
    with Image.open(io.BytesIO(await script.get(done["links"]["result"]))) as result:
        assert (result.format, result.size) == (kind, (96, 64))
    assert done["media_type"] == f"image/{wanted}"
    assert done["file"].endswith({"jpeg": ".jpg"}.get(wanted, f".{wanted}"))


async def test_a_photo_of_ordinary_size_fits_into_a_form(script: Script) -> None:
    photo = PHOTO + bytes(600_000)
    status, _ = await script.order(photo=photo)
    assert status == 202
    assert (await script.at.engine.order()).photo == photo


async def test_what_moves_is_answered_as_the_order_says(script: Script) -> None:
    await script.accepted()
    first = await script.at.engine.order()
    assert "image/gif" in first.plays
    await script.accepted(format="gif")
    script.at.engine.does(Failed(first.job, "refused", "No."))
    second = await script.at.engine.order()
    assert second.plays == ("image/gif",)
    ordered = await script.accepted(format="jpeg")
    script.at.engine.does(Failed(second.job, "refused", "No."))
    async with script.listening(ordered) as stream:
        third = await script.at.engine.order()
        assert third.plays == ()
        script.at.engine.finishes(third, PAINTED)
        await stream.until("finished")
    ordered = await script.accepted(format="gif")
    done = await finished(script, ordered, clip("GIF"), "image/gif")
    assert (done["media_type"], done["file"]) == ("image/gif", "my-harbour-starrynight.gif")
    assert await script.get(done["links"]["result"]) == clip("GIF")


async def test_a_waiting_picture_has_a_place_and_can_be_cancelled(script: Script) -> None:
    first = await script.accepted()
    order = await script.at.engine.order()
    second = await script.accepted()
    assert (second["state"], second["place"]) == ("waiting", 1)
    status, cancelled, _ = await script.ask("DELETE", second["links"]["self"])
    assert (status, cancelled["state"]) == (200, "cancelled")
    async with script.listening(second) as stream:
        assert (await stream.next())["state"] == "cancelled"
    script.at.engine.finishes(order, PAINTED)
    async with script.listening(first) as stream:
        await stream.until("finished")


async def test_a_picture_that_is_being_painted_can_be_cancelled(script: Script) -> None:
    ordered = await script.accepted()
    await script.at.engine.order()
    async with script.listening(ordered) as stream:
        assert (await script.ask("DELETE", ordered["links"]["self"]))[0] == 200
        await stream.until("cancelled")
    status, problem, _ = await script.ask("GET", f"{ordered['links']['self']}/result")
    assert (status, problem["detail"]) == (409, "This picture is cancelled, so there is nothing to fetch yet.")


async def test_a_finished_picture_can_be_deleted(script: Script) -> None:
    ordered = await script.accepted()
    done = await finished(script, ordered)
    status = 409
    while status == 409:  # until the journal has noted that it was delivered
        status, body, _ = await script.ask("DELETE", done["links"]["self"])
    assert (status, body) == (204, b"")
    for path in done["links"].values():
        assert (await script.ask("GET", path))[0] == 404


async def test_a_failed_picture_says_why(script: Script) -> None:
    ordered = await script.accepted()
    async with script.listening(ordered) as stream:
        order = await script.at.engine.order()
        script.at.engine.does(Failed(order.job, "refused", "This is text, not a picture."))
        failed = await stream.until("failed")
    assert failed["text"] == "This is text, not a picture."
    assert "result" not in failed["links"]


async def test_the_same_key_is_one_picture_and_another_order_may_not_have_it(script: Script) -> None:
    status, first = await script.order(key="a-key")
    assert (status, (await script.order(key="a-key"))[1]["id"]) == (202, first["id"])
    status, problem = await script.order(key="a-key", recipe="scream")
    assert status == 422
    assert "Take a new one for every order" in problem["detail"]
    assert (await script.order(key="b-key"))[1]["id"] != first["id"]
    assert (await script.order(key="k" * 201))[0] == 400


async def test_an_order_survives_a_restart_and_is_answered_once(session: ClientSession, tmp_path: Path) -> None:
    async with site(tmp_path / "journal.sqlite3") as at:
        script = Script(session, at)
        done = await finished(script, await script.accepted())
        _, ordered = await script.order(key="again")
        await at.engine.order()
    async with site(tmp_path / "journal.sqlite3") as at:
        script = Script(session, at)
        assert (await script.get(done["links"]["self"]))["state"] == "finished"
        assert await script.get(done["links"]["result"]) == PAINTED
        assert (await script.order(key="again"))[1]["id"] == ordered["id"]
        assert (await finished(script, ordered))["state"] == "finished"
        assert at.engine.orders.empty()


async def test_the_limits_are_those_of_everybody(session: ClientSession) -> None:
    async with site(limits=Limits(open_jobs=1)) as at:
        script = Script(session, at)
        await script.accepted()
        status, problem, answer = await script.ask("POST", "/api/v1/pictures", b"{}", {"Content-Type": "text/plain"})
        assert (status, answer.content_type) == (429, "application/problem+json"), "before the order is even read"
        assert problem["detail"].startswith("1 of your pictures is waiting; the limit is 1. Cancel one")
        assert "Retry-After" in answer.headers


async def test_the_styles_are_listed_with_their_previews(script: Script) -> None:
    listed = await script.get("/api/v1/styles")
    assert listed[0]["name"] == "starrynight"
    preview = await script.get(listed[0]["preview"])
    assert Image.open(io.BytesIO(preview)).format == "WEBP"


async def test_a_result_comes_in_parts_and_whole(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    done = await finished(script, await script.accepted())
    for part in (100, len(PAINTED), len(PAINTED) - 1):
        monkeypatch.setattr(sending, "PART", part)
        assert await script.get(done["links"]["result"]) == PAINTED


async def test_so_many_converted_pictures_are_in_memory_and_no_more(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converting, "SENT", 0)
    done = await finished(script, await script.accepted(format="jpeg"))
    status, problem, answer = await script.ask("GET", done["links"]["result"])
    assert (status, "Retry-After" in answer.headers) == (503, True)
    assert problem["detail"].startswith("Too many pictures are being fetched")


# --- verifying -------------------------------------------------------------------------------------------------------

LINE = "/stylize starrynight mode=fast strength=42 brush=1 colors=style faces=keep size=96 seed=7"
OURS = encode_png(torch.full((3, 64, 96), 0.5), LINE)


@pytest.mark.parametrize(
    ("note", "same"),
    [
        ("Verified: identical, in every pixel.", True),
        ("Verified: the same to the eye (40 dB, at most 9 of 255 apart).", True),
        ("Verified: it differs (12 dB, at most 200 of 255 apart), perhaps because it was changed since.", False),
    ],
)
async def test_a_picture_is_held_against_what_its_own_line_makes_of_its_photo(
    script: Script, note: str, same: bool
) -> None:
    ordered = await script.verified(picture=OURS, photo=PHOTO)
    assert (ordered["line"], ordered["same"]) == (LINE, None)
    async with script.listening(ordered) as stream:
        order = await script.at.engine.order()
        assert (order.photo, order.checked) == (PHOTO, OURS)
        script.at.engine.finishes(order, PAINTED, (note,))
        done = await stream.until("finished")
    assert (done["same"], done["notes"]) == (same, [note])


async def test_a_picture_that_does_not_say_its_line_is_verified_by_the_one_that_comes_along(script: Script) -> None:
    json = {"Content-Type": "application/json"}
    sent = {name: base64.b64encode(data).decode() for name, data in {"picture": PAINTED, "photo": PHOTO}.items()}
    status, said, _ = await script.ask("POST", "/api/v1/verifications", msgspec.json.encode(sent), json)
    assert (status, said["detail"]) == (422, "This picture does not say how it was made. Send its line as recipe.")
    sent["recipe"] = LINE
    status, ordered, _ = await script.ask("POST", "/api/v1/verifications", msgspec.json.encode(sent), json)
    assert (status, ordered["line"]) == (202, LINE)
    assert (await script.at.engine.order()).checked == PAINTED


async def test_a_texture_is_verified_without_a_photo(script: Script) -> None:
    line = "/stylize starrynight mode=texture size=64 steps=2 seed=7"
    ordered = await script.verified(picture=encode_png(torch.full((3, 64, 64), 0.5), line))
    assert ordered["line"].startswith("/stylize starrynight mode=texture ")
    order = await script.at.engine.order()
    assert order.photo is None
    assert order.checked


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"photo": PHOTO}, "Object missing required field `picture`"),
        ({"picture": OURS}, "There is no photo to paint"),
        ({"picture": OURS, "photo": PHOTO, "format": b"png"}, "There is no field “format”: they are picture, photo"),
    ],
)
async def test_it_is_said_what_a_verification_lacks(script: Script, fields: dict[str, bytes], why: str) -> None:
    status, said = await script.verify(**fields)
    assert status in (400, 422)
    assert why in said["detail"]


async def test_one_key_is_one_verification(script: Script) -> None:
    first = (await script.verify(key="one", picture=OURS, photo=PHOTO))[1]
    assert (await script.verify(key="one", picture=OURS, photo=PHOTO))[1]["id"] == first["id"]
    status, said = await script.verify(key="one", picture=OURS, photo=PAINTED)
    assert (status, "another order" in said["detail"]) == (422, True)
