"""Two models that see colours, and a library that goes from the one to the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.library.test_library import HUES, old, picture
from vecclust.errors import PhotoError
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeClock, FakeEmbedder

OTHER = "fake/other"
N_EACH = 6
N_PHOTOS = N_EACH * len(HUES)
_DIM = 20
_TURN = np.linalg.qr(np.random.default_rng(5).standard_normal((32, 32)))[0][:, :_DIM].astype(np.float32)


class OtherEmbedder(FakeEmbedder):
    """The same colours in another space, of another width."""

    def __init__(self) -> None:
        super().__init__(model_id=f"{OTHER}@111111111111", batch_size=4)
        self.dim = _DIM

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames."""
        return _turned(super().embed_frames(frames))

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Embed frames, each for itself."""
        return list(self.embed_frames(frames))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed words."""
        return _turned(super().embed_texts(texts))


def _turned(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    turned = vectors @ _TURN
    unit: NDArray[np.float32] = (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)
    return unit


def make_album(folder: Path) -> Path:
    """Write some photos of each hue."""
    folder.mkdir()
    for hue in HUES:
        for number in range(N_EACH):
            (folder / f"{hue}{number}.jpg").write_bytes(picture(hue, number))
    return folder


@contextmanager
def opened(
    folder: Path,
    *,
    embedder: FakeEmbedder | None = None,
    other: Callable[[str], FakeEmbedder] = lambda name: OtherEmbedder() if name == OTHER else FakeEmbedder(),
    write: bool = True,
    **flags: Any,
) -> Iterator[WatchedLibrary]:
    """Open a library that has a model, with another at hand."""
    settings = {"clusters.reducer": "pca", "store.commit_photos": 5, "photos.decode_processes": 1} | {
        k.replace("__", "."): v for k, v in flags.items()
    }
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    with WatchedLibrary.open(
        folder, write=write, flags=settings, embedder=embedder or FakeEmbedder(), clock=clock
    ) as library:
        vars(library)["_load_other"] = other
        yield library


def add_photo(album: Path, hue: str, number: int) -> Path:
    """Put one more photo into the album."""
    file = album / f"{hue}{number}.jpg"
    file.write_bytes(picture(hue, number))
    old(file)
    return file
