"""/admin: what the owner of the bot decides, and that nobody else does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.jobs import State
from bot.core.messages import Platform, Refused, is_refusal
from bot.core.people.control import BLOCKED, DRAINING
from bot.core.people.owners import Owners
from bot.dialog.owner.notes import OwnerNotes
from tests.harness import Bot, ChatDouble, bot, waits

OWNER = Owners(people=("ann",))


async def admin(it: Bot, words: str = "") -> str:
    reply = await it.say(f"/admin {words}", user="ann")
    assert not is_refusal(reply), reply.text
    return reply.text


async def test_to_a_stranger_it_is_no_command_and_is_in_no_help() -> None:
    async with bot(owners=OWNER) as it:
        stranger = await it.say("/admin pause", user="bob")
        assert stranger.text.startswith("There is no command /admin.")
        assert not it.studio.control.paused
        assert "/admin" not in (await it.say("/help commands", user="bob")).text
        assert "/admin" in (await it.say("/help commands", user="ann")).text


async def test_while_paused_orders_are_taken_and_wait_and_are_told_so() -> None:
    async with bot(owners=OWNER) as it:
        await admin(it, "pause")
        job = await it.order(user="bob")
        await it.chat.until(lambda: any("paused" in text for text in it.chat.texts(job.id)))
        assert not it.engine.runs
        assert "Paused" in await admin(it, "status")
        await admin(it, "resume")
        await it.until_state(job.id, State.DELIVERED)


async def test_a_pause_outlives_a_restart_and_a_drain_does_not(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal", owners=OWNER) as it:
        await admin(it, "drain")
    async with bot(path=tmp_path / "journal", owners=OWNER) as it:
        job = await it.order(user="bob")
        await it.until_state(job.id, State.DELIVERED)
        await admin(it, "pause")
    async with bot(path=tmp_path / "journal", owners=OWNER) as it:
        waiting = await it.order(user="bob")
        await it.chat.until(lambda: any("paused" in text for text in it.chat.texts(waiting.id)))
        assert not it.engine.runs


async def test_draining_paints_what_waits_and_takes_no_more() -> None:
    async with bot(waits, owners=OWNER) as it:
        first = await it.order(user="bob")
        await it.engine.started(first.id)
        second = await it.order(user="bob")
        assert "2 pictures are waiting" in await admin(it, "drain")
        assert (await it.say("/stylize starrynight", user="eve", photo=b"cat")).text == DRAINING
        it.engine.let_go(first.id)
        await it.until_state(second.id, State.DELIVERED)


async def test_who_is_blocked_gets_one_sentence_also_after_a_restart(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal", owners=OWNER) as it:
        await admin(it, "block telegram:8")
        reply = await it.say("/stylize starrynight", user="telegram:8", photo=b"cat")
        assert isinstance(reply, Refused)
        assert reply.text == BLOCKED
    async with bot(path=tmp_path / "journal", owners=OWNER) as it:
        assert (await it.say("/stylize starrynight", user="telegram:8", photo=b"cat")).text == BLOCKED
        assert "telegram:8" in await admin(it, "status")
        await admin(it, "unblock telegram:8")
        await it.order(user="telegram:8")


async def test_the_owner_sees_all_open_pictures_and_cancels_any() -> None:
    async with bot(waits, owners=OWNER) as it:
        job = await it.order(user="bob")
        await it.engine.started(job.id)
        listed = await admin(it, "queue")
        assert f"{job.id} of bob: starrynight" in listed
        await admin(it, f"cancel {job.id}")
        await it.chat.answered(job.id)
        assert it.chat.notified == [(job.id, "Cancelled by who runs this bot.")]
        assert await admin(it, "queue") == "No picture waits or is being painted."


async def test_limits_are_changed_at_once() -> None:
    async with bot(waits, owners=OWNER) as it:
        assert "open_jobs" in await admin(it, "limits open_jobs=1 per_minute=60 burst=2")
        first = await it.order(user="bob")
        await it.engine.started(first.id)
        refused = await it.say("/stylize starrynight", user="bob", photo=b"dog")
        assert "the limit is 1" in refused.text
        await admin(it, "limits open_jobs=2")
        await it.order(user="bob")
        it.engine.let_go(first.id)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("puase", "Did you mean pause?"),
        ("cancel", "Which picture?"),
        ("cancel nosuch", "No picture “nosuch”"),
        ("block", "Who?"),
        ("block everybody", "names nobody"),
        ("unblock telegram:8", "is not blocked"),
        ("limits opne_jobs=3", "Did you mean open_jobs?"),
        ("limits burst=0", "from 1 to"),
    ],
)
async def test_what_cannot_be_done_is_said(words: str, told: str) -> None:
    async with bot(owners=OWNER) as it:
        reply = await it.say(f"/admin {words}", user="ann")
        assert isinstance(reply, Refused)
        assert told in reply.text


def test_the_page_belongs_to_whoever_opens_it_where_only_this_machine_can() -> None:
    assert Owners(chats=("web",)).include("web:1234")
    assert not Owners(chats=("web",)).include("telegram:1234")
    assert not Owners(people=("telegram:1",)).include("web:1")


async def test_of_breakdowns_the_owner_hears_once_in_ten_minutes() -> None:
    now = 0.0
    notes = OwnerNotes(Owners(), {}, clock=lambda: now)
    heard = []

    def news() -> list[str]:
        while not notes._broken.empty():
            heard.append(notes._broken.get_nowait())
        return heard

    for event in ("started", "crashed", "started", "hung"):
        notes.process_event(event)
    assert len(news()) == 1
    now = 601.0
    notes.process_event("oom_killed")
    assert len(news()) == 2
    assert "2 times" in heard[1]


class Told(ChatDouble, Platform):
    """A platform that writes down what owners are told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Queue[str] = asyncio.Queue()

    async def tell(self, user: str, text: str) -> None:
        self.said.put_nowait(text)

    async def run(self) -> None: ...


async def test_the_owner_is_told_once_when_a_drain_is_finished() -> None:
    async with bot(waits, owners=OWNER) as it:
        platform = Told()
        notes = OwnerNotes(Owners(people=("web:boss",)), {"web": platform})
        telling = asyncio.create_task(notes.run("I am up.", it.studio.control))
        assert await platform.said.get() == "I am up."
        first = await it.order("/stylize starrynight")
        await it.engine.started(first.id)
        await admin(it, "drain")
        it.engine.let_go(first.id)
        assert "Drained: all pictures are painted" in await platform.said.get()
        await it.until_state(first.id, State.DELIVERED)
        await admin(it, "resume")
        await admin(it, "drain")
        assert "Drained" in await platform.said.get(), "there is nothing to paint"
        assert platform.said.empty()
        telling.cancel()
