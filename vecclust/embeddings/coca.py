"""An open_clip CoCa at work: frames to tokens, tokens to a sentence.

The sentence is found by a beam search of our own, since open_clip's asks for the package transformers. Nothing in it is
drawn, so a picture has one sentence. Each step runs the whole text again, as open_clip's does: a caption has some ten
tokens. Imports torch and open_clip: import this after `vendor.import_open_clip`. torch's errors do not leave.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch import Tensor

from vecclust.embeddings.device import Setup
from vecclust.embeddings.loading import build_model
from vecclust.embeddings.preprocessing import checked_frames
from vecclust.embeddings.tokens import END, START, VOCABULARY_SIZE, sentence
from vecclust.embeddings.tower import PlainTower
from vecclust.embeddings.vendor import first_line
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError
from vecclust.types.photos import Framing

log = logging.getLogger(__name__)

# Those of open_clip's own search (`CoCa.generate`, 3.3): sentences that are kept beside one another, and tokens of the
# longest and of the shortest, the one that begins it counted.
N_BEAMS = 6
MOST_TOKENS = 30
LEAST_TOKENS = 5
# Fills a text up where it is read, and is never written.
_FILL = 0
# open_clip's modules declare no types of what they hold.
_Module = Any


class _Beam(NamedTuple):
    """A sentence, or the beginning of one.

    Attributes:
        tokens: its own, after the one that begins every text.
        likelihood: logarithm of their chance.
    """

    tokens: tuple[int, ...]
    likelihood: float

    @property
    def score(self) -> float:
        """What sentences of several lengths are compared by: the mean over their tokens, as in open_clip's search."""
        return self.likelihood / len(self.tokens)


@dataclass(frozen=True, slots=True)
class CocaCaptioner:
    """A `Captioner` that runs an open_clip CoCa. Made by `load_coca`.

    Attributes:
        name: the name it was loaded by.
        model_id: the identity of its weights.
        framing: how frames must be cut.
        model: open_clip's.
        tower: from frames to the tokens of each.
        setup: how it is run.
    """

    name: str
    model_id: str
    framing: Framing
    model: _Module
    tower: PlainTower
    setup: Setup

    def tokens(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the decoder reads of pictures; see `Captioner`.

        Args:
            frames: (n, height, width, 3) uint8 RGB, cut as `framing` asks.

        Returns:
            (n, n_tokens, width) float32.

        Raises:
            ModelError: the device refused.
            ValueError: the frames are of another kind or size.
        """
        pixels = torch.from_numpy(np.require(checked_frames(frames, self.framing), requirements=["C", "W"]))
        self._use_threads()
        try:
            with torch.inference_mode():
                found: NDArray[np.float32] = self.tower(pixels.to(self.setup.device)).float().cpu().numpy()
        except RuntimeError as error:
            raise self._refused(first_line(error)) from error
        return found

    def write(self, tokens: NDArray[np.float32]) -> str:
        """Write the likeliest sentence that the search finds; see `Captioner`.

        Args:
            tokens: (n_tokens, width) float32 of one picture, or the mean of those of several.

        Returns:
            A sentence.

        Raises:
            ModelError: the device refused, or the model has nothing to say.
        """
        image = torch.from_numpy(np.require(tokens, np.float32, requirements=["C", "W"])).to(self.setup.device)
        self._use_threads()
        try:
            with torch.inference_mode():
                written = self._search(image)
        except RuntimeError as error:
            raise self._refused(first_line(error)) from error
        text = sentence(open_clip.decode(torch.tensor(written, dtype=torch.int64)))
        if not text:
            raise self._refused("it writes no word")
        return text

    def _use_threads(self) -> None:
        if self.setup.device.type == "cpu" and torch.get_num_threads() != self.setup.threads:
            torch.set_num_threads(self.setup.threads)  # of the calling thread, for OpenMP

    def _search(self, image: Tensor) -> tuple[int, ...]:
        """Go on with the likeliest beginnings, a token at a time; give the tokens of the sentence."""
        most = min(MOST_TOKENS, int(self.model.context_length))
        beams, whole = [_Beam((), 0.0)], list[_Beam]()
        for n_read in range(1, most):
            chances = self._chances(image, beams)
            if n_read < LEAST_TOKENS:
                chances[:, END] = -torch.inf
            so_far = torch.tensor([[beam.likelihood] for beam in beams], device=chances.device)
            # Twice as many as go on: each beginning may end here.
            best, places = (chances + so_far).flatten().topk(2 * N_BEAMS)
            longer: list[_Beam] = []
            for likelihood, place in zip(best.tolist(), places.tolist(), strict=True):
                row, token = divmod(place, chances.shape[1])
                made = _Beam((*beams[row].tokens, token), likelihood)
                (whole if token == END else longer).append(made)
            whole = sorted(whole, key=lambda beam: -beam.score)[:N_BEAMS]
            beams = longer[:N_BEAMS]
            if len(whole) == N_BEAMS and beams[0].score <= whole[-1].score:
                break
        # One that has no end yet is better than none.
        found = max(whole or beams, key=lambda beam: beam.score)
        return tuple(token for token in found.tokens if token != END)

    def _chances(self, image: Tensor, beams: Sequence[_Beam]) -> Tensor:
        """Give the logarithm of the chance of each token to come next, (n_beams, n_words)."""
        texts = torch.tensor([(START, *beam.tokens) for beam in beams], device=image.device)
        images = image.expand(len(beams), -1, -1)
        # With both given, no picture is encoded; the first is only handed through.
        made = self.model(None, texts, image_latent=images[:, 0], image_embs=images, output_labels=False)
        logits = made["logits"][:, -1].float()
        if not logits.isfinite().all():
            raise self._refused("it gives nothing finite")
        logits[:, [START, _FILL]] = -torch.inf
        return torch.log_softmax(logits, dim=1)

    def _refused(self, reason: str) -> ModelError:
        return ModelError(
            f"{self.name} cannot write about a picture on {self.setup.device}: {reason}",
            hint="Another one may: set names.captioner.",
        )


def load_coca(weights: Weights, *, setup: Setup) -> CocaCaptioner:
    """Load a CoCa whose weights are on this computer; see `vecclust.embeddings.load_captioner`.

    Args:
        weights: its files; the configuration has a decoder.
        setup: how it shall run, in float32.

    Raises:
        ModelError: the weights or the device cannot be used.
    """
    model, preprocessing = build_model(weights, setup)
    if not isinstance(model, open_clip.CoCa) or model.text_decoder.text_projection.shape[-1] != VOCABULARY_SIZE:
        raise ModelError(
            f"{weights.name} cannot write captions: open_clip makes no CoCa of it that spells CLIP's tokens"
        )

    def encode(pixels: Tensor) -> Tensor:
        tokens: Tensor = model(pixels)["image_embs"]
        return tokens

    tower = PlainTower(encode, preprocessing=preprocessing, dtype=setup.dtype, device=setup.device)
    model_id = weights.model_id()
    log.info("%s writes on %s", model_id, setup.device)
    return CocaCaptioner(weights.name.text, model_id, preprocessing.framing, model, tower, setup)
