"""What an embedder is, the one way to get a real one, and how the memory of one goes back.

Light: whoever only needs the type, or a fake of it, imports no torch.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings.names import ModelName
from vecclust.embeddings.texts import PlainTextTower, TextEmbedder
from vecclust.embeddings.vendor import import_open_clip
from vecclust.embeddings.weights import find_weights
from vecclust.errors import PhotoError
from vecclust.types.photos import Framing

if TYPE_CHECKING:
    from vecclust.embeddings.device import DeviceName, PrecisionName
    from vecclust.embeddings.pictures import FewPicturesEmbedder


class Embedder(Protocol):
    """Pictures and words to unit vectors of one model."""

    @property
    def model_id(self) -> str:
        """The identity of the weights: the name, `@`, and 12 hex digits of their SHA-256."""

    @property
    def name(self) -> str:
        """The name it was loaded by, in its canonical spelling."""

    @property
    def dim(self) -> int:
        """Width of the vectors."""

    @property
    def framing(self) -> Framing:
        """How frames must be cut."""

    @property
    def batch_size(self) -> int:
        """Frames it likes in one call; it takes any number."""

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames, all or none.

        Args:
            frames: (n, height, width, 3) uint8 RGB, cut as `framing` asks; n may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            ModelError: the model gave no finite vector, or the device refused.
        """

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Embed frames, each for itself.

        Args:
            frames: as for `embed_frames`.

        Returns:
            For each frame its (dim,) float32 vector of norm 1, or what is wrong with it.

        Raises:
            ModelError: the model cannot embed anything.
        """

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed words.

        Args:
            texts: what pictures might show.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            UsageError: a text is empty.
            ModelError: the model's tokenizer cannot be had.
        """


def load(
    name: str | ModelName,
    *,
    device: DeviceName = "auto",
    precision: PrecisionName = "auto",
    batch_size: int = 0,
    threads: int = 0,
    cache_dir: Path | None = None,
) -> Embedder:
    """Load a model, from this computer where its weights are here, else from the network.

    The keywords are those of the configuration's section `embed`.

    Args:
        name: `name/pretrained`, `hf-hub:org/name`, `local-dir:PATH` or `bundled`.
        device: where it runs; the best there is where `auto`.
        precision: of its weights; the quickest that keeps a cosine of 0.999 to float32 where `auto`.
        batch_size: frames in one pass; chosen by device and memory where 0.
        threads: cores it may use on a CPU; all where 0.
        cache_dir: where hub weights are kept; Hugging Face's own place where None.

    Returns:
        The embedder.

    Raises:
        ModelUnavailable: no such model, or no weights here and no network.
        ModelError: the weights or the device cannot be used.
    """
    from vecclust.embeddings.hub import get_weights

    weights = get_weights(ModelName.of(name), cache_dir=cache_dir)
    import_open_clip()
    from vecclust.embeddings.device import set_up
    from vecclust.embeddings.loading import load_embedder

    setup = set_up(device, precision=precision, batch_size=batch_size, threads=threads)
    return load_embedder(weights, setup=setup, cache_dir=cache_dir)


def load_texts(name: str | ModelName, *, cache_dir: Path | None = None) -> TextEmbedder | None:
    """Load the text side of a model alone: no torch, some hundredths of a second.

    Args:
        name: as for `load`.
        cache_dir: where hub weights are kept; Hugging Face's own place where None.

    Returns:
        What gives words the vectors that `load`'s embedder gives them; None where the model's weights are not on this
        computer, or only open_clip can run its text side: then `load` does.

    Raises:
        ModelUnavailable: no such model.
        ModelError: the weights cannot be read.
    """
    weights = find_weights(ModelName.of(name), cache_dir=cache_dir)
    tower = None if weights is None else PlainTextTower.find(weights)
    if weights is None or tower is None:
        return None
    return TextEmbedder(
        tower,
        get_tokenizer=lambda: tower.tokenize,
        name=weights.name.text,
        model_id=weights.model_id(),
        dim=weights.dim,
    )


def load_few(name: str | ModelName, *, threads: int, cache_dir: Path | None = None) -> FewPicturesEmbedder | None:
    """Load a model for a few pictures: no torch, some tenths of a second, three times the time for each picture.

    Args:
        name: as for `load`.
        threads: cores it may use.
        cache_dir: where hub weights are kept; Hugging Face's own place where None.

    Returns:
        What gives pictures the vectors that `load`'s embedder gives them in float32; None where the model's weights are
        not on this computer, or only open_clip can run it: then `load` does.

    Raises:
        ModelUnavailable: no such model.
        ModelError: the model wants its pictures cut in an unknown way.
    """
    from vecclust.embeddings.pictures import FewPicturesEmbedder, PlainImageTower

    weights = find_weights(ModelName.of(name), cache_dir=cache_dir)
    tower = None if weights is None else PlainImageTower.find(weights, threads=threads)
    # Only then: to name the weights may take reading them whole.
    texts = None if tower is None else load_texts(name, cache_dir=cache_dir)
    if weights is None or tower is None or texts is None:
        return None
    return FewPicturesEmbedder(tower, texts=texts, dim=weights.dim)


def give_memory_back() -> None:
    """Give freed memory back to the system and to other users of the graphics card.

    Python, torch and the C library each keep some of it. Costs some tenths of a second, so it is for those who will
    be idle. Imports no torch where none is loaded.
    """
    # A model and its closures hold one another; collected once, by hand, they are gone now and not at some time.
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch is not None and torch.backends.mps.is_available():
        torch.mps.empty_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc alone keeps whole freed arenas
        trim(0)
