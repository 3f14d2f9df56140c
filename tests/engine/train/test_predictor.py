"""Training the gallery's network with its predictor, on made-up pictures at postage-stamp size."""

import random
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.encoders.slim import SlimEncoder
from engine.fast import network
from engine.train.data.variants import variants, varied
from engine.train.trainers import gallery
from engine.train.trainers.predictor import PredictorSettings, PredictorTrainer

NAMES = ("starrynight", "greatwave")
SETTINGS = PredictorSettings(
    steps=4, crop=64, batch=3, each=2, painting_sides=(64,), variant_side=(64,), identity_steps=-1, predicted=0.7
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with a patch of colour: photos, and three paintings of which two are in the gallery."""
    home, rng = tmp_path_factory.mktemp("data"), random.Random(1)
    for file in (
        *(f"photos/train/{i}.jpg" for i in range(4)),
        *(f"paintings/{n}.jpg" for n in ("starry-night", "great-wave", "other")),
    ):
        picture = Image.effect_noise((120, 96), rng.uniform(20, 90)).convert("RGB")
        picture.paste((rng.randrange(256), rng.randrange(256), 90), (20, 20, 70, 60))
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        picture.save(home / file)
    return home


@pytest.fixture
def trainer(data: Path, monkeypatch: pytest.MonkeyPatch) -> PredictorTrainer:
    # The slim encoder has the same layers; the teachers are not in the package.
    monkeypatch.setattr(gallery, "TeacherEncoder", lambda folder, mirrored: SlimEncoder.load())
    trainer = PredictorTrainer(data, SETTINGS, torch.device("cpu"), NAMES)
    trainer.start_from(network.load(trainer.device))
    trainer.begin()
    trainer.step = 0
    return trainer


def test_variants_begin_with_the_gallery_and_leave_out_what_is_held_out(data: Path) -> None:
    names = [name for name, _ in variants(data, NAMES, each=2, held_out=frozenset({"great-wave"}))]
    assert names == [*NAMES, "other", "other", "starry-night", "starry-night"]


def test_a_variant_is_a_picture_of_at_least_a_quarter_of_the_painting() -> None:
    a, rng = torch.rand(1, 3, 60, 80), random.Random(1)
    for _ in range(40):
        x = varied(a, rng)
        assert x.shape[2] * x.shape[3] >= 0.24 * 60 * 80
        assert x.min() >= 0
        assert x.max() <= 1


def test_the_training_begins_with_the_gallerys_pairs_predicted_about_right(trainer: PredictorTrainer) -> None:
    pairs = trainer.network.pairs[1:]
    found = trainer.predictor(trainer.predictor.codes(trainer.statistics[: trainer.count]))
    for k in range(trainer.count):
        assert (found[k] - pairs[k]).square().mean() < 0.2 * (pairs[1 - k] - pairs[k]).square().mean()


def test_both_learn_and_go_on_from_a_checkpoint(trainer: PredictorTrainer, tmp_path: Path) -> None:
    before = [tensor.clone() for tensor in (trainer.network.first.weight, trainer.predictor.linear.weight)]
    errors = list(trainer.run())
    assert len(errors) == SETTINGS.steps
    assert all(torch.isfinite(torch.tensor(list(step.values()))).all() for step in errors)
    after = (trainer.network.first.weight, trainer.predictor.linear.weight)
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    trainer.save(tmp_path / "universal.pt")
    learnt = {name: tensor.clone() for name, tensor in trainer.predicted_result.state_dict().items()}
    trainer.begin()
    trainer.load(tmp_path / "universal.pt")
    assert trainer.step == SETTINGS.steps
    for name, tensor in trainer.predicted_result.state_dict().items():
        assert torch.equal(tensor, learnt[name])
