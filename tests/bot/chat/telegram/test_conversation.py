"""Orders in two halves, corrected ones, and replies to finished pictures."""

from __future__ import annotations

import torch

from engine.images.encode import encode_png
from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    finished,
    labels,
    message_with,
    pressed,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.pictures import picture

DOG = picture((20, 120, 200), (96, 64))
LINE = "/stylize greatwave mode=fast strength=40 brush=1 colors=style faces=keep size=96 seed=7"
OURS = encode_png(torch.full((3, 64, 96), 0.5), LINE)


async def test_in_private_a_photo_and_its_style_may_be_two_messages(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, photo=CAT)
        (sheet,) = await finished(server, ANN)
        assert "Every style" in sheet["caption"]
        server.says(ANN, "make it look like the great wave please")
        *_, result = await finished(server, ANN, 2)
        assert "The Great Wave" in result["caption"]
        assert it.engine.runs[-1].photo == CAT


async def test_in_private_a_style_may_come_before_its_photo(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize greatwave strength=80")
        await message_with(server, ANN, "Which photo? Send it here.")
        server.says(ANN, photo=CAT)
        (result,) = await finished(server, ANN)
        assert "greatwave mode=fast strength=80" in result["caption"]
        assert it.engine.runs[0].photo == CAT


async def test_in_a_group_the_photo_may_be_a_reply_to_the_question(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, "/stylize greatwave", user=BOB)
        question = await message_with(server, GROUP, "Which photo?")
        server.says(GROUP, photo=CAT, user=BOB, reply=question["message_id"])
        (result,) = await finished(server, GROUP)
        assert "greatwave" in result["caption"]
        assert it.engine.runs[0].photo == CAT


async def test_settings_in_reply_to_a_picture_paint_its_photo_again(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, "/stylize greatwave", photo=CAT)
        (first,) = await finished(server, GROUP)
        server.says(GROUP, "/stylize scream", photo=DOG)
        await finished(server, GROUP, 2)
        server.says(GROUP, "strength=90", reply=first["message_id"])
        *_, last = await finished(server, GROUP, 3)
        assert "greatwave mode=fast strength=90" in last["caption"]
        assert it.engine.runs[-1].photo == CAT


async def test_nothing_else_that_is_said_to_a_picture_in_a_group_is_answered(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(GROUP, "/stylize greatwave", photo=CAT)
        (first,) = await finished(server, GROUP)
        server.says(GROUP, "thanks, that is beautiful", reply=first["message_id"])
        server.says(GROUP, "/queue")
        await message_with(server, GROUP, "in the queue")
        assert len(server.of_bot(GROUP)) == 2


async def test_a_corrected_caption_is_an_order(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        photo = server.says(GROUP, "/stylize gratewave", photo=CAT)
        await message_with(server, GROUP, "Did you mean greatwave?")
        server.corrects(GROUP, photo, "/stylize greatwave")
        await finished(server, GROUP)
        server.corrects(GROUP, photo, "/stylize scream")  # which it has become already
        server.says(GROUP, "/queue")
        await message_with(server, GROUP, "in the queue")
        assert [paint.recipe.styles[0].name for paint in it.engine.runs] == ["greatwave"]


async def test_a_picture_of_ours_sent_as_a_file_is_answered_with_its_recipe(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, document=OURS)
        known = await message_with(server, ANN, "I know this picture")
        assert LINE in known["text"]
        server.says(ANN, photo=DOG)
        (result,) = await finished(server, ANN)
        assert LINE in result["caption"]
        assert it.engine.runs[0].photo == DOG


async def test_again_in_reply_to_a_picture_whose_order_is_forgotten_takes_the_next_photo(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, LINE, photo=CAT)
        (first,) = await finished(server, ANN)
        await it.delivered()
        await it.store.delete(it.engine.runs[0].job)
        server.says(ANN, "/again strength=90", reply=first["message_id"])
        await message_with(server, ANN, "Send a photo, and I paint it like this")
        server.says(ANN, photo=DOG)
        *_, last = await finished(server, ANN, 2)
        assert LINE.replace("strength=40", "strength=90") in last["caption"]
        assert it.engine.runs[-1].photo == DOG


async def test_verify_in_reply_to_a_picture_hands_that_and_its_photo_to_the_engine(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, LINE, photo=CAT)
        (first,) = await finished(server, GROUP)
        await it.delivered()
        server.says(GROUP, "/verify", reply=first["message_id"])
        await finished(server, GROUP, 2)
        run = it.engine.runs[-1]
        assert (run.photo, run.checked) == (CAT, server.messages[GROUP, first["message_id"]]["_data"])


async def test_verify_takes_the_photo_that_comes_with_it(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, LINE, photo=CAT)
        (first,) = await finished(server, GROUP)
        await it.delivered()
        await it.store.delete(it.engine.runs[0].job)
        server.says(GROUP, "/verify", reply=first["message_id"])
        await message_with(server, GROUP, "Send its photo along")
        server.says(GROUP, "/verify", photo=DOG, reply=first["message_id"])
        await finished(server, GROUP, 2)
        run = it.engine.runs[-1]
        assert (run.photo, run.checked) == (DOG, server.messages[GROUP, first["message_id"]]["_data"])


async def test_in_private_the_photo_to_verify_from_may_come_after_it(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/verify", document=OURS)
        await message_with(server, ANN, "Send the photo that it was painted from")
        server.says(ANN, photo=DOG)
        (result,) = await finished(server, ANN)
        assert LINE in result["caption"]
        assert (it.engine.runs[0].photo, it.engine.runs[0].checked) == (DOG, OURS)


async def test_what_can_be_done_with_a_picture_of_ours_is_buttons(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, LINE, photo=CAT)
        await finished(server, ANN)
        await it.delivered()
        server.says(ANN, document=OURS)
        known = await message_with(server, ANN, "I know this picture")
        assert labels(known) == ["Paint another like this", "Its own photo again", "Verify"]
        await pressed(server, known["message_id"], "Verify")
        await finished(server, ANN, 2)
        assert (it.engine.runs[-1].photo, it.engine.runs[-1].checked) == (CAT, OURS)
        await pressed(server, known["message_id"], "Its own photo again")
        await finished(server, ANN, 3)
        assert (it.engine.runs[-1].photo, it.engine.runs[-1].checked) == (CAT, None)
        server.says(ANN, "/stylize scream", photo=CAT)
        await finished(server, ANN, 4)
        await pressed(server, known["message_id"], "Paint another like this")
        await message_with(server, ANN, "Which photo is to be painted like it?")
        server.says(ANN, photo=DOG)
        *_, last = await finished(server, ANN, 5)
        assert LINE in last["caption"]


async def test_help_goes_on_by_buttons(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/help")
        first = await message_with(server, ANN, "I repaint photos")
        await pressed(server, first["message_id"], "Options")
        await message_with(server, ANN, "Settings follow the style")
