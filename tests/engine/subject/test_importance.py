"""The map of what matters: a face of a real photo, lines, and calm places."""

import pytest
import torch
from skimage import data
from torch import Tensor

from engine.subject.faces import Face, faces
from engine.subject.importance import DETAILS, lines, of_faces, what_matters


def photo(name: str) -> Tensor:
    return torch.from_numpy(getattr(data, name)()).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="module")
def astronaut() -> Tensor:
    return photo("astronaut")


def test_a_face_is_found_where_it_is(astronaut: Tensor) -> None:
    (face,) = faces(astronaut)
    # The nose is at about row 120, column 222 of 512.
    assert face.top < 120 / 512 < face.top + face.height
    assert face.left < 222 / 512 < face.left + face.width
    assert 0.1 < face.width < 0.3


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_where_there_is_no_face_none_is_found(name: str) -> None:
    assert faces(photo(name)) == []


def test_a_photo_that_is_too_small_for_a_face_has_none(astronaut: Tensor) -> None:
    assert faces(astronaut[:, 80:104, 200:240]) == []


def test_a_line_in_a_calm_place_matters_and_the_calm_place_does_not() -> None:
    p = torch.full((3, 200, 300), 0.6)
    p[:, 40:160, 148:152] = 0.1  # a mast
    found = lines(p)[0, 0]
    assert found[100, 150] > 0.5
    assert found[100, 60] < 0.05


def test_a_line_among_many_in_all_directions_matters_less() -> None:
    torch.manual_seed(1)
    p = torch.full((3, 200, 300), 0.6)
    p[:, :, 150:] = torch.rand(1, 200, 150)  # foliage
    p[:, 40:160, 60:64] = 0.1
    found = lines(p)[0, 0]
    assert found[60:140, 62].mean() > 3 * found[60:140, 200:280].mean()


def test_a_face_counts_more_than_most_of_a_photo_and_its_eyes_most(astronaut: Tensor) -> None:
    (face,) = faces(astronaut)
    importance = what_matters(astronaut, [face])
    content = importance.content[0, 0]
    row, left, right = (
        round(share * content.shape[0])
        for share in (
            face.top + DETAILS[0][0] * face.height,
            face.left + DETAILS[0][1] * face.width,
            face.left + DETAILS[1][1] * face.width,
        )
    )
    cheek = int((face.top + 0.6 * face.height) * content.shape[0])
    assert min(content[row, left], content[row, right]) > content[cheek, (left + right) // 2]
    assert content[cheek, (left + right) // 2] > content.median() + 0.3
    assert importance.detail.max() > 0
    assert importance.smoothness.min() == 1


def test_without_faces_only_the_large_forms_are_to_stay(astronaut: Tensor) -> None:
    importance = what_matters(astronaut, [])
    assert importance.detail.max() == 0
    assert importance.smoothness.max() == 1
    assert 0 < importance.content.min() < 0.3


def test_a_face_is_an_ellipse_with_a_soft_edge() -> None:
    found = of_faces([Face(0.25, 0.25, 0.5, 0.5)], (100, 100))[0, 0]
    assert found[50, 50] == 1
    assert found[2, 2] == 0
    assert 0 < found[50, 71] < 1
