"""What Discord's users see, in SimCord's Discord."""

from __future__ import annotations

import discord
import pytest

from tests.bot.discord_house import PHOTO, House, again, everything, house, options
from tests.bot.doubles import eventually, waits
from tests.web_house import swatches


@pytest.fixture(autouse=True)
def _swatches(tmp_path, monkeypatch) -> None:
    swatches(tmp_path, monkeypatch)


async def test_a_slash_command_with_a_photo_is_answered_with_the_picture() -> None:
    async with house() as it:
        result = await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO), strength=80)
        assert result.deferred or result.acknowledged
        message = await it.answer()
        assert await it.data(message) == b"picture of " + PHOTO
        assert "Starry Night" in (message.attachments[0].description or "")
        assert "Vincent van Gogh" in message.content
        assert "`/stylize starrynight mode=fine strength=80" in message.content
        assert "2.0 s" in message.content


# --- ordering --------------------------------------------------------------------------------------------------------


async def test_right_click_stylize_offers_pictures_and_answers_as_a_reply() -> None:
    async with house() as it:
        photo = await it.photo()
        shown = await it.ann.context_menu(it.channel, "Stylize", photo)
        assert shown.ephemeral
        assert shown.response
        assert len(shown.response.attachments) == 5
        assert all(a.description for a in shown.response.attachments)
        assert {"starrynight", "80", "fine"} <= set(options(shown.response))
        await it.ann.select(shown.response, ["starrynight"], custom_id=menu(shown, "style"))
        await it.ann.select(shown.response, ["80"], custom_id=menu(shown, "strength"))
        await it.ann.select(shown.response, ["fine"], custom_id=menu(shown, "mode"))
        await it.ann.click(shown.response, label="Paint")
        answer = await it.answer()
        assert answer.reference
        assert answer.reference.message_id == photo.id
        assert "strength=80" in answer.content
        assert "order" in everything(shown.response)
        assert not shown.response.attachments


def menu(shown: object, name: str) -> str:
    """The custom_id of one part of a menu."""
    found = [str(c) for c in walk(shown.response.components) if str(c).endswith(f":{name}")]  # type: ignore[attr-defined]
    return found[0]


def walk(components: list[dict]) -> list[str]:
    return [part["custom_id"] for row in components for part in row.get("components", ()) if "custom_id" in part]


async def test_the_menu_can_be_searched_and_paged() -> None:
    async with house() as it:
        shown = await it.ann.context_menu(it.channel, "Stylize", await it.photo())
        first = [a.filename for a in shown.response.attachments]
        await it.ann.click(shown.response, label="▶")
        assert [a.filename for a in shown.response.attachments] != first
        await it.ann.click(shown.response, label="◀")
        assert [a.filename for a in shown.response.attachments] == first
        asked = await it.ann.click(shown.response, label="Search")
        assert asked.modal
        field = it_field(asked.modal)
        await it.ann.submit_modal(asked, {field: "hokusai"})
        assert [a.filename for a in shown.response.attachments] == ["greatwave.webp"]
        await it.ann.click(shown.response, label="Paint")  # the only one that was found is chosen
        assert "greatwave" in (await it.answer()).content


def it_field(modal: dict) -> str:
    return next(
        c["custom_id"] for row in modal["components"] for c in [*row.get("components", ()), row.get("component")] if c
    )


async def test_a_double_click_on_paint_orders_once() -> None:
    async with house(waits) as it:
        shown = await it.ann.context_menu(it.channel, "Stylize", await it.photo())
        await it.ann.select(shown.response, ["starrynight"], custom_id=menu(shown, "style"))
        view = next(iter(it.chat._menus.values()))
        clicks = []
        await it.ann.click(shown.response, label="Paint")
        assert view.done
        clicks = [heard for heard in it.commands.heard if heard.text.startswith("/stylize")]
        await it.env.settle()
        await view._paint(await late_click(it))  # the second click was on its way already
        assert len([heard for heard in it.commands.heard if heard.text.startswith("/stylize")]) == len(clicks) == 1
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer()


async def late_click(it: House):
    class Response:
        async def defer(self) -> None:
            pass

        def is_done(self) -> bool:
            return True

    class Click:
        response = Response()

    return Click()


async def test_a_menu_from_before_a_restart_says_that_it_is_old() -> None:
    async with house() as it:
        shown = await it.ann.context_menu(it.channel, "Stylize", await it.photo())
        async with again(it) as it:
            result = await it.ann.click(shown.response, label="Search")
            assert "too old" in said(result)


def said(result) -> str:
    """All that the person was told."""
    return "\n".join(everything(m) for m in [result.response, *result.followups] if m)


async def test_use_this_photo_serves_the_next_slash_command_for_three_minutes() -> None:
    async with house() as it:
        photo = await it.photo()
        result = await it.ann.context_menu(it.channel, "Use this photo", photo)
        assert result.ephemeral
        assert "three minutes" in said(result)
        await it.ann.slash(it.channel, "stylize", style="greatwave")
        assert (await it.answer()).reference.message_id == photo.id
        await it.env.advance_time(181)
        result = await it.ann.slash(it.channel, "stylize", style="greatwave")
        assert "Which photo?" in said(result)
        assert len(it.answers()) == 1


async def test_a_reply_that_mentions_the_bot_orders_the_photo() -> None:
    async with house(message_content=True) as it:
        photo = await it.photo()
        order = await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight strength=80", reply_to=photo)
        answer = await it.answer()
        assert answer.reference.message_id == order.id
        assert "strength=80" in answer.content
        assert it.commands.heard[-1].photo == PHOTO


async def test_a_mention_with_a_photo_of_its_own_needs_no_privileged_intent() -> None:
    async with house() as it:
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", attachments=[("cat.png", PHOTO)])
        await it.answer()


async def test_where_discord_hides_the_photo_the_person_is_told_another_way() -> None:
    async with house() as it:
        photo = await it.photo()
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", reply_to=photo)
        assert "right-click the photo" in it.channel.last_message.content.lower()


async def test_a_plain_reply_works_with_the_message_content_intent() -> None:
    async with house(message_content=True) as it:
        await it.ann.send(it.channel, "/stylize greatwave", reply_to=await it.photo())
        await it.answer()
        before = len(it.public())
        await it.ann.send(it.channel, "just talking about /stylize")
        assert len(it.public()) == before


async def test_a_mention_without_a_style_is_told_the_styles() -> None:
    async with house() as it:
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}>", attachments=[("cat.png", PHOTO)])
        assert "starrynight, " in it.channel.last_message.content


async def test_commands_may_be_mentioned_too() -> None:
    async with house() as it:
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> queue")
        assert "no pictures waiting" in it.channel.last_message.content


async def test_autocomplete_offers_the_nearest_names() -> None:
    async with house() as it:
        everything = await it.ann.autocomplete(it.channel, "stylize", "style", "")
        assert 10 <= len(everything) <= 25
        near = await it.ann.autocomplete(it.channel, "stylize", "style", "stary nigt")
        assert near[0]["value"] == "starrynight"
        mix = await it.ann.autocomplete(it.channel, "stylize", "style", "starrynight:70+great")
        assert mix[0]["value"] == "starrynight:70+greatwave"
        assert not await it.ann.autocomplete(it.channel, "stylize", "style", "qqqqqqqqq")
        assert await it.ann.autocomplete(it.channel, "stylize", "style", "x" * 99 + "+starry") == []


async def test_without_a_style_the_slash_command_offers_the_pictures() -> None:
    async with house() as it:
        shown = await it.ann.slash(it.channel, "stylize", photo=("cat.png", PHOTO))
        assert shown.ephemeral
        await it.ann.select(shown.response, ["greatwave"], custom_id=menu(shown, "style"))
        await it.ann.click(shown.response, label="Paint")
        assert "greatwave" in (await it.answer()).content


async def test_all_options_reach_the_recipe() -> None:
    async with house() as it:
        said = dict(mode="fine", brush=1.5, colors="photo", size=64, seed=7, recipe="/stylize steps=9")
        await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO), **said)
        line = (await it.answer()).content
        for word in ("mode=fine", "brush=1.5", "colors=photo", "size=64", "seed=7", "steps=9"):
            assert word in line


async def test_a_whole_line_can_be_pasted_as_the_recipe() -> None:
    async with house() as it:
        await it.ann.slash(it.channel, "stylize", recipe="/stylize greatwave size=64 seed=3", photo=("c.png", PHOTO))
        assert "/stylize greatwave" in (await it.answer()).content
        twice = await it.ann.slash(it.channel, "stylize", style="starrynight", recipe="greatwave")
        assert "Leave style: out" in said(twice)
        doubled = await it.ann.slash(it.channel, "stylize", style="starrynight", size=64, recipe="size=65")
        assert "size is given twice" in said(doubled)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [("notes.txt", b"hello", "no picture that I can read"), ("big.png", b"x" * 2000, "is the limit")],
)
async def test_what_is_no_photo_or_too_large_is_refused_in_private(name: str, data: bytes, words: str) -> None:
    async with house(max_photo_bytes=1000) as it:
        result = await it.ann.slash(it.channel, "stylize", style="starrynight", photo=(name, data))
        assert words in said(result)
        message = await it.bob.send(it.channel, "look", attachments=[(name, data)])
        for menu_name in ("Stylize", "Use this photo"):
            result = await it.ann.context_menu(it.channel, menu_name, message)
            assert result.ephemeral
            assert words in said(result)
        assert not it.public()


async def test_a_message_without_a_photo_has_nothing_to_stylize() -> None:
    async with house() as it:
        message = await it.bob.send(it.channel, "words")
        for name in ("Stylize", "Use this photo"):
            assert "no photo" in said(await it.ann.context_menu(it.channel, name, message))


async def test_an_unknown_style_is_answered_with_the_nearest_in_private() -> None:
    async with house() as it:
        result = await it.ann.slash(it.channel, "stylize", style="starynite", photo=("cat.png", PHOTO))
        assert "starrynight" in said(result)
        assert result.ephemeral
        assert not it.public()


async def test_a_photo_that_is_gone_meanwhile_is_said_to_be() -> None:
    async with house() as it:
        photo = await it.photo()
        await it.ann.context_menu(it.channel, "Use this photo", photo)
        it.env.backend.cdn._blobs.clear()
        assert "deleted meanwhile" in said(await it.ann.slash(it.channel, "stylize", style="greatwave"))


@pytest.mark.parametrize("lacking", ["send_messages", "attach_files"])
async def test_where_the_bot_may_not_answer_the_person_is_told_in_private(lacking: str) -> None:
    async with house() as it:
        me = it.env.bot.user
        deny = discord.PermissionOverwrite(**{lacking: False})
        channel = it.guild.create_text_channel("quiet", overwrites={me: deny})
        result = await it.ann.slash(channel, "stylize", style="starrynight", photo=("cat.png", PHOTO))
        assert result.ephemeral
        assert lacking.replace("_", " ").title() in said(result)
        shown = await it.ann.context_menu(channel, "Stylize", await it.photo(channel=channel))
        assert "lack the permission" in said(shown)
        await it.ann.send(channel, f"<@{me.id}> starrynight", attachments=[("cat.png", PHOTO)])
        assert "lack the permission" in it.ann.user.dm_channel.last_message.content
        assert not it.public(channel)
        assert not it.commands.heard


# --- what is shown ---------------------------------------------------------------------------------------------------


async def test_progress_is_one_message_that_becomes_the_answer() -> None:
    async with house(waits) as it:
        result = await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO))

        async def progress():
            return "step 12" in result.response.content and result.response.content

        assert "▰" in await eventually(progress)
        it.engine.let_go(it.engine.runs[0].job)
        answer = await it.answer()
        assert answer.id == result.response.id
        assert len(it.public()) == 1


async def test_a_spoiler_stays_a_spoiler() -> None:
    async with house() as it:
        shown = await it.ann.context_menu(it.channel, "Stylize", await it.photo(spoiler=True))
        await it.ann.select(shown.response, ["greatwave"], custom_id=menu(shown, "style"))
        await it.ann.click(shown.response, label="Paint")
        answer = await it.answer()
        assert answer.attachments[0].is_spoiler()
        await it.ann.click(answer, label="Stronger")
        assert (await it.answer(2)).attachments[0].is_spoiler()


async def test_a_photo_of_an_age_restricted_channel_stays_in_such_channels() -> None:
    async with house() as it:
        adult = it.guild.create_text_channel("adult")
        adult._channel.nsfw = True
        it.env.bot.get_channel(adult.id).nsfw = True
        photo = await it.photo(channel=adult)
        await it.ann.context_menu(adult, "Use this photo", photo)
        assert "age-restricted" in said(await it.ann.slash(it.channel, "stylize", style="greatwave"))
        await it.ann.slash(adult, "stylize", style="greatwave")
        await it.answer(channel=adult)
        assert "age-restricted" in said(await it.ann.slash(it.channel, "again"))
        await it.ann.slash(adult, "again")
        await it.answer(2, channel=adult)
        assert not it.answers()


async def test_nobody_is_pinged() -> None:
    async with house() as it:
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", attachments=[("cat.png", PHOTO)])
        await it.answer()
        for request in it.env.http_requests:
            if request.method == "POST" and request.path.endswith("/messages"):
                assert request.json["allowed_mentions"]["parse"] == []
                assert request.json["allowed_mentions"]["replied_user"] is False


# --- buttons ---------------------------------------------------------------------------------------------------------


async def ordered(it: House) -> discord.Message:
    await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO), strength=50, seed=5)
    return await it.answer()


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Again", "strength=50"),
        ("Stronger", "strength=70"),
        ("Softer", "strength=30"),
        ("Photo's col", "colors=photo"),
    ],
)
async def test_buttons_order_a_changed_picture(label: str, words: str) -> None:
    async with house() as it:
        answer = await ordered(it)
        await it.ann.click(answer, custom_id=button(answer, label))
        second = await it.answer(2)
        assert words in second.content
        assert ("seed=5" in second.content) == (label != "Again")


def button(message: discord.Message, label: str) -> str:
    buttons = [b for row in message.components for b in getattr(row, "children", ())]
    return next(b.custom_id for b in buttons if b.label.startswith(label))


async def test_a_double_click_on_a_button_orders_once() -> None:
    async with house() as it:
        answer = await ordered(it)
        await it.ann.click(answer, label="Again")
        second = await it.ann.click(answer, label="Again")
        assert "already" in said(second)
        await it.answer(2)
        assert len(it.engine.runs) == 2


async def test_buttons_belong_to_who_ordered() -> None:
    async with house() as it:
        answer = await ordered(it)
        for label in ("Again", "Delete", "Original file"):
            result = await it.bob.click(answer, label=label)
            assert "for who ordered the picture" in said(result)
        assert len(it.answers()) == 1


async def test_original_file_hands_the_file_over_byte_for_byte() -> None:
    async with house() as it:
        result = await it.ann.click(await ordered(it), label="Original file")
        assert result.followups[0].ephemeral
        with it.env.time_context():
            assert await result.followups[0].attachments[0].read() == b"picture of " + PHOTO


async def test_delete_takes_the_message_and_the_job_away() -> None:
    async with house() as it:
        answer = await ordered(it)
        job = it.engine.runs[0].job
        await it.ann.click(answer, label="Delete")
        assert not it.public()
        assert await it.store.job(job) is None


async def test_a_moderator_may_delete_anybodys_picture() -> None:
    async with house() as it:
        role = it.guild.create_role("Mods", permissions=discord.Permissions(manage_messages=True))
        mod = it.guild.add_member(it.env.create_user("mod"), roles=[role])
        await mod.click(await ordered(it), label="Delete")
        assert not it.public()


async def test_buttons_outlive_a_restart() -> None:
    async with house() as it:
        answer = await ordered(it)
        async with again(it) as it:
            await it.ann.click(answer, label="Stronger")
            assert "strength=70" in (await it.answer(2)).content
