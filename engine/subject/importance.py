"""A map of what matters in a photo: what tells in its subject most, such as eyes; then the subject, and lines.

Least matter sky, water, walls and lawn: the painter may do as he likes where the map is low. Lines count by how
coherent they are (the structure tensor of Förstner & Gülch 1987): a mast or a letter is one line, foliage is many in
all directions. What tells is what contrasts most with its surroundings among the subject's parts, at the subject's
size: in an animal's face eyes and nose, and not the fur.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.subject.faces import Face
from engine.tensors import YIQ, blur, reduced, reduced_map

SIDE = 384  # pixels, long side of the photo that the map is made from
LINE = 1.2  # pixels there, deviation of what counts as one line
AROUND = 3.0  # pixels, deviation of the surroundings that a line lends its weight
CROWD = 24.0  # pixels, deviation of the surroundings in which a line has to stand out
KEPT = 0.75  # how much the whole subject is kept in the instant modes; faces and what tells are kept entirely
KEPT_LINES = 0.8  # how much lines are kept there
TELLS_SIDE = 256  # pixels, long side of the photo in which is looked for what tells
EYE = 1 / 40  # of the side of a square as large as the subject: the deviation of what tells, an eye in a face
PRESENT = 0.08  # the least share of a photo that its subject takes; in towns and landscapes less stands out
# Features of a face as (row, column, height, width) in shares of the detector's square, and their weight.
FACE = ((0.5, 0.5, 0.5, 0.36, 1.0),)
DETAILS = ((0.38, 0.3, 0.11, 0.17, 1.0), (0.38, 0.7, 0.11, 0.17, 1.0), (0.78, 0.5, 0.11, 0.24, 0.8))


def lines(photo: Tensor) -> Tensor:
    """How much lines matter, (1, 1, h, w) in 0..1, for a photo (3, H, W) in 0..1."""
    small = reduced(photo, SIDE)[None]
    y = torch.einsum("j,bjhw->bhw", torch.tensor(YIQ[0]).to(small), small)[:, None]
    y = blur(y, LINE)
    dy, dx = torch.gradient(y, dim=(2, 3))
    xx, yy, xy = (blur(product, 2 * LINE) for product in (dx * dx, dy * dy, dx * dy))
    energy = xx + yy
    coherence = torch.sqrt((xx - yy).square() + 4 * xy.square()) / (energy + 1e-6)
    strength = torch.sqrt(energy)
    # What stands in a crowd of edges does not stand out.
    found = strength * coherence.square() / (blur(strength, CROWD) + strength.mean() + 0.01)
    near = blur(found, AROUND)
    return (near / torch.quantile(near.flatten(), 0.97).clamp_min(1e-3)).clamp(0, 1)


def of_faces(faces: Sequence[Face], size: tuple[int, int], parts: Sequence[tuple[float, ...]] = FACE) -> Tensor:
    """Soft ellipses over the faces, or over ``parts`` of them, (1, 1, *size) in 0..1."""
    rows = (torch.arange(size[0]) + 0.5)[:, None] / size[0]
    columns = (torch.arange(size[1]) + 0.5)[None] / size[1]
    total = torch.zeros(size)
    for face in faces:
        for row, column, height, width, weight in parts:
            r = (rows - face.top - row * face.height) / (height * face.height)
            c = (columns - face.left - column * face.width) / (width * face.width)
            # 1 inside, 0 from one and a half times the radius on.
            total = torch.maximum(total, weight * (3 - 2 * torch.sqrt(r * r + c * c)).clamp(0, 1))
    return total[None, None]


def telling(photo: Tensor, subject: Tensor) -> Tensor:
    """How much each place of a photo (3, H, W) in 0..1 tells of its subject (1, 1, h', w'): (1, 1, h, w) in 0..1."""
    small = reduced(photo, TELLS_SIDE)[None]
    subject = reduced_map(subject, (small.shape[2], small.shape[3]))
    deviation = max(1.0, EYE * float(subject.sum()) ** 0.5)
    channels = small.transpose(0, 1)  # each a picture for `blur`
    contrast = (blur(channels, deviation) - blur(channels, 3 * deviation)).square().sum(0, keepdim=True)
    contrast = blur(contrast, 1.5 * deviation).sqrt()
    usual = (contrast * subject).sum() / (subject.sum() + 1e-3)
    return ((contrast / (usual + 0.02) - 0.8) / 0.8).clamp(0, 1) * subject


def stands_out(subject: Tensor) -> bool:
    """Whether a photo with this subject (1, 1, h, w) is a picture of something, more than of a place."""
    return float((subject > 0.5).float().mean()) > PRESENT


def kept(photo: Tensor, faces: Sequence[Face], subject: Tensor) -> Tensor:
    """How much each place of a photo (3, H, W) is kept in the instant modes, (1, 1, h, w) in 0..1.

    Everywhere what is drawn with lines, such as masts and rims; and a subject, with the faces, if one stands out.
    """
    drawn = KEPT_LINES * lines(photo)
    if not faces and not stands_out(subject):
        return drawn
    tells = telling(photo, subject)
    size = (tells.shape[2], tells.shape[3])
    whole = (KEPT * reduced_map(subject, size) + tells).clamp(0, 1)
    return torch.maximum(torch.maximum(whole, of_faces(faces, size).to(tells)), reduced_map(drawn, size))


class Importance(NamedTuple):
    """How much each place of a photo counts in an optimisation, (1, 1, h, w) each, of any size."""

    content: Tensor  # of the content loss, where the paper has 1 everywhere
    detail: Tensor  # of the content loss in a shallow layer, 0 where only the large forms are to stay
    smoothness: Tensor  # of total variation, from 1 upwards: no hair on skin


def what_matters(photo: Tensor, faces: Sequence[Face], subject: Tensor | None = None) -> Importance:
    """The importance of a photo (3, H, W) in 0..1 with these faces and subject. The numbers were chosen by eye."""
    found = lines(photo)
    size = (found.shape[2], found.shape[3])
    face, details = (of_faces(faces, size, parts).to(found) for parts in (FACE, DETAILS))
    body, tells = torch.zeros_like(found), torch.zeros_like(found)
    if subject is not None:
        body, tells = reduced_map(subject, size), reduced_map(telling(photo, subject), size)
    content = 0.2 + 0.7 * found + torch.maximum(0.5 * face, 0.6 * body) + 1.2 * torch.maximum(details, tells)
    detail = torch.maximum(0.35 * face + 1.5 * details, 0.3 * body + 1.5 * tells)
    return Importance(content, detail, 1 + face)
