"""Which words are photos and which are the line; photos that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.command_line.inputs import Words, read_picture, sorted_out
from bot.core.errors import InvalidOrder
from engine.gallery import Gallery


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "my harbour.jpeg", "holiday/2.webp", "holiday/1.JPG", "holiday/notes.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"x")
    Path("holiday/.hidden.jpg").write_bytes(b"x")
    Path("starrynight").mkdir()  # a folder that is called as a style is
    Path("starrynight/c.jpg").write_bytes(b"x")
    Path("photo").write_bytes(b"x")


@pytest.mark.parametrize(
    ("typed", "photos", "line"),
    [
        (["a.jpg", "starrynight"], ["a.jpg"], "starrynight"),
        (["a.jpg", "starry night", "size=64"], ["a.jpg"], "starry night size=64"),
        (["starrynight", "a.jpg", "b.png", "size=64"], ["a.jpg", "b.png"], "starrynight size=64"),
        (["my harbour.jpeg", "scream"], ["my harbour.jpeg"], "scream"),
        (["holiday", "scream"], ["holiday/1.JPG", "holiday/2.webp"], "scream"),
        (["./starrynight", "starrynight"], ["starrynight/c.jpg"], "starrynight"),
        (["photo", "scream"], ["photo"], "scream"),
        (["none.jpg", "scream"], ["none.jpg"], "scream"),
        (["/no/such/photo", "scream"], ["/no/such/photo"], "scream"),
        (["-", "scream"], ["-"], "scream"),
        (["/texture", "scream", "depth=3"], [], "/texture scream depth=3"),
        (["/stylize scream:70+greatwave:30 mode=fine"], [], "/stylize scream:70+greatwave:30 mode=fine"),
        (["a.jpg", f"scream layers={'conv1_1,' * 50}"], ["a.jpg"], f"scream layers={'conv1_1,' * 50}"),
        (["x" * 300 + ".jpg", "scream"], ["x" * 300 + ".jpg"], "scream"),
        (["a.jpg", "mine", "layers=conv1_1,conv2_1:0.5"], ["a.jpg"], "mine layers=conv1_1,conv2_1:0.5"),
    ],
)
def test_photos_are_told_from_the_line(typed: list[str], photos: list[str], line: str, styles: Gallery) -> None:
    assert sorted_out(typed, styles) == Words(photos, line)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read: No such file"), (b"", "is empty"), (b"x" * (2**20 + 1), "larger than 1 MB")],
)
def test_a_photo_that_cannot_be_used_is_refused_with_its_name(content: bytes | None, reason: str) -> None:
    photo = Path("new.jpg")
    if content is not None:
        photo.write_bytes(content)
    with pytest.raises(InvalidOrder, match=reason) as caught:
        read_picture(photo, 1)
    assert str(photo) in str(caught.value)


def test_a_folder_is_no_photo() -> None:
    with pytest.raises(InvalidOrder, match="Is a directory"):
        read_picture(Path("holiday"), 1)
