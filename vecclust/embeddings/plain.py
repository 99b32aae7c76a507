"""CLIP's transformer written out for numpy: the blocks that its towers of words and of pictures share.

Importing torch and open_clip costs three seconds, and a few words or pictures cost less than that. It reads
safetensors whose names and shapes are exactly CLIP's, and leaves everything else to open_clip. Always float32.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings import names
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

# What a model's configuration may say beside its towers' sizes. Another key may make it another tower.
MODEL_KEYS = {
    "embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "custom_text", "init_logit_bias", "init_logit_scale",
}  # fmt: skip
_NORM_EPSILON = np.float32(1e-5)  # torch's own for a layer norm
# Of the error function's complement, as in Abramowitz and Stegun 7.1.26: off by 1.5e-7 at most. numpy has none, and
# importing scipy's costs as much as embedding a picture.
_ERFC_SCALE = np.float32(0.3275911)
_ERFC = tuple(map(np.float32, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)))


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """The sizes of a tower's blocks.

    Attributes:
        width: of its layers.
        heads: of each block.
        layers: blocks.
        n_widened: width between the two layers that end a block.
    """

    width: int
    heads: int
    layers: int
    n_widened: int

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Give the names of the weights and their shapes, as open_clip makes them."""
        width, shapes = self.width, dict[str, tuple[int, ...]]()
        for layer in range(self.layers):
            block = f"transformer.resblocks.{layer}"
            shapes |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
            for name, n_in, n_out in (
                ("attn.out_proj", width, width),
                ("mlp.c_fc", width, self.n_widened),
                ("mlp.c_proj", self.n_widened, width),
            ):
                shapes |= {f"{block}.{name}.weight": (n_out, n_in), f"{block}.{name}.bias": (n_out,)}
            for name in ("ln_1", "ln_2"):
                shapes |= {f"{block}.{name}.weight": (width,), f"{block}.{name}.bias": (width,)}
        return shapes


class PlainTransformer:
    """A tower's weights and blocks. Each array is read when it is first used.

    Args:
        file: safetensors that hold all of its weights.
        prefix: what stands before the names of its weights in the file.
        heads: of each block.
        layers: blocks.
        is_quick: whether its activation is QuickGELU, not the exact GELU.
    """

    def __init__(self, file: Path, *, prefix: str, heads: int, layers: int, is_quick: bool) -> None:
        self._file = file
        self._prefix = prefix
        self._heads = heads
        self._layers = layers
        self._is_quick = is_quick
        self._arrays: dict[str, Floats] = {}

    @classmethod
    def find(
        cls, file: Path, *, prefix: str, arrays: Mapping[str, tuple[int, ...]], heads: int, is_quick: bool
    ) -> Self | None:
        """Find a tower in a file, without reading more than the names and shapes of its weights.

        Args:
            file: of a model's weights.
            prefix: what stands before the names of the tower's.
            arrays: the shape of each of them, those of all blocks among them.
            heads: of each block.
            is_quick: whether its activation is QuickGELU.

        Returns:
            The tower, or None where the file does not hold exactly it.
        """
        if file.suffix != ".safetensors":
            return None
        import safetensors

        try:
            with safetensors.safe_open(file, framework="numpy") as opened:
                known = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
                held = {name: (tuple(one.get_shape()), one.get_dtype()) for name, one in known.items()}
        except (OSError, safetensors.SafetensorError) as error:
            log.debug("%s is left to open_clip: %s", file, error)
            return None
        wanted = {f"{prefix}{name}": size for name, size in arrays.items()}
        of_blocks = {name for name in held if name.startswith(f"{prefix}transformer.")}
        if not of_blocks <= wanted.keys() <= held.keys():
            return None
        if any(held[name] not in ((size, "F32"), (size, "F16")) for name, size in wanted.items()):
            return None
        layers = sum(name.endswith(".ln_1.weight") for name in arrays)
        return cls(file, prefix=prefix, heads=heads, layers=layers, is_quick=is_quick)

    def read(self, name: str, *, rows: NDArray[np.int64] | None = None) -> Floats:
        """Read some rows of one array, each row once: whoever opens the file for each pays 0.5 ms a row.

        Args:
            name: open_clip's, without the prefix.
            rows: (n,) which, any of them several times; None for all.

        Returns:
            Them, as float32, in the order asked for.

        Raises:
            ModelError: the file is gone or damaged.
        """
        import safetensors

        try:
            with safetensors.safe_open(self._file, framework="numpy") as file:
                array = file.get_slice(f"{self._prefix}{name}")
                if rows is None:
                    return np.asarray(array[:], dtype=np.float32)
                distinct, places = np.unique(rows, return_inverse=True)
                parts = [np.asarray(array[row : row + 1], dtype=np.float32) for row in distinct.tolist()]
                return np.concatenate(parts)[places]
        except (OSError, safetensors.SafetensorError) as error:
            raise ModelError(f"{self._file} cannot be read any more: {error}") from error

    def array(self, name: str) -> Floats:
        """Give one array, read once.

        Args:
            name: open_clip's, without the prefix.
        """
        if name not in self._arrays:
            self._arrays[name] = self.read(name)
        return self._arrays[name]

    def blocks(self, x: Floats, *, ends: NDArray[np.int64] | None = None, is_causal: bool = False) -> Floats:
        """Run the blocks.

        Args:
            x: (n_tokens, width) tokens of one or several sequences, one behind the other.
            ends: where every sequence but the last one ends; None for one sequence.
            is_causal: whether no token sees a later one of its sequence.

        Returns:
            (n_tokens, width).
        """
        parts = np.empty(0, dtype=np.int64) if ends is None else ends
        for layer in range(self._layers):
            block = f"transformer.resblocks.{layer}"
            three = self._linear(self.norm(x, f"{block}.ln_1"), f"{block}.attn.in_proj_", between="")
            mixed = np.concatenate([self._attend(one, is_causal=is_causal) for one in np.split(three, parts)])
            x = x + self._linear(mixed, f"{block}.attn.out_proj")
            widened = self._linear(self.norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")
            x = x + self._linear(quick_gelu(widened) if self._is_quick else gelu(widened), f"{block}.mlp.c_proj")
        return x

    def norm(self, x: Floats, name: str) -> Floats:
        """Norm each row, as a layer norm does.

        Args:
            x: (n, width).
            name: of the layer.
        """
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _NORM_EPSILON)
        normed: Floats = centred / deviation * self.array(f"{name}.weight") + self.array(f"{name}.bias")
        return normed

    def _attend(self, three: Floats, *, is_causal: bool) -> Floats:
        """Mix the values of one sequence's tokens, given (n, 3 width) queries, keys and values."""
        n = len(three)
        queries, keys, values = three.reshape(n, 3, self._heads, -1).transpose(1, 2, 0, 3)
        scores = queries @ keys.transpose(0, 2, 1) / math.sqrt(queries.shape[-1])
        if is_causal:
            scores[:, np.triu(np.ones((n, n), dtype=bool), 1)] = -np.inf
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed: Floats = shares / shares.sum(axis=-1, keepdims=True) @ values
        return mixed.transpose(1, 0, 2).reshape(n, -1)

    def _linear(self, x: Floats, name: str, *, between: str = ".") -> Floats:
        product: Floats = x @ self.array(f"{name}{between}weight").T
        product += self.array(f"{name}{between}bias")
        return product


def is_quick(weights: Weights) -> bool:
    """Say whether a model was trained with QuickGELU, by its configuration or by its tag.

    Args:
        weights: the model's files.
    """
    tagged = weights.name.kind == "pretrained" and names.source_of(weights.name).quick_gelu
    return tagged or bool(weights.config.get("quick_gelu", False))


def quick_gelu(x: Floats) -> Floats:
    """Give OpenAI's approximation of the GELU.

    Args:
        x: of any shape.
    """
    return np.asarray(x / (1 + np.exp(np.float32(-1.702) * x)), dtype=np.float32)


def gelu(x: Floats) -> Floats:
    """Give the exact GELU, to float32's precision.

    Args:
        x: of any shape.
    """
    z = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + _ERFC_SCALE * z)
    half = np.full_like(x, _ERFC[0])
    for factor in _ERFC[1:]:
        half *= t
        half += factor
    half *= t * np.exp(-z * z) / 2  # half of what lies beyond |x|, on one side
    return np.asarray(x * np.where(x < 0, half, 1 - half), dtype=np.float32)


def unit(vectors: Floats) -> Floats:
    """Divide rows by their norms.

    Args:
        vectors: (n, d).

    Returns:
        (n, d) of norm 1; a row that is zero or not finite comes out with NaN in it.
    """
    wide = vectors.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        divided: Floats = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)
    return divided
