"""One order from bytes to bytes: decode the photo, bring it to size, paint it, write it down."""

from __future__ import annotations

import functools
import logging
import socket
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import Tensor

from engine import encoders, gallery, gatys, images
from engine.recipe import Pooling, Recipe, RecipeError, check, line
from engine.stages import Picture, Refused, Stage
from engine.vgg import Encoder
from engine.wire import Paint, Ready

if TYPE_CHECKING:
    from engine.worker import Settings

PREVIEW_SIDE = 384  # pixels, long side; as wide as a bubble in a chat
LOOK_SECONDS = 0.5  # between two looks at the full encoder on its way: a cancel is seen, and we are seen alive
STALL_SECONDS = 30.0  # after which a download without a byte has failed; urllib by itself would wait for ever
NO_FULL = "The full encoder is not to be had here just now, so I painted with the slim one."

log = logging.getLogger("engine")


def set_up_process(settings: Settings) -> None:
    """What holds for everything in this process."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if _device(settings.device)[0].type == "cpu":
        # The same picture, bit for bit. A GPU promises no such thing of the gradient of reflection padding.
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Costs time, and nothing reads it.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    socket.setdefaulttimeout(STALL_SECONDS)


class GatysPainter:
    """Paints by optimisation, with encoders and style pictures kept from job to job."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._device, self.notes = _device(settings.device)
        self._limits = images.Limits(max_bytes=settings.max_photo_mb * 2**20)
        self._gallery = gallery.load(settings.gallery)
        self._styles: dict[str, Tensor] = {}
        # One at a time: a second job that wants the full encoder waits for the first one's download.
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="fetch")
        encoders.load("slim", self._device)
        if settings.encoder == "full":
            self._fetch_full("avg")
        self.ready = self._ready()

    def _ready(self) -> Ready:
        at_hand = encoders.full_at_hand(self._settings.cache, self._settings.weights)
        notes = list(self.notes)
        if self._settings.weights and not at_hand:
            notes.append(f"There is no file {self._settings.weights} (engine.weights): only the slim encoder paints.")
        elif self._settings.encoder == "full" and not at_hand:
            notes.append("The full encoder's weights (548 MB) are being fetched.")
        return Ready(
            device=_in_words(self._device),
            encoders=("slim", "full") if at_hand else ("slim",),
            version=_version(),
            notes=tuple(notes),
        )

    def paint(self, order: Paint) -> Generator[Stage | Picture, None, None]:
        """See `engine.stages.Painter`."""
        with _memory_errors(), _dying_with_the_gpu():
            yield from self._paint(order.photo, order.recipe)

    def _paint(self, data: bytes, recipe: Recipe) -> Generator[Stage | Picture, None, None]:
        yield Stage(0.0, "looking at the photo")
        assert recipe.size, "the recipe is complete"
        try:
            photo = images.decode(data, self._limits, enough=recipe.size)
        except images.ImageRefused as refusal:
            raise Refused(str(refusal)) from refusal
        notes = list(photo.notes)
        p = images.fit(photo.pixels, recipe.size).to(self._device)
        del photo  # a large one takes a hundred times the file's size
        styles = [(self._style(share.name), float(share.weight)) for share in recipe.styles]
        encoder, recipe = yield from self._encoder(recipe, notes)
        x = p[None]
        for step in gatys.paint(p, styles, recipe, encoder):
            x = step.x
            if step.note:
                notes.append(step.note)
            yield Stage(step.done, f"step {step.index} of {step.of}", step.note, functools.partial(_preview, x))
        height, width = x.shape[-2:]
        painted = msgspec.structs.replace(recipe, size=max(height, width))
        png = images.encode_png(x[0], line(painted))
        yield Picture(png, painted, width, height, tuple(dict.fromkeys(notes)))

    def _style(self, name: str) -> Tensor:
        """The style's picture (3, h, w), decoded once."""
        if name not in self._styles:
            swatch = self._gallery[name].swatch
            self._styles[name] = images.decode(swatch.read_bytes()).pixels.to(self._device)
        return self._styles[name]

    def _encoder(self, recipe: Recipe, notes: list[str]) -> Generator[Stage, None, tuple[Encoder, Recipe]]:
        """The encoder that the recipe asks for, or the slim one with a note; and the recipe as it will be painted."""
        if recipe.encoder == "full":
            fetching = self._fetch_full(recipe.pooling or "avg")
            while wait([fetching], timeout=LOOK_SECONDS).not_done:
                yield Stage(0.0, "getting the full encoder")
            try:
                return fetching.result(), recipe
            except encoders.NoWeights as error:
                log.warning("%s", error)
                recipe = _with_slim(recipe)
                notes.append(NO_FULL)
                yield Stage(0.0, "going on with the slim encoder", NO_FULL)
        return encoders.load("slim", self._device), recipe

    def _fetch_full(self, pooling: Pooling) -> Future[Encoder]:
        s = self._settings
        return self._aside.submit(encoders.load, "full", self._device, s.cache, s.weights, pooling)


def _with_slim(recipe: Recipe) -> Recipe:
    slim = msgspec.structs.replace(recipe, encoder="slim")
    try:
        check(slim, gallery.default())
    except RecipeError as error:
        raise Refused(f"The full encoder is not to be had here just now. {error}") from error
    return slim


def _preview(x: Tensor) -> bytes:
    return images.encode_jpeg(x[0], PREVIEW_SIDE)


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Every way of running out of memory as MemoryError, with the GPU's share given back."""
    try:
        yield
    except RuntimeError as error:
        # The CPU's allocator raises a plain RuntimeError.
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
        raise


@contextmanager
def _dying_with_the_gpu() -> Iterator[None]:
    """After a fault of the GPU every later call fails as well: only a new process helps, and it gets the job."""
    try:
        yield
    except RuntimeError as error:
        if type(error).__name__ == "AcceleratorError":  # torch.AcceleratorError, from torch 2.8 on
            log.exception("The GPU failed.")
            raise SystemExit(1) from error
        raise


def _device(wanted: str) -> tuple[torch.device, tuple[str, ...]]:
    """The device to paint on, and what the operator should know of the choice."""
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu"), ()
    if not torch.cuda.is_available():
        return torch.device("cpu"), ("engine.device is cuda, but torch finds no GPU: painting on the CPU.",)
    return torch.device("cuda"), ()


def _in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    count = torch.get_num_threads()
    return f"CPU, {count} thread{'s' if count > 1 else ''}"


def _version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "not installed"
