"""The daemon's warm model, lent to whoever answers questions beside the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings import Embedder
from vecclust.errors import PhotoError
from vecclust.types.photos import Framing


class LentEmbedder:
    """An `Embedder` that asks for the real one at each call, which may have been let go meanwhile.

    Askers take turns, so that ten of them cost the memory of one. The loop does not wait for them nor they for it: a
    batch of photos takes longer than an asker likes to wait, and models on a CPU or on CUDA may be used by two threads.

    Args:
        model: gives the model, loaded if need be.
    """

    def __init__(self, model: Callable[[], Embedder]) -> None:
        self._model = model
        self._turn = threading.Lock()

    @property
    def model_id(self) -> str:
        """The identity of the weights."""
        return self._model().model_id

    @property
    def name(self) -> str:
        """The name it was loaded by."""
        return self._model().name

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self._model().dim

    @property
    def framing(self) -> Framing:
        """How frames must be cut."""
        return self._model().framing

    @property
    def batch_size(self) -> int:
        """Frames it likes in one call."""
        return self._model().batch_size

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames, all or none; see `Embedder`."""
        with self._turn:
            return self._model().embed_frames(frames)

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Embed frames, each for itself; see `Embedder`."""
        with self._turn:
            return self._model().embed_each(frames)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed words; see `Embedder`."""
        with self._turn:
            return self._model().embed_texts(texts)
