"""Words to unit vectors: what is asked of any text tower, and CLIP's plain one written out for numpy.

Importing torch costs seconds and a question has a handful of tokens, so the tower that nearly every open_clip model
has runs without: only the tokens up to the end of a text are computed (a causal mask hides the others from them).
It reads safetensors whose names and shapes are exactly CLIP's, and leaves everything else to open_clip. Always
float32, so a word has the same vector with a daemon and without one, on a graphics card and without one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings.plain import MODEL_KEYS, Floats, PlainTransformer, TransformerShape, is_quick, unit
from vecclust.embeddings.tokens import VOCABULARY_SIZE, tokenize
from vecclust.embeddings.vendor import open_clip_vocabulary
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError, UsageError

log = logging.getLogger(__name__)

# CLIP's captions read "a photo of ...", and its authors found 1.3 % more right answers with that prompt than with bare
# words (Radford et al. 2021, 3.1.4). Sentences are better left as they are, so both are averaged.
PHOTO_PROMPT = "a photo of {}"
_TEXTS_PER_PASS = 64
DEFAULT_CONTEXT_LENGTH = 77  # open_clip's own, where a configuration names none
_TOKENS = "token_embedding.weight"
_TEXT_KEYS = {"context_length", "vocab_size", "width", "heads", "layers"}

# From texts to (n, context) token numbers.
Tokenizer = Callable[[list[str]], NDArray[np.int64]]
# From (n, context) token numbers to (n, dim) features, not normalised.
TextTower = Callable[[NDArray[np.int64]], Floats]


class TextEmbedder:
    """Embeds words with a text tower.

    Args:
        tower: from tokens to features.
        get_tokenizer: gives the model's tokenizer; called when a text is first embedded, since photos need none.
        name: the name the model was loaded by.
        model_id: the identity of its weights.
        dim: width of the vectors.

    Attributes:
        name: the name the model was loaded by.
        model_id: the identity of its weights.
    """

    def __init__(
        self, tower: TextTower, *, get_tokenizer: Callable[[], Tokenizer], name: str, model_id: str, dim: int
    ) -> None:
        self.name = name
        self.model_id = model_id
        self._dim = dim
        self._tower = tower
        self._get_tokenizer = get_tokenizer
        self._tokenizer: Tokenizer | None = None

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Embed texts, as they are and after "a photo of", averaged; see `Embedder`.

        Args:
            texts: what pictures might show; n may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            UsageError: a text is empty.
            ModelError: the model's tokenizer cannot be had, or it gave no finite vector.
        """
        plain = [" ".join(text.split()) for text in texts]
        if not all(plain):
            raise UsageError("there is a text without words", hint="Say what the pictures show.")
        self._note_what_is_cut(plain)
        # In one pass: a small tower's time goes into reading its weights.
        both = self.vectors([*plain, *map(PHOTO_PROMPT.format, plain)])
        return unit(both[: len(plain)] + both[len(plain) :])

    def vectors(self, texts: list[str]) -> Floats:
        """Embed texts as they are.

        Args:
            texts: n of them, which may be 0.

        Returns:
            (n, dim) float32 of norm 1.

        Raises:
            ModelError: the model's tokenizer cannot be had, or it gave no finite vector.
        """
        parts = [texts[start : start + _TEXTS_PER_PASS] for start in range(0, len(texts), _TEXTS_PER_PASS)]
        passes = [self._tower(self._tokenize(part)) for part in parts]
        vectors = unit(np.concatenate(passes)) if passes else np.empty((0, self._dim), dtype=np.float32)
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self.name} gives no finite vector for a text")
        return vectors

    def _note_what_is_cut(self, texts: list[str]) -> None:
        for text in texts:
            # Whatever the tokenizer: where one more word changes nothing, the end was no longer read.
            tokens, longer = self._tokenize([text, f"{text} indeed"])
            if np.array_equal(tokens, longer):
                log.warning("only the beginning of a long text is read: %.60s...", text)

    def _tokenize(self, texts: list[str]) -> NDArray[np.int64]:
        if self._tokenizer is None:
            self._tokenizer = self._get_tokenizer()
        return self._tokenizer(texts)


@dataclass(frozen=True, slots=True)
class TextShape:
    """The sizes of a plain text tower.

    Attributes:
        context_length: tokens it reads.
        width: of its layers.
        heads: of each block.
        layers: blocks.
        dim: width of its vectors.
    """

    context_length: int
    width: int
    heads: int
    layers: int
    dim: int

    @classmethod
    def of(cls, weights: Weights) -> Self | None:
        """Read them.

        Args:
            weights: the model's files.

        Returns:
            The sizes, or None where the configuration describes another kind of tower.
        """
        config, text = weights.config, weights.config["text_cfg"]
        # open_clip takes another tokenizer by the name alone.
        is_siglip = "siglip" in weights.name.architecture.lower()
        if is_siglip or not config.keys() <= MODEL_KEYS or not text.keys() <= _TEXT_KEYS:
            return None
        if text.get("vocab_size", VOCABULARY_SIZE) != VOCABULARY_SIZE:
            return None
        context_length = text.get("context_length", DEFAULT_CONTEXT_LENGTH)
        width, heads, layers = (text.get(key) for key in ("width", "heads", "layers"))
        if not all(isinstance(size, int) and size > 0 for size in (context_length, width, heads, layers)):
            return None
        return cls(context_length=context_length, width=width, heads=heads, layers=layers, dim=weights.dim)

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Give the names of the weights and their shapes, as open_clip makes them."""
        width = self.width
        shapes: dict[str, tuple[int, ...]] = {
            _TOKENS: (VOCABULARY_SIZE, width),
            "positional_embedding": (self.context_length, width),
            "ln_final.weight": (width,),
            "ln_final.bias": (width,),
            "text_projection": (width, self.dim),
        }
        shapes |= TransformerShape(self.width, self.heads, self.layers, n_widened=4 * self.width).arrays()
        return shapes


class PlainTextTower:
    """CLIP's text transformer. Its weights are read when it is first called.

    Args:
        transformer: runs its blocks.
        shape: its sizes.
    """

    def __init__(self, transformer: PlainTransformer, *, shape: TextShape) -> None:
        self._transformer = transformer
        self._shape = shape

    @classmethod
    def find(cls, weights: Weights) -> Self | None:
        """Find the text side of a model, without reading more than the names and shapes of its weights.

        Args:
            weights: the model's files.

        Returns:
            The tower, or None where it is not exactly CLIP's.
        """
        shape = TextShape.of(weights)
        if shape is None or not open_clip_vocabulary().is_file():
            return None
        # With a text tower of its own class, open_clip spells its names with this in front.
        for prefix in ("text.", ""):
            transformer = PlainTransformer.find(
                weights.file, prefix=prefix, arrays=shape.arrays(), heads=shape.heads, is_quick=is_quick(weights)
            )
            if transformer is not None:
                return cls(transformer, shape=shape)
        return None

    def tokenize(self, texts: list[str]) -> NDArray[np.int64]:
        """Turn texts into what it reads.

        Args:
            texts: n of them.

        Returns:
            (n, context) token numbers.
        """
        return tokenize(texts, self._shape.context_length)

    def __call__(self, tokens: NDArray[np.int64]) -> Floats:
        """Give the features of texts.

        Args:
            tokens: (n, context), filled up behind the end of each text.

        Returns:
            (n, dim) float32, not normalised.
        """
        from threadpoolctl import threadpool_limits

        # A second thread of BLAS gains nothing on so few rows, and spins while others have the core: with two cores
        # and four busy processes a word costs 0.33 CPU s with it and 0.08 without (ViT-B-32-256, 2026-11-30).
        with threadpool_limits(limits=1, user_api="blas"):
            return self._run([row[: int(row.argmax()) + 1] for row in tokens])

    def _run(self, texts: list[NDArray[np.int64]]) -> Floats:
        """Give the features of texts that end with the token that is read."""
        run = self._transformer
        ends = np.cumsum([len(text) for text in texts])
        positions = run.array("positional_embedding")
        x = run.read(_TOKENS, rows=np.concatenate(texts)) + np.concatenate([positions[: len(text)] for text in texts])
        x = run.blocks(x, ends=ends[:-1], is_causal=True)
        features: Floats = run.norm(x[ends - 1], "ln_final") @ run.array("text_projection")
        return features
