"""A job accepted is a job answered: the studio in good days and in bad ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.backoff import Backoff
from bot.core.admission import Rules
from bot.core.announce import Announcer, Pace
from bot.core.errors import EngineError, InvalidOrder, LimitReached, NotOwner, StoreError, Undeliverable
from bot.core.jobs import Job, Place, State
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Accepted, Status
from bot.core.studio import INTERRUPTIONS
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.wire import Done, Event, Failed, Paint, Progress
from tests.harness import (
    GALLERY,
    NOT_STARTED,
    ChatDouble,
    EngineDouble,
    as_the_power_fails,
    bot,
    crashes,
    does_not_start,
    done,
    fails,
    message,
    paints,
    waits,
)
from tests.waiting import eventually


def _recipe(text: str = "starrynight") -> recipes.Recipe:
    return recipes.parse(text, GALLERY)


# --- good days -------------------------------------------------------------------------------------------------------


async def test_a_photo_goes_in_and_a_painting_comes_out() -> None:
    async with bot() as it:
        job = await it.order("/stylize starrynight seed=7 size=256")
        await it.until_state(job.id, State.DELIVERED)
        [(id, result)] = it.chat.delivered
        assert id == job.id
        assert result.picture == b"picture of cat"
        assert (result.width, result.height, result.seconds) == (640, 480, 2.0)
        assert result.credit == "The Starry Night, Vincent van Gogh, 1889"
        assert recipes.parse(result.line, GALLERY) == job.recipe
        assert (job.recipe.seed, job.recipe.size, job.recipe.strength) == (7, 256, 60)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("starrynight", 1024),
        ("mine", 1024),
        ("starrynight mode=fine", 768),
        ("starrynight steps=9", 768),
        ("starrynight size=300", 300),
        ("starrynight size=300 mode=fine", 300),
    ],
)
async def test_the_size_of_a_picture_is_its_modes_and_only_a_size_that_was_named_enlarges_a_photo(
    text: str, size: int
) -> None:
    async with bot() as it:
        job = await it.order(f"/stylize {text}", style=b"tiles" if "mine" in text else None)
        await it.engine.started(job.id)
        [paint] = it.engine.runs
        assert (paint.recipe.size, paint.enlarge) == (size, size == 300)


@pytest.mark.parametrize(
    ("rules", "fast", "fine"),
    [
        (Rules(size=500), 500, 500),
        (Rules(fine_size=1200), 1024, 1024),
        (Rules(max_size=400), 400, 400),
        (Rules(max_fine_size=400), 1024, 400),
    ],
)
def test_no_default_is_above_its_limit_and_fine_mode_is_never_the_larger(rules: Rules, fast: int, fine: int) -> None:
    assert (rules.usual("fast"), rules.usual("universal"), rules.usual("fine")) == (fast, fast, fine)


async def test_a_picture_that_kept_its_photos_size_is_delivered_and_kept_with_that_size() -> None:
    async def paints_small(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        assert not paint.enlarge
        yield done(paint, recipe=msgspec.structs.replace(paint.recipe, size=640))

    async with bot(paints_small) as it:
        job = await it.order("/stylize starrynight")
        painted = await it.until_state(job.id, State.DELIVERED)
        assert painted.recipe.size == 640
        assert "size=640" in it.chat.delivered[0][1].line


async def test_an_order_is_on_disk_when_it_is_accepted() -> None:
    async with bot(waits) as it:
        first, second = await it.order(), await it.order()
        assert await it.store.photo(second.id) == b"cat"
        assert {job.id for job in await it.store.unfinished()} == {first.id, second.id}


async def test_a_waiting_person_is_told_of_every_place_gained() -> None:
    async with bot(waits, waits) as it:
        first, second, third = [await it.order(user=user, photo=user.encode()) for user in ("ann", "bob", "cid")]
        await it.engine.started(first.id)
        await it.chat.until(lambda: any("place 2 of 2" in text for text in it.chat.texts(third.id)))
        it.engine.let_go(first.id)
        await it.chat.until(lambda: any("place 1 of 1" in text for text in it.chat.texts(third.id)))
        it.engine.let_go(second.id)
        await it.chat.answered(first.id, second.id, third.id)


async def test_a_chat_shows_when_it_is_its_turn_and_holds_up_no_answer() -> None:
    class Patient(ChatDouble):
        async def wait_to_show(self, job: Job, status: Status) -> None:
            await self.until(lambda: "step 12" in status.text)

    async with bot(waits, paints, chat=Patient()) as it:
        first = await it.order()
        await it.chat.until(lambda: it.chat.texts(first.id))
        assert "step 12" in it.chat.texts(first.id)[0]
        it.engine.let_go(first.id)
        second = await it.order()
        await it.chat.answered(first.id, second.id)
        assert it.chat.texts(second.id) == []


async def test_progress_comes_with_the_newest_preview() -> None:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        async for event in paints(engine, paint):
            if isinstance(event, Done):
                async for late in waits(engine, paint):
                    yield late
            else:
                yield event

    async with bot(act) as it:
        job = await it.order()
        await it.chat.until(lambda: "step 12 of 120" in " ".join(it.chat.texts(job.id)))
        _, status = it.chat.shown[-1]
        assert status.preview == b"preview"
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_note_of_the_engine_stays_in_sight() -> None:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.2, "step 1 of 5", note="The memory was full, so the size was halved.")
        yield Progress(paint.job, 0.4, "step 2 of 5")
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(act) as it:
        job = await it.order()
        await it.chat.until(lambda: "step 2 of 5" in " ".join(it.chat.texts(job.id)))
        assert "The memory was full" in it.chat.texts(job.id)[-1]
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_one_persons_pictures_do_not_hold_up_anothers_first() -> None:
    async with bot(waits) as it:
        running = await it.order(photo=b"running")
        await it.engine.started(running.id)
        jobs = [await it.order(photo=f"ann {number}".encode()) for number in range(4)]
        jobs.append(await it.order(user="bob", photo=b"bob 0"))
        it.engine.let_go(running.id)
        await it.chat.answered(*(job.id for job in jobs))
        assert it.engine.painted == ["running", "ann 0", "bob 0", "ann 1", "ann 2", "ann 3"]


async def test_the_engine_paints_the_next_while_the_last_is_being_delivered() -> None:
    async with bot() as it:
        it.chat.answers_open.clear()
        first, second = await it.order(), await it.order()
        await it.until_state(first.id, State.PAINTED)
        await it.until_state(second.id, State.PAINTED)
        it.chat.answers_open.set()
        await it.chat.answered(first.id, second.id)


async def test_estimates_are_learned_and_kept_over_a_restart(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal") as it:
        first = await it.order()
        await it.until_state(first.id, State.DELIVERED)
        assert (await it.order()).cost == pytest.approx(2.0)
    async with bot(path=tmp_path / "journal") as it:
        assert (await it.order()).cost == pytest.approx(2.0)


async def test_outcomes_are_counted() -> None:
    async with bot(paints, fails("refused", "That is no photo.")) as it:
        for job in [await it.order(), await it.order()]:
            await eventually(lambda job=job: _settled(it.store, job.id))
        await it.chat.until(lambda: not it.studio.waiting())
        families = text_string_to_metric_families(it.studio.health.metrics().decode())
        counts = {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}
        assert counts["impasto_jobs_total", "delivered"] == 1
        assert counts["impasto_jobs_total", "notified"] == 1
        assert counts["impasto_up",] == 1


async def _settled(store: Store, id: str) -> bool:
    job = await store.job(id)
    return job is not None and job.state in (State.DELIVERED, State.NOTIFIED)


async def test_it_says_when_the_engine_is_not_there() -> None:
    async with bot() as it:
        await it.order()
        assert it.studio.health.readiness()["ok"]
        it.engine.ready = None
        assert it.studio.health.readiness()["reasons"] == ["The engine is not ready."]


async def test_the_line_says_which_encoder_the_engine_chose() -> None:
    async with bot(rules=Rules(encoder="auto")) as it:
        chosen: list[recipes.EncoderName] = ["slim", "full"]
        for it.engine.encoder in chosen:
            job = await it.order("/stylize starrynight mode=fine")
            assert job.recipe.encoder == it.engine.encoder
        named = await it.order("/stylize starrynight encoder=slim")
        assert named.recipe.encoder == "slim"
    async with bot(rules=Rules(encoder="slim")) as it:
        it.engine.encoder = "full"
        job = await it.order("/stylize starrynight mode=fine")
        assert job.recipe.encoder == "slim"


async def test_who_waits_for_the_engine_to_load_is_told_so() -> None:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(act) as it:
        it.engine.ready = None
        job = await it.order()
        await it.chat.until(lambda: "the engine is loading" in it.chat.texts(job.id))
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_what_is_kept_long_enough_is_swept_away(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal") as it:
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
    async with bot(path=tmp_path / "journal", rules=Rules(keep_hours=1e-9)) as it:

        async def gone() -> bool:
            return await it.store.job(job.id) is None

        assert await eventually(gone)


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_the_fourth_picture_is_refused_with_the_limit_and_the_wait() -> None:
    async with bot(waits, limits=Limits(open_jobs=3, burst=9)) as it:
        jobs = [await it.order() for _ in range(3)]
        await it.engine.started(jobs[0].id)
        with pytest.raises(LimitReached, match=r"3 of your pictures are waiting; the limit is 3\. Cancel one or wait"):
            await it.studio.accept(message(photo=b"cat"), _recipe())
        it.engine.let_go(jobs[0].id)
        await it.until_state(jobs[0].id, State.DELIVERED)
        await it.order()


async def test_two_orders_at_once_cannot_both_take_the_last_place() -> None:
    async with bot(waits, limits=Limits(open_jobs=1, burst=9)) as it:
        orders = [it.studio.accept(message(photo=b"cat"), _recipe()) for _ in range(5)]
        answers = await asyncio.gather(*orders, return_exceptions=True)
        assert sum(isinstance(answer, Job) for answer in answers) == 1
        assert sum(isinstance(answer, LimitReached) for answer in answers) == 4
        assert len(await it.store.unfinished()) == 1


async def test_a_full_line_refuses_everybody() -> None:
    async with bot(waits, capacity=2) as it:
        running = await it.order()
        await it.engine.started(running.id)
        for user in ("bob", "cid"):
            await it.order(user=user)
        with pytest.raises(LimitReached, match="The queue is full: 2 pictures are waiting"):
            await it.studio.accept(message("dan", b"cat"), _recipe())


@pytest.mark.parametrize(
    ("text", "photo", "sentence"),
    [
        ("starrynight size=2000", b"cat", r"size=2000 is too large here: the limit is 1024 pixels. Try size=1024\."),
        (
            "starrynight mode=fine size=700",
            b"cat",
            r"size=700 is too large for mode=fine here: the limit is 600 pixels\. Try size=600, or mode=fast for",
        ),
        ("mine steps=9 size=700", b"cat", r"Try size=600, or mode=universal for larger ones\."),
        ("starrynight mode=fine size=1025", b"cat", r"size=1025 is too large here: the limit is 600 pixels\."),
        ("starrynight steps=900", b"cat", r"steps=900 is too many here: the limit is 500\."),
        ("starrynight", None, "There is no photo to paint"),
        ("starrynight", bytes(2**20 + 1), r"This photo is too large: 1 MB is the limit\."),
    ],
)
async def test_an_order_beyond_the_rules_is_refused_by_the_rules_name(
    text: str, photo: bytes | None, sentence: str
) -> None:
    rules = Rules(max_size=1024, max_fine_size=600, max_steps=500, max_photo_bytes=2**20)
    recipe = _recipe(text)
    async with bot(rules=rules) as it:
        with pytest.raises(InvalidOrder, match=sentence):
            await it.studio.accept(message(photo=photo, style=b"tiles" if recipe.mine else None), recipe)
        assert await it.store.unfinished() == []


async def test_a_style_picture_may_be_no_larger_than_a_photo() -> None:
    async with bot(rules=Rules(max_photo_bytes=2**20)) as it:
        with pytest.raises(InvalidOrder, match=r"This style picture is too large: 1 MB is the limit\."):
            await it.studio.accept(message(photo=b"cat", style=bytes(2**20 + 1)), _recipe("mine"))


async def test_an_order_that_the_disk_does_not_take_is_not_accepted_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bot(limits=Limits(burst=1, open_jobs=1)) as it:
        with monkeypatch.context() as full:

            async def add(*order: Any) -> None:
                raise StoreError("The disk is full.")

            full.setattr(it.store, "add", add)
            with pytest.raises(StoreError):
                await it.studio.accept(message(photo=b"cat"), _recipe())
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)


# --- cancelling ------------------------------------------------------------------------------------------------------


async def test_a_waiting_picture_is_cancelled_and_never_painted() -> None:
    async with bot(waits) as it:
        running, waiting = await it.order(photo=b"running"), await it.order(photo=b"waiting")
        await it.engine.started(running.id)
        assert [job.id for job in await it.studio.cancel("ann", waiting.id)] == [waiting.id]
        it.engine.let_go(running.id)
        await it.chat.answered(running.id, waiting.id)
        assert it.chat.notified == [(waiting.id, "Cancelled, as you asked.")]
        assert it.engine.painted == ["running"]


async def test_a_picture_that_is_being_painted_is_cancelled_and_the_next_one_begins() -> None:
    async with bot(waits) as it:
        running, waiting = await it.order(), await it.order()
        await it.engine.started(running.id)
        await it.studio.cancel("ann", running.id)
        await it.chat.answered(running.id, waiting.id)
        assert [id for id, _ in it.chat.notified] == [running.id]
        assert [id for id, _ in it.chat.delivered] == [waiting.id]
        assert it.engine.cancelled == [running.id]


async def test_a_cancel_that_comes_too_late_delivers_nothing_twice() -> None:
    async def finishes_all_the_same(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        await engine.until(lambda: paint.job in engine.cancelled)
        yield done(paint)

    async with bot(finishes_all_the_same) as it:
        job, after = await it.order(), await it.order()
        await it.engine.started(job.id)
        await it.studio.cancel("ann", job.id)
        await it.chat.answered(job.id, after.id)
        assert [id for id, _ in it.chat.notified] == [job.id]
        assert [id for id, _ in it.chat.delivered] == [after.id]


async def test_a_cancelled_picture_is_not_waited_for_in_estimates() -> None:
    async def notices_late(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.2, "step 2 of 10")
        await engine.until(lambda: paint.job in engine.free)
        yield Failed(paint.job, "cancelled", "Cancelled.")

    async with bot(notices_late) as it:
        running = await it.order("/stylize starrynight mode=fine size=1024")
        await it.engine.started(running.id)
        waiting = await it.order(user="bob")
        assert it.studio.waiting() == 2
        await it.studio.cancel("ann", running.id)
        assert it.studio.waiting() == 1
        [seen] = it.studio.open_jobs("bob")
        assert seen.status.text == "place 1 of 1, a moment"
        it.engine.let_go(running.id)
        await it.chat.answered(running.id, waiting.id)


async def test_an_engine_killed_for_a_cancel_is_no_breakdown() -> None:
    async def dies_of_it(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.1, "step 12 of 120")
        await engine.until(lambda: paint.job in engine.cancelled)
        raise EngineError("The painting engine had to be restarted in the middle of this picture.")

    async with bot(dies_of_it) as it:
        job = await it.order()
        await it.engine.started(job.id)
        await it.studio.cancel("ann", job.id)
        after = await it.order(photo=b"after")
        await it.chat.answered(job.id, after.id)
        assert it.engine.painted == ["cat", "after"]
        assert b"impasto_engine_breakdowns_total 0.0" in it.studio.health.metrics()


async def test_everything_of_one_person_is_cancelled_and_nothing_of_anybody_else() -> None:
    async with bot(waits) as it:
        running = await it.order(user="bob")
        await it.engine.started(running.id)
        mine = [await it.order() for _ in range(3)]
        assert {job.id for job in await it.studio.cancel("ann")} == {job.id for job in mine}
        it.engine.let_go(running.id)
        await it.chat.answered(running.id, *(job.id for job in mine))
        assert [id for id, _ in it.chat.delivered] == [running.id]


async def test_only_ones_own_open_pictures_can_be_cancelled() -> None:
    async with bot(waits) as it:
        job = await it.order()
        await it.engine.started(job.id)
        with pytest.raises(NotOwner):
            await it.studio.cancel("bob", job.id)
        with pytest.raises(InvalidOrder, match="There is no picture"):
            await it.studio.cancel("ann", "nonsense")
        with pytest.raises(InvalidOrder, match="nothing to cancel"):
            await it.studio.cancel("bob")
        it.engine.let_go(job.id)
        await it.until_state(job.id, State.DELIVERED)
        with pytest.raises(InvalidOrder, match="finished already"):
            await it.studio.cancel("ann", job.id)


# --- disasters: the engine -------------------------------------------------------------------------------------------


async def test_a_crash_of_the_engine_costs_the_person_nothing_but_time() -> None:
    async with bot(crashes, waits) as it:
        job = await it.order()
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        assert (await it.store.job(job.id)) is not None
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)
        assert [id for id, _ in it.chat.delivered] == [job.id]


async def test_a_second_attempt_is_announced() -> None:
    async def starts_slowly(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(crashes, starts_slowly) as it:
        job = await it.order()
        await it.chat.until(lambda: "The engine failed; trying again." in it.chat.texts(job.id))
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_photo_that_kills_the_engine_twice_is_given_up_and_the_next_is_painted() -> None:
    async with bot(crashes, crashes) as it:
        poison, good = await it.order(photo=b"poison"), await it.order(photo=b"good")
        await it.chat.answered(poison.id, good.id)
        assert it.engine.painted == ["poison", "poison", "good"]
        [(id, text)] = it.chat.notified
        assert id == poison.id
        assert "It was tried twice" in text
        await it.until_state(poison.id, State.NOTIFIED)


async def test_an_engine_that_does_not_start_costs_no_photo_its_tries() -> None:
    async with bot(crashes, *[does_not_start] * 9, paints) as it:
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert [id for id, _ in it.chat.delivered] == [job.id]


async def test_a_picture_costs_its_person_the_seconds_that_it_took() -> None:
    slow, minutes = "/stylize starrynight mode=fine size=1024 steps=400", 10.0  # 440 s by the first guess
    async with bot(waits, limits=Limits(open_jobs=9, burst=9, engine_minutes=minutes)) as it:
        first = await it.order(slow)
        assert 300 < first.cost < 600
        refused = await it.say(slow, photo=b"cat")
        assert "would keep the engine busy for about" in refused.text
        await it.engine.started(first.id)
        await it.studio.cancel("ann", first.id)
        await it.order(slow)
        await it.order(slow, user="bob")


async def test_a_style_that_was_taken_out_of_the_gallery_is_named_to_who_ordered_it(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        it.engine.let_go((await it.order(photo=b"first")).id)
        running, job = await it.order("/stylize greatwave"), await it.order("/stylize greatwave")
        await it.engine.started(running.id)
    left = Gallery(tuple(style for style in GALLERY if style.name != "greatwave"))
    async with bot(path=tmp_path / "journal", styles=left) as it:
        await it.chat.answered(running.id, job.id)
        assert it.engine.painted == []
        assert all("greatwave" in text for _, text in it.chat.notified)


async def test_a_clock_that_is_set_back_lets_people_order_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bot(limits=Limits(open_jobs=9, burst=1, per_minute=60_000.0)) as it:
        await it.order()
        earlier = time.time() - 7200
        monkeypatch.setattr(time, "time", lambda: earlier)
        await asyncio.sleep(0.002)  # in which the next order is earned
        await it.order()


async def test_who_waits_for_an_engine_that_does_not_start_is_told_so_and_may_cancel() -> None:
    async with bot(*[does_not_start] * 100_000) as it:
        first, second = await it.order(photo=b"first"), await it.order(photo=b"second")
        await it.chat.until(lambda: any("your picture waits" in text for text in it.chat.texts(first.id)))
        await it.chat.until(lambda: any("as soon as the painting engine is" in t for t in it.chat.texts(second.id)))
        await it.studio.cancel("ann")
        await it.chat.answered(first.id, second.id)
        it.engine.acts.clear()
        after = await it.order(photo=b"after")
        await it.until_state(after.id, State.DELIVERED)
        assert it.engine.painted == ["after"]


async def test_a_terminal_waits_for_an_engine_only_so_long() -> None:
    async with bot(does_not_start, does_not_start, rules=Rules(failed_starts=2)) as it:
        job = await it.order()
        await it.until_state(job.id, State.NOTIFIED)
        assert it.chat.notified == [(job.id, NOT_STARTED)]


async def test_a_picture_that_was_given_up_is_tried_once_more_as_it_was() -> None:
    async with bot(crashes, crashes) as it:
        job = await it.order("/stylize starrynight seed=7")
        await it.until_state(job.id, State.NOTIFIED)
        [(_, text)] = it.chat.notified
        assert f"/retry {job.id}" in text
        await it.order(photo=b"another")
        reply = await it.say(f"/retry {job.id}")
        assert isinstance(reply, Accepted)
        assert reply.job.recipe == job.recipe
        await it.until_state(reply.job.id, State.DELIVERED)
        assert it.engine.painted == ["cat", "cat", "another", "cat"]


async def test_only_what_was_given_up_can_be_retried() -> None:
    async with bot(crashes, crashes) as it:
        given_up = await it.order()
        await it.until_state(given_up.id, State.NOTIFIED)
        fine = await it.order()
        await it.until_state(fine.id, State.DELIVERED)
        for text, user in ((f"/retry {fine.id}", "ann"), (f"/retry {given_up.id}", "bob"), ("/retry", "bob")):
            assert "was given up" in (await it.say(text, user)).text


async def test_a_photo_that_the_engine_refuses_is_answered_at_once() -> None:
    async with bot(fails("refused", "This is no picture that I can read. Send a JPEG.")) as it:
        job = await it.order()
        await it.until_state(job.id, State.NOTIFIED)
        assert it.chat.notified == [(job.id, "This is no picture that I can read. Send a JPEG.")]
        assert len(it.engine.runs) == 1


async def test_an_engine_that_answers_nothing_is_a_broken_one() -> None:
    async def silent(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.1, "step 1 of 10")

    async with bot(silent) as it:
        job = await it.order()
        await it.chat.answered(job.id)
        assert len(it.engine.runs) == 2
        assert [id for id, _ in it.chat.delivered] == [job.id]


async def test_a_bug_in_the_engines_client_costs_one_job_and_shows_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def bug(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.1, "step 1 of 10")
        raise ZeroDivisionError("secret details")

    async with bot(bug) as it:
        job, after = await it.order(), await it.order()
        await it.chat.answered(job.id, after.id)
        [(id, text)] = it.chat.notified
        assert id == job.id
        assert "Something went wrong on my side" in text
        assert "secret details" not in text
        assert "secret details" in caplog.text


# --- disasters: the chat ---------------------------------------------------------------------------------------------


async def test_a_picture_is_delivered_as_soon_as_a_failing_chat_recovers() -> None:
    async with bot() as it:
        it.chat.faults.extend([ConnectionError("no network"), TimeoutError(), RuntimeError("rate limit")])
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert it.chat.tries == 4
        assert len(it.chat.delivered) == 1


async def test_a_chat_that_is_gone_for_good_is_asked_once() -> None:
    async with bot() as it:
        it.chat.faults.append(Undeliverable("The channel was deleted."))
        job = await it.order()
        await it.until_state(job.id, State.LOST)
        assert it.chat.tries == 1


async def test_a_chat_that_shows_nothing_any_more_still_gets_its_picture() -> None:
    shows = 0

    class Mute(ChatDouble):
        async def show(self, job: Job, status: Status) -> None:
            nonlocal shows
            shows += 1
            self.notice()
            raise Undeliverable("The message is too old to be edited.")

    async with bot(waits, chat=Mute()) as it:
        job = await it.order()
        await it.chat.until(lambda: shows)
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)
        assert (shows, len(it.chat.delivered)) == (1, 1)


async def test_a_slow_chat_is_shown_only_the_newest_state() -> None:
    async def busy(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        for step in range(1, 51):
            yield Progress(paint.job, step / 50, f"step {step} of 50")
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(busy) as it:
        it.chat.show_open.clear()
        job = await it.order()
        await it.engine.started(job.id)

        async def at_the_end() -> bool:
            return "step 50" in it.studio.open_jobs("ann")[0].status.text

        await eventually(at_the_end)
        it.chat.show_open.set()
        await it.chat.until(lambda: "step 50" in " ".join(it.chat.texts(job.id)))
        assert len(it.chat.texts(job.id)) <= 2
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_chat_that_hangs_is_given_up_and_the_answer_comes_all_the_same() -> None:
    chat = ChatDouble()
    chat.show_open.clear()
    announcer = Announcer(chat, Pace(show=0.01, deliver=0.01, retry=Backoff(first=0.001, longest=0.001)))
    job = Job(id="a", user="ann", place=Place("web", "room"), recipe=_recipe(), created=0)
    announcer.show(job, Status(text="step 1"))
    hang = asyncio.Event()
    calls = 0

    async def answer() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            await hang.wait()

    running = asyncio.create_task(announcer.run())
    await asyncio.sleep(0)
    announcer.end(answer)
    assert await asyncio.wait_for(running, 10)
    assert calls == 3
    assert chat.shown == []


async def test_a_chat_that_shows_nothing_is_left_alone_longer_and_longer_and_gets_the_answer_at_once() -> None:
    class Down(ChatDouble):
        async def show(self, job: Job, status: Status) -> None:
            self.tries += 1
            self.notice()
            raise ConnectionError("no network")

    chat = Down()
    announcer = Announcer(chat, Pace(retry=Backoff(first=3600.0, longest=3600.0)))
    job = Job(id="a", user="ann", place=Place("web", "room"), recipe=_recipe(), created=0)
    running = asyncio.create_task(announcer.run())
    for step in range(50):
        announcer.show(job, Status(text=f"step {step}"))
        await chat.until(lambda: chat.tries)
        await asyncio.sleep(0)
    assert chat.tries == 1
    announcer.end(lambda: chat.notify(job, "Cancelled."))
    assert await asyncio.wait_for(running, 10)
    assert chat.notified == [("a", "Cancelled.")]


async def test_nothing_is_shown_after_the_answer() -> None:
    chat = ChatDouble()
    announcer = Announcer(chat, Pace())
    job = Job(id="a", user="ann", place=Place("web", "room"), recipe=_recipe(), created=0)
    running = asyncio.create_task(announcer.run())
    announcer.show(job, Status(text="step 1"))
    await chat.until(lambda: chat.shown)
    await asyncio.sleep(0)  # back to waiting for news
    announcer.end(lambda: chat.notify(job, "Cancelled."))
    announcer.show(job, Status(text="step 2"))
    assert await asyncio.wait_for(running, 10)
    assert (chat.texts("a"), chat.notified) == (["step 1"], [("a", "Cancelled.")])


# --- disasters: the bot itself ---------------------------------------------------------------------------------------


async def test_stopping_the_bot_loses_no_picture_and_no_attempt(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        running, waiting = await it.order(photo=b"running"), await it.order(photo=b"waiting")
        await it.engine.started(running.id)
    async with Store.open(tmp_path / "journal") as store:
        assert [(job.state, job.attempts) for job in await store.unfinished()] == [(State.QUEUED, 0)] * 2
    async with bot(path=tmp_path / "journal") as it:
        await it.chat.answered(running.id, waiting.id)
        assert it.engine.painted == ["running", "waiting"]
        assert len(it.chat.delivered) == 2


async def test_a_power_cut_in_mid_painting_costs_only_time(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        running, waiting = await it.order(photo=b"running"), await it.order(photo=b"waiting")
        await it.engine.started(running.id)
        copy = as_the_power_fails(tmp_path / "journal", tmp_path / "copy")
    async with bot(path=copy) as it:
        await it.chat.answered(running.id, waiting.id)
        await it.until_state(running.id, State.DELIVERED)
        assert it.engine.painted == ["running", "waiting"]


async def test_a_picture_in_ones_own_style_is_painted_after_a_restart(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        job = await it.order("/stylize mine", style=b"tiles")
        await it.engine.started(job.id)
    async with bot(path=tmp_path / "journal") as it:
        await it.chat.answered(job.id)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(b"cat", b"tiles")]


async def _goes_down_while_painting(folder: Path, times: int) -> tuple[Path, Job]:
    """A journal and its one job, after so many power cuts in the middle of it."""
    journal = folder / "0"
    async with bot(waits, path=journal) as it:
        job = await it.order()
        await it.engine.started(job.id)
        journal = as_the_power_fails(journal, folder / "1")
    for number in range(2, times + 1):
        async with bot(waits, path=journal) as it:
            await it.engine.started(job.id)
            journal = as_the_power_fails(journal, folder / f"{number}")
    return journal, job


async def test_power_cuts_are_not_the_photos_fault(tmp_path: Path) -> None:
    journal, job = await _goes_down_while_painting(tmp_path, INTERRUPTIONS - 1)
    async with bot(crashes, path=journal) as it:
        await it.until_state(job.id, State.DELIVERED)


async def test_a_photo_that_takes_the_bot_down_again_and_again_is_given_up(tmp_path: Path) -> None:
    journal, poison = await _goes_down_while_painting(tmp_path, INTERRUPTIONS)
    async with bot(path=journal) as it:
        await it.until_state(poison.id, State.NOTIFIED)
        assert it.engine.painted == []
        assert "given up" in it.chat.notified[0][1]


async def test_a_power_cut_between_painted_and_delivered_delivers_once_after_the_restart(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal") as it:
        it.chat.answers_open.clear()
        job = await it.order()
        await it.until_state(job.id, State.PAINTED)
        copy = as_the_power_fails(tmp_path / "journal", tmp_path / "copy")
        assert it.chat.delivered == []
    for _ in range(2):  # the second restart finds nothing left to do
        async with bot(path=copy, chat=it.chat) as later:
            later.chat.answers_open.set()
            await later.until_state(job.id, State.DELIVERED)
            assert later.engine.painted == []
    assert [(id, result.picture) for id, result in it.chat.delivered] == [(job.id, b"picture of cat")]


async def test_a_power_cut_between_failed_and_told_tells_after_the_restart(tmp_path: Path) -> None:
    async with bot(fails("refused", "That is no photo."), path=tmp_path / "journal") as it:
        it.chat.answers_open.clear()
        job = await it.order()
        await it.until_state(job.id, State.FAILED)
    async with bot(path=tmp_path / "journal") as it:
        await it.until_state(job.id, State.NOTIFIED)
        assert it.chat.notified == [(job.id, "That is no photo.")]


async def test_a_cancelled_picture_stays_cancelled_after_a_restart(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        job = await it.order()
        await it.engine.started(job.id)
        await it.studio.cancel("ann", job.id)
        copy = as_the_power_fails(tmp_path / "journal", tmp_path / "copy")
    async with bot(path=copy) as it:
        after = await it.order(photo=b"after")
        await it.chat.answered(after.id)
        assert it.engine.painted == ["after"]


async def test_answers_for_a_chat_that_is_switched_off_wait_until_it_is_back(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        job = await it.order()
    async with bot(path=tmp_path / "journal", chat=ChatDouble("telegram")) as it:
        assert await it.studio.status(job.id) is not None
        assert [waiting.id for waiting in await it.store.unfinished()] == [job.id]
    async with bot(path=tmp_path / "journal") as it:
        await it.chat.answered(job.id)


async def test_an_asker_whose_connection_goes_away_in_the_middle_leaves_a_whole_order_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bot() as it:
        await it.order()
        add, on_its_way = it.store.add, asyncio.Event()

        async def noticed(*order: Any) -> Job:
            on_its_way.set()
            return await add(*order)

        monkeypatch.setattr(it.store, "add", noticed)
        asking = asyncio.create_task(it.studio.accept(message("bob", b"dog"), _recipe()))
        await on_its_way.wait()
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        await it.chat.until(lambda: b"picture of dog" in [result.picture for _, result in it.chat.delivered])


async def test_a_disk_that_is_full_for_a_while_stops_the_line_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bot() as it:
        finish, refused = it.store.finish, 0

        async def full(*args: object, **said: object) -> Job:
            nonlocal refused
            if refused < 3:
                refused += 1
                raise StoreError("The disk is full.")
            return await finish(*args, **said)  # type: ignore[arg-type]

        monkeypatch.setattr(it.store, "finish", full)
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert refused == 3
        assert len(it.chat.delivered) == 1


async def test_a_delivery_that_could_not_be_noted_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bot() as it:
        move, refused = it.store.move, 0

        async def full(id: str, state: State, **changes: object) -> Job:
            nonlocal refused
            if state is State.DELIVERED and refused < 3:
                refused += 1
                raise StoreError("The disk is full.")
            return await move(id, state, **changes)

        monkeypatch.setattr(it.store, "move", full)
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert (it.chat.tries, refused) == (1, 3)
