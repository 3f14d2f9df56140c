"""The buttons under a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.chat.discord.harness import PHOTO, on
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.world import EPHEMERAL, MODERATE


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Again", "strength=50"),
        ("Stronger", "strength=70"),
        ("Softer", "strength=30"),
        ("Photo's col", "colors=photo"),
        ("Finer", "mode=fine"),
        ("Larger", "size=2048"),
    ],
)
async def test_buttons_order_a_changed_picture(fake: FakeDiscord, label: str, words: str) -> None:
    async with on(fake) as it:
        first = await it.ordered()
        await fake.press(it.ann, first, label)
        second = await it.answer(2)
        assert words in fake.text(second)
        assert ("seed=5555555" in fake.text(second)) == (label != "Again")


async def test_the_buttons_stand_in_even_rows(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        rows = fake.messages[await it.ordered()]["components"]
    assert [[button["label"] for button in row["components"]] for row in rows] == [
        ["Again", "Variations", "Stronger", "Softer", "Photo's colours"],
        ["Finer", "Larger", "Original file", "Delete"],
    ]


async def test_a_double_click_on_a_button_orders_once(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        await fake.press(it.ann, answer, "Again")
        await it.told(await fake.press(it.ann, answer, "Again"), "already")
        await it.answer(2)
        assert len(it.engine.runs) == 2


async def test_buttons_belong_to_who_ordered(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        for label in ("Again", "Delete", "Original file"):
            await it.told_alone(await fake.press(it.bob, answer, label), "for who ordered the picture")
        assert len(it.answers()) == 1


async def test_original_file_hands_the_file_over_byte_for_byte(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await fake.press(it.ann, await it.ordered(), "Original file")
        (file,) = await fake.until(lambda: found.followups)
        assert fake.messages[file]["flags"] & EPHEMERAL
        assert fake.file(file) == b"picture of " + PHOTO


async def test_delete_takes_the_message_and_the_job_away(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        await fake.press(it.ann, answer, "Delete")
        await fake.until(lambda: answer not in fake.messages)
        assert not it.public()
        assert await it.store.job(it.engine.runs[0].job) is None


async def test_a_moderator_may_delete_anybodys_picture(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        fake.granted[it.bob] = MODERATE
        await fake.press(it.bob, answer, "Delete")
        await fake.until(lambda: answer not in fake.messages)
        assert not it.public()


async def test_a_message_that_cannot_be_deleted_is_said_to_stay(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        fake.fails("DELETE", "/webhooks/*/messages/@original", 403, 50013)
        await it.told(await fake.press(it.ann, answer, "Delete"), "does not let me delete")


async def test_buttons_outlive_a_restart(fake: FakeDiscord, tmp_path: Path) -> None:
    async with on(fake, path=tmp_path / "journal") as it:
        answer = await it.ordered()
    async with on(fake, path=tmp_path / "journal") as it:
        await fake.press(it.ann, answer, "Stronger")
        assert "strength=70" in fake.text(await it.answer(2))


async def test_a_press_that_came_too_late_is_painted_all_the_same(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        fake.fails("POST", "/interactions/*/callback", 404, 10062)
        (await fake.press(it.ann, answer, "Stronger")).late = True
        assert "strength=70" in fake.text(await it.answer(2))


async def test_a_press_whose_message_is_refused_is_answered_in_the_channel(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        answer = await it.ordered()
        fake.fails("PATCH", "/webhooks/*", 404, 10015)
        await fake.press(it.ann, answer, "Stronger")
        assert it.replies_to(await it.answer(2)) == answer
