"""What is refused, and to whom it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.jobs import State
from bot.core.rooms import RoomSettings
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, on
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.world import ALL, ATTACH, SEND
from tests.harness import fails, waits


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (("notes.txt", b"hello"), "is not a supported picture. Send a JPEG"),
        (("big.png", b"x" * 2000), "is the limit"),
    ],
)
async def test_what_is_no_photo_or_too_large_is_refused_in_private(
    fake: FakeDiscord, file: tuple[str, bytes], words: str
) -> None:
    async with on(fake, max_photo_bytes=1000) as it:
        await it.told_alone(await it.stylize(style="starrynight", photo=file), words)
        message = await it.photo(file)
        for name in ("Stylize", "Use this photo"):
            await it.told_alone(await it.menu(name, message), words)
        assert not it.public()


async def test_a_message_without_a_photo_has_nothing_to_stylize(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        message = await it.says("words", by=it.bob)
        for name in ("Stylize", "Use this photo"):
            await it.told_alone(await it.menu(name, message), "no photo")


async def test_an_unknown_style_is_answered_with_the_nearest_in_private(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told_alone(await it.stylize(style="starynite"), "starrynight")
        assert not it.public()


async def test_of_a_photo_that_was_deleted_it_is_said(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told(await it.menu("Use this photo", await it.photo()), "three minutes")
        fake.files.clear()
        await it.told(await it.slash("stylize", style="greatwave"), "deleted in the meantime")


@pytest.mark.parametrize(("lacking", "name"), [(SEND, "Send Messages"), (ATTACH, "Attach Files")])
async def test_where_the_bot_may_not_answer_the_person_is_told_in_private(
    fake: FakeDiscord, lacking: int, name: str
) -> None:
    async with on(fake) as it:
        quiet = await fake.open_channel(deny=lacking)
        await it.told_alone(await it.stylize(style="starrynight", where=quiet), name)
        shown = await it.menu("Stylize", await it.photo(where=quiet), where=quiet)
        await it.told_alone(shown, "lack the permission")
        await it.says(f"{ME} starrynight", CAT, where=quiet)
        await it.posted("lack the permission", await it.direct())
        assert not it.public(quiet)
        assert not await it.jobs()
        assert fake.allowed(quiet) == ALL & ~lacking


# --- for the person alone --------------------------------------------------------------------------------------------


async def test_of_many_orders_at_once_those_above_the_limit_are_refused_in_private_and_their_photos_not_fetched(
    fake: FakeDiscord,
) -> None:
    fetched: list[None] = []

    async def fetch() -> None:
        fetched.append(None)

    fake.on_cdn = fetch
    async with on(fake, waits, open_jobs=1) as it:
        found = [await it.stylize(style="starrynight") for _ in range(6)]
        job = await it.started()
        await fake.until(lambda: sum("waiting" in it.said(one) for one in found) == 5)
        refused = [one for one in found if "waiting" in it.said(one)]
        for one in refused:
            await it.told_alone(one, "waiting")
        assert len(it.public()) == 1
        assert len(fetched) == 1
        it.engine.let_go(job)
        await it.answer()


async def test_an_empty_again_is_refused_in_private(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told_alone(await it.slash("again"), "no order to repeat")
        assert not it.public()


async def test_a_broken_photo_is_said_to_be_so_in_private(fake: FakeDiscord) -> None:
    async with on(fake, fails("refused", "This photo is damaged. Send another.")) as it:
        found = await it.stylize(style="starrynight")
        await it.told_alone(found, "This photo is damaged")
        await it.until_state(await it.started(), State.NOTIFIED)
        assert not it.public()


async def test_the_photo_of_a_refused_order_need_not_be_sent_again(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.studio.rooms.set("discord:500", RoomSettings(who="admins"))
        await it.told_alone(await it.stylize(style="starrynight"), "Your photo is kept for three minutes")
        await it.studio.rooms.set("discord:500", RoomSettings())
        await it.slash("stylize", style="starrynight")
        await it.answer()
        assert it.painted == [(PHOTO, None)]
        assert len(it.public()) == 1


async def test_what_may_have_been_meant_is_a_button_that_paints_the_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await it.stylize(style="starynite", size=80)
        await it.told_alone(found, "Did you mean")
        pressed = await fake.press(it.ann, found.original or 0, "starrynight")
        answer = await it.answer()
        assert answer == pressed.original
        assert "size=80" in fake.text(answer)
        assert it.painted == [(PHOTO, None)]
        await it.told_alone(await fake.press(it.ann, found.original or 0, "starrynight"), "ordered already")


async def test_what_may_have_been_meant_by_a_mention_is_a_button_for_who_wrote_it(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} starynite", CAT)
        shown = int((await it.posted("starrynight"))["id"])
        await it.told_alone(await fake.press(it.bob, shown, "starrynight"), "for the person who asked")
        await fake.press(it.ann, shown, "starrynight")
        assert "starrynight" in fake.text(await it.answer())


async def test_it_is_one_after_a_restart_too_and_one_order_at_most(fake: FakeDiscord, tmp_path: Path) -> None:
    async with on(fake, path=tmp_path / "journal") as it:
        found = await it.stylize(style="starynite", size=80)
        await it.told_alone(found, "Did you mean")
    shown = found.original or 0
    async with on(fake, path=tmp_path / "journal") as it:
        await it.told_alone(await fake.press(it.bob, shown, "starrynight"), "for the person who asked")
        await fake.press(it.ann, shown, "starrynight")
        assert "size=80" in fake.text(await it.answer())
        assert it.painted == [(PHOTO, None)]
    async with on(fake, path=tmp_path / "journal") as it:
        await it.told_alone(await fake.press(it.ann, shown, "starrynight"), "ordered already")


# --- what belongs to a photo, and goes where it goes -----------------------------------------------------------------


async def test_a_spoiler_stays_a_spoiler(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        shown = await it.menu_of(await it.photo(("SPOILER_cat.png", CAT[1])))
        await it.choose(shown, "greatwave")
        await fake.press(it.ann, shown, "Paint")
        answer = await it.answer()
        assert it.file_name(answer).startswith("SPOILER_")
        await fake.press(it.ann, answer, "Stronger")
        assert it.file_name(await it.answer(2)).startswith("SPOILER_")
        await it.slash("again")
        assert it.file_name(await it.answer(3)).startswith("SPOILER_")
        file = await fake.press(it.ann, answer, "Original file")
        await fake.until(lambda: file.followups)
        assert it.file_name(file.followups[0]).startswith("SPOILER_")


async def test_a_photo_of_an_age_restricted_channel_stays_in_such_channels(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        adult = await fake.open_channel(nsfw=True)
        photo = await it.photo(where=adult)
        await it.told(await it.menu("Use this photo", photo, where=adult), "three minutes")
        await it.told_alone(await it.slash("stylize", style="greatwave"), "age-restricted")
        await it.slash("stylize", style="greatwave", where=adult)
        answer = await it.answer(channel=adult)
        await it.told(await it.slash("again"), "age-restricted")
        await it.slash("again", where=adult)
        await it.answer(2, channel=adult)
        await fake.press(it.ann, answer, "Softer")
        await it.answer(3, channel=adult)
        await it.told(await it.slash("again"), "age-restricted")
        await it.says(f"{ME} again")
        await it.posted("age-restricted")
        assert not it.answers()


async def test_nobody_is_pinged(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} starrynight", CAT)
        await it.answer()
        posts = [r for r in fake.requests if r.method == "POST" and r.path.endswith("/messages")]
        assert posts
        for request in posts:
            assert request.body["allowed_mentions"]["parse"] == []
            assert request.body["allowed_mentions"]["replied_user"] is False
