"""Fits the read-out that finds a photo's subject, in a minute, to a classifier's class activation maps.

For each training photo the target is where SqueezeNet (in the data folder) sees the class that it takes the photo for
(Zhou et al. 2016). The read-out is the least-squares solution, so there is nothing to tune and nothing is random.
"""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as fn
from safetensors.torch import save_file
from torch import Tensor

from engine.device import choose, quick_type
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.subject.finder import FILE, SIDES, deep_features
from engine.tensors import fit
from engine.train.data.folder import DATA, held_out_photos, picture, training_photos
from engine.train.data.teachers import SqueezeNet

HELP = "fit the read-out that finds a photo's subject"
SEEN = 288  # pixels, long side at which the classifier looks
# Classes that are landscapes, from alp to volcano: their maps are of sky, water and lawn, which are no subjects.
LANDSCAPES = range(970, 981)
CERTAIN = 0.98  # share of a map's places below what counts as 1
RIDGE = 1.0

log = logging.getLogger(__name__)

Case = tuple[Tensor, Tensor]  # features (M, N) and the classifier's map (M,), place by place


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument("--out", type=Path, default=FILE, help="the file to write")


def run(args: Namespace) -> None:
    device, _ = choose("auto")
    encoder = SlimEncoder.load().to(device).quick(quick_type(device))
    classifier = SqueezeNet(args.data / "teachers/squeezenet-1.0.safetensors", mirrored=False).to(device)
    weight, bias = fitted(cases(training_photos(args.data), encoder, classifier))
    held_out = list(cases(held_out_photos(args.data), encoder, classifier))
    log.info("correlation with the classifier's maps on photos kept out: %.2f", agreement(held_out, weight))
    save_file({"weight": weight.cpu().contiguous(), "bias": bias.cpu()}, args.out)


def cases(paths: Sequence[Path], encoder: Encoder, classifier: SqueezeNet) -> Iterator[Case]:
    """The photos' features, as the finder first sees them, beside what they should say."""
    device = next(classifier.buffers()).device
    for path in paths:
        photo = picture(path, device)[0]
        target = activation_map(fit(photo, SEEN), classifier)
        if target is not None:
            features = deep_features(photo, encoder, SIDES[0])
            size = (features.shape[1], features.shape[2])
            yield features.flatten(1).T, fn.interpolate(target, size, mode="bilinear").flatten()


@torch.no_grad()
def activation_map(photo: Tensor, classifier: SqueezeNet) -> Tensor | None:
    """Where the classifier sees the class that it takes a photo (3, H, W) for, (1, 1, h, w) in 0..1.

    None for a landscape.
    """
    scores = classifier.scores(photo[None])
    best = int(scores.mean((2, 3)).argmax())
    if best in LANDSCAPES:
        return None
    found = scores[:, best : best + 1]
    return (found / torch.quantile(found, CERTAIN).clamp_min(1e-3)).clamp(0, 1)


def fitted(cases: Iterable[Case]) -> tuple[Tensor, Tensor]:
    """Weights (N,) and a bias by ridge regression in which every photo counts alike."""
    products: Tensor | float = 0.0
    sums: Tensor | float = 0.0
    for features, target in cases:
        x = fn.pad(features, (0, 1), value=1.0)
        products = products + x.T @ x / len(x)
        sums = sums + x.T @ target / len(x)
    assert isinstance(products, Tensor), "there are photos"
    found = torch.linalg.solve(products + RIDGE * torch.eye(len(products)).to(products), sums)
    return found[:-1], found[-1]


def agreement(cases: Iterable[Case], weight: Tensor) -> float:
    """The mean over photos of the correlation of what the weights say with the classifier's maps."""
    return mean(float(torch.corrcoef(torch.stack([x @ weight, target]))[0, 1]) for x, target in cases)
