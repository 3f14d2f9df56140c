"""What Discord's users see, in SimCord's Discord."""

from __future__ import annotations

import io
import random

import discord
import msgspec
import pytest
from PIL import Image

from bot.chat.discord.commands import Translator, fingerprint
from bot.core.messages import Result
from bot.core.rooms import Room, Rooms
from bot.dialog.gallery import PER_SHEET
from engine import gallery
from tests.bot.chat.discord.house import PHOTO, House, again, everything, house, options
from tests.bot.chat.web.house import picture, swatches
from tests.harness import done, eventually, waits

NAMES = [style.name for style in gallery.default()]
RESULT = Result(picture=b"p", width=1, height=1, credit="c", line="/stylize greatwave", seconds=1.0)


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
        assert "`/stylize starrynight mode=fast strength=80" in message.content
        assert "2.0 s" in message.content


# --- ordering --------------------------------------------------------------------------------------------------------


async def test_right_click_stylize_offers_pictures_and_answers_as_a_reply() -> None:
    async with house() as it:
        photo = await it.photo()
        shown = await it.ann.context_menu(it.channel, "Stylize", photo)
        assert shown.ephemeral
        assert shown.response
        (sheet,) = shown.response.attachments
        assert "greatwave: The Great Wave off Kanagawa" in (sheet.description or "")
        assert {*NAMES[:PER_SHEET], "80", "fine"} <= set(options(shown.response))
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
        first = await it.data(shown.response)
        await it.ann.click(shown.response, label="▶")
        assert set(NAMES[PER_SHEET : 2 * PER_SHEET]) <= set(options(shown.response))
        assert await it.data(shown.response) != first
        await it.ann.click(shown.response, label="◀")
        assert await it.data(shown.response) == first
        asked = await it.ann.click(shown.response, label="Search")
        assert asked.modal
        field = it_field(asked.modal)
        await it.ann.submit_modal(asked, {field: "hokusai"})
        assert "Chosen: **greatwave**" in everything(shown.response)
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
        await it.ann.click(shown.response, label="Paint")
        assert view.done
        await view._paint(Click())  # the second click was on its way already
        assert len(it.commands.heard) == 1
        await it.engine.until(lambda: it.engine.runs)
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer()


class Click:
    """An interaction that takes an acknowledgement, and an edit of its message."""

    @property
    def response(self) -> Click:
        return self

    async def defer(self, **_: object) -> None:
        pass

    def is_done(self) -> bool:
        return True

    async def edit_original_response(self, **_: object) -> None:
        pass


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
        await it.answer()
        assert it.commands.heard[-1].photo == PHOTO
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


async def test_a_plain_reply_works_with_the_message_content_intent() -> None:
    async with house(message_content=True) as it:
        await it.ann.send(it.channel, "/stylize greatwave", reply_to=await it.photo())
        await it.answer()
        before = len(it.public())
        await it.ann.send(it.channel, "just talking about /stylize")
        assert len(it.public()) == before


async def test_a_mention_without_a_style_brings_the_menu_for_who_asked() -> None:
    async with house() as it:
        order = await it.ann.send(it.channel, f"<@{it.env.bot.user.id}>", attachments=[("cat.png", PHOTO)])
        shown = it.channel.last_message
        assert shown.reference.message_id == order.id
        assert len(shown.attachments) == 1
        refused = await it.bob.click(shown, label="▶")
        assert "for who asked" in said(refused)
        await it.ann.select(shown, ["scream"], custom_id=f"menu:{next(iter(it.chat._menus))}:style")
        await it.ann.click(shown, label="Paint")
        assert (await it.answer()).reference.message_id == order.id


async def test_a_photo_alone_in_private_brings_the_menu() -> None:
    async with house() as it:
        here = it.env.backend.store_attachments(it.ann.user.dm_channel.id, [("cat.png", PHOTO)])
        await it.ann.send_dm("", attachments=here)
        shown = it.ann.user.dm_channel.last_message
        await it.ann.user.select(shown, ["scream"], custom_id=f"menu:{next(iter(it.chat._menus))}:style")
        await it.ann.user.click(shown, label="Paint")
        assert "/stylize scream" in (await it.answer(channel=it.ann.user.dm_channel)).content


async def test_commands_may_be_mentioned_too() -> None:
    async with house() as it:
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> queue")
        assert "no pictures waiting" in it.channel.last_message.content


async def test_autocomplete_offers_the_nearest_names() -> None:
    async with house() as it:
        everything = await it.ann.autocomplete(it.channel, "stylize", "style", "")
        assert len(everything) == min(25, len(gallery.default()))
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


async def test_settings_without_a_style_wait_for_the_choice() -> None:
    async with house() as it:
        bot = it.env.bot.user.id
        await it.ann.send(it.channel, f"<@{bot}> strength=80 colors=photo", attachments=[("cat.png", PHOTO)])
        offer = it.channel.last_message
        await it.ann.select(offer, ["scream"], custom_id=f"menu:{next(iter(it.chat._menus))}:style")
        await it.ann.click(offer, label="Paint")
        await it.answer()
        shown = await it.ann.slash(it.channel, "stylize", photo=("cat.png", PHOTO), recipe="ratio=0.01 size=80")
        assert shown.ephemeral
        assert "With ratio=0.01 size=80." in everything(shown.response)
        await it.ann.select(shown.response, ["scream"], custom_id=menu(shown, "style"))
        await it.ann.select(shown.response, ["60"], custom_id=menu(shown, "strength"))
        await it.ann.click(shown.response, label="Paint")
        await it.answer(2)
        first, second = (paint.recipe for paint in it.engine.runs)
        assert (first.strength, first.colors) == (80, "photo")
        assert (second.ratio, second.strength, second.size) == (None, 60, 80)


async def test_settings_without_a_style_take_that_of_the_server() -> None:
    async with house() as it:
        await Rooms(it.store).set(f"discord:{it.guild.id}", Room(style="greatwave"))
        await it.ann.slash(it.channel, "stylize", photo=("cat.png", PHOTO), strength=80)
        assert "/stylize greatwave mode=fast strength=80" in (await it.answer()).content


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
    await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO), strength=50, seed=5555555)
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
        assert ("seed=5555555" in second.content) == (label != "Again")


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


# --- a picture of one's own as the style -----------------------------------------------------------------------------

TILES = picture((10, 150, 60), (48, 48))
BOTH = [(PHOTO, TILES)]


@pytest.mark.parametrize("said_style", [{}, {"style": "mine"}, {"style": "starrynight:30+mine:70"}])
async def test_the_style_can_be_a_second_file_of_the_command(said_style: dict[str, str]) -> None:
    async with house() as it:
        tiles = ("SPOILER_tiles.png", TILES)
        await it.ann.slash(it.channel, "stylize", photo=("cat.png", PHOTO), style_photo=tiles, **said_style)
        answer = await it.answer()
        assert "mine" in answer.content
        assert answer.attachments[0].filename.startswith("SPOILER_"), "the style shows in the picture"
        async with again(it) as it:
            await it.ann.click(answer, label="Stronger")
            await it.answer(2)
            await it.ann.click(answer, label="Finer")
            assert "mode=fine" in (await it.answer(3)).content
            await it.ann.slash(it.channel, "again", changes="strength=20")
            await it.answer(4)
            assert {(paint.photo, paint.style) for paint in it.engine.runs} == set(BOTH)


async def test_use_this_photo_takes_a_style_of_ones_own() -> None:
    async with house() as it:
        await it.ann.context_menu(it.channel, "Use this photo", await it.photo())
        await it.ann.slash(it.channel, "stylize", style="mine", style_photo=("tiles.png", TILES))
        await it.answer()
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == BOTH


async def test_a_mention_takes_both_pictures_from_itself_or_from_what_it_replies_to() -> None:
    async with house(message_content=True) as it:
        me = f"<@{it.env.bot.user.id}>"
        await it.ann.send(it.channel, f"{me} mine", attachments=[("cat.png", PHOTO), ("tiles.png", TILES)])
        await it.answer()
        photo = await it.photo()
        await it.ann.send(it.channel, f"{me} mine", reply_to=photo, attachments=[("tiles.png", TILES)])
        await it.answer(2)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == BOTH * 2
        await it.ann.send(it.channel, f"{me} scream", attachments=[("cat.png", PHOTO), ("tiles.png", TILES)])
        await it.answer(3)
        assert (it.engine.runs[2].photo, it.engine.runs[2].style) == (PHOTO, None)


async def test_what_is_no_photo_with_its_style_is_told_what_to_send() -> None:
    async with house() as it:
        me, cat = f"<@{it.env.bot.user.id}>", ("cat.png", PHOTO)
        result = await it.ann.slash(it.channel, "stylize", style="mine", photo=cat)
        assert result.ephemeral
        assert "Add it as style_photo:" in said(result)
        result = await it.ann.slash(it.channel, "stylize", style="scream", photo=cat, style_photo=cat)
        assert "scream+mine mixes them" in said(result)
        await it.ann.send(it.channel, f"{me} mine", attachments=[cat])
        assert "Which picture is the style?" in it.channel.last_message.content
        await it.ann.send(it.channel, f"{me} mine", attachments=[cat] * 3)
        assert "These are 3 pictures" in it.channel.last_message.content
        assert not it.engine.runs


# --- questions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("queue", "You have no pictures waiting."),
        ("help", "reply to a photo"),
        ("about", "Gatys"),
        ("privacy", "24 hours"),
        ("cancel", "nothing to cancel"),
        ("settings", "What holds here"),
    ],
)
async def test_questions_are_answered_to_the_person_alone(name: str, words: str) -> None:
    async with house() as it:
        role = it.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
        eve = it.guild.add_member(it.env.create_user("eve"), roles=[role])
        result = await eve.slash(it.channel, name)
        assert result.ephemeral
        assert words in said(result)


async def test_help_calls_the_bot_by_its_name() -> None:
    async with house() as it:
        name = it.env.bot.user.display_name
        assert f"`@{name} starrynight strength=80`" in said(await it.ann.slash(it.channel, "help"))
        nothing = await it.ann.slash(it.channel, "stylize", style="greatwave")
        assert f"`@{name} mine`" in said(nothing)


async def test_cancel_takes_a_picture_back() -> None:
    async with house(waits) as it:
        result = await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)
        assert it.engine.runs[0].job in said(await it.ann.slash(it.channel, "queue"))
        assert "Cancelled" in said(await it.ann.slash(it.channel, "cancel", picture="all"))

        async def told():
            return "as you asked" in result.response.content

        await eventually(told)


async def test_again_paints_the_last_photo_with_changes() -> None:
    async with house() as it:
        assert "no order of yours" in said(await it.ann.slash(it.channel, "again"))
        await ordered(it)
        await it.ann.slash(it.channel, "again", changes="greatwave strength=10")
        second = await it.answer(2)
        assert "/stylize greatwave" in second.content
        assert "strength=10" in second.content


async def test_styles_shows_the_gallery_by_pages_and_kinds_and_one_style_closer() -> None:
    async with house() as it:
        shown = await it.ann.slash(it.channel, "styles")
        assert shown.ephemeral
        assert "Page 1 of" in everything(shown.response)
        assert "Paint" not in str(shown.response.components)
        await it.ann.click(shown.response, label="▶")
        assert "Page 2 of" in everything(shown.response)
        await it.ann.select(shown.response, ["woodblock"], custom_id=menu(shown, "kind"))
        assert "Page" not in everything(shown.response)
        await it.ann.select(shown.response, ["greatwave"], custom_id=menu(shown, "closer"))
        assert [a.filename for a in shown.response.attachments] == ["greatwave.jpg"]
        for words in ("The Great Wave off Kanagawa", "Hokusai", "woodblock", "/stylize greatwave"):
            assert words in everything(shown.response)
        await it.ann.click(shown.response, label="All styles")
        assert "greatwave" in options(shown.response)


async def test_styles_takes_a_word() -> None:
    async with house() as it:
        found = [style.name for style in gallery.default() if "woodblock" in style.tags]
        shown = await it.ann.slash(it.channel, "styles", word="woodblock")
        assert set(found) <= set(options(shown.response))
        assert not set(NAMES) - set(found) & set(options(shown.response))
        shown = await it.ann.slash(it.channel, "styles", word="starry night")
        assert "/stylize starrynight" in everything(shown.response)


async def test_settings_are_for_who_manages_the_server_and_hold_for_orders() -> None:
    async with house() as it:
        assert "settings" not in it.ann.available_commands(it.channel)
        role = it.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
        eve = it.guild.add_member(it.env.create_user("eve"), roles=[role])
        other = it.guild.create_text_channel("other")
        changed = await eve.slash(it.channel, "settings", size="128", waiting="5", channel=it.channel)
        assert "size=128" in said(changed)
        assert "waiting=5" in said(changed)
        await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        assert "size=128" in (await it.answer()).content
        refused = await it.ann.slash(other, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        assert "do not paint in this part" in said(refused)
        await eve.slash(it.channel, "settings", everywhere=True, style="greatwave")
        await it.ann.slash(other, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer(channel=other)


# --- what can go wrong -----------------------------------------------------------------------------------------------


ANSWER = "/webhooks/*/messages/@original"


@pytest.mark.parametrize(("status", "code"), [(404, 10008), (401, 50027), (403, 50013), (404, 10015)])
async def test_where_the_interaction_takes_no_answer_the_channel_does(status: int, code: int) -> None:
    async with house() as it:
        it.env.inject_error("PATCH", ANSWER, status=status, code=code, times=None)
        await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        answer = await it.answer()
        assert await it.data(answer) == b"picture of " + PHOTO


@pytest.mark.parametrize(("status", "code"), [(500, 0), (503, 0), (429, 0), (401, 0)])
async def test_what_may_pass_is_tried_again_and_posted_once(status: int, code: int) -> None:
    async with house() as it:
        it.env.inject_error("POST", "/channels/*/messages", status=status, code=code, times=2)
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", attachments=[("cat.png", PHOTO)])
        await it.answer()
        assert len(it.public()) == 1


async def test_a_channel_that_refuses_the_answer_leaves_a_letter() -> None:
    async with house() as it:
        it.env.inject_error("POST", f"/channels/{it.channel.id}/messages", status=403, code=50013, times=None)
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", attachments=[("cat.png", PHOTO)])
        letter = await it.answer(channel=it.ann.user.dm_channel)
        assert "could not post this where you ordered it" in letter.content


async def test_a_file_that_discord_finds_too_large_is_made_smaller() -> None:
    async with house(paints_large) as it:
        await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)

        async def shown() -> bool:  # so that it is the picture that is refused
            return "painting" in it.channel.last_message.content

        await eventually(shown)
        it.env.inject_error("PATCH", ANSWER, status=413, code=40005, times=1)
        it.engine.let_go(it.engine.runs[0].job)
        answer = await it.answer()
        assert answer.attachments[0].filename.endswith(".jpg")
        assert (await it.data(answer)).startswith(b"\xff\xd8")
        assert "Made smaller" in answer.content
        result = await it.ann.click(answer, label="Original file")
        assert result.followups[0].attachments[0].filename.endswith(".png")


async def paints_large(engine, paint):
    await engine.until(lambda: paint.job in engine.free)
    yield msgspec.structs.replace(done(paint), picture=noisy())


def noisy() -> bytes:
    """A PNG that compresses badly."""
    data = io.BytesIO()
    Image.frombytes("RGB", (400, 300), random.Random(1).randbytes(400 * 300 * 3)).save(data, "PNG")
    return data.getvalue()


async def test_a_deleted_message_is_answered_with_a_new_one() -> None:
    async with house(waits) as it:
        result = await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)
        it.env.backend.delete_message(it.channel.id, result.response.id)
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer()


async def test_a_deleted_channel_is_no_place_to_answer_so_a_letter_comes() -> None:
    async with house(waits) as it:
        photo = ("cat.png", PHOTO)
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", attachments=[photo])
        await it.engine.until(lambda: it.engine.runs)
        it.env.backend.delete_channel(it.channel.id)
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer(channel=it.ann.user.dm_channel)


async def test_who_cannot_be_reached_at_all_does_not_hold_up_others() -> None:
    async with house() as it:
        it.env.inject_error("POST", f"/channels/{it.channel.id}/messages", status=403, code=50013, times=None)
        it.env.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)
        await it.ann.send(it.channel, f"<@{it.env.bot.user.id}> starrynight", attachments=[("cat.png", PHOTO)])
        await it.engine.until(lambda: it.engine.runs)

        async def lost():
            job = await it.store.job(it.engine.runs[0].job)
            return job and job.state == "lost"

        await eventually(lost)
        await it.bob.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer()


async def test_after_fifteen_minutes_the_answer_is_a_reply_in_the_channel() -> None:
    async with house(waits) as it:
        result = await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)
        await it.env.advance_time(15 * 60 + 1)
        it.engine.let_go(it.engine.runs[0].job)
        answer = await it.answer()
        assert answer.reference.message_id == result.response.id

        async def left() -> bool:
            return "below" in result.response.content

        await eventually(left)


async def test_an_expired_interaction_loses_no_order() -> None:
    async with house() as it:
        it.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
        await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer()
        it.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
        await it.ann.slash(it.channel, "queue")
        assert "no pictures waiting" in it.ann.user.dm_channel.last_message.content


async def test_an_interaction_that_another_process_answers_is_left_to_it() -> None:
    async with house() as it:
        it.env.inject_error("POST", "/interactions/*/callback", status=400, code=40060)
        await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        assert not it.commands.heard


async def test_a_message_that_cannot_be_deleted_is_said_to_stay() -> None:
    async with house() as it:
        answer = await ordered(it)
        it.env.inject_error("DELETE", ANSWER, status=403, code=50013)
        assert "does not let me delete" in said(await it.ann.click(answer, label="Delete"))


async def test_a_job_under_way_is_answered_after_a_restart_once() -> None:
    async with house(waits) as it:
        result = await it.ann.slash(it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)
        await it.stop()
        async with again(it) as it:
            answer = await it.answer()
            assert answer.reference.message_id == result.response.id
            job = await it.store.job(it.engine.runs[0].job)
        assert job
        async with again(it) as it:  # the crash came after the answer, before the journal knew
            await it.chat.deliver(job, RESULT)
            assert len(it.answers()) == 1


# --- the connection --------------------------------------------------------------------------------------------------


async def test_commands_are_told_only_when_they_changed() -> None:
    async with house() as it:
        syncs = lambda: [r for r in it.env.http_requests if r.method == "PUT" and r.path.endswith("/commands")]  # noqa: E731
        assert len(syncs()) == 1
        async with again(it) as it:
            assert len(syncs()) == 1
        await it.store.set_setting("discord", "commands", "another")
        async with again(it) as it:
            assert len(syncs()) == 2


async def test_commands_are_for_servers_people_and_private_conversations() -> None:
    async with house() as it:
        (told,) = [r for r in it.env.http_requests if r.method == "PUT"]
        commands = {command["name"]: command for command in told.json}
        assert set(commands) == {
            *("stylize", "styles", "again", "queue", "cancel", "help", "about", "privacy", "settings"),
            *("Stylize", "Use this photo"),
        }
        for name, command in commands.items():
            assert command["integration_types"] == ([0] if name == "settings" else [0, 1])
            assert command["contexts"] == ([0] if name == "settings" else [0, 1, 2])


async def test_names_and_descriptions_can_be_translated() -> None:
    async with house() as it:
        client = it.chat.client()
        before = await fingerprint(client.tree)
        await client.tree.set_translator(
            Translator({"de": {"styles": "stile", "What holds in this server": "Regeln"}})
        )
        assert await fingerprint(client.tree) != before
        payload = await client.tree.get_command("styles").get_translated_payload(client.tree, client.tree.translator)
        assert payload["name_localizations"] == {"de": "stile"}


async def test_the_bot_works_in_a_private_conversation() -> None:
    async with house() as it:
        here = it.env.backend.store_attachments(it.ann.user.dm_channel.id, [("cat.png", PHOTO)])
        await it.ann.send_dm("starrynight", attachments=here)
        await it.answer(channel=it.ann.user.dm_channel)
        await it.ann.user.slash("stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer(2, channel=it.ann.user.dm_channel)
