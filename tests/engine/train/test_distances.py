"""The measure of distances, and the table of them, which can be stopped and goes on from its log."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from engine import gallery
from engine.tensors import resize
from engine.train import __main__ as train
from engine.train import distances
from engine.train.data.paintings import artwork, file_of
from engine.train.distances import Case, Measured
from engine.train.measure.distance import Distance, DistanceMeter, apart
from engine.train.measure.painters import Way

DATA = Path(os.environ.get("IMPASTO_DATA") or Path(__file__).parents[4] / "shared" / "data")


@pytest.mark.skipif(not (DATA / "teachers").is_dir(), reason=f"no training data in {DATA}")
def test_the_painting_itself_is_at_no_distance_in_strokes_and_forms_and_the_photo_at_one() -> None:
    meter = DistanceMeter(DATA)
    a = resize(artwork(DATA, "starrynight")[None], (96, 128))
    torch.manual_seed(1)
    p = torch.rand(1, 3, 12, 16).repeat_interleave(8, 2).repeat_interleave(8, 3)
    own, photo, half = (meter(x, p, a) for x in (a, p, (a + p) / 2))
    assert own.style < 1e-3
    assert own.large < 1e-3
    assert photo.style == pytest.approx(1, abs=1e-3)
    assert photo.large == pytest.approx(1, abs=1e-3)
    assert photo.content < 1e-6
    assert own.content > 0.1
    assert 0 < half.content < own.content
    assert 0 < half.large < 1


def test_distances_are_shares_of_the_photos_whatever_the_layers_scale() -> None:
    A = {"one": torch.zeros(2, 2), "two": torch.zeros(3, 3)}
    P = {"one": torch.ones(2, 2), "two": 1000 * torch.ones(3, 3)}
    assert apart(A, P, A) == 0
    assert apart(P, P, A) == 1
    assert apart({"one": P["one"] / 2, "two": P["two"]}, P, A) == pytest.approx((0.25 + 1) / 2)


class Painters:
    """Gives the photo back, and remembers what it was asked for."""

    asked: list[Case]

    def __init__(self, data: Path, peer: Path | None = None) -> None:
        self.data, self.device, self.gallery = data, torch.device("cpu"), gallery.default()

    def ways(self) -> Mapping[str, Way]:
        def way(name: str) -> Way:
            def paint(p: Tensor, style: str) -> Tensor:
                self.asked.append(Case(style, name, str(tuple(p.shape))))
                return p[None]

            return paint

        return {name: way(name) for name in ("fast", "plain")}

    def can(self, way: str, name: str) -> bool:
        return (way, name) != ("fast", "udnie")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two photos and some paintings; what is measured is not looked at."""
    folder = tmp_path / "data"
    for name in ("starrynight", "udnie", "haystack"):
        file_of(folder, name).parent.mkdir(parents=True, exist_ok=True)
        to_pil_image(torch.rand(3, 40, 60)).save(file_of(folder, name))
    for name, size in (("boats", (60, 80)), ("face", (80, 60))):
        (folder / "photos/eval").mkdir(parents=True, exist_ok=True)
        to_pil_image(torch.rand(3, *size)).save(folder / "photos/eval" / f"{name}.jpg")
    Painters.asked = []
    monkeypatch.setattr(distances, "Painters", Painters)
    monkeypatch.setattr(distances, "DistanceMeter", lambda data, device: lambda x, p, a: Distance(0.25, 0.5, 1.0))
    return folder


def command(data: Path, *words: str | Path) -> None:
    options = ("--data", data, "--ways", "fast,plain", "--size", "64")
    train.main(["distances", *(str(word) for word in (*options, *words))])


def test_what_the_log_holds_is_not_painted_again(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    log = tmp_path / "log.jsonl"
    command(data, "starrynight", "--photos", "boats", "--log", log)
    assert [case.way for case in Painters.asked] == ["fast", "plain"]
    command(data, "starrynight", "--photos", "boats,face", "--log", log)
    assert [case.photo for case in Painters.asked[2:]] == ["(3, 64, 48)"] * 2
    rows = [msgspec.json.decode(line, type=Measured) for line in log.read_bytes().splitlines()]
    assert [(row.way, row.photo, row.large) for row in rows] == [
        ("fast", "boats", 0.5),
        ("plain", "boats", 0.5),
        ("fast", "face", 0.5),
        ("plain", "face", 0.5),
    ]
    capsys.readouterr()
    command(data, "starrynight", "--photos", "boats,face", "--log", log)
    assert len(Painters.asked) == 4
    assert capsys.readouterr().out.count("0.25 / 0.50") == 2


def test_a_line_that_was_cut_off_is_measured_again_and_spoils_no_other(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command(data, "starrynight", "--photos", "boats", "--log", log)
    log.write_bytes(log.read_bytes()[:-20])
    command(data, "starrynight", "--photos", "boats", "--log", log)
    assert [case.way for case in Painters.asked] == ["fast", "plain", "plain"]
    assert {row.case for row in distances.read(log)} == {
        Case("starrynight", "fast", "boats"),
        Case("starrynight", "plain", "boats"),
    }


def test_figures_of_another_size_are_no_reason_to_leave_a_picture_out(data: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command(data, "starrynight", "--photos", "boats", "--log", log)
    command(data, "starrynight", "--photos", "boats", "--log", log, "--size", "48")
    assert len(Painters.asked) == 4
    command(data, "starrynight", "--photos", "boats", "--log", log)
    assert len(Painters.asked) == 4


def test_a_way_that_cannot_paint_a_style_leaves_a_gap(data: Path, capsys: pytest.CaptureFixture) -> None:
    command(data, "udnie", "--photos", "boats")
    assert [case.way for case in Painters.asked] == ["plain"]
    assert "0.25 / 0.50" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["starynight"], "Did you mean starrynight"),
        (["starrynight", "--photos", "moon"], "no evaluation photo moon"),
    ],
)
def test_what_is_not_known_is_said(data: Path, words: list[str], told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        command(data, *words, *(() if "--photos" in words else ("--photos", "boats")))
