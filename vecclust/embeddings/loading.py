"""From a model's name to a running model, through open_clip's own loading.

Knows open_clip's constructors and their ways: what they log, download and leave random. Whatever they raise becomes
a `ModelError` here. No pass over the network is made for weights that are on this computer.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from vecclust.embeddings import registry
from vecclust.embeddings.quiet import first_line, kept_quiet, needs_package
from vecclust.embeddings.weights import Weights
from vecclust.embeddings.words import get_tokenizer
from vecclust.errors import ModelError
from vecclust.types.photos import Framing

with kept_quiet():
    import open_clip
    import torch
    from torch import Tensor

from vecclust.embeddings.device import Setup, set_up
from vecclust.embeddings.folded import fold
from vecclust.embeddings.fused import arrange
from vecclust.embeddings.openclip import Identity, OpenClipEmbedder, TextTower, Tower, Towers, Wanted
from vecclust.embeddings.preprocessing import Preprocessing, read_preprocessing

log = logging.getLogger(__name__)

# open_clip's modules declare no types of what they hold.
_Module = Any

# Two arrangements of the same weights differ by rounding alone: 0.9999 in bfloat16. A wrong one is far from that.
_SAME_TOWER_COSINE = 0.999


def load_embedder(weights: Weights, *, wanted: Wanted, cache_dir: Path | None) -> OpenClipEmbedder:
    """Load a model whose weights are on this computer; see `vecclust.embeddings.load`.

    Args:
        weights: its files.
        wanted: how it shall run.
        cache_dir: the hub's cache, for its tokenizer; the usual place where None.

    Returns:
        The running model.

    Raises:
        ModelError: the weights or the device cannot be used.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="vecclust-digest") as pool:
        # Reading 600 MB for their hash takes a second, building the model two: side by side.
        model_id: Future[str] = pool.submit(weights.model_id)
        setup = set_up(wanted.device, precision=wanted.precision, batch_size=wanted.batch_size, threads=wanted.threads)
        try:
            towers, framing = _start(weights, setup, cache_dir)
        except _CannotRun as error:
            if wanted.precision != "auto" or setup.dtype == torch.float32:
                raise
            log.info("%s; going on in float32", error.message)
            setup = replace(setup, dtype=torch.float32)
            towers, framing = _start(weights, setup, cache_dir)
        identity = Identity(weights.name.text, model_id.result(), weights.dim)
    log.info("%s on %s in %s, batches of %d", identity.model_id, setup.device, setup.dtype, setup.batch_size)
    return OpenClipEmbedder(identity, towers=towers, framing=framing, setup=setup)


class _CannotRun(ModelError):
    """The weights loaded, and the model does not work like this."""


def _start(weights: Weights, setup: Setup, cache_dir: Path | None) -> tuple[Towers, Framing]:
    """Build the model and try it once: not every architecture runs in half precision (coca does not)."""
    model, preprocessing = _build(weights, setup)
    framing = preprocessing.framing
    size = (1, framing.height_px, framing.width_px, 3)
    probe = torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    words = _word_tower(model)
    plain = PlainTower(model, preprocessing, setup)
    n_tokens = weights.config["text_cfg"].get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH)
    try:
        with torch.inference_mode():
            features = plain(probe.to(setup.device))
            words(torch.zeros((1, n_tokens), dtype=torch.long, device=setup.device))
    except RuntimeError as error:
        raise _cannot_run(weights, setup, first_line(error)) from error
    if not features.isfinite().all():
        raise _cannot_run(weights, setup, "its vectors are not finite")
    if features.shape[-1] != weights.dim:
        raise _cannot_run(weights, setup, f"its vectors are {features.shape[-1]} wide, not {weights.dim}")
    arranged = _arranged_tower(model, preprocessing, setup, probe, features)
    towers = Towers(arranged or plain, words=words, tokenizer=lambda: get_tokenizer(weights, cache_dir=cache_dir))
    return towers, framing


def _cannot_run(weights: Weights, setup: Setup, reason: str) -> _CannotRun:
    precision = str(setup.dtype).removeprefix("torch.")
    return _CannotRun(
        f"{weights.name} cannot run in {precision} on {setup.device}: {reason}",
        hint="Set embed.precision = 'float32', or choose another model.",
    )


def _build(weights: Weights, setup: Setup) -> tuple[_Module, Preprocessing]:
    name = weights.name
    try:
        with kept_quiet():
            model = open_clip.create_model(
                **_source(weights),
                precision=setup.open_clip_precision,
                device=setup.device,
                require_pretrained=True,
                pretrained_text=False,
            )
            config = open_clip.get_model_preprocess_cfg(model)
    except ImportError as error:
        raise needs_package(name, error) from error
    except Exception as error:  # the border: KeyError, RuntimeError, SafetensorError, UnpicklingError, by the file
        if isinstance(error, torch.OutOfMemoryError):
            raise ModelError(f"{name} does not fit the memory of {setup.device}") from error
        raise ModelError(
            f"the weights of {name} cannot be loaded from {weights.file}: {first_line(error)}",
            hint="The file may be damaged or belong to another architecture. Fetch it again, or choose another model.",
        ) from error
    # Not requires_grad_(False): torch 2.15 then copies the weights once per text, 2.1 s for two texts and not 0.1.
    return model.eval(), read_preprocessing(config)


def _source(weights: Weights) -> dict[str, Any]:
    """Say to open_clip where the files are, so that it never asks the hub for them again.

    A tag is given as the file it stands for, with what the tag says beside it: given the tag itself, open_clip would
    ask the hub whether the file has changed. It also only warns where weights want QuickGELU and the architecture
    has none; here they get it.
    """
    if weights.name.kind != "pretrained":
        folder = weights.name.folder or weights.file.parent
        return {"model_name": f"local-dir:{folder}"}
    tag = registry.pretrained(weights.name)
    assert tag is not None
    return {
        "model_name": weights.name.architecture,
        "pretrained": str(weights.file),
        "force_preprocess_cfg": {key: value for key, value in tag.preprocess.items() if key != "size"},
        "force_quick_gelu": tag.quick_gelu,
    }


def _arranged_tower(
    model: _Module, preprocessing: Preprocessing, setup: Setup, probe: Tensor, expected: Tensor
) -> Tower | None:
    """Arrange the picture tower for a CPU, or give None where that is not possible or changes its vectors."""
    if setup.device.type != "cpu":
        return None
    try:
        with torch.inference_mode():
            arranged: Tower | None = arrange(model.visual, preprocessing=preprocessing, dtype=setup.dtype)
            if arranged is None:
                arranged = fold(model.visual, preprocessing=preprocessing, dtype=setup.dtype)
            if arranged is None or not _agree(arranged(probe), expected):
                return None
    except (RuntimeError, AttributeError, TypeError) as error:  # torch may change operators that are not public
        log.info("the tower is left as open_clip makes it: %s", first_line(error))
        return None
    model.visual = None  # its weights live on in the arranged tower: 175 MB less for ViT-B
    return arranged


def _agree(one: Tensor, other: Tensor) -> bool:
    cosine = torch.nn.functional.cosine_similarity(one.float(), other.float()).min().item()
    log.debug("arranged and plain tower: cosine %.6f", cosine)
    return cosine >= _SAME_TOWER_COSINE


class PlainTower:
    """The picture tower as open_clip made it, with scaling and shifting of pixels in front.

    Args:
        model: a loaded open_clip model.
        preprocessing: the mean and deviation of its pixels.
        setup: how it is run.
    """

    def __init__(self, model: _Module, preprocessing: Preprocessing, setup: Setup) -> None:
        self._model = model
        self._dtype = setup.dtype
        self._mean = torch.tensor(preprocessing.mean, device=setup.device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(preprocessing.deviation, device=setup.device).view(1, 3, 1, 1)

    def __call__(self, frames: Tensor) -> Tensor:
        """Turn (n, height, width, 3) uint8 into (n, dim) features, in the order of torchvision's own operations."""
        pixels = frames.permute(0, 3, 1, 2).float().div_(255).sub_(self._mean).div_(self._deviation)
        features: Tensor = self._model.encode_image(pixels.to(self._dtype))
        return features


def _word_tower(model: _Module) -> TextTower:
    def encode(tokens: Tensor) -> Tensor:
        features: Tensor = model.encode_text(tokens)
        return features

    return encode
