"""Without a network, or with one that fails."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from vecclust.embeddings import ModelName, hub, load
from vecclust.errors import ModelError, ModelUnavailable

DEFAULT = "ViT-B-32-256/datacomp_s34b_b86k"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the hub at a port of this computer on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def listening() -> Iterator[int]:
    """Give a port of this computer that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", [DEFAULT, "hf-hub:laion/anything"])
def test_no_weights_and_no_network_names_three_ways_out(name: str, tmp_path: Path) -> None:
    """Within seconds, and with what can be done: connect, a local checkpoint, the bundled model."""
    began = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        load(name, cache_dir=tmp_path)
    assert time.monotonic() - began < 10  # huggingface_hub by itself tries for 23 s
    assert caught.value.exit_code == 5
    assert caught.value.model == name
    for way in ("connect to the network", "local-dir:PATH", "--model bundled", "It is not good for"):
        assert way in caught.value.hint


def test_the_offline_switch_of_the_hub_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE: no connection is tried at all."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "is_reachable", lambda endpoint: pytest.fail(f"asked {endpoint}"))
    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE"):
        load(DEFAULT, cache_dir=tmp_path)


def test_a_server_that_listens_is_reachable(listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One accepted connection is enough, to the server or to the proxy in front of it."""
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    assert hub.is_reachable(f"http://127.0.0.1:{listening}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listening}")
    assert hub.is_reachable("https://hub.invalid")


def test_a_name_that_cannot_be_looked_up_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs does not hang vecclust."""
    import threading

    released = threading.Event()

    def hang(*_: object, **__: object) -> socket.socket:
        released.wait(30)
        raise OSError("too late")

    monkeypatch.setattr(socket, "create_connection", hang)
    began = time.monotonic()
    try:
        assert not hub.is_reachable("https://hub.invalid", timeout_s=0.05)
        assert time.monotonic() - began < 10
    finally:
        released.set()


def refuse(error: Exception) -> Callable[..., str]:
    """Give a download that fails."""

    def download(*_: object, **__: object) -> str:
        raise error

    return download


@pytest.mark.parametrize(
    ("error", "type_", "says"),
    [
        (LocalEntryNotFoundError("no connection"), ModelUnavailable, "stopped answering"),
        (EntryNotFoundError("404"), ModelUnavailable, "holds none of"),
        (OSError(errno.ENOSPC, "No space left on device"), ModelError, "cannot be kept"),
        (ConnectionResetError("reset"), ModelUnavailable, "fetching them failed"),
        (RuntimeError("xet"), ModelUnavailable, "fetching them failed"),
    ],
)
def test_a_download_that_fails_becomes_our_error(
    error: Exception, type_: type[ModelError], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the hub's client raises, one of ours arrives, chained."""
    monkeypatch.setattr(hub, "require_network", lambda name: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse(error))
    with pytest.raises(type_, match=says):
        hub.fetch(ModelName.parse(DEFAULT), cache_dir=tmp_path)


def test_what_is_fetched_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file that the repository has is fetched, and the loader goes on with it."""
    from tests.embeddings.test_weights import cached

    asked: list[str] = []

    def download(repository: str, file: str, *, cache_dir: Path) -> str:
        asked.append(file)
        if file.endswith(".safetensors"):
            raise EntryNotFoundError("404")
        cached(cache_dir, repository, {file: b"weights"})
        return file

    monkeypatch.setattr(hub, "require_network", lambda name: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    found = hub.get_weights(ModelName.parse(DEFAULT), cache_dir=tmp_path)
    assert asked == ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    assert found.file.read_bytes() == b"weights"
