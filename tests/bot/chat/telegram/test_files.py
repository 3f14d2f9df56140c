"""Photos, or files where something is no photo to Telegram or may not be sent."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from bot.dialog.gallery import PER_SHEET
from tests.bot.chat.telegram.harness import (
    ANN,
    CAT,
    GROUP,
    NAMES,
    PAGES,
    PAINTED,
    finished,
    labels,
    message_with,
    painted,
    paints,
    pressed,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Call, Refuse
from tests.pictures import clip, picture


def grain(width: int, height: int) -> bytes:
    """A PNG that cannot be compressed well."""
    image = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


async def test_a_picture_over_ten_megabytes_goes_as_a_smaller_photo_and_the_original_file_is_whole(
    server: FakeTelegram,
) -> None:
    large = grain(2000, 1900)
    assert len(large) > 10_000_000
    async with telegram_bot(server, paints(large, width=2000, height=1900)):
        result = await painted(server)
        assert "photo" in result
        assert len(result["_data"]) <= 10_000_000
        assert result["_data"].startswith(b"\xff\xd8")
        server.presses(ANN, result["message_id"], "Original file")
        (file,) = await server.until(lambda: server.made("sendDocument"))
        assert list(file.files.values()) == [large]


@pytest.mark.parametrize("size", [(2100, 100), (9000, 1001)])
async def test_a_picture_that_can_be_no_photo_goes_as_a_file(server: FakeTelegram, size: tuple[int, int]) -> None:
    odd = picture((1, 2, 3), size)
    async with telegram_bot(server, paints(odd, width=size[0], height=size[1])):
        result = await painted(server)
        assert result["_data"] == odd
        assert "document" in result
        assert "/stylize starrynight" in result["caption"]


async def test_a_picture_that_telegram_will_not_have_as_a_photo_goes_as_a_file(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.faults.append(("editMessageMedia", Refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")))
        assert "document" in await painted(server)


def _bars(server: FakeTelegram, *kinds: str) -> None:
    """Let nobody send files of these kinds to the group."""
    handled = {method: getattr(server, f"_on_{method}") for method in ("sendPhoto", "editMessageMedia")}

    def bar(method: str, kind: str, call: Call) -> object:
        if kind in kinds and int(call.parameters["chat_id"]) == GROUP:
            raise Refuse(400, f"Bad Request: not enough rights to send {kind}s to the chat")
        return handled[method](call)

    server._on_sendPhoto = lambda call: bar("sendPhoto", "photo", call)  # type: ignore[method-assign]
    server._on_editMessageMedia = lambda call: bar(  # type: ignore[method-assign]
        "editMessageMedia", call.parameters["media"]["type"], call
    )


async def test_where_photos_may_not_be_sent_the_picture_comes_as_a_file(server: FakeTelegram) -> None:
    _bars(server, "photo")
    async with telegram_bot(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        await message_with(server, GROUP, "coming up")
        await it.finish(1)
        (result,) = await finished(server, GROUP)
        assert "document" in result
        assert result["_data"] == PAINTED


async def test_where_no_pictures_may_be_sent_the_message_says_so_and_the_gallery_is_text(
    server: FakeTelegram,
) -> None:
    _bars(server, "photo", "document")
    async with telegram_bot(server) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        explained = await message_with(server, GROUP, "The Scream: finished, but I may not send pictures here.")
        assert "/again" in explained["text"]
        await it.lost()
        server.says(GROUP, "/styles")
        gallery = await message_with(server, GROUP, f"{len(NAMES)} styles")
        assert labels(gallery)[:PER_SHEET] == NAMES[:PER_SHEET]
        await pressed(server, gallery["message_id"], "▶", GROUP)
        assert f"Page 2 of {PAGES}" in server.messages[GROUP, gallery["message_id"]]["text"]


@pytest.mark.parametrize("sent", [{"animation": clip()}, {"sticker": clip("WEBP"), "video": True}])
async def test_a_clip_is_answered_with_an_animation(server: FakeTelegram, sent: dict) -> None:
    moving = clip(color=(0, 0, 0))
    async with telegram_bot(server, paints(moving, media_type="image/gif", notes=("Flicker 0.04.",))) as it:
        server.says(ANN, "/stylize starrynight seed=7", **sent)
        (result,) = await finished(server, ANN)
        assert (result["_data"], "photo" in result, bool(result["animation"])) == (moving, False, True)
        assert "Flicker 0.04." in result["caption"]
        assert "Again" in labels(result)
        (order,) = it.engine.runs
        assert order.photo in sent.values()
        assert set(order.plays) == {"video/mp4", "image/gif"}
        assert order.most_bytes == 50_000_000
        server.presses(ANN, result["message_id"], "Original file")
        (file,) = await server.until(lambda: server.made("sendDocument"))
        assert list(file.files.values()) == [moving]


async def test_a_fine_picture_has_a_button_for_how_it_was_painted(server: FakeTelegram) -> None:
    async with telegram_bot(server, paints(), paints(clip(), media_type="image/gif")) as it:
        result = await painted(server, text="/stylize starrynight mode=fine steps=9")
        await pressed(server, result["message_id"], "How it was painted")
        *_, film = await finished(server, ANN, 2)
        assert "animation" in film
        assert "How it was painted" not in labels(film)
        assert it.engine.runs[1].recipe.clip == "yes"


async def test_a_morph_is_ordered_by_the_names_of_its_styles(server: FakeTelegram) -> None:
    async with telegram_bot(server, paints(clip(), media_type="image/gif")) as it:
        server.says(ANN, "/morph starrynight greatwave frames=9", photo=CAT)
        (result,) = await finished(server, ANN)
        assert result["caption"].startswith("A morph: The Starry Night")
        recipe = it.engine.runs[0].recipe
        assert ([share.name for share in recipe.styles], recipe.frames) == (["starrynight", "greatwave"], 9)
