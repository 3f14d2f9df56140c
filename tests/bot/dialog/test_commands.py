"""What the words mean."""

from __future__ import annotations

import time

import msgspec
import pytest

from bot.core.jobs import State
from bot.core.limits import Limits
from bot.core.messages import Accepted, Choice, Refused, Reply, Text, is_refusal
from bot.core.people.halves import Halves
from bot.dialog.commands import Commands
from bot.dialog.parse import COMMANDS, EVERYDAY, LABORATORY
from engine.gallery import Gallery
from engine.recipe import MODES
from tests.harness import GALLERY, Bot, bot, message, waits


async def _say(it: Bot, text: str, user: str = "ann", photo: bytes | None = None, style: bytes | None = None) -> Reply:
    return await it.say(text, user, photo, style)


async def _again(it: Bot, text: str, photo: bytes | None = None, style: bytes | None = None) -> Reply:
    """Repeat the last order when it is finished."""
    reply = await _say(it, text, photo=photo, style=style)
    assert isinstance(reply, Accepted), reply.text
    await it.until_state(reply.job.id, State.DELIVERED)
    return reply


@pytest.mark.parametrize(
    "text",
    [
        "/stylize starrynight",
        "/stylize@impasto_bot Starry Night",
        "/STYLIZE\nstarry-night",
        "/stylise starrynight",
        "starrynight",
        "Starry Night mode=fine",
    ],
)
async def test_a_photo_with_a_style_is_an_order(text: str) -> None:
    async with bot() as it:
        reply = await _say(it, text, photo=b"cat")
        assert isinstance(reply, Accepted)
        assert reply.job.recipe.styles[0].name == "starrynight"
        assert reply.text.startswith(f"The Starry Night, order {reply.job.id}: ")


async def test_the_reply_says_where_the_picture_stands() -> None:
    async with bot(waits) as it:
        running = await it.order("/stylize starrynight mode=fine")
        await it.engine.started(running.id)
        await it.order("/stylize starrynight mode=fine", user="bob")
        reply = await _say(it, "/stylize starrynight:2+greatwave:1 mode=fine", photo=b"cat")
        assert reply.text.startswith("The Starry Night + The Great Wave off Kanagawa, order")
        assert "place 2 of 2, about" in reply.text


@pytest.mark.parametrize(
    ("text", "photo", "sentence"),
    [
        ("/stylize mine", b"cat", "Which picture is the style? Send two pictures with /stylize mine, the photo"),
        ("/stylize mine mode=fast", b"cat", "mode=fast knows the gallery's styles only"),
        ("/stylize", b"cat", "Which style? Write for example /stylize starrynight"),
        ("/stylize starynight", b"cat", "I do not know the style “starynight”. Did you mean starrynight?"),
        ("/stylize starrynight strenth=3", b"cat", "I do not know the setting “strenth”. Did you mean strength?"),
        ("/stylize starrynight mode=fine size=4000", b"cat", "size=4000 is too large for mode=fine here"),
        ("/stilize starrynight", b"cat", "There is no command /stilize. Did you mean /stylize?"),
        ("/xyzzy", None, "There is no command /xyzzy. /help lists the commands."),
        ("/again", None, "You have no order to repeat"),
        ("/cancel", None, "You have no pictures waiting"),
        ("/cancel nonsense", None, "There is no picture “nonsense”"),
        ("/styles cubist", None, "No style matches “cubist”. You can look for blue, night, woodblock."),
    ],
)
async def test_what_cannot_be_done_is_answered_with_what_to_do(text: str, photo: bytes | None, sentence: str) -> None:
    async with bot() as it:
        reply = await _say(it, text, photo=photo)
        assert is_refusal(reply)
        assert b"impasto_refused_total 1.0" in it.studio.health.metrics()
        assert not isinstance(reply, Accepted)
        assert sentence in reply.text


@pytest.mark.parametrize("text", ["/stylize mine", "mine", "", "/stylize", "/stylize strength=70"])
async def test_a_second_picture_is_the_style_called_mine(text: str) -> None:
    async with bot() as it:
        reply = await _say(it, text, photo=b"cat", style=b"tiles")
        assert isinstance(reply, Accepted), reply.text
        assert reply.text.startswith(f"A picture of your own, order {reply.job.id}: ")
        assert (reply.job.recipe.mine, reply.job.recipe.mode) == (True, "universal")
        await it.engine.started(reply.job.id)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(b"cat", b"tiles")]


async def test_a_second_picture_that_no_style_asks_for_is_answered_with_what_it_could_be() -> None:
    async with bot() as it:
        reply = await _say(it, "/stylize starrynight", photo=b"cat", style=b"tiles")
        assert is_refusal(reply)
        assert "You sent two pictures, and starrynight needs one. /stylize mine paints" in reply.text
        mixed = await _say(it, "/stylize starrynight+mine", photo=b"cat", style=b"tiles")
        assert mixed.text.startswith("The Starry Night + A picture of your own, order")


async def test_a_misspelt_style_beside_mine_is_the_one_that_is_asked_about() -> None:
    async with bot() as it:
        reply = await _say(it, "/stylize mine+starynight", photo=b"cat", style=b"tiles")
        assert isinstance(reply, Choice)
        assert reply.suggestions == ("mine+starrynight",)


async def test_a_style_that_was_chosen_before_its_photo_waits_for_one_that_is_taken() -> None:
    async with bot(waits, limits=Limits(open_jobs=1, burst=50)) as it:
        first = await it.order()
        await _say(it, "/start greatwave")
        assert "the limit is 1" in (await _say(it, "", photo=b"dog")).text
        await it.say(f"/cancel {first.id}")
        taken = await _say(it, "", photo=b"dog")
        assert isinstance(taken, Accepted), taken.text
        assert taken.job.recipe.styles[0].name == "greatwave"
        assert isinstance(await _say(it, "", photo=b"dog"), Choice), "it was for one order"


async def test_words_without_a_photo_are_answered_with_how_it_goes() -> None:
    async with bot() as it:
        assert "/stylize greatwave as its text" in (await _say(it, "great wave")).text
        assert "attach the style" in (await _say(it, "mine")).text
        assert "/help" in (await _say(it, "hello")).text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("/styles", ["starrynight", "greatwave"]),
        ("/styles woodblock", ["greatwave"]),
        ("/styles Gogh", ["starrynight"]),
        ("/styles hokusay", ["greatwave"]),
        ("/styles blue", ["starrynight", "greatwave"]),
        ("/styles blue gogh", ["starrynight"]),
        ("/styles great wave", ["greatwave"]),
    ],
)
async def test_styles_are_found_by_tag_by_word_and_by_spelling(text: str, names: list[str]) -> None:
    async with bot() as it:
        reply = await _say(it, text)
        assert isinstance(reply, Choice)
        assert [card.name for card in reply.cards] == names
        assert reply.cards[0].credit.count(",") == 2


async def test_a_single_style_is_shown_with_all_that_is_known_of_it() -> None:
    async with bot() as it:
        assert (await _say(it, "/styles great-wave")).text.splitlines() == [
            "The Great Wave off Kanagawa, Katsushika Hokusai, c. 1831; public domain.",
            "Filed under woodblock, blue.",
            "At its best with strength=40 and brush=1, which is what you get.",
            "Write /stylize greatwave, or mixed: /stylize greatwave:70+starrynight:30",
        ]
        own = Gallery((msgspec.structs.replace(GALLERY["greatwave"], fast=False, tags=()),))
        reply = await Commands(it.studio, own, Halves(it.store, time.time)).say(message(), "/styles")
        assert reply.text.splitlines()[1:] == [
            "At its best with strength=40 and brush=1, which is what you get.",
            "Fast mode cannot paint it.",
            "Write /stylize greatwave",
        ]


async def test_several_styles_come_with_the_words_that_narrow_them() -> None:
    async with bot() as it:
        assert (await _say(it, "/styles")).text.endswith(
            "\n/styles and a word shows fewer: blue, night, woodblock, ..."
        )
        assert (await _say(it, "/styles blue")).text.startswith("2 styles for “blue”.")


async def test_the_queue_shows_ones_own_pictures_and_the_length_of_the_line() -> None:
    async with bot(waits) as it:
        running = await it.order("/stylize greatwave", user="bob")
        await it.engine.started(running.id)
        first, second = await it.order(), await it.order()
        lines = (await _say(it, "/queue")).text.splitlines()
        assert lines[0].startswith(f"{first.id}: starrynight, place 1 of 2, ")
        assert lines[1].startswith(f"{second.id}: starrynight, place 2 of 2, ")
        assert lines[2] == "In all, 3 pictures are in the queue."
        assert (await _say(it, "/queue", "cid")).text.splitlines()[0] == "You have no pictures waiting."


async def test_cancel_takes_the_only_picture_or_asks_which() -> None:
    async with bot(waits) as it:
        running = await it.order(user="bob")
        await it.engine.started(running.id)
        first, second, third = [await it.order() for _ in range(3)]
        asked = await _say(it, "/cancel")
        assert is_refusal(asked)
        assert f"/cancel {first.id}" in asked.text
        assert (await _say(it, f"/cancel {first.id.upper()}")).text == f"Cancelled: {first.id}."
        assert (await _say(it, f"/cancel {second.id}")).text == f"Cancelled: {second.id}."
        assert (await _say(it, "/cancel")).text == f"Cancelled: {third.id}."
        assert is_refusal(await _say(it, f"/cancel {running.id}")), "it is somebody else's"


async def test_cancel_all_takes_every_picture_of_ones_own() -> None:
    async with bot(waits) as it:
        jobs = [await it.order() for _ in range(3)]
        text = (await _say(it, "/cancel all")).text
        assert all(job.id in text for job in jobs)


async def test_again_paints_the_last_photo_with_another_seed() -> None:
    async with bot() as it:
        first = await it.order("/stylize greatwave strength=30 seed=7", photo=b"dog")
        await it.until_state(first.id, State.DELIVERED)
        reply = await _again(it, "/again")
        assert isinstance(reply, Accepted)
        assert it.engine.painted == ["dog", "dog"]
        assert reply.job.recipe.styles == first.recipe.styles
        assert reply.job.recipe.strength == 30
        assert reply.job.recipe.seed != 7


async def test_again_same_is_the_same_to_the_last_setting() -> None:
    async with bot() as it:
        first = await it.order("/stylize greatwave")
        await it.until_state(first.id, State.DELIVERED)
        reply = await _again(it, "/again same")
        assert isinstance(reply, Accepted)
        assert reply.job.recipe == first.recipe


async def test_again_changes_what_is_said_and_nothing_else() -> None:
    async with bot() as it:
        first = await it.order("/stylize greatwave brush=2 ratio=0.01")
        await it.until_state(first.id, State.DELIVERED)
        reply = await _again(it, "/again strength=90 seed=3")
        assert isinstance(reply, Accepted)
        recipe = reply.job.recipe
        assert (recipe.brush, recipe.strength, recipe.ratio, recipe.seed) == (2, 90, None, 3)


async def test_again_with_another_style_takes_that_styles_own_strength() -> None:
    async with bot() as it:
        first = await it.order("/stylize greatwave")
        await it.until_state(first.id, State.DELIVERED)
        reply = await _again(it, "/again starry night")
        assert isinstance(reply, Accepted)
        assert (reply.job.recipe.styles[0].name, reply.job.recipe.strength) == ("starrynight", 60)


async def test_again_with_a_photo_paints_that_one_as_the_last() -> None:
    async with bot() as it:
        first = await it.order("/stylize greatwave", photo=b"dog")
        await it.until_state(first.id, State.DELIVERED)
        await _again(it, "/again", photo=b"cat")
        assert it.engine.painted == ["dog", "cat"]


@pytest.mark.parametrize(
    ("text", "sent", "painted"),
    [
        ("/again", {}, (b"dog", b"tiles")),
        ("/again same", {}, (b"dog", b"tiles")),
        ("/again mode=fine", {}, (b"dog", b"tiles")),
        ("/again", {"photo": b"cat"}, (b"cat", b"tiles")),
        ("/again", {"photo": b"cat", "style": b"lace"}, (b"cat", b"lace")),
        ("/again starrynight", {}, (b"dog", None)),
    ],
)
async def test_again_keeps_the_style_picture_as_it_keeps_the_photo(
    text: str, sent: dict[str, bytes], painted: tuple[bytes, bytes | None]
) -> None:
    async with bot() as it:
        first = await it.order("/stylize mine", photo=b"dog", style=b"tiles")
        await it.until_state(first.id, State.DELIVERED)
        await _again(it, text, **sent)
        assert (it.engine.runs[1].photo, it.engine.runs[1].style) == painted


async def test_again_with_mine_and_one_picture_paints_the_last_photo_in_its_style() -> None:
    async with bot() as it:
        first = await it.order("/stylize starrynight mode=fast", photo=b"dog")
        await it.until_state(first.id, State.DELIVERED)
        assert "Which picture is the style?" in (await _say(it, "/again mine")).text
        await _again(it, "/again mine", photo=b"tiles")
        assert (it.engine.runs[1].photo, it.engine.runs[1].style) == (b"dog", b"tiles")


@pytest.mark.parametrize(
    ("first", "again", "mode"),
    [
        ("mode=fine steps=30", "/again mode=fast", "fast"),
        ("ratio=0.1", "/again same mode=universal", "universal"),
        ("mode=fast", "/again steps=30", "fine"),
        ("mode=fast", "/again same ratio=0.1", "fine"),
        ("mode=fast strength=70", "/again same mode=fine", "fine"),
    ],
)
async def test_again_in_another_mode_keeps_only_what_that_mode_honours(first: str, again: str, mode: str) -> None:
    async with bot() as it:
        job = await it.order(f"/stylize starrynight {first}")
        await it.until_state(job.id, State.DELIVERED)
        reply = await _again(it, again)
        assert isinstance(reply, Accepted)
        assert reply.job.recipe.mode == mode


@pytest.mark.parametrize("mode", ["fast", "fine"])
async def test_again_with_ones_own_picture_leaves_the_fast_network_aside(mode: str) -> None:
    async with bot() as it:
        first = await it.order(f"/stylize starrynight mode={mode}")
        await it.until_state(first.id, State.DELIVERED)
        reply = await _again(it, "/again same mine", style=b"tiles")
        assert isinstance(reply, Accepted)
        recipe = reply.job.recipe
        assert (recipe.mode, recipe.init) == (("universal", None) if mode == "fast" else ("fine", "universal"))


async def test_again_repeats_nobody_elses_order() -> None:
    async with bot() as it:
        first = await it.order(user="bob")
        await it.until_state(first.id, State.DELIVERED)
        assert is_refusal(await _say(it, "/again"))


async def test_a_limit_is_answered_with_how_long_to_wait() -> None:
    async with bot(waits, limits=Limits(open_jobs=1, burst=9)) as it:
        await it.order("/stylize starrynight mode=fine")
        reply = await _say(it, "/stylize starrynight", photo=b"cat")
        assert is_refusal(reply)
        assert reply.text.startswith("1 of your pictures is waiting; the limit is 1. Cancel one or wait about")


async def test_help_is_short_and_leads_to_the_rest() -> None:
    async with bot() as it:
        for text in ("/help", "/start"):
            reply = await _say(it, text)
            assert isinstance(reply, Text)
            assert len(reply.text) < 600
            assert {line.text for line in reply.lines} == {"/styles", "/help options", "/help commands", "/help lab"}
        for name in COMMANDS:
            assert (await _say(it, f"/help {name}")).text == f"/{name}: {COMMANDS[name]}"
        for topic, names in (("commands", EVERYDAY), ("lab", LABORATORY)):
            reply = await _say(it, f"/help {topic}")
            assert all(f"/{name}:" in reply.text for name in names)
        about_settings = (await _say(it, "/help options")).text
        assert all(f"mode={mode}" in about_settings for mode in MODES)
        assert "/stylize mine" in about_settings


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_that_is_named_is_known(command: str) -> None:
    async with bot() as it:
        assert "I do not know" not in (await _say(it, f"/{command}")).text


async def test_about_names_the_licence_the_method_and_the_device() -> None:
    async with bot() as it:
        text = (await _say(it, "/about")).text
        assert all(word in text for word in ("MIT", "Dumoulin", "Ghiasi", "Gatys", "Painting on: a double"))
        it.engine.ready = None
        assert "starting" in (await _say(it, "/about")).text


async def test_privacy_says_for_how_long() -> None:
    async with bot() as it:
        text = (await _say(it, "/privacy")).text
        assert "the picture that you sent as its style" in text
        assert "for 24 hours after" in text


async def test_a_bug_is_answered_with_a_sentence_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with bot() as it:
        monkeypatch.setattr(it.studio, "waiting", lambda: 1 / 0)
        reply = await _say(it, "/queue")
        assert is_refusal(reply)
        assert "Something went wrong on my side" in reply.text
        assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("starrynight size=9000 mode=fine", "the limit is 2048 pixels. Try size=2048, or mode=fast"),
        ("starrynight size=4096 mode=fine", "the limit is 2048 pixels. Try size=2048, or mode=fast"),
        ("starrynight steps=50 size=5000", "the limit is 2048 pixels"),
        ("starrynight size=9000", "the limit is 4096 pixels. Try size=4096."),
    ],
)
async def test_a_size_that_is_too_large_is_told_the_limit_of_its_mode(line: str, limit: str) -> None:
    async with bot() as it:
        reply = await it.say(f"/stylize {line}", photo=b"cat")
        assert isinstance(reply, Refused)
        assert limit in reply.text
