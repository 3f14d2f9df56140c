"""`impasto fetch full` as a person runs it: real processes, a real signal, and a server of our own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import safe_open

from tests.fakes.weights import WeightsServer, file_of, serving, torchvisions
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
# The program, but for the address that its engine downloads from.
PROGRAM = """
import sys
from bot import __main__ as program
from bot.engine_process import command

plain = command.fetch_command
address = sys.argv.pop(1)
engine = f"from engine.encoders import weights; weights.URL = {address!r}; from engine import fetch; fetch.main()"
command.fetch_command = lambda settings: [sys.executable, "-P", "-c", engine, plain(settings)[-1]]
sys.exit(program.main())
"""


@pytest.fixture
def server() -> Iterator[WeightsServer]:
    with serving(file_of(torchvisions())) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


async def start(server: WeightsServer, cache: Path, *words: str, **environ: str) -> Process:
    ours = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "no_proxy": "127.0.0.1"}
    environment = {**os.environ, **ours, "IMPASTO_ENGINE_CACHE": str(cache), **environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, server.url, "fetch", *words),
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,  # a group of its own, as a terminal makes one: Ctrl-C reaches all of it
    )


async def run(server: WeightsServer, cache: Path, *words: str, **environ: str) -> tuple[int | None, str, str]:
    """Exit code, standard output, standard error."""
    process = await start(server, cache, *words, **environ)
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out.decode(), err.decode()


async def test_the_full_encoder_is_fetched_once_and_then_is_there(server: WeightsServer, cache: Path) -> None:
    code, out, err = await run(server, cache, "full")
    file = cache / "vgg19.safetensors"
    assert (code, err) == (0, "")
    assert out.startswith(f"The full encoder is there: {file}, 25 MB.\n")
    assert os.listdir(cache) == [file.name]
    with safe_open(file, "pt") as weights:
        assert len(weights.keys()) == 2 * 13
    assert await run(server, cache, "full") == (0, f"The full encoder is there already: {file}, 25 MB.\n", "")
    assert server.requests == 1


async def test_a_file_of_ones_own_takes_the_downloads_place(
    server: WeightsServer, cache: Path, tmp_path: Path
) -> None:
    own = tmp_path / "vgg19.pth"
    own.write_bytes(server.body)
    code, out, err = await run(server, cache, "full", IMPASTO_ENGINE_WEIGHTS=str(own))
    assert (code, err) == (0, "")
    assert f"Now {own} is no longer needed" in out
    assert (cache / "vgg19.safetensors").exists()
    assert (own.exists(), server.requests) == (True, 0)


async def test_a_failed_download_is_a_sentence_and_an_exit_code(server: WeightsServer, cache: Path) -> None:
    server.breaks_off = True
    code, out, err = await run(server, cache, "full")
    assert (code, out) == (1, "")
    assert err.startswith("impasto: The download of VGG-19's weights broke off after")
    assert err.count("\n") == 1
    assert os.listdir(cache) == []


async def test_ctrl_c_leaves_no_half_file_and_no_process(server: WeightsServer, cache: Path) -> None:
    server.holds = True
    process = await start(server, cache, "full")
    try:
        assert await asyncio.to_thread(server.begun.wait, PATIENCE)
        os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert os.listdir(cache) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "impasto: Fetch what? There is full, the encoder"),
        (["ful"], "impasto: There is nothing called “ful” to fetch. Did you mean full? There is full, the encoder"),
    ],
)
async def test_what_there_is_to_fetch_is_said(words: list[str], told: str, server: WeightsServer, cache: Path) -> None:
    code, out, err = await run(server, cache, *words)
    assert (code, out) == (2, "")
    assert err.startswith(told)
    assert "impasto fetch full" in err
