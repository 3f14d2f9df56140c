"""The full encoder's weights: torchvision's VGG-19, of which only the convolutions up to conv5_1 are kept, in fp16.

That is 25 MB of a file of 548. The download has no name on the disk, so however it ends nothing of it is left there.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from engine.encoders.vgg import TRUNK, WIDTHS

log = logging.getLogger("engine")

Report = Callable[[float, str], None]  # how far a download is, 0..1, and in a few words

# torchvision's VGG19_Weights.IMAGENET1K_V1, of BSD licence; the name ends with the first digits of the file's SHA-256.
# Not asked of torchvision, which takes as long to import as torch.
URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
KEPT = "vgg19.safetensors"
STALL_SECONDS = 30.0  # without a byte, after which a download has failed; urllib by itself waits for ever
PIECE = 2**18  # bytes read at once
# Where torchvision's ``features`` keeps each convolution; ReLUs and pools have numbers of their own there.
TORCHVISION = dict(zip(TRUNK, (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28), strict=True))
ADVICE = (
    "Try again with a connection, or name a file of torchvision's vgg19 weights in the configuration (engine.weights)."
)


class NoWeights(Exception):
    """The full encoder is unavailable; the message is for the operator."""


def kept(cache: Path | None) -> Path:
    """The file in ``cache`` that holds the weights once they have been fetched; None is torch's own folder."""
    return _folder(cache) / KEPT


def available(cache: Path | None, local: Path | None) -> bool:
    """Whether the weights are on this machine: ``local`` if it is given, else in ``cache``."""
    return local.exists() if local is not None else kept(cache).exists() or _downloaded_before(cache).exists()


def full_weights(cache: Path | None, local: Path | None) -> dict[str, Tensor]:
    """The weights as `read` gives them: of ``local`` if it is given, else of ``cache``, into which they are fetched.

    Raises:
        NoWeights: with a sentence that says what to do.
    """
    if local is not None:
        return _read_local(local)
    if (known := _read_kept(cache)) is not None:
        return known
    found, source = _find(cache, None, _silent)
    try:
        _keep(found, source, cache)
    except NoWeights as error:  # they are here all the same: a folder may be for reading only
        log.warning("%s", error)
    return found


def fetch(cache: Path | None, local: Path | None, report: Report) -> bool:
    """Have the weights in ``cache``; false if they were there already. A ``local`` file takes the download's place.

    Raises:
        NoWeights: with a sentence that says what to do.
    """
    if _read_kept(cache) is not None:
        return False
    found, source = _find(cache, local, report)
    _keep(found, source, cache)
    return True


def read(file: Path | IO[bytes]) -> dict[str, Tensor]:
    """The convolutions of a .pth or .safetensors file, in torchvision's layout or that of `convolutions`; in fp16.

    fp16 whatever the file holds: pictures do not depend on whether the weights were fetched or are a local file.

    Raises:
        NoWeights
    """
    try:
        if isinstance(file, Path) and file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
        return {name: tensor.half().contiguous() for name, tensor in convolutions(state).items()}
    except FileNotFoundError as error:
        raise NoWeights(f"There is no file {file}.") from error
    except Exception as error:  # whatever a loader makes of a file that is something else
        log.info("full encoder: %r", error)
        source = file if isinstance(file, Path) else URL
        raise NoWeights(f"{source} does not hold torchvision's vgg19 weights, or cannot be read.") from error


def convolutions(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The thirteen convolutions as ``conv1_1.weight``, ``conv1_1.bias`` ...: of torchvision's vgg19, or as they are.

    Raises:
        ValueError: they are not all there.
    """
    torchvisions = "features.0.weight" in state
    found, before = {}, 3
    for name, number in TORCHVISION.items():
        channels = WIDTHS[int(name[4]) - 1]
        for part, shape in (("weight", (channels, before, 3, 3)), ("bias", (channels,))):
            tensor = state.get(f"features.{number}.{part}" if torchvisions else f"{name}.{part}")
            if tensor is None or tensor.shape != shape:
                raise ValueError(f"no {part} of {name}")
            found[f"{name}.{part}"] = tensor
        before = channels
    return found


# --- where they come from --------------------------------------------------------------------------------------------


def _folder(cache: Path | None) -> Path:
    return cache or Path(torch.hub.get_dir()) / "checkpoints"


def _downloaded_before(cache: Path | None) -> Path:
    """The whole file, which Impasto 0.1 left in the cache."""
    return _folder(cache) / URL.rpartition("/")[2]


def _read_local(local: Path) -> dict[str, Tensor]:
    try:
        return read(local)
    except NoWeights as error:
        raise NoWeights(
            f"{error} Name another in the configuration (engine.weights), or none to download it."
        ) from error


def _read_kept(cache: Path | None) -> dict[str, Tensor] | None:
    """The weights that are there; None where there are none, or a damaged file."""
    if not kept(cache).exists():
        return None
    try:
        return read(kept(cache))
    except NoWeights as error:
        log.warning("%s It is fetched again.", error)
        return None


def _find(cache: Path | None, local: Path | None, report: Report) -> tuple[dict[str, Tensor], str]:
    """The weights, and where they come from in words."""
    if local is not None:
        return _read_local(local), f"the file {local.name}"
    whole = _downloaded_before(cache)
    if whole.exists():
        try:
            return read(whole), URL
        except NoWeights as error:
            log.warning("%s It is downloaded again.", error)
    log.info("Downloading %s.", URL)
    with _mending(_folder(cache)):
        _folder(cache).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=_folder(cache)) as file:
            _download(file, report)
            report(1.0, "keeping what is needed of it")
            return read(file), URL


def _download(file: IO[bytes], report: Report) -> None:
    """What is at `URL` into an open file, whole and checked."""
    digest = hashlib.sha256()
    for piece, done, text in _pieces():
        file.write(piece)
        digest.update(piece)
        report(done, text)
    if not digest.hexdigest().startswith(URL.rpartition("-")[2].removesuffix(".pth")):
        raise NoWeights(
            f"What {_host()} sent is not torchvision's VGG-19: its checksum differs. It was thrown away. {ADVICE}"
        )
    file.seek(0)


def _pieces() -> Iterator[tuple[bytes, float, str]]:
    """What is at `URL`, piece by piece, each with the share that it completes, also in words."""
    done, size = 0, 0
    try:
        with urllib.request.urlopen(URL, timeout=STALL_SECONDS) as answer:
            size = answer.length or 0
            while piece := answer.read(PIECE):
                done += len(piece)
                yield piece, done / max(done, size), _of(done, size)
    except urllib.error.HTTPError as error:
        error.close()
        raise NoWeights(f"{_host()} has no VGG-19 for us: it answers {error.code}. {ADVICE}") from error
    except (OSError, http.client.HTTPException) as error:
        log.info("full encoder: %r", error)
        if not done:
            raise NoWeights(f"{_host()}, where VGG-19's weights are, cannot be reached. {ADVICE}") from error
    if done < size or not done:
        raise NoWeights(f"The download of VGG-19's weights broke off after {_of(done, size)}. {ADVICE}")


def _of(done: int, size: int) -> str:
    return f"{done / 2**20:.0f} of {size / 2**20:.0f} MB" if size else f"{done / 2**20:.0f} MB"


def _host() -> str:
    return urlsplit(URL).hostname or URL


# --- keeping them ----------------------------------------------------------------------------------------------------


def _keep(found: dict[str, Tensor], source: str, cache: Path | None) -> None:
    """Write the file whole or not at all; then the whole download of an earlier version may go."""
    file = kept(cache)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    metadata = {
        "what": "VGG-19's thirteen convolutions up to conv5_1: Impasto's full encoder, engine/encoders/full.py",
        "source": source,
        "when": datetime.now(UTC).date().isoformat(),
    }
    with _mending(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(save(found, metadata))
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        if cache is not None:  # torch's own folder is other programs' too
            _downloaded_before(cache).unlink(missing_ok=True)
    log.info("The full encoder's weights are in %s.", file)


@contextmanager
def _mending(folder: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        raise NoWeights(
            f"The full encoder's weights cannot be kept in {folder} (engine.cache): {error.strerror or error}."
        ) from error


def _silent(done: float, text: str) -> None:
    """Nobody looks on."""
