"""What writes a sentence about pictures, and the one way to get it: an open_clip model that has a decoder (CoCa).

The decoder of such a model does not read a picture's vector but the tokens beside it, so a sentence is made from
tokens: those of one picture, or their mean over several. open_clip's CoCa models pool by attention, so that token i of
every picture is the answer to the same learnt query, and a mean of tokens is one of answers to one question; in a model
without that it is a mean of what is at the same place. The decoder normalises each token before it reads it, so the
mean needs no scaling.

Light: whoever only asks whether there is such a model imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vecclust.embeddings import vendor
from vecclust.embeddings.names import ModelName
from vecclust.embeddings.weights import find_weights
from vecclust.errors import ModelError, ModelUnavailable
from vecclust.types.photos import Framing

if TYPE_CHECKING:
    from vecclust.embeddings.device import DeviceName

# Two of those that open_clip has the weights of; the first was trained on captions of photos that people wrote.
WRITERS = ("coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k", "coca_ViT-L-14/mscoco_finetuned_laion2b_s13b_b90k")
_HINT = (
    f"Name an open_clip model with a decoder in names.captioner, such as {WRITERS[0]}, or the folder of one on this"
    " computer: local-dir:PATH."
)


class Captioner(Protocol):
    """A model that writes."""

    @property
    def name(self) -> str:
        """The name it was loaded by, in its canonical spelling."""

    @property
    def model_id(self) -> str:
        """The identity of its weights, as an `Embedder` has it."""

    @property
    def framing(self) -> Framing:
        """How frames must be cut."""

    def tokens(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the decoder reads of pictures.

        Args:
            frames: (n, height, width, 3) uint8 RGB, cut as `framing` asks.

        Returns:
            (n, n_tokens, width) float32.

        Raises:
            ModelError: the device refused.
            ValueError: the frames are of another kind or size.
        """

    def write(self, tokens: NDArray[np.float32]) -> str:
        """Write the likeliest sentence, the same each time.

        Args:
            tokens: (n_tokens, width) float32 of one picture, or the mean of those of several.

        Returns:
            A sentence, as `tokens.sentence` writes it.

        Raises:
            ModelError: the device refused, or the model has nothing to say.
        """


def load_captioner(
    name: str | ModelName, *, device: DeviceName = "auto", threads: int = 0, cache_dir: Path | None = None
) -> Captioner:
    """Load a model that writes, from this computer where its weights are here, else from the network.

    Always in float32: open_clip's CoCa does not run in half precision.

    Args:
        name: as for `load`.
        device: where it runs; the best there is where `auto`.
        threads: cores it may use on a CPU; all where 0.
        cache_dir: where hub weights are kept; Hugging Face's own place where None.

    Returns:
        The model.

    Raises:
        ModelUnavailable: no such model, or no weights here and no network.
        ModelError: it has no decoder, or the weights or the device cannot be used.
    """
    from vecclust.embeddings.hub import get_weights

    name = ModelName.of(name)
    weights = find_weights(name, cache_dir=cache_dir)
    if weights is None:
        # Said before anything is fetched, where the architecture is known.
        _require_decoder(name, vendor.open_clip_architecture(name.architecture) if name.architecture else None)
        try:
            weights = get_weights(name, cache_dir=cache_dir)
        except ModelUnavailable as error:
            raise ModelUnavailable(
                f"no caption can be written: {error.message}", model=name.text, hint=_HINT
            ) from error
    _require_decoder(name, weights.config)
    vendor.import_open_clip()
    from vecclust.embeddings.coca import load_coca
    from vecclust.embeddings.device import set_up

    return load_coca(weights, setup=set_up(device, precision="float32", threads=threads))


def _require_decoder(name: ModelName, config: Mapping[str, Any] | None) -> None:
    """Refuse a model that cannot write, as far as its configuration is known.

    Raises:
        ModelError: it has no decoder, or spells in other tokens than CLIP's.
    """
    if config is None:
        return
    if "multimodal_cfg" not in config:
        raise ModelError(f"{name} cannot write captions: it has no decoder", hint=_HINT)
    text = config.get("text_cfg", {})
    if text.get("hf_model_name") or text.get("hf_tokenizer_name"):
        raise ModelError(f"{name} cannot write captions here: its tokens are not CLIP's own", hint=_HINT)
