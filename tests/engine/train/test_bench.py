"""What the benchmark measures with: the plain method, the way to the same loss, FLOP, memory, and its report."""

import resource
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import torch
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.fast.network import Network, Shape
from engine.recipe import STEPS
from engine.train import __main__ as train
from engine.train import bench
from engine.train.bench import Report
from engine.train.measure import memory, same_loss, speed
from engine.train.measure.peak import Peak, flop, use
from engine.train.measure.plain import Plain
from engine.train.measure.same_loss import Fine, to_same_loss
from engine.train.measure.speed import STYLE


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    torch.manual_seed(1)
    return SlimEncoder().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(1)
    return Network([STYLE], Shape((4, 4, 4, 4), 1, 1)).eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def _a_dozen_steps_and_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "ROUNDS", 1)
    for init in ("fast", "photo"):
        monkeypatch.setitem(STEPS, init, 12)


@pytest.fixture(scope="module")
def pictures() -> tuple[Tensor, Tensor]:
    """A photo and a painting, (1, 3, 48, 64)."""
    generator = torch.Generator().manual_seed(2)
    return torch.rand(1, 3, 48, 64, generator=generator), 0.3 * torch.rand(1, 3, 48, 64, generator=generator)


def test_the_plain_method_starts_from_the_photo_and_comes_nearer_to_the_painting(encoder, pictures) -> None:
    p, a = pictures
    plain = Plain(p, a, encoder, 1e-3)
    reached = list(plain.run(6))
    assert len(reached) == 6
    losses = [plain.loss_of_picture(x) for x in (p, *reached)]
    assert losses[-1] < losses[3] < losses[0]
    assert plain.loss_of_picture(a) < losses[-1]
    x, taken = plain.picture(6)
    assert taken == 6
    assert torch.equal(x, reached[-1].clamp(0, 1))
    assert torch.equal(p, pictures[0])


class Failing:
    """An encoder that gives infinity from the fifth photo on."""

    style_layers, content_layers = ("s",), ("c",)

    def __init__(self) -> None:
        self.seen = 0

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        self.seen += 1
        return {name: x * (float("inf") if self.seen > 4 else 1.0) for name in layers}


def test_where_the_plain_method_diverges_the_last_good_picture_stays(pictures) -> None:
    x, taken = Plain(pictures[0], pictures[1], Failing(), 1e-3).picture(9)
    assert taken == 2
    assert x.isfinite().all()


def test_fine_mode_is_timed_until_it_is_down_at_the_plain_methods_loss(encoder, network, pictures) -> None:
    p, a = pictures
    plain = Plain(p, a, encoder, 1e-2)
    baseline, *others = to_same_loss(plain, Fine(p[0], a[0], encoder, network), 2)
    assert (baseline.steps, baseline.ratio) == (2, 1.0)
    assert [other.what for other in others] == ["fine mode", "fine mode from the photo"]
    for other in others:
        assert other.loss <= baseline.loss
        assert 0 < other.steps <= 12
        assert other.ratio == pytest.approx(baseline.seconds / other.seconds)


def test_a_loss_that_is_out_of_reach_is_looked_for_in_longer_plans_and_then_given_up(
    encoder, network, pictures, monkeypatch
) -> None:
    monkeypatch.setattr(same_loss, "LONGEST", 14)
    p, a = pictures
    fine = Fine(p[0], a[0], encoder, network)
    reach = fine.reach(Plain(p, a, encoder, 1e-2), -1.0)
    assert (reach.planned, reach.steps) == (14, 14)
    assert reach.loss > 0


def test_a_multiplication_and_an_addition_are_two_operations() -> None:
    a, b = torch.rand(3, 5), torch.rand(5, 7)
    assert flop(lambda: a @ b) == 2 * 3 * 5 * 7
    shares = use("product", 200, 2.0, {"float32": Peak(50.0, 400.0)}).shares
    assert shares == {"float32": 0.25}


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a GPU it is the GPU's memory")
def test_the_most_memory_so_far_is_no_less_than_what_is_held_now() -> None:
    held = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    assert held <= memory.peak() < 100 * held


def test_the_report_is_read_back_as_what_it_was(
    encoder, network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(
        bench, "TorchPainter", lambda settings: SimpleNamespace(_slim=encoder, slim=encoder, network=network)
    )
    monkeypatch.setattr(bench, "peaks", lambda device: {"float32": Peak(1e12, 2e12)})
    monkeypatch.setattr(SlimEncoder, "load", lambda: encoder)
    monkeypatch.setattr(bench, "PHONE_SIDE", 128)
    file = tmp_path / "report.json"
    command = ["bench", "--sizes", "64,48", "--only", "parts,use,loss", "--steps", "1", "--json"]
    train.main([*command, str(file)])
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    assert [found.size for found in report.sizes] == [64, 48]
    large, small = report.sizes
    assert set(large.parts) == {"decode and fit", "network", "PNG"}
    assert [row.what for row in large.use] == ["a fast picture", "a fine step"]
    assert large.use[1].flop > small.use[1].flop > 0
    assert large.use[0].shares["float32"] == pytest.approx(large.use[0].flop / large.use[0].seconds / 2e12)
    assert large.loss[0].steps == 1
    assert large.memory == {}

    capsys.readouterr()
    train.main([*command[:2], "48", "--only", "parts", "--json", "-"])
    shown = capsys.readouterr()
    assert msgspec.json.decode(shown.out, type=Report).sizes[0].parts
    assert "PNG" in shown.err


def test_what_cannot_be_measured_is_said_before_anything_is() -> None:
    with pytest.raises(SystemExit, match="nothing to measure called speed"):
        train.main(["bench", "--only", "parts,speed"])
