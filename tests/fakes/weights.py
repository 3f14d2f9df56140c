"""The server that torchvision's VGG-19 is downloaded from, with random weights of its layout; it can misbehave."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from engine.encoders.vgg import WIDTHS
from engine.encoders.weights import TORCHVISION
from tests.waiting import PATIENCE


def torchvisions(seed: int = 3) -> dict[str, Tensor]:
    """A state dict of vgg19 as torchvision saves it; of what lies behind the convolutions only a little."""
    generator = torch.Generator().manual_seed(seed)
    state, before = {}, 3
    for name, number in TORCHVISION.items():
        channels = WIDTHS[int(name[4]) - 1]
        spread = (2 / (9 * before)) ** 0.5  # He et al. (2015): activations as large in every layer
        state[f"features.{number}.weight"] = spread * torch.randn(channels, before, 3, 3, generator=generator)
        state[f"features.{number}.bias"] = 0.1 * torch.randn(channels, generator=generator)
        before = channels
    for name in ("features.30", "features.32", "features.34", "classifier.0", "classifier.3", "classifier.6"):
        state |= {f"{name}.weight": torch.ones(4, 4), f"{name}.bias": torch.ones(4)}
    return state


def file_of(state: dict[str, Tensor], *, old_format: bool = False) -> bytes:
    """As torch saves it; VGG-19's own file is of the format before torch 1.6."""
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=not old_format)
    return file.getvalue()


class WeightsServer(http.server.ThreadingHTTPServer):
    """Serves one file under a name with its checksum, as torchvision's server does.

    Attributes:
        begun: is set when half of the file is sent.
        breaks_off: whether the connection ends then.
        holds: whether nothing more is sent then until `go_on`.
    """

    daemon_threads = True

    def __init__(self, body: bytes, name: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        name = name or f"vgg19-{hashlib.sha256(body).hexdigest()[:8]}.pth"
        self.url = f"http://127.0.0.1:{self.server_port}/models/{name}"
        self.body, self.requests = body, 0
        self.breaks_off = self.holds = False
        self.begun, self.go_on = threading.Event(), threading.Event()

    def handle_error(self, *_: object) -> None:
        """A client that went away is what some tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: WeightsServer

    def do_GET(self) -> None:
        self.server.requests += 1
        if not self.server.url.endswith(self.path):
            self.send_error(404)
            return
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.server.begun.set()
        if self.server.holds:
            self.server.go_on.wait(PATIENCE)
        if not self.server.breaks_off:
            self.wfile.write(body[half:])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(body: bytes, name: str | None = None) -> Iterator[WeightsServer]:
    """The server at work."""
    with WeightsServer(body, name) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()
            thread.join()
