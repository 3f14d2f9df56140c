"""Training the decoders, on a folder of a few made-up pictures."""

from pathlib import Path

import pytest
import torch
from torchvision.transforms.functional import to_pil_image

from engine.train.trainers.decoders import DecoderSettings, DecoderTrainer
from engine.universal.decoders import LEVELS

SETTINGS = DecoderSettings(steps=60, rate=3e-3, warmup=1, crop=32, batch=2, features_from=0.9)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slopes of colour: photos/train and paintings."""
    home = tmp_path_factory.mktemp("data")
    generator = torch.Generator().manual_seed(1)
    for folder in ("photos/train", "paintings"):
        (home / folder).mkdir(parents=True)
        for i in range(4):
            corners = torch.rand(1, 3, 3, 3, generator=generator)
            picture = torch.nn.functional.interpolate(corners, (48, 64), mode="bilinear")[0]
            to_pil_image(picture).save(home / folder / f"{i}.jpg")
    return home


@pytest.fixture(scope="module")
def done(pictures: Path) -> tuple[DecoderTrainer, list[dict[str, float]]]:
    """A training that is done, and the errors of its steps."""
    trainer = DecoderTrainer(pictures, SETTINGS, torch.device("cpu"))
    return trainer, list(trainer.run())


@pytest.fixture(scope="module")
def trainer(done) -> DecoderTrainer:
    return done[0]


def test_the_decoders_learn_to_reconstruct_pictures(done) -> None:
    _, errors = done
    assert len(errors) == SETTINGS.steps
    for name in LEVELS:
        early, late = (sum(step[name] for step in steps) for steps in (errors[:10], errors[-10:]))
        assert late < 0.85 * early, name


def test_with_the_whitening_folded_in_they_compute_the_same(trainer: DecoderTrainer) -> None:
    x = trainer.batch()
    P = trainer.encoder.features(x, LEVELS)
    folded = trainer.network.folded()
    for name in LEVELS:
        torch.testing.assert_close(folded[name](P[name]), trainer.network(name, P[name]), atol=1e-4, rtol=1e-3)
    assert set(trainer.psnr([x[:1]])) == set(LEVELS)


def test_a_stopped_training_resumes_where_it_was(pictures: Path, tmp_path: Path) -> None:
    first = DecoderTrainer(pictures, SETTINGS, torch.device("cpu"))
    steps = first.run()
    next(steps)
    first.save(tmp_path / "universal.pt")
    expected = next(steps)
    again = DecoderTrainer(pictures, SETTINGS, torch.device("cpu"))
    again.load(tmp_path / "universal.pt")
    assert again.step == 1
    # Noise that is laid over pictures comes from torch's own generator, which is not part of a checkpoint.
    assert next(again.run()) == pytest.approx(expected, rel=0.3)


def test_features_with_another_pictures_moments_are_a_target_as_well(trainer: DecoderTrainer) -> None:
    x = trainer.batch()
    for name in LEVELS:
        error = trainer.transferred_error(name, trainer.encoder.features(x, [name])[name])
        assert 0 < error.item() < 10
        (gradient,) = torch.autograd.grad(error, trainer.network.decoders.of(name).last.weight)
        assert gradient.abs().sum() > 0
