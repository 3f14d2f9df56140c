"""The buttons under a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.chat.telegram.render import ROWS, SIGNS
from bot.dialog.buttons import Action
from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    PAINTED,
    WHICH,
    answer_to,
    finished,
    labels,
    message_with,
    painted,
    pressed,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse

LINE_BREAKS, LIMITED = None, Refuse(429, "Too Many Requests", retry_after=1)


async def test_the_buttons_do_what_they_say_and_outlive_a_restart(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server, path=tmp_path / "journal"):
        result = await painted(server, text="/stylize starrynight seed=7777777 strength=50")
        assert labels(result) == [
            *("Again", "Variations", "Stronger", "Softer"),
            *("Photo's colours", "Finer", "Larger"),
            *("Original file", "Delete"),
        ]
    async with telegram_bot(server, path=tmp_path / "journal"):
        for count, (label, words) in enumerate(
            [
                ("Stronger", "strength=70"),
                ("Softer", "strength=30"),
                ("Photo's colours", "colors=photo"),
                ("Larger", "size=2048"),
            ],
            2,
        ):
            query = server.presses(ANN, result["message_id"], label)
            await answer_to(server, query)
            newest = (await finished(server, ANN, count))[-1]
            assert words in newest["caption"]
            assert "seed=7777777" in newest["caption"]
            assert newest["reply_to_message"]["message_id"] == result["reply_to_message"]["message_id"]
        server.presses(ANN, result["message_id"], "Again")
        assert "seed=7777777" not in (await finished(server, ANN, 6))[-1]["caption"]
        server.presses(ANN, result["message_id"], "Original file")
        (file,) = await server.until(lambda: server.made("sendDocument"))
        assert list(file.files.values()) == [PAINTED]
        query = server.presses(ANN, result["message_id"], "Delete")
        assert "Deleted" in await answer_to(server, query)
        assert (ANN, result["message_id"]) not in server.messages


async def test_buttons_are_for_who_ordered_and_an_admin_may_delete(server: FakeTelegram) -> None:
    server.admins.add((GROUP, 99))
    async with telegram_bot(server) as it:
        result = await painted(server, GROUP)
        query = server.presses(GROUP, result["message_id"], "Again", user=BOB)
        call = await server.until(lambda: server.answered(query))
        assert "who ordered" in call.parameters["text"]
        assert call.parameters["show_alert"]
        await answer_to(server, server.presses(GROUP, result["message_id"], "Delete", user=BOB))
        assert (GROUP, result["message_id"]) in server.messages
        await answer_to(server, server.presses(GROUP, result["message_id"], "Delete", user=99))
        assert (GROUP, result["message_id"]) not in server.messages
        assert len(it.engine.runs) == 1


@pytest.mark.parametrize("same_query", [True, False])
async def test_a_press_that_comes_twice_orders_once(server: FakeTelegram, same_query: bool) -> None:
    async with telegram_bot(server) as it:
        result = await painted(server)
        data = result["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        server.sends_query(ANN, result["message_id"], data, id="twice")
        await finished(server, ANN, 2)
        server.sends_query(ANN, result["message_id"], data, id="twice" if same_query else "")
        await server.until(lambda: not server.unanswered)
        assert len(it.engine.runs) == 2


@pytest.mark.parametrize("data", ["nonsense", "a:abcdefgh:a", "s:none:0", "a:", "x" * 64])
async def test_a_button_of_another_age_is_answered(server: FakeTelegram, data: str) -> None:
    async with telegram_bot(server):
        result = await painted(server)
        assert (await answer_to(server, server.sends_query(ANN, result["message_id"], data))).endswith(".")


async def test_what_an_anonymous_admin_orders_is_for_all_who_administer_the_group(server: FakeTelegram) -> None:
    server.admins.add((GROUP, ANN))
    async with telegram_bot(server) as it:
        server.says(GROUP, "/stylize", photo=CAT, user=1087968824, sender_chat=server.chat(GROUP))
        offer = (await message_with(server, GROUP, WHICH))["message_id"]
        assert "for who asked" in await answer_to(server, server.presses(GROUP, offer, "scream", user=BOB))
        assert "coming up" in await pressed(server, offer, "scream", GROUP)
        (result,) = await finished(server, GROUP)
        refused = server.presses(GROUP, result["message_id"], "Finer", user=BOB)
        assert "who ordered" in await answer_to(server, refused)
        await pressed(server, result["message_id"], "Finer", GROUP)
        await finished(server, GROUP, 2)
        assert {job.user for paint in it.engine.runs if (job := await it.store.job(paint.job))} == {
            f"telegram:{GROUP}"
        }


@pytest.mark.parametrize(
    "refusal", [Refuse(400, "Bad Request: member list is inaccessible"), Refuse(403, "Forbidden: bot is not a member")]
)
async def test_who_cannot_be_looked_up_is_no_admin_and_keeps_every_other_right(
    server: FakeTelegram, refusal: Refuse
) -> None:
    async with telegram_bot(server) as it:
        result = await painted(server, GROUP)
        await it.delivered()
        server.faults.extend([("getChatMember", refusal)] * 9)
        server.says(GROUP, "/settings")
        await message_with(server, GROUP, "Settings here")
        server.says(GROUP, "/settings who=admins", user=BOB)
        await message_with(server, GROUP, "Only admins can change")
        assert "Deleted" in await pressed(server, result["message_id"], "Delete", GROUP)


@pytest.mark.parametrize("fault", [LINE_BREAKS, LIMITED])
@pytest.mark.parametrize("method", ["deleteMessage", "answerCallbackQuery"])
async def test_delete_is_tried_again_when_the_network_fails(
    server: FakeTelegram, method: str, fault: Refuse | None
) -> None:
    async with telegram_bot(server) as it:
        result = await painted(server)
        await it.delivered()
        server.faults.append((method, fault))
        assert "Deleted" in await pressed(server, result["message_id"], "Delete")
        assert (ANN, result["message_id"]) not in server.messages


async def test_the_original_file_is_handed_over_when_the_network_is_back(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        result = await painted(server)
        server.faults.append(("sendDocument", LINE_BREAKS))
        assert "Here is" in await pressed(server, result["message_id"], "Original")
        (file,) = server.made("sendDocument")
        assert list(file.files.values()) == [PAINTED]


async def test_delete_works_for_what_is_kept_no_more(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        result = await painted(server)
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="g")
        keyboard = await message_with(server, ANN, "its buttons")
        await finished(server, ANN, 3)
        await it.delivered()
        await it.store.prune(4e9)
        assert await pressed(server, result["message_id"], "Delete") == "Deleted."
        assert (ANN, result["message_id"]) not in server.messages
        # Under an album that is not known any more the buttons do not take themselves away instead.
        assert "delete it yourself" in await pressed(server, keyboard["message_id"], SIGNS[Action.DELETE])
        assert (ANN, keyboard["message_id"]) in server.messages


async def test_what_belongs_together_stands_in_a_row_and_every_button_has_one(server: FakeTelegram) -> None:
    assert [action for row in ROWS for action in row] == list(Action)
    async with telegram_bot(server):
        result = await painted(server)
        rows = [[button["text"] for button in row] for row in result["reply_markup"]["inline_keyboard"]]
        assert rows == [
            ["Again", "Variations"],
            ["Stronger", "Softer", "Photo's colours"],
            ["Finer", "Larger"],
            ["Original file", "Delete"],
        ]
