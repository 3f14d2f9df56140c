"""What people write, with which pictures, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import NotNow
from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    PAINTED,
    finished,
    message_with,
    painted,
    pressed,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse
from tests.pictures import picture


async def test_a_reply_to_a_photo_is_answered_in_one_message_with_all_about_the_picture(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/stylize starrynight seed=7777777 size=96", reply=photo)
        (result,) = await finished(server, GROUP)
        assert result["_data"] == PAINTED
        assert result["reply_to_message"]["message_id"] == photo
        credit, line, time = result["caption"].split("\n")
        assert credit == "The Starry Night, Vincent van Gogh, 1889"
        assert line.startswith("/stylize starrynight mode=fast")
        assert "seed=7777777" in line
        assert time == "2 s"
        (code,) = result["caption_entities"]
        assert code["type"] == "code"
        assert result["caption"][code["offset"] :][: code["length"]] == line
        assert len(server.of_bot(GROUP)) == 1
        assert it.engine.runs[0].photo == CAT


@pytest.mark.parametrize("kind", ["photo", "document", "sticker"])
@pytest.mark.parametrize("how", ["reply", "caption"])
async def test_photos_documents_and_stickers_can_be_painted(server: FakeTelegram, kind: str, how: str) -> None:
    data = picture((5, 6, 7), (64, 64), "WEBP") if kind == "sticker" else CAT
    async with telegram_bot(server) as it:
        if how == "caption":
            server.says(ANN, "/stylize starrynight", **{kind: data})
        else:
            server.says(ANN, "/stylize starrynight", reply=server.says(ANN, silent=True, **{kind: data}))
        await finished(server, ANN)
        assert it.engine.runs[0].photo == data


async def test_an_item_of_an_album_is_a_photo_like_any_other(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, photo=CAT, album="a", silent=True)
        other = server.says(GROUP, photo=PAINTED, album="a", silent=True)
        server.says(GROUP, "/stylize@Impasto_Bot starrynight", reply=other)
        (result,) = await finished(server, GROUP)
        assert result["reply_to_message"]["message_id"] == other
        assert [paint.photo for paint in it.engine.runs] == [PAINTED]


async def test_what_is_not_for_us_is_left_alone(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(GROUP, "/stylize@another_bot starrynight", photo=CAT)
        server.says(GROUP, "what a nice day")
        server.says(GROUP, "a photo", photo=CAT)
        server.says(GROUP, "/weather")
        server.says(ANN, "/queue")
        await message_with(server, ANN, "no pictures waiting")
        assert server.of_bot(GROUP) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sticker": CAT, "moving": True}, "This sticker is animated"),
        ({"document": b"%PDF", "mime": "application/pdf"}, "This file is not a supported picture"),
        ({"photo": CAT, "size": 21 * 2**20}, "has 21 MB, and 20 MB is the limit"),
    ],
)
async def test_what_cannot_be_painted_is_refused_with_the_reason(server: FakeTelegram, more: dict, words: str) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/stylize starrynight", **more)
        await message_with(server, ANN, words)


async def test_a_file_that_telegram_finds_too_big_is_refused_in_the_same_words(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.faults.append(("getFile", Refuse(400, "Bad Request: file is too big")))
        server.says(ANN, "/stylize starrynight", document=CAT)
        await message_with(server, ANN, "send it as a photo instead of a file")


# --- A picture of one's own as the style -----------------------------------------------------------------------------


TILES = picture((10, 150, 60), (48, 48))


@pytest.mark.parametrize("text", ["/stylize mine", "/stylize@impasto_bot starrynight:30+mine:70 strength=60"])
@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_a_reply_with_a_picture_says_which_is_the_style(server: FakeTelegram, text: str, chat: int) -> None:
    async with telegram_bot(server) as it:
        photo = server.says(chat, user=BOB, photo=CAT, silent=True)
        server.says(chat, text, document=TILES, reply=photo)
        (result,) = await finished(server, chat)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
        assert result["reply_to_message"]["message_id"] == photo
        assert "mode=universal" in result["caption"]


async def test_of_an_album_of_two_the_second_is_the_style_and_stays_it(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        server.says(ANN, "/stylize mine", photo=CAT, album="m")
        server.says(ANN, photo=TILES, album="m", spoiler=True)
        (result,) = await finished(server, ANN)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
        assert result["has_media_spoiler"], "the style shows in the picture"
        await server.until(lambda: server.pending == 0)
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        await pressed(server, result["message_id"], "Stronger")
        await finished(server, ANN, 2)
        await pressed(server, result["message_id"], "Finer")
        await finished(server, ANN, 3)
        server.says(ANN, "/again strength=20")
        await finished(server, ANN, 4)
        assert {(paint.photo, paint.style) for paint in it.engine.runs} == {(CAT, TILES)}


async def test_an_album_of_two_without_mine_is_two_pictures(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize scream", photo=CAT, album="n")
        server.says(ANN, photo=TILES, album="n")
        await finished(server, ANN, 2)
        assert [paint.style for paint in it.engine.runs] == [None, None]


async def test_a_style_that_comes_late_is_waited_for_no_longer_and_taken_all_the_same(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize mine", photo=CAT, album="l")
        await message_with(server, ANN, "Which picture is the style?")
        server.says(ANN, photo=TILES, album="l")
        await finished(server, ANN)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]


async def test_one_picture_or_three_with_mine_are_answered_with_what_to_send(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize mine", photo=CAT)
        await message_with(server, ANN, "Which picture is the style? Send two pictures")
        server.says(ANN, "/stylize mine")
        await message_with(server, ANN, "Which photo? Send two pictures")
        for index in range(3):
            server.says(ANN, "/stylize mine" if index == 0 else "", photo=CAT, album="o")
        await message_with(server, ANN, "These are 3 pictures, and /stylize mine takes two")
        server.says(GROUP, "/stylize mine", photo=CAT, album="p")
        await message_with(server, GROUP, "In a group I am shown only one picture of an album")
        photo = server.says(GROUP, photo=CAT, silent=True)
        server.says(GROUP, "/stylize mine+starynight", photo=TILES, reply=photo)
        offer = await message_with(server, GROUP, "Did you mean")
        server.presses(GROUP, offer["message_id"], "mine+starrynight")
        await finished(server, GROUP)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]


# --- Commands, and the settings of a group ---------------------------------------------------------------------------


async def test_commands_and_description_are_registered_and_not_again(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server):
        await server.until(lambda: server.short_description and server.made("setMyShortDescription"))
        names = [command["command"] for command in server.commands["all_group_chats"]]
        assert {
            "stylize",
            "styles",
            "queue",
            "cancel",
            "again",
            "settings",
            "help",
            "about",
            "privacy",
            "forgetme",
        } <= set(names)
        assert server.commands["all_private_chats"] == server.commands["all_group_chats"]
    async with telegram_bot(server):
        await server.until(lambda: len(server.made("getMyShortDescription")) == 2)
        server.says(ANN, "/help")
        await message_with(server, ANN, "/help options")
        assert len(server.made("setMyCommands")) == 2
        assert len(server.made("setMyDescription")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/styles", "styles. Send a photo"),
        ("/queue", "You have no pictures waiting"),
        ("/cancel", "nothing to cancel"),
        ("/again", "You have no order to repeat"),
        ("/help", "/help options"),
        ("/about", "MIT licence"),
        ("/privacy", "I keep your photo"),
        ("/start", "I repaint photos"),
        ("/xyzzy", "There is no command /xyzzy"),
    ],
)
async def test_every_command_is_answered(server: FakeTelegram, text: str, words: str) -> None:
    async with telegram_bot(server):
        server.says(ANN, text)
        await message_with(server, ANN, words)


async def test_settings_are_for_admins_and_hold_for_the_group(server: FakeTelegram, tmp_path: Path) -> None:
    server.chat(GROUP, forum=True)
    server.admins.add((GROUP, ANN))
    async with telegram_bot(server, path=tmp_path / "journal"):
        server.says(GROUP, "/settings who=admins", user=BOB, thread=5)
        await message_with(server, GROUP, "Only admins can change")
        server.says(GROUP, "/settings style=greatwave size=80 topics=here who=admins", user=ANN, thread=5)
        await message_with(server, GROUP, "Done. Settings here now")
        await server.until(lambda: server.pending == 0)
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        server.says(GROUP, "/stylize", photo=CAT, user=BOB, thread=5)
        await message_with(server, GROUP, "Only admins may order")
        server.says(GROUP, "/stylize", photo=CAT, user=ANN, thread=6)
        await message_with(server, GROUP, "in this part of the group")
        server.says(GROUP, "/stylize", photo=CAT, user=ANN, thread=5)
        (result,) = await finished(server, GROUP)
        assert "/stylize greatwave" in result["caption"]
        assert it.engine.runs[0].recipe.size == 80
        # An anonymous admin writes as the group.
        server.says(GROUP, "/settings who=everyone", thread=5, sender_chat=server.chat(GROUP))
        await server.until(lambda: "who=everyone" in str(server.of_bot(GROUP)[-1].get("text")))


# --- before a photo is fetched ---------------------------------------------------------------------------------------


async def test_an_order_above_the_limit_is_refused_before_its_photo_is_fetched(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows, open_jobs=1) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await message_with(server, ANN, "step 60")
        for _ in range(3):
            server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: sum("the limit is 1" in m.get("text", "") for m in server.of_bot(ANN)) == 3)
        assert len(server.made("getFile")) == 1
        it.let_go()
        await finished(server, ANN)


async def test_of_an_album_above_the_limit_only_what_is_taken_is_fetched(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows, open_jobs=2) as it:
        for number in range(5):
            server.says(ANN, "/stylize scream" if not number else "", photo=CAT, album="one")
        await message_with(server, ANN, "3 of your 5 pictures were not taken")
        assert len(server.made("getFile")) == 2
        await it.finish(2)
        await finished(server, ANN, 2)


async def test_an_order_while_the_bot_is_not_open_comes_again_and_is_no_refusal(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with telegram_bot(server) as it:
        accept, refusals = it.studio.accept, [NotNow("The bot is being restarted."), NotNow("The bot is starting.")]

        async def closed_at_first(*args: Any) -> Any:
            if refusals:
                raise refusals.pop()
            return await accept(*args)

        monkeypatch.setattr(it.studio, "accept", closed_at_first)
        await painted(server)
        assert not refusals
        assert len(server.of_bot(ANN)) == 1


@pytest.mark.parametrize(
    "happened",
    [
        {"message_auto_delete_timer_changed": {"message_auto_delete_time": 86400}},
        {"new_chat_title": "Painters"},
        {"new_chat_members": [{"id": 9, "is_bot": False, "first_name": "Eve"}]},
    ],
)
@pytest.mark.filterwarnings("ignore:.*PTB_TIMEDELTA")  # the library warns of what it will read the timer as
@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_what_telegram_only_reports_is_not_answered(server: FakeTelegram, happened: Any, chat: int) -> None:
    async with telegram_bot(server):
        server.says(chat, **happened)
        photo = server.says(chat, photo=CAT, silent=True)
        server.says(chat, pinned_message=server._shown(server.messages[chat, photo]))
        server.says(chat, "/help")
        await message_with(server, chat, "/help options")
        assert len(server.of_bot(chat)) == 1
