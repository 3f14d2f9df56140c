"""The networks of a gallery's collections, each loaded once and kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import torch

from engine import device
from engine.fast import generator_file
from engine.fast.generator import ResNetGenerator
from engine.fast.generator_file import GeneratorError
from engine.gallery import Style
from engine.stages import Refused

log = logging.getLogger("engine")


class Generators:
    """The generators by the style that they paint."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._loaded: dict[str, ResNetGenerator] = {}

    def notes(self, styles: Iterable[Style]) -> list[str]:
        """What the operator should know: files that are no generators."""
        found = []
        for style in styles:
            try:
                self._load(style)
            except GeneratorError as error:
                found.append(f"Fast mode cannot paint {style.name}: {error}")
        return found

    def of(self, collection: Style) -> ResNetGenerator:
        """The network of a collection.

        Raises:
            Refused: its file is no generator.
        """
        try:
            self._load(collection)
        except GeneratorError as error:
            # The error names the operator's file, which is nobody else's business.
            log.warning("%s", error)
            sentence = f"The network of {collection.name} cannot be used. Use mode=universal, or mode=fine."
            raise Refused(sentence) from error
        return self._loaded[collection.name]

    def _load(self, style: Style) -> None:
        if style.generator_file and style.name not in self._loaded:
            found = generator_file.load(style.generator_file).to(self._device)
            self._loaded[style.name] = found.to(device.quick_type(self._device))
