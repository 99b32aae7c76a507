"""From a model's files to a running model, through open_clip's own loading.

Knows open_clip's constructors and tokenizers and their ways: what they log, download and leave random. Whatever they
raise becomes a `ModelError` here. No pass over the network is made for what is on this computer. Imports open_clip:
import this after `vendor.import_open_clip`, which does it quietly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode

from vecclust.embeddings import hub, names
from vecclust.embeddings.device import Setup
from vecclust.embeddings.names import ModelName
from vecclust.embeddings.openclip import LoadedModel, OpenClipEmbedder
from vecclust.embeddings.preprocessing import Preprocessing, read_preprocessing
from vecclust.embeddings.texts import DEFAULT_CONTEXT_LENGTH, PlainTextTower, TextTower, Tokenizer
from vecclust.embeddings.tower import ImageTower, PlainTower, arrange
from vecclust.embeddings.vendor import first_line, kept_quiet
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError

log = logging.getLogger(__name__)

# open_clip's modules declare no types of what they hold.
_Module = Any

# As open_clip spells them: its mixed kinds keep the layer norms in float32.
_PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


def load_embedder(weights: Weights, *, setup: Setup, cache_dir: Path | None) -> OpenClipEmbedder:
    """Load a model whose weights are on this computer; see `vecclust.embeddings.load`.

    Args:
        weights: its files.
        setup: how it shall run.
        cache_dir: the hub's cache, for its tokenizer; the usual place where None.

    Returns:
        The running model.

    Raises:
        ModelError: the weights or the device cannot be used.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="vecclust-digest") as pool:
        # Reading 600 MB for their hash takes a second, building the model two: side by side.
        model_id: Future[str] = pool.submit(weights.model_id)
        try:
            model = _start(weights, setup, cache_dir)
        except _CannotRun as error:
            if not setup.may_widen:
                raise
            log.info("%s; going on in float32", error.message)
            setup = replace(setup, dtype=torch.float32)
            model = _start(weights, setup, cache_dir)
        embedder = OpenClipEmbedder(model, name=weights.name.text, model_id=model_id.result(), setup=setup)
    log.info("%s on %s in %s, batches of %d", embedder.model_id, setup.device, setup.dtype, setup.batch_size)
    return embedder


class _CannotRun(ModelError):
    """The weights loaded, and the model does not work like this."""


def _start(weights: Weights, setup: Setup, cache_dir: Path | None) -> LoadedModel:
    """Build the model and try it once: not every architecture runs in half precision (coca does not)."""
    model, preprocessing = build_model(weights, setup)
    framing = preprocessing.framing
    # Two frames, so that what mixes frames up does not pass for the same tower.
    size = (2, framing.height_px, framing.width_px, 3)
    probe = torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    text_tower: TextTower | None = PlainTextTower.find(weights)
    # Beside a plain text tower the model is its image tower and nothing else.
    encode = model.encode_image if text_tower is None else model.visual
    plain = PlainTower(encode, preprocessing=preprocessing, dtype=setup.dtype, device=setup.device)
    try:
        with torch.inference_mode():
            features = plain(probe.to(setup.device))
        if text_tower is None:
            text_tower = _open_clips_text_tower(model, setup.device)
            n_tokens = weights.config["text_cfg"].get("context_length", DEFAULT_CONTEXT_LENGTH)
            text_tower(np.zeros((1, n_tokens), dtype=np.int64))
    except RuntimeError as error:
        raise _cannot_run(weights, setup, first_line(error)) from error
    if not features.isfinite().all():
        raise _cannot_run(weights, setup, "its vectors are not finite")
    if features.shape[-1] != weights.dim:
        raise _cannot_run(weights, setup, f"its vectors are {features.shape[-1]} wide, not {weights.dim}")
    image_tower: ImageTower = plain
    if setup.device.type == "cpu":
        with torch.inference_mode():
            image_tower = arrange(model.visual, plain, frames=probe, expected=features)
    if image_tower is not plain:
        model.visual = None  # its weights live on in the arranged tower: 175 MB less for ViT-B
    return LoadedModel(
        image_tower,
        text_tower=text_tower,
        get_tokenizer=lambda: _get_tokenizer(weights, cache_dir),
        framing=framing,
        dim=weights.dim,
    )


# By which torch draws weights: methods of tensors, and the functions of `torch.nn.init` around them.
_DRAWS = {
    "uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_",
}  # fmt: skip


class NotDrawn(TorchFunctionMode):
    """Leaves weights as they are where they would be drawn at random, in this thread and while it is entered.

    Drawing 151 million of them for a ViT-B-32-256 takes 1.3 CPU s, and all are read from a file next.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do what torch would, but for drawing.

        Args:
            func: what is called.
            types: of what it is called with.
            args: by position, the tensor first where there are any.
            kwargs: by name.
        """
        given = kwargs or {}
        if getattr(func, "__name__", "") in _DRAWS:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def _open_clips_text_tower(model: _Module, device: torch.device) -> TextTower:
    def run(tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        with torch.inference_mode():
            features: NDArray[np.float32] = model.encode_text(torch.from_numpy(tokens).to(device)).float().cpu().numpy()
        return features

    return run


def _cannot_run(weights: Weights, setup: Setup, reason: str) -> _CannotRun:
    precision = str(setup.dtype).removeprefix("torch.")
    return _CannotRun(
        f"{weights.name} cannot run in {precision} on {setup.device}: {reason}",
        hint="Set embed.precision = 'float32', or choose another model.",
    )


def build_model(weights: Weights, setup: Setup) -> tuple[_Module, Preprocessing]:
    """Have open_clip build a model and read its weights.

    Args:
        weights: its files.
        setup: device and precision.

    Returns:
        open_clip's model, in evaluation, and what it wants its pictures to be.

    Raises:
        ModelError: the weights cannot be loaded, do not fit, or need a package that is not there.
    """
    name = weights.name
    try:
        # Each weight is read afterwards, or loading is refused (`strict` inside).
        with kept_quiet(), NotDrawn():
            model = open_clip.create_model(
                **_source(weights),
                precision=_PRECISIONS[setup.dtype],
                device=setup.device,
                require_pretrained=True,
                pretrained_text=False,
            )
            config = open_clip.get_model_preprocess_cfg(model)
    except ImportError as error:
        raise _needs_package(name, error) from error
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
    tag = names.source_of(weights.name)
    return {
        "model_name": weights.name.architecture,
        "pretrained": str(weights.file),
        "force_preprocess_cfg": {key: value for key, value in tag.preprocess.items() if key != "size"},
        "force_quick_gelu": tag.quick_gelu,
    }


def _get_tokenizer(weights: Weights, cache_dir: Path | None) -> Tokenizer:
    """Get a model's tokenizer.

    The plain one comes with open_clip; others need the package transformers and a file from the hub, which is asked
    for only where it is not on this computer.
    """
    name = weights.name
    if (plain := PlainTextTower.find(weights)) is not None:
        return plain.tokenize
    is_on_hub = weights.needs_transformers and name.folder is None
    spelled = name.architecture or (name.text if is_on_hub else f"local-dir:{name.folder or weights.file.parent}")
    if is_on_hub:
        try:
            with hub.offline():
                return _load_tokenizer(weights, spelled, cache_dir)
        except ModelError as error:
            if isinstance(error.__cause__, ImportError):
                raise
        hub.require_network(name)
    return _load_tokenizer(weights, spelled, cache_dir)


def _load_tokenizer(weights: Weights, spelled: str, cache_dir: Path | None) -> Tokenizer:
    try:
        with kept_quiet():
            tokenizer = open_clip.get_tokenizer(spelled, cache_dir=cache_dir)
    except ImportError as error:
        raise _needs_package(weights.name, error) from error
    except Exception as error:  # the border: transformers and the hub have no common root of their errors
        message = f"the tokenizer of {weights.name} cannot be loaded: {first_line(error)}"
        raise ModelError(message, hint="Photos can be embedded without it, words cannot.") from error
    return lambda texts: np.asarray(tokenizer(texts), dtype=np.int64)


def _needs_package(name: ModelName, error: ImportError) -> ModelError:
    return ModelError(
        f"{name} needs a Python package that is not installed: {error.name or first_line(error)}",
        hint="Install it beside vecclust, or choose another model.",
    )
