"""The web chat over HTTP: from a photo and a line to the picture, or to the reason why there is none."""

from __future__ import annotations

from aiohttp import ClientSession

from bot.core.jobs import State
from engine import gallery, wire
from tests.bot.chat.web.harness import LINE, Site, Tab
from tests.pictures import clip, picture
from tests.waiting import eventually


async def test_a_photo_and_a_line_become_a_picture(tab: Tab, at: Site) -> None:
    photo, painting = picture(), picture((10, 20, 90), (128, 86))
    async with tab.listening() as room:
        blob = await tab.photo(photo)
        assert (await room.entry("photo"))["name"] == "cat.png"
        await tab.say(LINE, blob)
        assert (await room.entry("said"))["photo"] == blob
        answer = await room.entry("answer")
        paint = await at.engine.order()
        assert paint.photo == photo
        assert (answer["job"], answer["title"]) == (paint.job, "The Starry Night")
        at.engine.does(wire.Progress(paint.job, 0.5, "step 50 of 100"))
        shown = await room.until(lambda event: "step 50" in event.get("live", {}).get("text", ""))
        assert shown["live"]["done"] == 0.5
        at.engine.finishes(paint, painting, ("The photo was turned upright.",))
        done = await room.entry("finished")
    assert done["line"].startswith("/stylize starrynight mode=fast")
    assert "seed=7" in done["line"]
    assert done["credit"] == "The Starry Night, Vincent van Gogh, 1889"
    assert (done["width"], done["height"], done["photo"]) == (128, 86, blob)
    assert done["notes"] == ["The photo was turned upright."]
    assert done["file"] == "cat-starrynight.png"
    status, body, answered = await tab.get(f"/blob/{done['picture']}/{done['file']}?download")
    assert (status, body, answered.content_type) == (200, painting, "image/png")
    assert answered.headers["Content-Disposition"] == f'attachment; filename="{done["file"]}"'


async def test_a_refusal_is_shown_and_leaves_no_job(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await tab.say("/stylize starynite", await tab.photo())
        answer = await room.entry("answer")
    assert answer["refused"]
    assert "Did you mean starrynight" in answer["text"]
    assert at.engine.orders.empty()


async def test_styles_are_answered_with_cards(tab: Tab) -> None:
    async with tab.listening() as room:
        await tab.say("/styles")
        cards = (await room.entry("answer"))["cards"]
    assert {card["name"] for card in cards} == {style.name for style in gallery.default()}


async def test_a_cancelled_job_is_ended_and_the_button_is_not_shown_as_a_message(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        job = (await room.entry("answer"))["job"]
        await at.engine.order()
        await tab.say(f"/cancel {job}", quiet=True)
        ended = await room.entry("told")
        assert (ended["job"], ended["cancelled"]) == (job, True)
    async with tab.listening() as room:
        entries = [event["entry"] for event in await room.backlog() if "entry" in event]
    assert [entry["text"] for entry in entries if entry["type"] == "said"] == [LINE]
    assert all(entry.get("quiet") for entry in entries if entry["type"] == "answer" and "job" not in entry)


async def test_again_shows_the_photo_of_the_picture_that_it_repeats(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        blob = await tab.photo()
        await tab.say(LINE, blob)
        await room.entry("answer")
        await tab.photo(name="another.png")
        await tab.say("/again strength=80")
        assert (await room.entry("answer"))["photo"] == blob


async def test_a_second_picture_is_the_style_and_stays_with_what_is_made_of_it(tab: Tab, at: Site) -> None:
    photo, style = picture(), picture((10, 200, 30))
    async with tab.listening() as room:
        blob, tiles = await tab.photo(photo), await tab.photo(style, "tiles.png")
        await tab.say("/stylize mine strength=60", blob, style=tiles)
        message, answer = await room.entry("said"), await room.entry("answer")
        paint = await at.engine.order()
        assert (paint.photo, paint.style) == (photo, style)
        assert (message["style"], answer["style"], answer["title"]) == (tiles, tiles, "A picture of your own")
        at.engine.finishes(paint, picture())
        done = await room.entry("finished")
        assert (done["photo"], done["style"], done["credit"]) == (blob, tiles, "A picture of your own")
        await tab.say("/again mode=fine")
        assert (await room.entry("answer"))["style"] == tiles
        assert (await at.engine.order()).style == style


async def test_a_style_picture_of_another_room_is_unavailable(tab: Tab, at: Site, session: ClientSession) -> None:
    tiles = await Tab(session, at).photo()
    status, answer = await tab.say("/stylize mine", await tab.photo(), style=tiles)
    assert (status, answer["error"]) == (404, "This photo is no longer kept. Send it again.")


async def test_previews_are_shown_in_their_own_room_only(tab: Tab, at: Site, session: ClientSession) -> None:
    small = picture(kind="JPEG")
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        at.engine.does(wire.Preview(paint.job, small))
        live = (await room.until(lambda event: event.get("live", {}).get("preview")))["live"]
    path = f"/preview/{paint.job}/{live['preview']}.jpg"
    assert (await tab.get(path))[:2] == (200, small)
    assert (await Tab(session, at).get(path))[0] == 404


async def test_jobs_of_the_web_end_delivered(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        at.engine.does(wire.Failed(paint.job, "refused", "This photo cannot be read."))
        assert (await room.entry("told"))["text"] == "This photo cannot be read."

    async def notified() -> bool:
        job = await at.store.job(paint.job)
        return job is not None and job.state is State.NOTIFIED

    await eventually(notified)


async def test_a_clip_is_kept_and_answered_with_a_clip(tab: Tab, at: Site) -> None:
    sent, moving = clip("WEBP"), clip(color=(0, 0, 0))
    async with tab.listening() as room:
        blob = await tab.photo(sent, "cat.webp")
        await tab.say(LINE, blob)
        paint = await at.engine.order()
        assert paint.photo == sent
        assert {"image/gif", "image/webp", "video/mp4"} <= set(paint.plays)
        at.engine.finishes(paint, moving, media_type="image/gif")
        done = await room.entry("finished")
    assert done["media_type"] == "image/gif"
    assert done["file"].endswith(".gif")
    status, data, answer = await tab.get(f"/blob/{done['picture']}/{done['file']}")
    assert (status, data, answer.headers["Content-Type"]) == (200, moving, "image/gif")
