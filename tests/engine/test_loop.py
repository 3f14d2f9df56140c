"""The engine's loop with painters whose every step the test decides on."""

from __future__ import annotations

import io
import itertools
import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator

import pytest

from engine import wire
from engine.recipe import Recipe, Share
from engine.stages import Picture, Refused, Stage
from engine.worker.loop import BROKEN, NO_MEMORY, serve

PATIENCE = 60.0  # seconds for what must come; no test may come near it
RECIPE = Recipe(styles=(Share("starrynight"),))
PICTURE = Picture(b"PNG", RECIPE, 3, 2, ("A note.",))
READY = wire.Ready("a test", ("slim",), "0")
BEAT = wire.Beat()

Work = Callable[[wire.Paint], Generator[Stage | Picture, None, None]]


class Painter:
    ready = READY

    def __init__(self, work: Work) -> None:
        self.paint = work


class Counted:
    """A stream of requests that notes how many of them its reader is done with: it asks for the next one."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._done = -1
        self._news = threading.Condition()

    def read(self, size: int) -> bytes:
        if size == wire.HEADER.size:
            with self._news:
                self._done += 1
                self._news.notify_all()
        return self._stream.read(size)

    def until(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self._done >= count, PATIENCE)

    def close(self) -> None:
        self._stream.close()


class Bench:
    """`serve` in a thread, with the bot's ends of its pipes."""

    def __init__(self, work: Work, **settings: object) -> None:
        self.closed = threading.Event()
        inner_in, outer_in = os.pipe()
        outer_out, inner_out = os.pipe()
        self._requests, self._events = os.fdopen(outer_in, "wb"), os.fdopen(outer_out, "rb")
        self._inner = (Counted(os.fdopen(inner_in, "rb")), os.fdopen(inner_out, "wb"))
        self._sent = 0
        self._arrived: queue.SimpleQueue[wire.Event | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._worker = threading.Thread(target=self._serve, args=(Painter(work), settings))

    def __enter__(self) -> Bench:
        self._reader.start()
        self._worker.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.hang_up()
        self.join()
        self._reader.join(PATIENCE)
        # The inbox's thread may still be about to look at its end of the pipe.
        assert self.closed.wait(PATIENCE)
        self._inner[0].close()
        self._events.close()

    def _serve(self, painter: Painter, settings: dict) -> None:
        with self._inner[1]:
            serve(*self._inner, painter, **{"beat_seconds": 0.02, "at_end": self.closed.set, **settings})

    def _read(self) -> None:
        while header := self._events.read(wire.HEADER.size):
            (length,) = wire.HEADER.unpack(header)
            self._arrived.put(wire.decode_event(self._events.read(length)))
        self._arrived.put(None)

    def send(self, *requests: wire.Request) -> None:
        self._sent += len(requests)
        self._requests.write(b"".join(wire.encode(request) for request in requests))
        self._requests.flush()

    def send_and_wait(self, *requests: wire.Request) -> None:
        """Send, and go on when the loop can see it; for painters, between two steps."""
        self.send(*requests)
        self._inner[0].until(self._sent)

    def hang_up(self) -> None:
        self._requests.close()

    def join(self) -> None:
        """Wait for the loop to end."""
        self._worker.join(PATIENCE)
        assert not self._worker.is_alive()

    def next(self, *, turns: bool = False) -> wire.Event | None:
        """The next event that is not a beat, nor a turn unless asked for; None when there will be no more."""
        while isinstance(event := self._arrived.get(timeout=PATIENCE), wire.Beat | wire.Turn):
            if turns and isinstance(event, wire.Turn):
                break
        return event

    def beat(self) -> None:
        assert self._arrived.get(timeout=PATIENCE) == BEAT

    def until_beat(self, kept: int) -> None:
        while self._arrived.get(timeout=PATIENCE) != wire.Beat(kept):
            pass

    def answer(self, job: str = "job") -> tuple[list[wire.Progress | wire.Preview], wire.Done | wire.Failed]:
        """What came on the way, and the end of the job."""
        way: list[wire.Progress | wire.Preview] = []
        while True:
            event = self.next()
            if isinstance(event, wire.Done | wire.Failed):
                assert event.job == job
                return way, event
            if not isinstance(event, wire.Ready):
                assert isinstance(event, wire.Progress | wire.Preview)
                way.append(event)


def order(job: str = "job", preview_seconds: float = 0.0, *, quick: bool = False) -> wire.Paint:
    return wire.Paint(job, b"photo", RECIPE, preview_seconds, quick=quick)


def at_once(order: wire.Paint) -> Generator[Stage | Picture, None, None]:
    yield Stage(0.5, "half way")
    yield PICTURE


def raising(error: BaseException) -> Work:
    def work(order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        yield Stage(0.5, "half way")
        raise error

    return work


class Endless:
    """A painter that takes step after step, each when the test says so."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.closed = threading.Event()
        self._steps = threading.Semaphore(0)

    def __call__(self, order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        try:
            for i in itertools.count():
                yield Stage(0.0, f"step {i}", note="a note")
                self.began.set()
                assert self._steps.acquire(timeout=PATIENCE)
        finally:
            self.closed.set()

    def step(self, count: int = 1) -> None:
        self._steps.release(count)


def test_it_says_ready_then_beats_while_there_is_nothing_to_do() -> None:
    with Bench(at_once) as bench:
        assert bench.next() == READY
        bench.beat()
        bench.beat()


def test_a_job_is_answered_once_with_its_picture_and_the_next_one_is_taken() -> None:
    with Bench(at_once) as bench:
        for job in ("one", "two"):
            bench.send(order(job))
            way, done = bench.answer(job)
            assert isinstance(done, wire.Done)
            assert (done.picture, done.recipe, done.width, done.height) == PICTURE[:4]
            assert (done.notes, done.findings, done.media_type, done.cells, done.went_on) == PICTURE[4:]
            assert way == [wire.Progress(job, 0.5, "half way")]
        bench.hang_up()
        bench.join()
        assert bench.next() is None


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (Refused("Too dark."), "refused", "Too dark."),
        (MemoryError(), "broken", NO_MEMORY),
        (ZeroDivisionError("secret detail"), "broken", BROKEN),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence_and_stops_nothing(
    error: Exception, kind: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    works = iter([raising(error), at_once])
    with Bench(lambda order: next(works)(order)) as bench:
        bench.send(order("bad"), order("good"))
        _, failed = bench.answer("bad")
        assert (failed.kind, failed.message) == (kind, message)  # type: ignore[union-attr]
        assert isinstance(bench.answer("good")[1], wire.Done)
    assert bool(caplog.records) == (kind == "broken"), "the operator hears of what is ours to mend"


def test_it_rests_once_when_no_more_orders_come() -> None:
    rests: list[None] = []
    with Bench(at_once, at_rest=lambda: rests.append(None)) as bench:
        assert bench.next() == READY
        bench.beat()
        assert not rests, "there was nothing to rest from"
        bench.send(order())
        bench.answer()
        bench.beat()
        bench.beat()
    assert len(rests) == 1


def test_it_says_what_it_keeps_and_rests_again_when_it_keeps_less() -> None:
    rests: list[None] = []
    kept = [500]
    with Bench(at_once, at_rest=lambda: rests.append(None), tidy=lambda: kept[0]) as bench:
        bench.send(order())
        bench.answer()
        bench.until_beat(500)
        kept[0] = 200
        bench.until_beat(200)
        bench.until_beat(200)
    assert len(rests) == 2


def test_a_painter_that_forgets_the_picture_has_failed() -> None:
    with Bench(lambda order: iter_of(Stage(1.0, "done"))) as bench:
        bench.send(order())
        assert isinstance(bench.answer()[1], wire.Failed)


def iter_of(*stages: Stage | Picture) -> Generator[Stage | Picture, None, None]:
    yield from stages


def test_a_job_is_cancelled_between_two_steps() -> None:
    work = Endless()
    with Bench(work) as bench:
        bench.send(order())
        assert work.began.wait(PATIENCE)
        bench.send(wire.Cancel("job"))
        work.step(1000)
        assert bench.answer()[1] == wire.Failed("job", "cancelled", "Cancelled.")
        assert work.closed.is_set(), "the painter is closed, not left to the garbage"


def test_a_job_that_waits_can_be_cancelled_as_well() -> None:
    work = Endless()
    with Bench(work) as bench:
        bench.send(order("first"), order("second"))
        assert work.began.wait(PATIENCE)
        bench.send(wire.Cancel("second"), wire.Cancel("first"))
        work.step(1000)
        assert bench.answer("first")[1].kind == "cancelled"  # type: ignore[union-attr]
        assert bench.answer("second")[1].kind == "cancelled"  # type: ignore[union-attr]


def test_cancelling_what_is_over_or_unknown_does_not_harm_a_later_job_of_that_name() -> None:
    with Bench(at_once) as bench:
        bench.send(wire.Cancel("job"))
        for _ in range(2):
            bench.send(order())
            assert isinstance(bench.answer()[1], wire.Done)
            bench.send(wire.Cancel("job"))


@pytest.mark.parametrize("stop", [Bench.hang_up, lambda bench: bench.send(wire.Stop())], ids=["hang up", "stop"])
def test_it_ends_in_mid_job_when_it_is_told_to_or_the_bot_is_gone(stop: Callable[[Bench], None]) -> None:
    work = Endless()
    with Bench(work) as bench:
        bench.send(order())
        assert work.began.wait(PATIENCE)
        stop(bench)
        work.step(10**6)
        bench.join()
        assert work.closed.is_set()


def test_an_invalid_request_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    with Bench(at_once) as bench:
        bench._requests.write(b"\0\0\0\1?")
        bench._requests.flush()
        bench.join()
    assert "invalid request" in caplog.text


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that goes on by so much whenever it is looked at."""
    ticks = itertools.count()
    return lambda: next(ticks) * seconds


def test_quick_steps_are_told_now_and_then_but_every_note_is() -> None:
    def work(order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        for i in range(1000):
            yield Stage(i / 1000, f"step {i}", note="Changed." if i in (13, 14) else "")
        yield PICTURE

    with Bench(work, clock=ticking(0.001)) as bench:
        bench.send(order())
        way, _ = bench.answer()
    told = [event for event in way if isinstance(event, wire.Progress)]
    assert [event.text for event in told if event.note] == ["step 13", "step 14"]
    assert 2 < len(told) < 100
    assert [event.done for event in told] == sorted(event.done for event in told)


@pytest.mark.parametrize(("seconds", "most"), [(0.0, 0), (1.0, 9)])
def test_previews_are_made_only_when_one_is_due(seconds: float, most: int) -> None:
    made = itertools.count()

    def work(order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        for _ in range(100):
            yield Stage(0.0, "step", preview=lambda: b"JPEG %d" % next(made))
        yield PICTURE

    with Bench(work, clock=ticking(0.01)) as bench:
        bench.send(order(preview_seconds=seconds))
        way, _ = bench.answer()
    previews = [event.picture for event in way if isinstance(event, wire.Preview)]
    assert previews == [b"JPEG %d" % i for i in range(next(made))]
    assert len(previews) <= most
    assert bool(previews) == bool(most)


def test_the_finished_picture_is_not_held_up_by_a_preview_of_it() -> None:
    def work(order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        for done in (0.5, 1.0):
            yield Stage(done, "painting", preview=lambda done=done: b"JPEG at %g" % done)
        yield PICTURE

    with Bench(work, clock=ticking(1.0)) as bench:
        bench.send(order(preview_seconds=0.1))
        way, _ = bench.answer()
    assert [event.picture for event in way if isinstance(event, wire.Preview)] == [b"JPEG at 0.5"]


# --- two in hand -----------------------------------------------------------------------------------------------------


class Scripted:
    """A painter that does what a test has written for each job, and notes who took which step."""

    def __init__(self, **works: Callable[[], Iterator[None]]) -> None:
        self._works = works
        self.steps: list[str] = []
        self.closed: list[str] = []

    def __call__(self, order: wire.Paint) -> Generator[Stage | Picture, None, None]:
        try:
            for _ in self._works[order.job]():
                self.steps.append(order.job)
                yield Stage(0.5, "a step", note="a step")
            yield PICTURE
        finally:
            self.closed.append(order.job)


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answers(bench: Bench, *jobs: str) -> dict[str, wire.Done | wire.Failed]:
    """How these jobs end, in the order in which they do."""
    found: dict[str, wire.Done | wire.Failed] = {}
    while len(found) < len(jobs):
        event = bench.next()
        if isinstance(event, wire.Done | wire.Failed):
            found[event.job] = event
    assert set(found) == set(jobs)
    return found


def test_a_quick_picture_is_painted_between_two_steps_of_a_long_one() -> None:
    clock = Clock()

    def long() -> Iterator[None]:
        for number in range(6):
            clock.now += 1.0
            if number == 2:
                bench.send_and_wait(order("quick", quick=True))
            yield

    def quick() -> Iterator[None]:
        for _ in range(3):
            clock.now += 0.5
            yield

    work = Scripted(long=long, quick=quick)
    with Bench(work, clock=clock) as bench:
        bench.send(order("long"))
        ended = answers(bench, "long", "quick")
    assert list(ended) == ["quick", "long"]
    assert work.steps == ["long"] * 3 + ["quick"] * 3 + ["long"] * 3
    assert [end.seconds for end in ended.values()] == [1.5, 6.0], "each takes its own time only"  # type: ignore


def test_the_long_one_keeps_half_of_the_time_however_many_quick_ones_come() -> None:
    clock = Clock()

    def long() -> Iterator[None]:
        for _ in range(40):
            clock.now += 1.0
            yield

    def quick() -> Iterator[None]:
        for _ in range(3):
            clock.now += 1.0
            yield

    work = Scripted(long=long, **{f"quick {number}": quick for number in range(20)})
    with Bench(work, clock=clock) as bench:
        bench.send(order("long"), *(order(f"quick {number}", quick=True) for number in range(20)))
        answers(bench, "long", *(f"quick {number}" for number in range(20)))
    until_the_end = work.steps[: len(work.steps) - work.steps[::-1].index("long")]
    share = until_the_end.count("long") / len(until_the_end)
    assert 0.45 < share < 0.6
    assert max(len(list(run)) for job, run in itertools.groupby(work.steps) if job == "long") <= 4


def test_the_bot_is_told_whose_turn_it_is() -> None:
    def long() -> Iterator[None]:
        for number in range(4):
            if number == 1:
                bench.send_and_wait(order("quick", quick=True))
            yield

    work = Scripted(long=long, quick=lambda: iter([None]))
    with Bench(work, clock=Clock()) as bench:
        bench.send(order("long"))
        turns, ends = [], 0
        while ends < 2:
            event = bench.next(turns=True)
            turns += [event.job] if isinstance(event, wire.Turn) else []
            ends += isinstance(event, wire.Done)
    assert turns == ["long", "quick", "long"]


@pytest.mark.parametrize("victim", ["long", "quick"])
def test_either_is_cancelled_while_the_quick_one_is_painted_and_the_other_goes_on(victim: str) -> None:
    def long() -> Iterator[None]:
        for number in range(10):
            if number == 1:
                bench.send_and_wait(order("quick", quick=True))
            yield

    def quick() -> Iterator[None]:
        for number in range(5):
            if number == 2:
                bench.send_and_wait(wire.Cancel(victim))
            yield

    work = Scripted(long=long, quick=quick)
    with Bench(work, clock=Clock()) as bench:
        bench.send(order("long"))
        ended = answers(bench, "long", "quick")
    assert next(iter(ended)) == victim, "it does not wait for the other to be finished"
    assert ended.pop(victim) == wire.Failed(victim, "cancelled", "Cancelled.")
    assert [type(end) for end in ended.values()] == [wire.Done]
    assert work.closed[0] == victim


@pytest.mark.parametrize(
    ("error", "kind"),
    [(MemoryError(), "crowded"), (Refused("Too dark."), "refused"), (ZeroDivisionError(), "broken")],
)
def test_a_quick_one_that_fails_does_not_harm_the_long_one(error: Exception, kind: str) -> None:
    def long() -> Iterator[None]:
        for number in range(4):
            if number == 1:
                bench.send_and_wait(order("quick", quick=True))
            yield

    def quick() -> Iterator[None]:
        yield
        raise error

    work = Scripted(long=long, quick=quick)
    with Bench(work, clock=Clock()) as bench:
        bench.send(order("long"))
        ended = answers(bench, "long", "quick")
    assert isinstance(ended["long"], wire.Done)
    assert ended["quick"].kind == kind  # type: ignore[union-attr]
    assert work.steps.count("long") == 4


def test_a_quick_one_that_is_alone_and_finds_no_memory_has_failed_for_good() -> None:
    with Bench(raising(MemoryError())) as bench:
        bench.send(order(quick=True))
        assert bench.answer()[1] == wire.Failed("job", "broken", NO_MEMORY)
