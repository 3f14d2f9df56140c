"""The training commands that people who run the bot use."""

from pathlib import Path

import pytest
from PIL import Image

from engine import gallery
from engine.painter import TorchPainter
from engine.recipe import complete, parse
from engine.stages import Picture
from engine.train import __main__ as train
from engine.train import style
from engine.train.trainers.style import StyleSettings
from engine.wire import EngineSettings, Paint

SMALL = StyleSettings(crop=48, painting_sides=(64,))


def folder_of_photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for k in range(count):
        picture = Image.effect_noise((60, 48), 30 + k).convert("RGB")
        picture.paste((12 * k, 200 - 9 * k, 90), (10, 10, 40, 30))
        picture.save(folder / f"{k}.jpg")
    return folder


def command(*words: str | Path) -> None:
    train.main([str(word) for word in words])


def test_a_style_of_ones_own_is_trained_and_paints_in_fast_mode(tmp_path: Path, monkeypatch) -> None:
    picture = tmp_path / "quilt.png"
    Image.effect_noise((120, 90), 80).convert("RGB").save(picture)
    photos, mine = folder_of_photos(tmp_path / "photos", 20), tmp_path / "mine"
    monkeypatch.setattr(style, "StyleSettings", lambda: SMALL)
    options = (
        "--photos",
        photos,
        "--gallery",
        mine,
        "--steps",
        "2",
        "--title",
        "Grandma's quilt",
        "--artist",
        "Grandma",
    )
    command("style", picture, "Grand-Ma", *options)
    styles = gallery.load(mine)
    assert styles["grandma"].title == "Grandma's quilt"
    assert styles["grandma"].fast
    assert styles["grandma"].preview.is_file()
    recipe = complete(parse("grandma", styles), styles, size=64, seed=1)
    assert recipe.mode == "fast"
    painter = TorchPainter(EngineSettings(device="cpu", gallery=mine))
    *_, done = painter.paint(Paint("job", (photos / "1.jpg").read_bytes(), recipe))
    assert isinstance(done, Picture)

    with pytest.raises(SystemExit, match="a style Grandma's quilt already"):
        command("style", picture, "grandpa", *options)
    command("style", picture, "grandpa", *options, "--title", "Grandpa's quilt")
    assert {"grandma", "grandpa"} <= {known.name for known in gallery.load(mine)}


@pytest.mark.parametrize(
    ("name", "count", "told"),
    [
        ("grandma", 3, "There are 3 photos"),
        ("starrynight", 20, "There is a style starrynight already"),
        ("Grandma's quilt", 20, "A name has letters a to z and digits only"),
        ("photo", 20, "no style may be called “photo”"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    name, count, told, tmp_path, monkeypatch
) -> None:
    picture = tmp_path / "quilt.png"
    Image.new("RGB", (50, 50), "blue").save(picture)
    photos = folder_of_photos(tmp_path / "photos", count)
    with pytest.raises(SystemExit, match=told):
        command("style", picture, name, "--photos", photos, "--gallery", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_photo_that_cannot_be_read_is_left_out_and_a_picture_is_learned_upright(tmp_path, monkeypatch) -> None:
    photos, mine = folder_of_photos(tmp_path / "photos", 22), tmp_path / "mine"
    (photos / "7.jpg").write_bytes((photos / "7.jpg").read_bytes()[:100])
    Image.new("L", (20_000, 20_000)).save(photos / "8.jpg")  # more than Pillow dares to open
    picture, turned = tmp_path / "quilt.jpg", Image.Exif()
    turned[0x0112] = 6  # the camera was held on its side
    Image.effect_noise((120, 60), 80).convert("RGB").save(picture, exif=turned)
    monkeypatch.setattr(style, "StyleSettings", lambda: SMALL)
    command("style", picture, "grandma", "--photos", photos, "--gallery", mine, "--steps", "1")
    with Image.open(mine / "swatches" / "grandma.webp") as swatch:
        assert swatch.height > swatch.width

    picture.write_bytes(b"no picture at all")
    with pytest.raises(SystemExit, match=r"quilt\.jpg cannot be used"):
        command("style", picture, "grandpa", "--photos", photos, "--gallery", mine)
