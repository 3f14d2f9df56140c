"""The web chat over HTTP: the gallery, as the page gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import gallery
from tests.bot.chat.web.harness import Site, Tab
from tests.pictures import picture, pictures_from, swatches


async def test_styles_come_with_their_pictures_where_there_are_any(
    tab: Tab, at: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures_from(tmp_path, monkeypatch)
    assert not any(style["preview"] or style["swatch"] for style in await tab.styles())
    async with tab.session.get(at.url + "style/starrynight/preview.webp") as answer:
        assert answer.status == 404
    swatches(tmp_path, monkeypatch)
    assert all(style["preview"] == style["swatch"] for style in await tab.styles())
    async with tab.session.get(at.url + "style/starrynight/swatch.webp") as answer:
        assert (answer.status, answer.content_type) == (200, "image/webp")
        assert await answer.read() == (tmp_path / "swatches" / "starrynight.webp").read_bytes()
    for nothing in ("style/..%2fstyles/swatch.webp", "style/starrynight/other.webp", "style/nobody/swatch.webp"):
        async with tab.session.get(at.url + nothing) as answer:
            assert answer.status == 404


async def test_a_styles_picture_is_kept_by_browsers_until_it_is_another(
    tab: Tab, at: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    before = (await tab.styles())[0]["preview"]
    assert "immutable" in await _kept(tab, before)
    made = tmp_path / "previews" / "starrynight.webp"
    made.parent.mkdir()
    made.write_bytes(picture(kind="WEBP"))
    monkeypatch.setattr(gallery.Style, "preview", property(lambda style: made))
    after = (await tab.styles())[0]["preview"]
    assert after != before
    assert "immutable" in await _kept(tab, after)
    made.write_bytes(picture(size=(10, 10), kind="WEBP"))
    assert await _kept(tab, after) == "no-cache"


async def _kept(tab: Tab, address: str) -> str:
    async with tab.session.get(tab.at.url + address.removeprefix("/")) as answer:
        assert answer.status == 200
        return answer.headers["Cache-Control"]


async def test_the_page_is_told_all_that_is_known_of_a_style(tab: Tab) -> None:
    wave = next(style for style in await tab.styles() if style["name"] == "greatwave")
    assert (wave["by"], wave["licence"]) == ("Katsushika Hokusai, c. 1831", "public domain: the artist died in 1849")
    assert (wave["tags"], wave["strength"], wave["brush"], wave["fast"]) == (
        ["woodblock", "sea", "blue"],
        42,
        1.0,
        True,
    )
    dore = next(style for style in await tab.styles() if style["name"] == "dore")
    assert "gustave dore" in dore["words"]
