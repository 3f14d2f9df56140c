"""The engine's process, once, for real."""

from __future__ import annotations

import io
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image

from bot.engine_process.command import clean_environment
from engine import cage, gallery, wire
from engine.recipe import More, Recipe, Share, complete, line
from engine.stages import Picture, Refused
from engine.worker.process import settings_of

PATIENCE = 60.0  # seconds for what must come; no test may come near it


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

    def __init__(self, log: Path, cache: Path | None = None) -> None:
        settings = wire.encode_settings(wire.EngineSettings(device="cpu", threads=1, cache=cache))
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

    def paint(
        self, photo: bytes, recipe: Recipe, preview_seconds: float = 1e-6, style: bytes | None = None
    ) -> list[wire.Event]:
        self.send(wire.Paint("job", photo, recipe, preview_seconds, style=style))
        events: list[wire.Event] = []
        while not (events and isinstance(events[-1], wire.Done | wire.Failed)):
            event = self.next()
            if not isinstance(event, wire.Beat):
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


def test_what_is_kept_of_finished_pictures_is_let_go_when_it_is_asked_to(engine: Process) -> None:
    def kept() -> int:
        while not isinstance(event := engine.next(), wire.Beat):
            pass
        return event.kept

    def goes_on(then: int) -> bool:
        done = engine.paint(photo_bytes(), small(then=(More(then),)))[-1]
        assert isinstance(done, wire.Done)
        return done.went_on

    engine.paint(photo_bytes(), small())
    assert kept() > 0
    assert goes_on(1)
    engine.send(wire.Forget())
    assert not goes_on(2)
    engine.send(wire.Forget())
    while kept():
        pass


def test_the_process_ignores_ctrl_c_which_is_the_bots_to_decide_on(engine: Process) -> None:
    engine.process.send_signal(signal.SIGINT)
    assert isinstance(engine.paint(photo_bytes(), small())[-1], wire.Done)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for its memory back")
def test_after_a_large_picture_it_gives_memory_back(engine: Process) -> None:
    def megabytes(what: str) -> int:
        status = Path(f"/proc/{engine.process.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith(what))

    def rest() -> None:
        while not isinstance(engine.next(), wire.Beat):
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
    from engine.encoders.shelf import NO_FULL
    from engine.painter import TorchPainter

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


SECCOMP = Path("/proc/sys/kernel/seccomp/actions_avail")


@pytest.mark.skipif(not SECCOMP.exists(), reason="this kernel has no seccomp")
def test_an_engine_with_nothing_to_download_paints_in_every_way_behind_its_filter(tmp_path: Path) -> None:
    (tmp_path / "vgg19.safetensors").write_bytes(b"")
    engine = Process(tmp_path / "log", tmp_path)
    with engine.process as process:
        watchdog = threading.Timer(2 * PATIENCE, process.kill)
        watchdog.start()
        try:
            assert isinstance(engine.ready, wire.Ready)
            assert {cage.CALLS, cage.SOCKETS} <= set(engine.ready.cage)
            assert "\nSeccomp:\t2\n" in Path(f"/proc/{process.pid}/status").read_text()
            for mode in ("fast", "fine", "universal"):
                mine = {"styles": (Share("mine"),)} if mode == "universal" else {}
                steps = {"steps": 3} if mode == "fine" else {}
                recipe = Recipe(**{"styles": (Share("starrynight"),), "mode": mode} | mine | steps)
                recipe = complete(recipe, gallery.default(), size=64, seed=7)
                done = engine.paint(photo_bytes(), recipe, style=photo_bytes((50, 50)) if mine else None)[-1]
                assert isinstance(done, wire.Done), done
        finally:
            watchdog.cancel()
            process.kill()


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
