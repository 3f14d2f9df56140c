"""The subject of a photo is found whatever it is, by the package's own read-out."""

import pytest
import torch
from skimage import data
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.subject.faces import QUICK, faces
from engine.subject.finder import Finder
from engine.subject.importance import KEPT_LINES, kept, lines, stands_out, telling, what_matters
from engine.tensors import reduced_map


def photo(name: str) -> Tensor:
    return torch.from_numpy(getattr(data, name)()).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="module")
def find() -> Finder:
    return Finder(SlimEncoder.load())


@pytest.fixture(scope="module")
def cat() -> Tensor:
    return photo("chelsea")


@pytest.fixture(scope="module")
def of_cat(find: Finder, cat: Tensor) -> Tensor:
    return find(cat)


# Parts of scikit-image's photos in pixels, (top, bottom, left, right).
EYES = ((93, 133, 140, 188), (106, 146, 292, 336))
FUR = ((20, 80, 180, 280), (150, 200, 150, 220))
CALM = (220, 300, 370, 450)  # the blurred ground beside the cat


def mean(values: Tensor, part: tuple[int, int, int, int], size: tuple[int, int]) -> float:
    top, bottom, left, right = part
    return float(reduced_map(values, size)[0, 0, top:bottom, left:right].mean())


def test_a_cats_face_is_the_subject_and_the_ground_is_not(cat: Tensor, of_cat: Tensor) -> None:
    size = (cat.shape[1], cat.shape[2])
    assert min(mean(of_cat, eye, size) for eye in EYES) > 0.5
    assert mean(of_cat, CALM, size) < 0.1


def test_a_cats_eyes_tell_more_than_its_fur(cat: Tensor, of_cat: Tensor) -> None:
    size = (cat.shape[1], cat.shape[2])
    tells = telling(cat, of_cat)
    assert min(mean(tells, eye, size) for eye in EYES) > 2 * max(mean(tells, fur, size) for fur in FUR)
    assert mean(tells, CALM, size) < 0.02


def test_fine_mode_keeps_a_cats_eyes_though_no_face_is_found(cat: Tensor, of_cat: Tensor) -> None:
    size = (cat.shape[1], cat.shape[2])
    with_subject, without = (what_matters(cat, [], subject) for subject in (of_cat, None))
    for eye in EYES:
        assert mean(with_subject.content, eye, size) > mean(without.content, eye, size) + 0.5
        assert mean(with_subject.detail, eye, size) > 0.5
    assert without.detail.max() == 0


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee"])
def test_a_picture_of_something_has_a_subject_that_is_kept(find: Finder, name: str) -> None:
    p = photo(name)
    subject = find(p)
    assert stands_out(subject)
    assert kept(p, [], subject).max() > 0.9


def test_nothing_stands_out_in_a_sky(find: Finder) -> None:
    sky = torch.linspace(0.4, 0.8, 200)[None, :, None].expand(3, 200, 300).clone()
    assert not stands_out(find(sky))
    assert not stands_out(find(photo("rocket")))  # small, before a wide one


def test_a_found_face_is_kept_whole(find: Finder) -> None:
    p = photo("astronaut")
    (face,) = faces(p, QUICK)
    keep = kept(p, [face], torch.zeros(1, 1, 28, 28))
    row, column = face.top + face.height / 2, face.left + face.width / 2
    assert keep[0, 0, int(row * keep.shape[2]), int(column * keep.shape[3])] == 1
    in_lines = KEPT_LINES * reduced_map(lines(p), (keep.shape[2], keep.shape[3]))
    assert keep[0, 0, -1, -1] == in_lines[0, 0, -1, -1]


def test_where_nothing_stands_out_lines_are_kept_and_nothing_else(find: Finder) -> None:
    p = photo("rocket")
    keep = kept(p, [], find(p))
    assert torch.equal(keep, KEPT_LINES * lines(p))
    assert keep.max() > 0.7  # the towers
    assert keep.quantile(0.4) < 0.1  # the sky


@pytest.mark.parametrize("size", [(32, 32), (32, 400), (33, 47), (1200, 900)])
def test_photos_of_every_shape_have_a_map(find: Finder, size: tuple[int, int]) -> None:
    p = torch.rand(3, *size, generator=torch.Generator().manual_seed(1))
    subject = find(p)
    assert subject.isfinite().all()
    assert subject.min() >= 0
    assert subject.max() <= 1
    assert kept(p, [], subject).isfinite().all()
