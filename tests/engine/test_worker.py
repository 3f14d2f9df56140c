"""The engine's loop with painters whose every step the test decides on; and the whole process, once, for real."""

from __future__ import annotations

import io
import itertools
import os
import platform
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image

from bot.engine_process.command import clean_environment
from engine import gallery, wire
from engine.recipe import Recipe, Share, complete, line
from engine.stages import Picture, Refused, Stage
from engine.worker import BROKEN, NO_MEMORY, serve, settings_of

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


class Bench:
    """`serve` in a thread, with the bot's ends of its pipes."""

    def __init__(self, work: Work, **settings: object) -> None:
        self.closed = threading.Event()
        inner_in, outer_in = os.pipe()
        outer_out, inner_out = os.pipe()
        self._requests, self._events = os.fdopen(outer_in, "wb"), os.fdopen(outer_out, "rb")
        self._inner = (os.fdopen(inner_in, "rb"), os.fdopen(inner_out, "wb"))
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
        self._requests.write(b"".join(wire.encode(request) for request in requests))
        self._requests.flush()

    def hang_up(self) -> None:
        self._requests.close()

    def join(self) -> None:
        """Wait for the loop to end."""
        self._worker.join(PATIENCE)
        assert not self._worker.is_alive()

    def next(self) -> wire.Event | None:
        """The next event that is not a beat, or None when there will be no more."""
        while (event := self._arrived.get(timeout=PATIENCE)) == BEAT:
            pass
        return event

    def beat(self) -> None:
        assert self._arrived.get(timeout=PATIENCE) == BEAT

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


def order(job: str = "job", preview_seconds: float = 0.0) -> wire.Paint:
    return wire.Paint(job, b"photo", RECIPE, preview_seconds)


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
            assert (done.notes, done.findings, done.media_type, done.cells) == PICTURE[4:]
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


# --- the real painter and the real process ---------------------------------------------------------------------------


def photo_bytes(size: tuple[int, int] = (90, 60)) -> bytes:
    """A picture of something: a disc over a gradient."""
    width, height = size
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste((220, 120, 30), (width // 4, height // 4, width // 2, height // 2))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def small(**settings: object) -> Recipe:
    recipe = Recipe(styles=(Share("starrynight"),), steps=3, **settings)  # type: ignore[arg-type]
    return complete(recipe, gallery.default(), size=64, seed=7)


class Process:
    """``python -m engine.worker``, as the bot has it."""

    def __init__(self, log: Path) -> None:
        settings = wire.encode_settings(wire.EngineSettings(device="cpu", threads=1))
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine.worker", settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=clean_environment(os.environ),
            )
        assert self.process.stdin
        assert self.process.stdout
        self.requests, self.events = self.process.stdin, self.process.stdout
        self.ready = self.next()

    def send(self, request: wire.Request) -> None:
        self.requests.write(wire.encode(request))
        self.requests.flush()

    def next(self) -> wire.Event:
        (length,) = wire.HEADER.unpack(self.events.read(wire.HEADER.size))
        return wire.decode_event(self.events.read(length))

    def paint(self, photo: bytes, recipe: Recipe, preview_seconds: float = 1e-6) -> list[wire.Event]:
        self.send(wire.Paint("job", photo, recipe, preview_seconds))
        events: list[wire.Event] = []
        while not (events and isinstance(events[-1], wire.Done | wire.Failed)):
            event = self.next()
            if event != BEAT:
                events.append(event)
        return events


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    log = tmp_path_factory.mktemp("engine") / "log"
    engine = Process(log)
    with engine.process as process:
        watchdog = threading.Timer(2 * PATIENCE, process.kill)
        watchdog.start()
        try:
            yield engine
            engine.send(wire.Stop())
            assert process.wait(PATIENCE) == 0, log.read_text()
        finally:
            watchdog.cancel()
            process.kill()


def test_the_process_says_what_it_is(engine: Process) -> None:
    assert isinstance(engine.ready, wire.Ready)
    assert engine.ready.device == "CPU, 1 thread"
    assert "slim" in engine.ready.encoders


def test_a_photo_goes_in_and_a_painting_comes_out_the_same_every_time(engine: Process) -> None:
    first, again, other = (engine.paint(photo_bytes(), small(seed=seed)) for seed in (1, 1, 2))
    done = first[-1]
    assert isinstance(done, wire.Done)
    with Image.open(io.BytesIO(done.picture)) as picture:
        assert (picture.format, picture.size) == ("PNG", (64, 43))
        assert picture.info["impasto"] == line(done.recipe)
    assert (done.width, done.height, done.recipe) == (64, 43, small(seed=1))
    assert done.picture != photo_bytes()
    assert isinstance(again[-1], wire.Done)
    assert again[-1].picture == done.picture
    assert isinstance(other[-1], wire.Done)
    assert other[-1].picture != done.picture


def test_it_shows_how_the_picture_grows(engine: Process) -> None:
    previews = [event for event in engine.paint(photo_bytes(), small()) if isinstance(event, wire.Preview)]
    assert previews
    with Image.open(io.BytesIO(previews[-1].picture)) as preview:
        assert preview.format == "JPEG"
        assert max(preview.size) <= 384


def test_a_bad_photo_costs_nothing_but_a_sentence(engine: Process) -> None:
    failed = engine.paint(photo_bytes()[:100], small())[-1]
    assert isinstance(failed, wire.Failed)
    assert failed.kind == "refused"
    assert isinstance(engine.paint(photo_bytes(), small())[-1], wire.Done)


def test_the_process_ignores_ctrl_c_which_is_the_bots_to_decide_on(engine: Process) -> None:
    engine.process.send_signal(signal.SIGINT)
    assert isinstance(engine.paint(photo_bytes(), small())[-1], wire.Done)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for its memory back")
def test_after_a_large_picture_it_gives_memory_back(engine: Process) -> None:
    def megabytes(what: str) -> int:
        status = Path(f"/proc/{engine.process.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith(what))

    def rest() -> None:
        while engine.next() != BEAT:
            pass

    fast = msgspec.structs.replace(small(), mode="fast", steps=None, init=None)
    engine.paint(photo_bytes(), fast)
    rest()
    before = megabytes("VmRSS")
    engine.paint(photo_bytes(), msgspec.structs.replace(fast, size=768))
    peak = megabytes("VmHWM")
    rest()
    assert peak > before + 50, "the picture was too small to show anything"
    assert megabytes("VmRSS") < (before + peak) / 2


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Small tensors only lose time by being shared out."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


@pytest.mark.usefixtures("_one_thread")
def test_a_full_encoder_that_is_unavailable_is_replaced_by_the_slim_one(tmp_path: Path) -> None:
    from engine.painter import NO_FULL, TorchPainter

    nowhere = tmp_path / "missing.safetensors"
    painter = TorchPainter(wire.EngineSettings(device="cpu", weights=nowhere))
    assert painter.ready.encoders == ("slim",)
    assert str(nowhere) in " ".join(painter.ready.notes)

    *_, picture = painter.paint(wire.Paint("job", photo_bytes(), small(encoder="full")))
    assert isinstance(picture, Picture)
    assert picture.recipe.encoder == "slim"
    assert NO_FULL in picture.notes
    with pytest.raises(Refused, match="average pooling only"):
        list(painter.paint(wire.Paint("job", photo_bytes(), small(encoder="full", pooling="max"))))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no"), RuntimeError("can't allocate memory: 9 EB")])
def test_however_memory_runs_out_it_is_one_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.painter import TorchPainter

    def fit(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("engine.motion.opening.fit", fit)
    with pytest.raises(MemoryError):
        list(TorchPainter(wire.EngineSettings(device="cpu")).paint(wire.Paint("job", photo_bytes(), small())))


IMPORTED = """
import sys
from engine.painter import TorchPainter, set_up_process
from engine.wire import EngineSettings
settings = EngineSettings(device="cpu")
set_up_process(settings)
TorchPainter(settings)
print(*({"torchvision", "torch._dynamo", "torch._inductor"} & set(sys.modules)))
"""


def test_the_start_imports_nothing_that_takes_as_long_as_torch_and_is_not_needed() -> None:
    started = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, timeout=PATIENCE, check=True)
    assert started.stdout.split() == []


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_settings_are_one_argument_of_json_and_the_defaults_without_one() -> None:
    settings = wire.EngineSettings(device="cpu", threads=3, cache=Path("/some where"), encoder="full")
    assert settings_of([wire.encode_settings(settings)]) == settings
    assert settings_of(['{"device": "cuda"}']) == wire.EngineSettings(device="cuda")
    assert settings_of([]) == wire.EngineSettings()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (['{"device": "gpu"}'], "Invalid enum value 'gpu' - at `$.device`"),
        (['{"colour": 1}'], "unknown field `colour`"),
        (["--device"], "the settings cannot be read"),
        (["{}", "{}"], "one argument is expected, and there are 2"),
    ],
)
def test_settings_that_cannot_be_read_end_the_process_with_a_sentence(arguments: list[str], told: str) -> None:
    ended = subprocess.run([sys.executable, "-m", "engine.worker", *arguments], capture_output=True, timeout=PATIENCE)
    assert ended.returncode == 2
    assert told in ended.stderr.decode()
    assert not ended.stdout
