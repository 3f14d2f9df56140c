"""Where pictures go: names that are free, formats, whole files or none."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from bot.command_line.inputs import Words
from bot.command_line.outputs import Outputs, check_file, outputs, write
from bot.core.errors import InvalidOrder
from bot.core.messages import Result
from engine.wire import APNG, GIF, JPEG, PNG, WEBP, PhotoFormat

LINE = "/stylize starrynight:70+greatwave:30 mode=fast strength=60"
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def result(line: str = LINE) -> Result:
    return Result(picture=b"PNG", width=4, height=3, credit="Somebody", line=line, seconds=1.0)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/stylize scream mode=fast", "harbour-scream.jpg"),
        (LINE, "harbour-starrynight-greatwave.jpg"),
        ("/stylize mine mode=universal", "harbour-mine.jpg"),
        ("/stylize starrynight mode=grid size=512", "harbour-starrynight-grid.jpg"),
        ("/stylize mode=dream octaves=4", "harbour-dream.jpg"),
    ],
)
def test_a_picture_has_its_photos_name_and_its_styles(line: str, name: str) -> None:
    places = outputs(None, None, Words(["shore/harbour.jpg"], "x"), force=False)
    assert places.put(b"JPEG", JPEG, result(line), "shore/harbour.jpg") == Path(name)
    assert Path(name).read_bytes() == b"JPEG"


def test_a_name_that_is_taken_is_numbered_and_nothing_is_written_over() -> None:
    places = outputs(None, None, Words(["harbour.jpg"], "x"), force=False)
    written = [places.put(bytes([n]), JPEG, result("/stylize scream"), "harbour.jpg") for n in range(3)]
    assert list(map(str, written)) == ["harbour-scream.jpg", "harbour-scream-2.jpg", "harbour-scream-3.jpg"]
    assert [path.read_bytes() for path in written if path] == [b"\0", b"\1", b"\2"]
    forced = outputs(None, None, Words(["harbour.jpg"], "x"), force=True)
    assert str(forced.put(b"new", JPEG, result("/stylize scream"), "harbour.jpg")) == "harbour-scream.jpg"
    assert sorted(os.listdir()) == ["harbour-scream-2.jpg", "harbour-scream-3.jpg", "harbour-scream.jpg"]


def test_a_folder_is_made_where_it_is_named_as_one() -> None:
    two = Words(["a.jpg", "b.jpg"], "x")
    for name, words in (("out/", Words(["a.jpg"], "x")), ("more/of/them", two)):
        assert outputs(name, None, words, force=False).folder == Path(name)
        assert Path(name).is_dir()


@pytest.mark.parametrize(
    ("photo", "wanted", "made", "kind"),
    [
        ("a.jpg", None, PNG, JPEG),
        ("a.webp", None, PNG, WEBP),
        ("a.png", None, PNG, PNG),
        ("a.heic", None, PNG, PNG),
        ("-", None, PNG, PNG),
        (None, None, PNG, PNG),
        ("a.jpg", "webp", PNG, WEBP),
        ("a.gif", None, GIF, GIF),
        ("a.gif", None, PNG, PNG),
        ("a.jpg", "gif", PNG, PNG),
        ("a.png", "apng", PNG, APNG),
        ("a.gif", "webp", WEBP, WEBP),
    ],
)
def test_a_picture_is_of_its_photos_kind_or_of_the_one_that_was_asked_for(
    photo: str | None, wanted: str | None, made: PhotoFormat, kind: PhotoFormat
) -> None:
    assert Outputs(wanted=wanted).kind(made, photo) is kind


def test_a_file_that_was_named_is_what_its_ending_says() -> None:
    still = Words(["a.jpg"], "x")
    assert outputs("x.webp", None, still, force=False).kind(PNG, "a.jpg") is WEBP
    assert outputs("x.png", "apng", still, force=False).kind(PNG, "a.jpg") is APNG
    with pytest.raises(InvalidOrder, match=r"does not move. Give its picture a name that ends in \.png"):
        outputs("x.gif", None, still, force=False).kind(PNG, "a.jpg")


def test_with_force_a_file_is_written_over() -> None:
    Path("out.png").write_bytes(b"old")
    check_file(Path("out.png"), force=True)
    write(Path("out.png"), b"new", force=True)
    assert Path("out.png").read_bytes() == b"new"


def test_a_file_that_has_come_to_lie_there_meanwhile_is_not_written_over() -> None:
    places = outputs("out.png", None, Words(["a.jpg"], "x"), force=False)
    Path("out.png").write_bytes(b"somebody's")
    with pytest.raises(InvalidOrder, match="exists already"):
        places.put(b"PNG", PNG, result(), "a.jpg")
    assert Path("out.png").read_bytes() == b"somebody's"
    assert os.listdir() == ["out.png"]


@pytest.mark.parametrize("linked", [True, False])
def test_of_two_that_write_at_once_one_gets_the_name(monkeypatch: pytest.MonkeyPatch, linked: bool) -> None:
    """Where files cannot be linked, too."""
    if not linked:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError))
    write(Path("out.png"), b"one", force=False)
    answers = iter([False, True])  # it comes to be there between two looks
    monkeypatch.setattr(Path, "exists", lambda self: next(answers))
    with pytest.raises(InvalidOrder, match="exists already"):
        write(Path("out.png"), b"two", force=False)
    assert Path("out.png").read_bytes() == b"one"
    assert os.listdir() == ["out.png"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("out.tiff", "Give it a name that ends in one of .png, .jpg"),
        ("folder.png", "is a folder"),
        ("there.png", "--force"),
        ("nowhere/out.png", "does not exist"),
    ],
)
def test_a_place_where_the_picture_cannot_go_is_refused_beforehand(name: str, reason: str) -> None:
    Path("folder.png").mkdir()
    Path("there.png").write_bytes(b"")
    with pytest.raises(InvalidOrder, match=reason):
        check_file(Path(name), force=False)


@as_root
def test_a_folder_that_one_may_not_write_into_is_refused_beforehand(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidOrder, match="may not write"):
        check_file(tmp_path / "out.png", force=False)


def test_a_picture_that_cannot_be_written_whole_leaves_nothing_behind() -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # as good as a full disk
    try:
        with pytest.raises(InvalidOrder, match="cannot be written to"):
            write(Path("out.png"), b"x" * 1000, force=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir() == []
