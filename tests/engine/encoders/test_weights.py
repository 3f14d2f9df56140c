"""The full encoder's weights: fetched from a server of our own, with random numbers in torchvision's layout."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torchvision.models import VGG19_Weights

from engine.encoders import weights
from engine.encoders.full import FullEncoder
from engine.encoders.vgg import TRUNK
from engine.encoders.weights import NoWeights, fetch, full_weights, kept
from tests.fakes.weights import WeightsServer, file_of, serving, torchvisions

NAMES = {f"{name}.{part}" for name in TRUNK for part in ("weight", "bias")}


@pytest.fixture(scope="module")
def body() -> bytes:
    return file_of(torchvisions())


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded from the real one."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(weights, "URL", "http://127.0.0.1:1/vgg19-00000000.pth")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "new" / "cache"


def use(server: WeightsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "URL", server.url)


def silent(done: float, text: str) -> None: ...


def refusal(cache: Path, local: Path | None = None) -> str:
    with pytest.raises(NoWeights) as caught:
        fetch(cache, local, silent)
    return str(caught.value)


def test_the_address_is_torchvisions() -> None:
    assert weights.__dict__["URL"] != VGG19_Weights.IMAGENET1K_V1.url  # the tests' own
    source = Path(weights.__file__).read_text("utf-8")
    assert f'URL = "{VGG19_Weights.IMAGENET1K_V1.url}"' in source


# --- a download ------------------------------------------------------------------------------------------------------


def test_thirteen_convolutions_in_half_precision_are_kept_and_nothing_else(
    body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, str]] = []
    with serving(body) as server:
        use(server, monkeypatch)
        assert fetch(cache, None, lambda done, text: told.append((done, text)))
    assert os.listdir(cache) == ["vgg19.safetensors"]
    with safe_open(kept(cache), "pt") as file:
        assert set(file.keys()) == NAMES
        assert {file.get_tensor(name).dtype for name in NAMES} == {torch.float16}
        metadata = file.metadata()
    assert set(metadata) == {"what", "source", "when"}
    assert metadata["source"] == server.url
    assert kept(cache).stat().st_size < 26_000_000
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    size = f"{len(body) / 2**20:.0f}"
    assert f"{size} of {size} MB" in [text for _, text in told]


def test_what_is_there_is_not_fetched_again(body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(body) as server:
        use(server, monkeypatch)
        assert [fetch(cache, None, silent), fetch(cache, None, silent)] == [True, False]
        full_weights(cache, None)
        assert server.requests == 1


@pytest.mark.parametrize("old_format", [False, True])
def test_features_are_torchvisions_to_within_half_precision(
    old_format: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(file_of(torchvisions(), old_format=old_format)) as server:
        use(server, monkeypatch)
        first = full_weights(cache, None)
    x = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(4))
    expected = FullEncoder(torchvisions()).features(x, TRUNK)
    encoder = FullEncoder(full_weights(cache, None))
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    for name, found in encoder.features(x, TRUNK).items():
        assert float((found - expected[name]).norm() / expected[name].norm()) < 2e-3, name
    # The first picture, right after the download, is made with the same numbers as all that follow.
    assert same(first, full_weights(cache, None))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_wrong_checksum_is_a_sentence_and_leaves_nothing(
    body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(body, "vgg19-0123abcd.pth") as server:
        use(server, monkeypatch)
        assert refusal(cache).startswith("What 127.0.0.1 sent is not torchvision's VGG-19: its checksum differs.")
    assert os.listdir(cache) == []


def test_a_download_that_breaks_off_is_a_sentence_and_leaves_nothing(
    body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(body) as server:
        use(server, monkeypatch)
        server.breaks_off = True
        half, whole = len(body) // 2 / 2**20, len(body) / 2**20
        assert f"broke off after {half:.0f} of {whole:.0f} MB" in refusal(cache)
    assert os.listdir(cache) == []


def test_a_download_that_stalls_is_given_up(body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "STALL_SECONDS", 0.2)
    with serving(body) as server:
        use(server, monkeypatch)
        server.holds = True
        assert "broke off after" in refusal(cache)
    assert os.listdir(cache) == []


def test_without_a_network_it_is_one_sentence_that_says_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setattr(weights, "URL", f"http://127.0.0.1:{port}/vgg19-00000000.pth")
    told = refusal(cache)
    assert told.startswith("127.0.0.1, where VGG-19's weights are, cannot be reached. Try again with a connection")
    assert "engine.weights" in told


def test_a_server_that_has_no_such_file_is_a_sentence(
    body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(body) as server:
        monkeypatch.setattr(weights, "URL", server.url.replace("models", "nowhere"))
        assert "it answers 404" in refusal(cache)


# --- files that are there --------------------------------------------------------------------------------------------


@pytest.fixture
def downloaded_before(body: bytes, cache: Path) -> Path:
    """As earlier versions left it."""
    cache.mkdir(parents=True)
    path = cache / "vgg19-00000000.pth"
    path.write_bytes(body)
    return path


def test_the_download_of_an_earlier_version_is_used_and_reduced(downloaded_before: Path, cache: Path) -> None:
    assert weights.available(cache, None)
    used = full_weights(cache, None)
    assert os.listdir(cache) == ["vgg19.safetensors"]
    assert weights.available(cache, None)
    assert same(used, full_weights(cache, None))


def test_torchs_own_folder_keeps_what_other_programs_put_there(
    body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "vgg19-00000000.pth").write_bytes(body)
    full_weights(None, None)
    assert sorted(os.listdir(folder)) == ["vgg19-00000000.pth", "vgg19.safetensors"]


def test_where_nothing_can_be_written_what_is_there_is_used_all_the_same(
    downloaded_before: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(weights, "save", full_disk)
    assert set(full_weights(cache, None)) == NAMES
    assert refusal(cache) == (
        f"The full encoder's weights cannot be kept in {cache} (engine.cache): No space left on device."
    )
    assert os.listdir(cache) == [downloaded_before.name]


def test_a_folder_that_cannot_be_made_is_a_sentence(
    body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert "(engine.cache): Not a directory." in refusal(tmp_path / "file" / "cache")


def test_a_damaged_file_is_fetched_again(body: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(body) as server:
        use(server, monkeypatch)
        fetch(cache, None, silent)
        whole = {name: tensor.clone() for name, tensor in load_file(kept(cache)).items()}  # out of the file itself
        kept(cache).write_bytes(kept(cache).read_bytes()[:-1000])
        assert fetch(cache, None, silent)
        assert server.requests == 2
    assert same(load_file(kept(cache)), whole)


@pytest.mark.parametrize("name", ["theirs.pth", "theirs.safetensors", "ours.pth", "ours.safetensors"])
def test_a_local_file_of_either_layout_takes_the_downloads_place(
    name: str, body: bytes, cache: Path, tmp_path: Path
) -> None:
    state = torchvisions() if name.startswith("theirs") else weights.convolutions(torchvisions())
    local = tmp_path / name
    if local.suffix == ".pth":
        torch.save(state, local)
    else:
        save_file(state, local)
    assert set(full_weights(cache, local)) == NAMES
    assert not cache.exists()
    assert fetch(cache, local, silent)
    assert local.exists()
    assert same(full_weights(cache, None), full_weights(cache, local))
    with safe_open(kept(cache), "pt") as file:
        assert file.metadata()["source"] == f"the file {name}"


@pytest.mark.parametrize("name", ["absent.pth", "absent.safetensors"])
def test_a_local_file_that_is_missing_is_a_sentence(name: str, cache: Path, tmp_path: Path) -> None:
    local = tmp_path / name
    assert not weights.available(cache, local)
    assert refusal(cache, local) == (
        f"There is no file {local}. Name another in the configuration (engine.weights), or none to download it."
    )


def other_layers() -> dict[str, Tensor]:
    return torchvisions() | {"features.5.weight": torch.zeros(1)}


@pytest.mark.parametrize("state", [{"fc.weight": torch.zeros(2)}, torch.zeros(3), [1, 2], other_layers()])
def test_a_file_of_something_else_is_a_sentence_and_leaves_nothing(state: object, cache: Path, tmp_path: Path) -> None:
    local = tmp_path / "other.pth"
    torch.save(state, local)
    assert "does not hold torchvision's vgg19 weights" in refusal(cache, local)
    (tmp_path / "letter.pth").write_text("Dear Theo")
    assert "does not hold torchvision's vgg19 weights" in refusal(cache, tmp_path / "letter.pth")
    assert not cache.exists()
