"""Training a collection's generators, a few steps at the smallest size."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image

from engine import gallery
from engine.fast.generator import ResNetGenerator
from engine.painter import TorchPainter
from engine.recipe import complete, parse
from engine.stages import Picture
from engine.train import __main__ as train
from engine.train.collection import command
from engine.train.collection.beginning import identity
from engine.train.collection.judge import History
from engine.train.collection.trainer import CollectionSettings, CollectionTrainer
from engine.wire import EngineSettings, Paint

SMALL = CollectionSettings(steps=12, width=16, blocks=1, judge_width=4, crop=48, warmup=1)


def pictures(folder: Path, count: int, colour: str) -> list[Path]:
    folder.mkdir()
    for k in range(count):
        picture = Image.effect_noise((72, 60), 40 + k).convert("RGB")
        picture.paste(colour, (8 + k, 10, 50, 40))
        picture.save(folder / f"{k}.jpg")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    home = tmp_path_factory.mktemp("data")
    return pictures(home / "photos", 30, "green"), pictures(home / "paintings", 2, "orange")


def trainer(paths: tuple[list[Path], list[Path]]) -> CollectionTrainer:
    return CollectionTrainer(*paths, SMALL, torch.device("cpu"))


def test_a_training_begins_with_a_generator_that_nearly_gives_pictures_back() -> None:
    torch.manual_seed(1)
    x = torch.rand(2, 3, 32, 40)
    with torch.no_grad():
        assert (identity(16, 2)(x) - x).abs().mean() < 0.05


def test_steps_move_both_generators_and_judges_by_losses_that_are_told(paths) -> None:
    training = trainer(paths)
    networks = (training.there, training.back, training.of_photos, training.of_paintings, training.result)
    before = [[parameter.clone() for parameter in network.parameters()] for network in networks]
    errors = list(training.run())
    assert len(errors) == training.step == SMALL.steps
    assert set(errors[0]) == {"style", "photo", "cycle", "identity", "judges"}
    assert errors[-1]["judges"] < errors[0]["judges"], "judges learn at once what is painted"
    for network, old in zip(networks, before, strict=True):
        assert not all(map(torch.equal, network.parameters(), old))


def test_a_stopped_training_resumes_where_it_was(paths, tmp_path: Path) -> None:
    first = trainer(paths)
    steps = first.run()
    for _ in range(3):
        next(steps)
    first.save(tmp_path / "c.pt")
    expected = next(steps)
    again = trainer(paths)
    again.load(tmp_path / "c.pt")
    assert again.step == 3
    assert next(again.run()) == pytest.approx(expected, rel=1e-3)


def test_a_judge_is_also_shown_pictures_of_before() -> None:
    history = History(random.Random(1), size=3)
    x = [torch.full((1, 3, 2, 2), float(k)) for k in range(40)]
    shown = [history.with_older(picture, 4)[:, 0, 0, 0].int().tolist() for picture in x]
    assert shown[0] == [0]
    assert all(seen[0] == k and len(seen) == 4 and max(seen[1:]) < k for k, seen in enumerate(shown) if k)
    assert len(history.pictures) == 3


# --- the command -----------------------------------------------------------------------------------------------------


def words(paths: tuple[list[Path], list[Path]], tmp_path: Path, *more: str | Path) -> list[str]:
    photos, paintings = paths
    folders = ("--photos", photos[0].parent, "--gallery", tmp_path / "own", "--out", tmp_path / "runs")
    return [str(word) for word in ("collection", "ourhand", *paintings, *folders, *more)]


def order(home: Path, photo: Path) -> Picture:
    styles = gallery.load(home)
    recipe = complete(parse("ourhand", styles), styles, size=64, seed=1)
    assert (recipe.mode, recipe.strength) == ("fast", 48)
    *_, picture = TorchPainter(EngineSettings(device="cpu", gallery=home)).paint(
        Paint("j", photo.read_bytes(), recipe)
    )
    assert isinstance(picture, Picture)
    return picture


def test_a_collection_is_trained_and_paints_and_a_second_call_goes_on(paths, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(command, "CollectionSettings", lambda: msgspec.structs.replace(SMALL))
    monkeypatch.setattr(command, "CHECKPOINT_EVERY", 1)
    train.main(words(paths, tmp_path, "--steps", "2", "--artist", "Our hand"))
    with Image.open(tmp_path / "runs" / "ourhand.png") as sheet:
        assert sheet.width > 256
    first = order(tmp_path / "own", paths[0][0]).data
    assert gallery.load(tmp_path / "own")["ourhand"].artist == "Our hand"
    train.main(words(paths, tmp_path, "--steps", "3"))
    assert torch.load(tmp_path / "runs" / "ourhand.pt", weights_only=False)["step"] == 3
    assert order(tmp_path / "own", paths[0][0]).data != first


def test_a_generator_that_is_trained_already_is_taken_as_it_is_or_refused_by_its_layer(paths, tmp_path) -> None:
    weights = ResNetGenerator(4, 2).state_dict()
    torch.save(weights, tmp_path / "latest_net_G.pth")
    train.main(words(paths, tmp_path, "--generator", tmp_path / "latest_net_G.pth"))
    order(tmp_path / "own", paths[0][0])

    del weights["model.1.bias"]
    torch.save(weights, tmp_path / "latest_net_G.pth")
    with pytest.raises(SystemExit, match=r"latest_net_G\.pth is incomplete: model\.1\.bias is missing\."):
        train.main(words(paths, tmp_path, "--generator", tmp_path / "latest_net_G.pth"))
