"""Orders become jobs, are refused, asked about and cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.core.admission import Rules
from bot.core.errors import EngineError, InvalidOrder, LimitReached, NotOwner, StoreError
from bot.core.jobs import Job, State
from bot.core.journal.store import Store
from bot.core.limits import Limits
from engine import recipe as recipes
from engine.wire import Event, Paint, Progress
from tests.harness import (
    GALLERY,
    EngineDouble,
    bot,
    done,
    fails,
    message,
    paints,
    waits,
)
from tests.waiting import eventually


def _recipe(text: str = "starrynight") -> recipes.Recipe:
    return recipes.parse(text, GALLERY)


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
        (
            "starrynight mode=fine size=1025",
            b"cat",
            r"size=1025 is too large for mode=fine here: the limit is 600 pixels\.",
        ),
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


async def test_a_picture_costs_its_person_the_seconds_that_it_took() -> None:
    slow, minutes = "/stylize starrynight mode=fine size=1024 steps=400 init=photo", 10.0  # 440 s by the first guess
    async with bot(waits, limits=Limits(open_jobs=9, burst=9, engine_minutes=minutes)) as it:
        first = await it.order(slow)
        assert 300 < first.cost < 600
        refused = await it.say(slow, photo=b"cat")
        assert "would keep the engine busy for about" in refused.text
        await it.engine.started(first.id)
        await it.studio.cancel("ann", first.id)
        await it.order(slow)
        await it.order(slow, user="bob")


async def test_a_clock_that_is_set_back_lets_people_order_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bot(limits=Limits(open_jobs=9, burst=1, per_minute=60_000.0)) as it:
        await it.order()
        earlier = time.time() - 7200
        monkeypatch.setattr(time, "time", lambda: earlier)
        await asyncio.sleep(0.002)  # in which the next order is earned
        await it.order()
