"""An open_clip model at work: frames and texts in, unit vectors out.

Knows torch and a loaded model, not where it came from. Vectors are float32, finite and of norm 1 whatever the
precision inside; row i belongs to frame i whatever the batch. On a CPU every core takes its own slice of a batch:
no core waits for another, which matters while decoding shares them. torch's errors do not leave.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vecclust.embeddings.device import Setup
from vecclust.embeddings.plain import unit
from vecclust.embeddings.preprocessing import checked_frames
from vecclust.embeddings.texts import TextEmbedder, TextTower, Tokenizer
from vecclust.errors import ModelError, PhotoError, Unreadable
from vecclust.types.photos import Framing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that can be run.

    Attributes:
        image_tower: from (n, height, width, 3) uint8 frames to (n, dim) features, not normalised.
        text_tower: from tokens to features of texts.
        get_tokenizer: gives its tokenizer; called when a text is first embedded, since photos need none.
        framing: how frames must be cut.
        dim: width of its vectors.
    """

    image_tower: Callable[[Tensor], Tensor]
    text_tower: TextTower
    get_tokenizer: Callable[[], Tokenizer]
    framing: Framing
    dim: int


class OpenClipEmbedder:
    """An `Embedder` that runs an open_clip model. Made by `load`.

    Args:
        model: what it runs.
        name: the name it was loaded by.
        model_id: the identity of its weights.
        setup: how it is run.

    Attributes:
        name: the name it was loaded by.
        model_id: the identity of its weights.
        dim: width of the vectors.
        framing: how frames must be cut.
        setup: device, precision, batch and threads in use.
        batch_size: frames it likes in one call; smaller once a batch did not fit the memory.
    """

    def __init__(self, model: LoadedModel, *, name: str, model_id: str, setup: Setup) -> None:
        self.name = name
        self.model_id = model_id
        self.dim = model.dim
        self.framing = model.framing
        self.setup = setup
        self.batch_size = setup.batch_size
        self._model = model
        self._texts = TextEmbedder(
            model.text_tower, get_tokenizer=model.get_tokenizer, name=name, model_id=model_id, dim=model.dim
        )
        self._lanes: ThreadPoolExecutor | None = None

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames, all or none; see `Embedder`.

        Args:
            frames: (n, height, width, 3) uint8 RGB, cut as `framing` asks; n may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            ModelError: the model gave no finite vector, or the device refused.
            ValueError: the frames are of another kind or size.
        """
        vectors = self._vectors(checked_frames(frames, self.framing))
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self.name} gives no finite vector for one of {len(vectors)} pictures")
        return vectors

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Embed frames, each for itself; see `Embedder`.

        Args:
            frames: as for `embed_frames`.

        Returns:
            For each frame its (dim,) float32 vector of norm 1, or what is wrong with it.

        Raises:
            ModelError: the model cannot embed anything.
            ValueError: the frames are of another kind or size.
        """
        vectors = self._vectors(checked_frames(frames, self.framing))
        each: list[NDArray[np.float32] | PhotoError] = list(vectors)
        # A row that overflowed is tried once more alone: a GPU's kernels sum in an order that depends on the batch.
        for index in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
            alone = self._vectors(frames[index : index + 1])[0]
            each[index] = alone if np.isfinite(alone).all() else Unreadable("the model gives no finite vector for it")
        if len(each) > 1 and all(isinstance(one, PhotoError) for one in each):
            raise ModelError(f"{self.name} gives no finite vector for any of {len(each)} pictures")
        return each

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; see `TextEmbedder`.

        Args:
            texts: what pictures might show; n may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            UsageError: a text is empty.
            ModelError: the model's tokenizer cannot be had, or it gave no finite vector.
        """
        return self._texts.embed_texts(texts)

    def _vectors(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give unit vectors, NaN in the rows for which the model has no answer."""
        vectors = np.empty((len(frames), self.dim), dtype=np.float32)
        start = 0
        while start < len(frames):
            stop = min(start + self.batch_size, len(frames))
            try:
                vectors[start:stop] = self._pass(frames[start:stop])
            except RuntimeError as error:  # torch's out of memory is one, and says so only in its text on a CPU
                self._shrink(stop - start, error)
                continue
            start = stop
        return unit(vectors)

    def _shrink(self, n_frames: int, error: RuntimeError) -> None:
        """Halve the batch for good; frames are all alike in size, so what fails alone is not the picture's fault."""
        if n_frames == 1:
            raise ModelError(
                f"{self.name} cannot run on {self.setup.device}: {error}",
                hint="A smaller model, or embed.device = 'cpu', may fit.",
            ) from error
        self.batch_size = math.ceil(n_frames / 2)
        log.warning("a batch of %d does not fit, going on with %d: %s", n_frames, self.batch_size, error)
        if self.setup.device.type == "cuda":
            torch.cuda.empty_cache()

    def _pass(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        cores = self.setup.threads
        if self.setup.device.type != "cpu" or cores == 1 or len(frames) < 2 * cores:
            return self._features(frames, cores)
        if self._lanes is None:
            self._lanes = ThreadPoolExecutor(cores, thread_name_prefix="vecclust-embed")
        lanes = self._lanes.map(self._features, np.array_split(frames, cores), [1] * cores)
        return np.concatenate(list(lanes))

    def _features(self, frames: NDArray[np.uint8], n_threads: int) -> NDArray[np.float32]:
        if self.setup.device.type == "cpu" and torch.get_num_threads() != n_threads:
            torch.set_num_threads(n_threads)  # of the calling thread, for OpenMP
        # torch warns of arrays that it may not write to, and decoded frames may lie in shared memory.
        pixels = torch.from_numpy(np.require(frames, requirements=["C", "W"])).to(self.setup.device)
        with torch.inference_mode():
            features: NDArray[np.float32] = self._model.image_tower(pixels).float().cpu().numpy()
        return features
