"""A few pictures to unit vectors without torch: CLIP's plain vision transformer, written out for numpy.

Importing torch and open_clip and building a model costs as much as embedding thirty pictures, so a scan of few photos
and a question with one do without. Takes only towers that are exactly CLIP's in configuration, names and shapes, and
cuts pictures as open_clip would. Always float32: the vectors are those of `load`'s model but for rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings import names
from vecclust.embeddings.plain import MODEL_KEYS, Floats, PlainTransformer, TransformerShape, is_quick, unit
from vecclust.embeddings.preprocessing import Preprocessing, checked_frames, read_preprocessing
from vecclust.embeddings.texts import TextEmbedder
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError, PhotoError
from vecclust.types.photos import Framing

# Up to here numpy is the cheaper way by far: a picture costs 0.26 CPU s and 0.15 by torch, which costs 3.7 to begin
# with (ViT-B-32-256 in float32, two busy cores of an EPYC with AVX2, 2026-11-30).
MOST_PICTURES = 16

_VISION_KEYS = {"image_size", "layers", "width", "patch_size", "head_width", "mlp_ratio"}
# open_clip's own, where a configuration says nothing.
_VISION_DEFAULTS = {"image_size": 224, "layers": 12, "width": 768, "patch_size": 16, "head_width": 64}
_MLP_RATIO = 4.0
_PREPROCESSING_DEFAULTS: Mapping[str, Any] = {
    "mode": "RGB",
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}


@dataclass(frozen=True, slots=True)
class VisionShape:
    """The sizes of a plain image tower.

    Attributes:
        side_px: of the square pictures it reads.
        patch_px: side of a patch.
        blocks: of its blocks.
        dim: width of its vectors.
    """

    side_px: int
    patch_px: int
    blocks: TransformerShape
    dim: int

    @classmethod
    def of(cls, weights: Weights) -> Self | None:
        """Read them.

        Args:
            weights: the model's files.

        Returns:
            The sizes, or None where the configuration describes another kind of tower.
        """
        config, vision = weights.config, weights.config["vision_cfg"]
        if not config.keys() <= MODEL_KEYS or not vision.keys() <= _VISION_KEYS:
            return None
        sizes = [vision.get(key, default) for key, default in _VISION_DEFAULTS.items()]
        ratio = vision.get("mlp_ratio", _MLP_RATIO)
        if not all(isinstance(size, int) and size > 0 for size in sizes) or not isinstance(ratio, int | float):
            return None
        side_px, layers, width, patch_px, head_width = sizes
        if side_px % patch_px or width % head_width:
            return None
        blocks = TransformerShape(width, width // head_width, layers, n_widened=int(width * ratio))
        return cls(side_px=side_px, patch_px=patch_px, blocks=blocks, dim=weights.dim)

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Give the names of the weights and their shapes, as open_clip makes them."""
        width = self.blocks.width
        norms = {f"{name}.{part}": (width,) for name in ("ln_pre", "ln_post") for part in ("weight", "bias")}
        return {
            "conv1.weight": (width, 3, self.patch_px, self.patch_px),
            "class_embedding": (width,),
            "positional_embedding": ((self.side_px // self.patch_px) ** 2 + 1, width),
            "proj": (width, self.dim),
            **norms,
            **self.blocks.arrays(),
        }


class PlainImageTower:
    """CLIP's vision transformer. Its weights are read when it is first called.

    Args:
        transformer: runs its blocks.
        shape: its sizes.
        preprocessing: the mean and deviation of its pixels.
        threads: cores it may use.

    Attributes:
        preprocessing: how pictures must be cut, and their mean and deviation.
    """

    def __init__(
        self, transformer: PlainTransformer, *, shape: VisionShape, preprocessing: Preprocessing, threads: int
    ) -> None:
        self.preprocessing = preprocessing
        self._transformer = transformer
        self._shape = shape
        self._threads = threads

    @classmethod
    def find(cls, weights: Weights, *, threads: int) -> Self | None:
        """Find the image side of a model, without reading more than the names and shapes of its weights.

        Args:
            weights: the model's files.
            threads: cores it may use.

        Returns:
            The tower, or None where it is not exactly CLIP's.
        """
        shape = VisionShape.of(weights)
        if shape is None:
            return None
        transformer = PlainTransformer.find(
            weights.file, prefix="visual.", arrays=shape.arrays(), heads=shape.blocks.heads, is_quick=is_quick(weights)
        )
        if transformer is None:
            return None
        preprocessing = find_preprocessing(weights, side_px=shape.side_px)
        return cls(transformer, shape=shape, preprocessing=preprocessing, threads=threads)

    def __call__(self, frames: NDArray[np.uint8]) -> Floats:
        """Give the features of frames.

        Args:
            frames: (n, height, width, 3) uint8; n may be 0.

        Returns:
            (n, dim) float32, not normalised.
        """
        from threadpoolctl import threadpool_limits

        for name in self._shape.arrays() if len(frames) else ():
            self._transformer.array(name)  # once, not by every thread
        # Each core takes pictures of its own: no thread of BLAS spins while it waits for another.
        with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(self._threads) as pool:
            features = list(pool.map(self._run, frames))
        return np.stack(features) if features else np.empty((0, self._shape.dim), dtype=np.float32)

    def _run(self, frame: NDArray[np.uint8]) -> Floats:
        run, patch = self._transformer, self._shape.patch_px
        mean, deviation = np.array([self.preprocessing.mean, self.preprocessing.deviation], dtype=np.float32)
        pixels = (frame.astype(np.float32) / 255 - mean) / deviation
        rows = self._shape.side_px // patch
        # Patches row by row; in each red, green and blue apart, as the weights of a convolution lie.
        patches = pixels.reshape(rows, patch, rows, patch, 3).transpose(0, 2, 4, 1, 3).reshape(rows * rows, -1)
        weight = run.array("conv1.weight")
        x = np.concatenate([run.array("class_embedding")[np.newaxis], patches @ weight.reshape(len(weight), -1).T])
        x = run.blocks(run.norm(x + run.array("positional_embedding"), "ln_pre"))
        features: Floats = run.norm(x[:1], "ln_post")[0] @ run.array("proj")
        return features


class FewPicturesEmbedder:
    """An `Embedder` for a few pictures. Made by `load_few`.

    Args:
        tower: runs the model's image side.
        texts: the model's text side.
        dim: width of its vectors.

    Attributes:
        name: the name the model was loaded by.
        model_id: the identity of its weights.
        dim: width of the vectors.
        framing: how frames must be cut.
        batch_size: frames it likes in one call.
    """

    def __init__(self, tower: PlainImageTower, *, texts: TextEmbedder, dim: int) -> None:
        self.name = texts.name
        self.model_id = texts.model_id
        self.dim = dim
        self.framing: Framing = tower.preprocessing.framing
        self.batch_size = MOST_PICTURES
        self._tower = tower
        self._texts = texts

    def embed_frames(self, frames: NDArray[np.uint8]) -> Floats:
        """Embed frames, all or none; see `Embedder`.

        Args:
            frames: (n, height, width, 3) uint8 RGB, cut as `framing` asks; n may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            ModelError: the weights cannot be read, or gave no finite vector.
            ValueError: the frames are of another kind or size.
        """
        vectors = unit(self._tower(checked_frames(frames, self.framing)))
        # In float32 no picture overflows, so it is the weights.
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self.name} gives no finite vector for one of {len(vectors)} pictures")
        return vectors

    def embed_each(self, frames: NDArray[np.uint8]) -> list[Floats | PhotoError]:
        """Embed frames; see `Embedder`.

        Args:
            frames: as for `embed_frames`.

        Returns:
            For each frame its (dim,) float32 vector of norm 1.

        Raises:
            ModelError: the weights cannot be read, or gave no finite vector.
        """
        return list(self.embed_frames(frames))

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Embed texts; see `TextEmbedder`.

        Args:
            texts: what pictures might show; n may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            UsageError: a text is empty.
            ModelError: it gave no finite vector.
        """
        return self._texts.embed_texts(texts)


def find_preprocessing(weights: Weights, *, side_px: int) -> Preprocessing:
    """Say how a model wants its pictures, as open_clip does: its own ways, and what the model says beside them.

    Args:
        weights: the model's files.
        side_px: of the pictures that its tower reads.

    Returns:
        The preprocessing.

    Raises:
        ModelError: the preprocessing is none of those that open_clip 3.3 has.
    """
    said = names.source_of(weights.name).preprocess if weights.name.kind == "pretrained" else weights.preprocessing
    known = {key: value for key, value in said.items() if key in _PREPROCESSING_DEFAULTS and value is not None}
    return read_preprocessing({**_PREPROCESSING_DEFAULTS, **known, "size": side_px})
