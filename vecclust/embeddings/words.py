"""The tokenizer of a model: got when words are first asked for, since photos need none and some must be fetched.

Knows open_clip's tokenizers and where each is kept. The plain one comes with open_clip; others need the package
transformers and a file from the hub, which is asked for only where it is not on this computer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vecclust.embeddings import hub
from vecclust.embeddings.openclip import Tokenizer
from vecclust.embeddings.quiet import first_line, kept_quiet, needs_package
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError


def get_tokenizer(weights: Weights, *, cache_dir: Path | None) -> Tokenizer:
    """Get a model's tokenizer.

    Args:
        weights: the model.
        cache_dir: the hub's cache; its usual place where None.

    Returns:
        The tokenizer.

    Raises:
        ModelUnavailable: it is not on this computer and there is no network.
        ModelError: it cannot be loaded.
    """
    name = weights.name
    if not weights.needs_transformers or name.folder is not None:
        spelled = name.architecture or f"local-dir:{name.folder or weights.file.parent}"
        return _load(weights, spelled, cache_dir)
    spelled = name.architecture or name.text
    try:
        with _hub_offline():
            return _load(weights, spelled, cache_dir)
    except ModelError as error:
        if isinstance(error.__cause__, ImportError):
            raise
    hub.require_network(name)
    return _load(weights, spelled, cache_dir)


def _load(weights: Weights, spelled: str, cache_dir: Path | None) -> Tokenizer:
    import open_clip

    try:
        with kept_quiet():
            tokenizer: Tokenizer = open_clip.get_tokenizer(spelled, cache_dir=cache_dir)
    except ImportError as error:
        raise needs_package(weights.name, error) from error
    except Exception as error:  # the border: transformers and the hub have no common root of their errors
        message = f"the tokenizer of {weights.name} cannot be loaded: {first_line(error)}"
        raise ModelError(message, hint="Photos can be embedded without it, words cannot.") from error
    return tokenizer


@contextmanager
def _hub_offline() -> Iterator[None]:
    """Keep the hub's client from asking whether a cached file has changed; it reads this at every call."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
