"""The ledger of the proofs finds out what is wrong: else they would prove nothing."""

from __future__ import annotations

import random

import pytest

from tests.chaos.blows import Blow
from tests.chaos.rounds import Round, judged
from tests.fakes.discord.rules import LOADING
from tests.fakes.telegram.state import ME
from tests.hostile.files import FAMILIES, hostile_files
from tests.live.doubles import Discord, Telegram
from tests.live.orders import DiscordOrder, TelegramOrder, order_on_discord, order_on_telegram, verdict
from tests.pictures import picture

PICTURE = {"_data": b"PNG", "caption": "The Starry Night\n/stylize starrynight mode=fast seed=7\n1 s"}


@pytest.fixture
def telegram() -> Telegram:
    return Telegram()


def ordered(telegram: Telegram) -> TelegramOrder:
    return order_on_telegram(telegram, 7, "/stylize starrynight seed=7", picture(), group=-5, way="group")


def answers(telegram: Telegram, order: TelegramOrder, **content: object) -> None:
    """The bot writes a message in reply to the order."""
    telegram._new(order.chat, ME, reply=order.messages[-1]).update(content)


def test_one_picture_is_an_answer(telegram: Telegram) -> None:
    order = ordered(telegram)
    answers(telegram, order, **PICTURE)
    assert verdict(order) == "answered"


def test_two_pictures_are_twice(telegram: Telegram) -> None:
    order = ordered(telegram)
    answers(telegram, order, **PICTURE)
    answers(telegram, order, **PICTURE)
    assert verdict(order) == "twice"


def test_a_picture_with_another_seed_is_no_answer(telegram: Telegram) -> None:
    order = ordered(telegram)
    answers(telegram, order, **PICTURE | {"caption": "/stylize starrynight mode=fast seed=8"})
    assert verdict(order) != "answered"


def test_an_answer_to_somebody_else_of_the_group_is_none(telegram: Telegram) -> None:
    order = ordered(telegram)
    answers(telegram, order_on_telegram(telegram, 8, "", picture(), group=-5, way="group"), **PICTURE)
    assert verdict(order) == "lost"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Starry Night: coming up in a moment\n/cancel abc cancels it.", "unanswered"),
        ("The Starry Night: It was tried twice. So this picture was given up; /retry abc tries it again.", "given up"),
        ("The bot is being restarted. Please send this again in a minute.", "sent back"),
        ("There is no style starynight.", "refused"),
    ],
)
def test_words_alone_are_told_apart(telegram: Telegram, text: str, found: str) -> None:
    order = ordered(telegram)
    answers(telegram, order, text=text)
    assert verdict(order) == found


def test_a_message_that_promises_more_beside_the_picture_is_stale(telegram: Telegram) -> None:
    order = ordered(telegram)
    answers(telegram, order, **PICTURE)
    answers(telegram, order, text="The Starry Night: coming up in a moment\n/cancel abc cancels it.")
    assert verdict(order) == "stale"


async def on_discord() -> tuple[Discord, DiscordOrder]:
    """A slash command that no bot has heard of."""
    discord = Discord()
    discord.add_guild()
    discord.commands = [{"id": "1", "name": "stylize", "options": [{"name": "photo", "type": 11}]}]
    order = await order_on_discord(discord, 7, {}, ("cat.png", picture()), way="slash", private=False)
    return discord, order


async def test_discord_has_told_the_person_itself_of_a_command_that_no_bot_heard() -> None:
    _, order = await on_discord()
    assert verdict(order) == "unheard"


async def test_a_command_that_was_acknowledged_and_has_no_answer_is_lost() -> None:
    _, order = await on_discord()
    assert order.interaction
    order.interaction.answered = 5
    assert verdict(order) == "lost"


async def test_thinking_for_ever_is_no_answer() -> None:
    discord, order = await on_discord()
    message = discord._message(order.channel, int(discord.bot), "") | {"flags": LOADING}
    discord.messages[int(message["id"])] = message
    assert verdict(order) == "unanswered"


def writes(discord: Discord, order: DiscordOrder, text: str, *attachments: dict) -> None:
    """The bot writes a message where the order is answered."""
    message = discord._message(order.channel, int(discord.bot), text) | {"attachments": list(attachments)}
    discord.messages[int(message["id"])] = message


@pytest.mark.parametrize(
    ("pictures", "calls", "found"), [(1, 1, "answered"), (1, 2, "twice"), (2, 1, "twice"), (0, 1, "unanswered")]
)
async def test_of_a_picture_that_took_long_people_hear_once_that_it_is_ready(
    pictures: int, calls: int, found: str
) -> None:
    discord, order = await on_discord()
    for _ in range(pictures):
        writes(discord, order, str(PICTURE["caption"]), {"filename": "cat.png"})
    for _ in range(calls):
        writes(discord, order, f"<@{order.user}> your picture is ready.")
    assert verdict(order) == found


async def test_a_command_that_a_bot_in_good_health_did_not_hear_is_lost() -> None:
    _, order = await on_discord()
    blow = Blow.drawn(random.Random(1))
    assert judged((order, Round(0, [blow], real=False))) == "lost"
    blow.kind, blow.at = "kill bot", order.placed + 1.0
    assert judged((order, Round(0, [blow], real=False))) == "unheard"


def test_a_seed_draws_the_same_files_again_and_every_family_comes_early() -> None:
    files = [(file.family, file.about, file.name) for file in hostile_files(len(FAMILIES), 5)]
    assert files == [(file.family, file.about, file.name) for file in hostile_files(len(FAMILIES), 5)]
    assert len({family for family, _, _ in files}) > 20
