"""Both encoders on one device, each loaded by the first order that needs it; the full one in a thread of its own."""

from __future__ import annotations

import functools
import logging
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait

import msgspec
import torch

from engine import device
from engine.encoders import full
from engine.encoders.full import FullEncoder
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.encoders.weights import NoWeights, available
from engine.gallery import Gallery
from engine.recipe import EncoderName, Pooling, Recipe, RecipeError, check
from engine.stages import Refused, Stage
from engine.tensors import in_type
from engine.wire import EngineSettings

POLL_SECONDS = 0.5  # between two stages while the full encoder loads: a cancel is seen, and a beat is sent
NO_FULL = "The full encoder is unavailable just now, so I painted with the slim one."

log = logging.getLogger("engine")


class Encoders:
    """The encoders, kept from job to job."""

    def __init__(self, on: torch.device, settings: EngineSettings, styles: Gallery) -> None:
        self._on, self._settings, self._gallery = on, settings, styles
        self._full: dict[Pooling, FullEncoder] = {}
        # One at a time: a second job that needs the full encoder waits for the first one's download.
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._has_full = available(settings.cache, settings.weights)
        self.names: tuple[EncoderName, ...] = ("slim", "full") if self._has_full else ("slim",)
        self.usual: EncoderName = full.usual(settings.encoder, on, self._has_full)
        if self.usual == "full":
            self._loader.submit(self._load_full, "avg")

    @functools.cached_property
    def slim(self) -> SlimEncoder:
        slim = SlimEncoder.load().to(self._on).to(memory_format=torch.channels_last)
        return slim.quick(device.quick_type(self._on))

    def notes(self) -> list[str]:
        """What the operator should know: a full encoder that is not available (yet)."""
        if self._settings.weights and not self._has_full:
            return [f"There is no file {self._settings.weights} (engine.weights): only the slim encoder paints."]
        if self._settings.encoder == "full" and not self._has_full:
            return ["The full encoder's weights (548 MB) are being downloaded."]
        return []

    def of(self, recipe: Recipe) -> Generator[Stage, None, tuple[Encoder, Recipe]]:
        """The encoder that the recipe names; if that is unavailable the slim one, and the recipe with that."""
        if recipe.encoder != "full":
            return self.slim, recipe
        loading = self._loader.submit(self._load_full, recipe.pooling or "avg")
        while wait([loading], timeout=POLL_SECONDS).not_done:
            yield Stage(0.0, "getting the full encoder")
        try:
            return loading.result(), recipe
        except NoWeights as error:
            log.warning("%s The slim encoder is used instead.", error)
            recipe = _with_slim(recipe, self._gallery)
            yield Stage(0.0, "continuing with the slim encoder", NO_FULL)
        return self.slim, recipe

    def _load_full(self, pooling: Pooling) -> FullEncoder:
        """The full encoder, loaded once for each pooling."""
        if pooling not in self._full:
            encoder = full.load(self._on, self._settings.cache, self._settings.weights, pooling)
            quick = in_type(encoder, device.quick_type(self._on))
            self._full[pooling] = quick.to(memory_format=torch.channels_last)
        return self._full[pooling]


def _with_slim(recipe: Recipe, styles: Gallery) -> Recipe:
    changed = msgspec.structs.replace(recipe, encoder="slim")
    try:
        check(changed, styles)
    except RecipeError as error:
        raise Refused(f"The full encoder is unavailable just now. {error}") from error
    return changed
