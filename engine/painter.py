"""One order from bytes to bytes: decode the pictures, paint in the mode that the recipe names, encode the result."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from importlib import metadata

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine import device, fine_mode, gallery
from engine.encoders import slim
from engine.encoders.shelf import NO_FULL, Encoders
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fast import network
from engine.fast.collections import Generators
from engine.fast.finish import finish
from engine.fast.keeping import keeps
from engine.fast.paint import paint as paint_fast
from engine.fast.paint import paint_collection, paint_together
from engine.fine import memory
from engine.fine.canvases import Canvases
from engine.images.animation import Clip
from engine.images.decode import Limits
from engine.images.encode import encode_png
from engine.images.metadata import made_with
from engine.lab import contact, content, explain, grid, like, suggest, texture
from engine.lab.likeness import plane
from engine.lab.sketches import Sketches
from engine.motion import animate, clips, zoom
from engine.motion.opening import opened, opened_clip
from engine.recipe import Memory, Mode, Recipe, line
from engine.stages import Picture, Refused, Stage
from engine.style.look import Look
from engine.style.pictures import StylePictures
from engine.subject.faces import QUICK, faces
from engine.subject.finder import FILE as SUBJECT
from engine.subject.finder import Finder
from engine.subject.importance import TELLS_SIDE, Importance, kept, stands_out, what_matters
from engine.tensors import reduced, resize
from engine.universal import predictor
from engine.universal.paint import paint as paint_universal
from engine.universal.paint import predicted
from engine.verify import verdict
from engine.wire import EngineSettings, Paint, Ready
from engine.work import Stages, Work, preview


def set_up_process(settings: EngineSettings) -> None:
    """Settings of torch, for the whole process."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if device.choose(settings.device)[0].type == "cpu":
        # The same picture, bit for bit. A GPU promises no such thing of the gradient of reflection padding.
        # In these words, for torch.use_deterministic_algorithms imports the compiler, which takes as long as torch.
        torch.set_deterministic_debug_mode("warn")
        # Costs time, and nothing reads uninitialised memory.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


class TorchPainter:
    """Paints in every mode; owns the networks and the style pictures, and keeps them from job to job.

    A network is loaded by the first order that needs it. That its file is there and whole is seen to at the start.
    """

    def __init__(self, settings: EngineSettings) -> None:
        """Raises RuntimeError where a file of the package's weights cannot be read."""
        _check_weights()
        self._settings = settings
        self.device, self.notes = device.choose(settings.device)
        device.keep_to(self.device, settings.share)
        device.wake(self.device)
        self._limits = Limits(max_bytes=settings.max_photo_mb * 2**20)
        self.gallery = gallery.load(settings.gallery)
        self._encoders = Encoders(self.device, settings, self.gallery)
        self._styles = StylePictures(self.gallery, self.device)
        self._generators = Generators(self.device)
        self.sketches = Sketches()
        self.canvases = Canvases()
        sheet = functools.partial(contact.paint, self, self.sketches)
        self._modes: dict[Mode, Callable[[Work], Stages]] = {
            "fast": self._fast,
            "universal": self._universal,
            "fine": lambda work: fine_mode.paint(self, self.canvases, work),
            "sheet": sheet,
            "variations": sheet,
            "content": functools.partial(content.paint, self),
            "texture": functools.partial(texture.paint, self),
            "dream": functools.partial(zoom.paint, self),
            "grid": functools.partial(grid.paint, self),
            "like": functools.partial(like.paint, self),
            "map": functools.partial(plane.paint, self),
            "suggest": functools.partial(suggest.paint, self),
            "explain": functools.partial(explain.paint, self),
            "morph": functools.partial(clips.paint_morph, self),
        }
        self._at_rest = device.held()
        self.ready = self._ready()

    @property
    def _slim(self) -> SlimEncoder:
        return self._encoders.slim

    @functools.cached_property
    def network(self) -> network.Network:
        return network.load(self.device, self._settings.gallery).quick(device.quick_type(self.device))

    @functools.cached_property
    def _predictor(self) -> predictor.Predictor:
        return predictor.load(self.device)

    @functools.cached_property
    def _find(self) -> Finder:
        return Finder(self._slim)

    @functools.cached_property
    def _made_with(self) -> str:
        return made_with(self.gallery)

    def _ready(self) -> Ready:
        return Ready(
            device=device.in_words(self.device),
            encoders=self._encoders.names,
            version=_version(),
            notes=(*self.notes, *self._encoders.notes(), *self._notes()),
            encoder=self._encoders.usual,
            memory=memory.of(self.device, self._free()),
        )

    def _free(self) -> int:
        return device.free(self.device, self._at_rest, self._settings.share)

    def _notes(self) -> list[str]:
        """What the operator should know: pairs and networks that cannot be used."""
        notes = []
        for style in self.gallery:
            if style.pair.is_file() and gallery.network_of(style.pair) != gallery.network_of(network.FILE):
                notes.append(
                    f"Fast mode cannot paint {style.name}, which was trained for other gallery weights. Train it again"
                    " with python -m engine.train style. Until then it is painted in universal mode."
                )
        return [*notes, *self._generators.notes(self.gallery)]

    def paint(self, order: Paint) -> Generator[Stage | Picture, None, None]:
        """See `engine.stages.Painter`."""
        with device.memory_errors(), device.exit_on_gpu_fault():
            yield Stage(0.0, "looking at the photo")
            animate.must_play(order)
            if animate.is_moving(order):
                yield from self._clip(order)
                return
            work = opened(order, self._limits, self.device)
            if work.recipe.clip == "yes":
                work.watch = functools.partial(animate.keep_step, work.film)
            work.anew = order.checked is not None
            x = yield from device.with_threads_for(_at_once(work.recipe), self.repaint(work))
            height, width = x.shape[-2:]
            if work.recipe.clip == "yes" and not torch.equal(animate.as_bytes(x[0]), work.film[-1]):
                work.film.append(animate.as_bytes(x[0]))  # with its last strokes
            if work.film:
                yield self._film(order, animate.film_of(work), work)
                return
            painted = work.recipe
            if not painted.rules.sheet:
                painted = msgspec.structs.replace(painted, size=max(height, width))
            shown = None if painted.rules.sheet else work.alpha
            alpha = None if shown is None else resize(shown[None], (height, width))[0]
            if order.checked is not None:
                work.notes.insert(0, verdict(order.checked, x[0], self._limits, self._made_with))
            png = encode_png(x[0], line(painted), alpha, self._made_with)
            notes = tuple(dict.fromkeys(work.notes))
            findings = tuple(work.findings)
            yield Picture(png, painted, width, height, notes, findings, cells=work.cells, went_on=work.went_on)

    def repaint(self, work: Work) -> Stages:
        """The work in its recipe's mode, which must be complete; what changes is told in the work itself."""
        return self._modes[work.recipe.mode or "fast"](work)

    def _clip(self, order: Paint) -> Generator[Stage | Picture, None, None]:
        """An animation, painted as one."""
        clip, work = opened_clip(order, self._limits, self.device)
        clip.frames = yield from device.with_threads_for(work.recipe.size or 0, clips.paint(self, clip, work))
        yield Stage(0.99, "putting the frames together")
        yield self._film(order, clip, work)

    def _film(self, order: Paint, clip: Clip, work: Work) -> Picture:
        return animate.encoded(order, clip, work.recipe, work.notes, self._made_with, self._limits)

    def tidy(self) -> int:
        """Let go of what was kept of pictures for long enough; how many bytes are left."""
        return self.canvases.tidy() + self.sketches.tidy()

    def forget(self) -> None:
        """Let go of all that is kept of pictures that are done."""
        self.canvases.forget()
        self.sketches.forget()

    def pictures(self, work: Work) -> list[tuple[Tensor, float]]:
        """See `engine.work.Tools`."""
        return self._styles.of(work.recipe, work.mine)

    def look(self, work: Work, shares: Sequence[tuple[str, float]] | None = None) -> Look:
        """See `engine.work.Tools`."""
        return self._styles.look(shares or _shares(work.recipe), work.mine)

    def swatch(self, name: str) -> Tensor:
        """See `engine.work.Tools`."""
        return self._styles.swatch(name)

    # --- modes -------------------------------------------------------------------------------------------------------

    def pair(self, work: Work) -> Tensor:
        """The mixed styles' pair for the network, (2, C), in fast or universal mode."""
        if work.recipe.mode == "universal":
            return predicted(self._predictor, self._slim, self.pictures(work))
        shares = _shares(work.recipe)
        for name, _ in shares:
            if not self.network.knows(name):
                raise Refused(f"Fast mode is not trained for {name}. Use mode=universal, or mode=fine.")
        return self.network.pair(shares)

    def together(self, p: Tensor, recipes: Sequence[Recipe]) -> Tensor:
        """See `engine.work.Tools`."""
        return paint_together(self.network, p, [(self.pair(Work(p, r, None, None)), r) for r in recipes])

    def alone(self, work: Work) -> Callable[[Tensor, Recipe], Tensor] | None:
        """What paints a frame (1, 3, H, W) of a collection, which has a network of its own."""
        style = self.gallery.find(work.recipe.styles[0].name)
        if not (style and style.generator_file):
            return None
        generator = self._generators.of(style)
        return lambda x, recipe: list(paint_collection(generator, x[0], recipe))[-1][1]

    def _fast(self, work: Work) -> Stages:
        style = self.gallery.find(work.recipe.styles[0].name)
        if style and style.generator_file:
            paint_one = functools.partial(paint_collection, self._generators.of(style), work.p)
            return (yield from self._instant(work, paint_one, None))
        pair = self.pair(work)

        def paint(recipe: Recipe) -> Iterator[tuple[float, Tensor]]:
            return paint_fast(self.network, work.p, pair, recipe)

        return (yield from self._instant(work, paint, self.look(work)))

    def _universal(self, work: Work) -> Stages:
        pictures = self.pictures(work)

        def paint(recipe: Recipe) -> Iterator[tuple[float, Tensor]]:
            return paint_universal(self.network, self._predictor, self._slim, work.p, pictures, recipe)

        return (yield from self._instant(work, paint, self.look(work)))

    def _instant(
        self, work: Work, paint: Callable[[Recipe], Iterator[tuple[float, Tensor]]], look: Look | None
    ) -> Stages:
        """A picture of one of the instant modes, finished; see `finish`."""
        keep = self.kept(work.p, work.recipe)
        for done, x in paint(work.recipe):
            yield Stage(done, "painting", preview=preview(x))
        return finish(x, work.p[None], work.recipe, look, keep)

    def kept(self, p: Tensor, recipe: Recipe) -> Tensor | None:
        """How much the instant modes keep each place of a photo (3, H, W), (1, 1, h, w) in 0..1, if at all."""
        if not keeps(recipe):
            return None
        small = reduced(p, TELLS_SIDE)  # once, for all that look at it
        subject = self._find(small)
        return kept(small, faces(small, QUICK) if stands_out(subject) else [], subject)

    def what_matters(self, p: Tensor, recipe: Recipe) -> Importance:
        """How much each place of a photo (3, H, W) counts in fine mode."""
        if recipe.faces == "free" or recipe.strength == 0:
            return what_matters(p, [])
        return what_matters(p, faces(p), self._find(p))

    def memory(self) -> Memory:
        """See `engine.fine_mode.FineTools`."""
        return msgspec.structs.replace(self.ready.memory, free=self._free())

    def encoder(self, work: Work) -> Generator[Stage, None, Encoder]:
        """See `engine.work.Tools`."""
        encoder, recipe = yield from self._encoders.of(work.recipe)
        if recipe.encoder != work.recipe.encoder:
            work.notes.append(NO_FULL)
        work.recipe = recipe
        return encoder


def _at_once(recipe: Recipe) -> int:
    """Pixels, side of what is painted at once: its own size, which the line that comes back has as well; of a sheet
    several pictures of that size go together."""
    return (recipe.size or 0) * (2 if recipe.mode == "sheet" else 1)


def _shares(recipe: Recipe) -> list[tuple[str, float]]:
    return [(share.name, float(share.weight)) for share in recipe.styles]


def _check_weights() -> None:
    for path in (slim.FILE, SUBJECT, network.FILE, predictor.FILE):
        try:
            with safe_open(path, "pt"):
                pass
        except (OSError, SafetensorError) as error:
            raise RuntimeError(f"{path} cannot be read ({error}). Install Impasto again.") from error


def _version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "not installed"
