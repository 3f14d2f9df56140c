"""Training the gallery's network with perceptual losses (Johnson et al. 2016), all styles at once."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.fast import network as fast
from engine.fine.losses import total_variation
from engine.train.data.crops import load
from engine.train.data.teachers import SqueezeNet
from engine.train.trainers.run import Run, Settings

STYLE_LAYERS = ("conv1", "fire2", "fire3", "fire4", "fire5", "fire6", "fire8")
CONTENT_LAYER = "fire4"


class GallerySettings(Settings, frozen=True, kw_only=True):
    """Every number of the gallery's training."""

    steps: int = 10_000
    rate: float = 1.5e-3
    crop: int = 192  # pixels; in a much smaller one no network finds room for all that a painting shows
    enlarged: float = 1.6  # the photos' short side is 288, and things are to be as large as in a photo of 500
    warmup: int = 100
    constant: float = 0.6  # share of the steps before the rate falls
    last_rate: float = 0.02
    paintings: float = 0.0
    identity_steps: int = 250  # of nothing but giving the photo back, before any style
    style_weight: float = 1.0  # to begin with, against content 1
    weight_limits: tuple[float, float] = (6.0, 20.0)
    ramp: int = (
        2000  # steps over which the lower limit rises: too much style at first, and all forms are lost for good
    )
    weight_rate: float = 0.03  # how fast a style's weight is led to where ...
    content_error: float = 1.0  # ... its content error is this, which stands for "some styles take more than others"
    tv_weight: float = 2.0
    pairs_rate: float = 2.5  # of the pairs, over the rate of the convolutions: each learns in few of the steps
    identity_weight: float = 20.0  # of the squared pixel error
    identities: float = 0.08  # share of pictures
    mixtures: float = 0.06  # of two styles
    strengths: float = 0.12  # at another strength than the style's own
    painting_sides: tuple[int, ...] = (480, 672)  # pixels, long side: strokes at several scales
    average: float = 0.998  # of the weights that are kept, step by step


class Wish(NamedTuple):
    """What one picture of a batch is to become: ``share`` of style i, the rest of j, at a strength."""

    i: int
    j: int
    share: float
    t: float  # 0 the photo, 1 the style's own strength


def grams(features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gram matrices of each picture, (B, N_l, N_l), over the number of positions."""
    return {name: (F.flatten(2) @ F.flatten(2).mT).float() / F[0, 0].numel() for name, F in features.items()}


def dimmed(x: Tensor, chance: random.Random) -> Tensor:
    """The photos (B, 3, h, w), some made dim, pale or flat, since nights and skies are what networks fail at."""
    x = x.clone()
    for i in range(len(x)):
        draw = chance.random()
        if draw < 0.15:
            x[i] *= chance.uniform(0.15, 0.6)
        elif draw < 0.25:
            x[i] = x[i].mean((1, 2), keepdim=True).lerp(x[i], chance.uniform(0.15, 0.6))
        elif draw < 0.35:
            coarse = fn.adaptive_avg_pool2d(x[i : i + 1], chance.choice((2, 3, 5)))
            smooth = fn.interpolate(coarse, x.shape[-2:], mode="bicubic", align_corners=False)[0].clamp(0, 1)
            cut = chance.randint(x.shape[-2] // 3, x.shape[-2])  # flat down to here, as a sky above a town
            x[i, :, :cut] = smooth[:, :cut]
    return x


class Teacher(Protocol):
    """A network whose layers are compared; SqueezeNet, or the slim encoder's branch that stands for it."""

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]: ...


class Perceptual:
    """Content and style errors of pictures against photos and artworks."""

    def __init__(self, teacher: Teacher, layers: Sequence[str] = STYLE_LAYERS) -> None:
        self.teacher, self.layers = teacher, tuple(layers)
        self.targets: dict[str, Tensor] = {}  # (styles, N_l, N_l)

    def statistics(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(Gram matrices by layer, content features) of x (B, 3, H, W)."""
        features = self.teacher.features(x, self.layers)
        return grams(features), features[CONTENT_LAYER].float()

    @torch.no_grad()
    def learn(self, artworks: Iterable[Tensor], sides: Sequence[int]) -> None:
        """Take artworks (1, 3, H, W) as the styles 0, 1, ...: the mean of their Gram matrices at several sizes."""
        found = [self._of_artwork(artwork, sides) for artwork in artworks]
        self.targets = {name: torch.stack([A[name] for A in found]) for name in found[0]}

    def _of_artwork(self, artwork: Tensor, sides: Sequence[int]) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for side in sides:
            scale = side / max(artwork.shape[-2:])
            height, width = (2 * round(n * scale / 2) for n in artwork.shape[-2:])
            a = fn.interpolate(artwork, (height, width), mode="bilinear", antialias=True, align_corners=False)
            for name, G in self.statistics(a)[0].items():
                total[name] = total.get(name, 0) + G[0] / len(sides)
        return total

    def errors(self, x: Tensor, y: Tensor, wishes: Sequence[Wish]) -> tuple[Tensor, Tensor]:
        """(content, style) error of every picture y of photos x (B, 3, H, W): 0 is perfect, about 1 is unrelated."""
        with torch.autocast(x.device.type, torch.bfloat16):
            with torch.no_grad():
                P = self.teacher.features(x, (CONTENT_LAYER,))[CONTENT_LAYER].float()
            found, F = self.statistics(y)
        content = (F - P).square().mean((1, 2, 3)) / P.square().mean((1, 2, 3))
        style = torch.zeros_like(content)
        for name, G in found.items():
            A = torch.stack([torch.lerp(self.targets[name][w.j], self.targets[name][w.i], w.share) for w in wishes])
            style = style + (G - A).square().sum((1, 2)) / A.square().sum((1, 2)) / len(found)
        return content, style


class GalleryRun(Run):
    """The network of all styles in training."""

    settings: GallerySettings
    network: fast.Network

    def __init__(self, data: Path, settings: GallerySettings, device: torch.device, artworks: dict[str, Path]) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(fast.Network(list(artworks)), data, settings, device)
        # He's factor 2 belongs before a ReLU; what goes into the sigmoid is to begin near grey.
        self.network.last.weight.data.mul_(0.2)
        shared = [tensor for name, tensor in self.network.named_parameters() if name != "pairs"]
        groups: list[dict[str, Any]] = [{"params": shared}]
        groups.append({"params": [self.network.pairs], "factor": settings.pairs_rate})
        self.optimizer = torch.optim.Adam(groups, lr=settings.rate, betas=(0.9, 0.99))
        self.kept = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average)
        )
        self.perceptual = Perceptual(SqueezeNet(data / "teachers/squeezenet-1.0.safetensors").to(device))
        pictures = (load(path)[None].to(device).float() / 255 for path in artworks.values())
        self.perceptual.learn(pictures, settings.painting_sides)
        count = len(artworks)
        self.weight = [settings.style_weight] * count
        self.content = [0.3] * count  # running means of each style's errors
        self.style = [1.0] * count

    def rate(self) -> float:
        """Linear warm-up, constant for a while, then linear down to ``last_rate``."""
        s = self.settings
        falling = max(0.0, (self.step / s.steps - s.constant) / (1 - s.constant))
        return s.rate * min(1.0, (self.step + 1) / s.warmup) * max(s.last_rate, 1 - (1 - s.last_rate) * falling)

    def photographs(self) -> Tensor:
        """The next photos, (B, 3, crop, crop)."""
        return dimmed(self.photos.batch(self.settings.batch), self.random).to(self.device)

    def wishes(self) -> list[Wish | None]:
        """What the pictures of the next batch are to become; None is the photo itself."""
        s, chance, count = self.settings, self.random, len(self.weight)
        wishes: list[Wish | None] = []
        for i in chance.sample(range(count), min(s.batch, count)):
            if self.step < s.identity_steps or chance.random() < s.identities:
                wishes.append(None)
                continue
            j, share, t = i, 1.0, 1.0
            if chance.random() < s.mixtures:
                j, share = chance.randrange(count), chance.random()
            elif chance.random() < s.strengths:
                t = chance.uniform(0.2, 1.4)
            wishes.append(Wish(i, j, share, t))
        return wishes

    def pairs(self, wishes: Sequence[Wish | None]) -> Tensor:
        """Gamma and beta for each wish, (B, 2, C)."""
        identity, styles = self.network.pairs[0], self.network.pairs[1:]
        rows = []
        for wish in wishes:
            if wish is None:
                rows.append(identity)
            else:
                mixed = torch.lerp(styles[wish.j], styles[wish.i], wish.share)
                rows.append(torch.lerp(identity, mixed, wish.t) if wish.t != 1 else mixed)
        return torch.stack(rows)

    def weight_of(self, wish: Wish) -> float:
        """The style weight of a wish; its strength counts as a power, as it does for the optimisation."""
        weight = wish.share * self.weight[wish.i] + (1 - wish.share) * self.weight[wish.j]
        return float(weight * 10 ** (1.5 * (wish.t - 1)))

    def loss(self, x: Tensor, wishes: Sequence[Wish | None]) -> Tensor:
        """The batch's loss; keeps the running errors of every style."""
        s = self.settings
        noise = 2 * torch.rand(len(x), 1, *x.shape[2:], device=x.device) - 1
        with torch.autocast(x.device.type, torch.bfloat16):
            y = self.network(x, self.pairs(wishes), noise)
        total = s.tv_weight * total_variation(y)
        same = [k for k, wish in enumerate(wishes) if wish is None]
        if same:
            total = total + s.identity_weight * (y[same] - x[same]).square().mean((1, 2, 3)).sum() / len(x)
        styled = [k for k, wish in enumerate(wishes) if wish is not None]
        if styled:
            total = total + self._styled(x[styled], y[styled], [w for w in wishes if w is not None]) / len(x)
        return total

    def _styled(self, x: Tensor, y: Tensor, wishes: Sequence[Wish]) -> Tensor:
        content, style = self.perceptual.errors(x, y, wishes)
        self._note(wishes, content.tolist(), style.tolist())
        weights = torch.tensor([self.weight_of(w) for w in wishes], device=x.device)
        return (content + weights * style).sum()

    def _note(self, wishes: Sequence[Wish], content: Sequence[float], style: Sequence[float]) -> None:
        """Keep each style's running errors, and lead its weight to where its content error is as it should be."""
        s = self.settings
        for wish, c, e in zip(wishes, content, style, strict=True):
            if wish.i != wish.j or wish.t != 1 or not math.isfinite(c + e):
                continue
            i = wish.i
            self.content[i] += 0.03 * (c - self.content[i])
            self.style[i] += 0.03 * (e - self.style[i])
            low, high = s.weight_limits
            low = 1 + (low - 1) * min(1.0, max(0, self.step - s.identity_steps) / s.ramp)
            moved = self.weight[i] * math.exp(s.weight_rate * (s.content_error - self.content[i]))
            self.weight[i] = min(high, max(low, moved))

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields the mean running errors."""
        s = self.settings
        while self.step < s.steps:
            if self.step == s.identity_steps:
                # Every style begins as the identity.
                self.network.pairs.data[1:] = self.network.pairs.data[:1]
            loss = self.loss(self.photographs().contiguous(memory_format=torch.channels_last), self.wishes())
            self.descend(loss)
            self.kept.update_parameters(self.network)
            count = len(self.content)
            yield {"loss": loss.item(), "content": sum(self.content) / count, "style": sum(self.style) / count}

    def save(self, path: Path) -> None:
        super().save(path)
        beside = path.with_suffix(".kept.new")
        state = {"kept": self.kept.state_dict(), "weight": self.weight, "content": self.content, "style": self.style}
        torch.save(state, beside)
        beside.replace(path.with_suffix(".kept"))

    @property
    def result(self) -> fast.Network:
        """The network as it is kept: the running mean of its weights."""
        network = self.kept.module
        assert isinstance(network, fast.Network)
        return network

    def begin_with(self, network: fast.Network) -> None:
        """Start from an earlier network: its convolutions, and the pairs of the styles that it knows."""
        ours = self.network.state_dict()
        theirs = network.state_dict()
        self.network.load_state_dict(theirs | {"pairs": ours["pairs"]})
        for k, name in enumerate(self.network.names[1:], 1):
            known = network.names.index(name) if network.knows(name) else 0
            self.network.pairs.data[k] = theirs["pairs"][known]
        self.network.pairs.data[0] = theirs["pairs"][0]
        self.kept.module.load_state_dict(self.network.state_dict())
        self.step = self.settings.identity_steps + self.settings.ramp

    def load(self, path: Path) -> None:
        super().load(path)
        state = torch.load(path.with_suffix(".kept"), map_location=self.device, weights_only=False)
        self.kept.load_state_dict(state["kept"])
        self.weight, self.content, self.style = state["weight"], state["content"], state["style"]
