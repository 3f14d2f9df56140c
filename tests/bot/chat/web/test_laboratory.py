"""The laboratory in a room of the page."""

from __future__ import annotations

import pytest

from tests.bot.chat.web.harness import Site, Tab
from tests.pictures import picture


@pytest.mark.parametrize(
    ("line", "credit"),
    [
        ("/texture starrynight depth=3", "Texture: The Starry Night, Vincent van Gogh, 1889"),
        ("/map", "A map of the gallery"),
    ],
)
async def test_a_picture_may_need_no_photo(tab: Tab, at: Site, line: str, credit: str) -> None:
    async with tab.listening() as room:
        await tab.say(line)
        answer = await room.entry("answer")
        paint = await at.engine.order()
        assert paint.photo is None
        at.engine.finishes(paint, picture())
        done = await room.entry("finished")
    assert answer["title"] == credit.removesuffix(", Vincent van Gogh, 1889")
    assert (done["credit"], done.get("photo"), done.get("style")) == (credit, None, None)


@pytest.mark.parametrize(
    ("line", "compared"),
    [("/dream conv4_1", True), ("/reconstruct conv4_1", True), ("/grid starrynight", False), ("/like", False)],
)
async def test_only_what_is_the_photo_repainted_is_laid_over_it(tab: Tab, at: Site, line: str, compared: bool) -> None:
    photo = picture()
    async with tab.listening() as room:
        blob = await tab.photo(photo)
        await tab.say(line, blob)
        paint = await at.engine.order()
        assert paint.photo == photo
        at.engine.finishes(paint, picture())
        done = await room.entry("finished")
    assert (done["photo"] == blob) is compared


async def test_a_texture_of_ones_own_picture_shows_it_as_its_style(tab: Tab, at: Site) -> None:
    photo = picture()
    async with tab.listening() as room:
        blob = await tab.photo(photo)
        await tab.say("/texture", blob)
        paint = await at.engine.order()
        assert (paint.photo, paint.style) == (None, photo)
        at.engine.finishes(paint, picture())
        done = await room.entry("finished")
    assert (done["photo"], done["style"]) == (None, blob)


async def test_the_page_knows_which_commands_take_pictures_and_styles(tab: Tab) -> None:
    async with tab.session.get(tab.at.url + "gallery.json") as answer:
        about = await answer.json()
    assert about["styled"] == ["/stylize", "/stylise", "/sheet", "/texture", "/grid", "/morph", "/explain"]
    assert {"/dream", "/reconstruct", "/suggest", "/like"} <= set(about["orders"])
    assert "/map" not in about["orders"]
