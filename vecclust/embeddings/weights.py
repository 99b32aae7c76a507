"""Where the weights of a model lie, what they are, and which models can be used on this computer now.

Knows local folders and the hub's cache. Refuses to know the network, and what is inside: open_clip reads the files, so
a model that is listed as usable may still be damaged, and loading it says so. No torch is imported. Invariants:
weights that are on this computer are found without a network and never asked for again; a model without weights is
refused (open_clip would only log a warning and begin with random ones).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecclust.embeddings import names, vendor
from vecclust.embeddings.digests import file_digest
from vecclust.embeddings.names import BUNDLED, ModelName
from vecclust.errors import ModelError, ModelUnavailable
from vecclust.types.status import ModelStatus

CONFIG_FILE = "open_clip_config.json"
# The order in which open_clip itself prefers them (`_find_checkpoint_in_dir`).
_FOLDER_FILES = (
    "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth", "model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth",
)  # fmt: skip
_ID_DIGITS = 12  # 48 bits: two models of one library never meet by chance, and the id still fits a line


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model on this computer.

    Attributes:
        name: the model.
        file: its weights.
        config: open_clip's configuration: that of the folder or repository, or the built-in one of the architecture.
        config_file: the file the configuration was read from, or None for a built-in one.
    """

    name: ModelName
    file: Path
    config: Mapping[str, Any]
    config_file: Path | None

    @property
    def dim(self) -> int:
        """Width of the model's vectors."""
        return int(self.config["embed_dim"])

    @property
    def needs_transformers(self) -> bool:
        """Whether its words can be read only with the package transformers."""
        text = self.config.get("text_cfg", {})
        return bool(text.get("hf_tokenizer_name") or text.get("hf_model_name"))

    @property
    def preprocessing(self) -> Mapping[str, Any]:
        """What the configuration's file says of cutting pictures, as open_clip spells it; empty where it says nothing.

        Raises:
            ModelError: the file cannot be read.
        """
        if self.config_file is None:
            return {}
        said = _read_document(self.config_file).get("preprocess_cfg")
        return said if isinstance(said, dict) else {}

    def model_id(self) -> str:
        """Name the weights: the model's name, `@`, and the first digits of the SHA-256 of what decides its vectors.

        Reads the file, except in the hub's cache, where a file's name already is its SHA-256, and except a large one
        that is as it was when it was last read; see `digests`.
        """
        digest = _digest(self.file)
        if self.name.folder is not None and self.config_file is not None:
            digest = hashlib.sha256(digest.encode() + self.config_file.read_bytes()).hexdigest()
        return f"{self.name}@{digest[:_ID_DIGITS]}"


def find_weights(name: ModelName, *, cache_dir: Path | None = None) -> Weights | None:
    """Find a model's weights on this computer.

    Args:
        name: the model.
        cache_dir: the hub's cache; its usual place where None.

    Returns:
        The weights, or None where a model of the hub has not been fetched.

    Raises:
        ModelUnavailable: open_clip knows no such name.
        ModelError: the folder of a `local-dir:` model is not one.
    """
    if name.folder is not None:
        return _in_folder(name, name.folder)
    source = names.source_of(name)
    file = _cached(source.repository, source.files, cache_dir)
    if name.kind == "pretrained":
        config = vendor.open_clip_architecture(name.architecture)
        return Weights(name, file, config, None) if file is not None and config is not None else None
    config_file = _cached(source.repository, (CONFIG_FILE,), cache_dir)
    if file is None or config_file is None:
        return None
    return Weights(name, file, read_config(config_file), config_file)


def read_config(file: Path) -> dict[str, Any]:
    """Read the `model_cfg` of an `open_clip_config.json`.

    Args:
        file: the JSON file.

    Returns:
        The configuration, with `embed_dim`, `vision_cfg` and `text_cfg`.

    Raises:
        ModelError: the file is not one.
    """
    config = _read_document(file).get("model_cfg")
    complete = isinstance(config, dict) and all(key in config for key in ("embed_dim", "vision_cfg", "text_cfg"))
    if not complete or not isinstance(config, dict):
        raise ModelError(
            f"{file} is no configuration of an open_clip model",
            hint="It needs model_cfg with embed_dim, vision_cfg and text_cfg.",
        )
    return config


def _read_document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read: {error}") from error
    return document if isinstance(document, dict) else {}


def _in_folder(name: ModelName, folder: Path) -> Weights:
    config_file = folder / CONFIG_FILE
    if not config_file.is_file():
        what = f"{folder} holds no {CONFIG_FILE}" if folder.is_dir() else f"there is no folder {folder}"
        hint = "A local model is a folder with open_clip_config.json and open_clip_model.safetensors."
        if name.kind == "bundled":
            hint = "This copy of vecclust came without its model. Install it again, or use another: --model NAME."
        raise ModelUnavailable(f"the model {name} cannot be loaded: {what}", model=name.text, hint=hint)
    found = sorted(file.name for pattern in ("*.safetensors", "*.bin", "*.pth") for file in folder.glob(pattern))
    known = [file for file in _FOLDER_FILES if file in found]
    if not known and len(found) != 1:
        what = f"holds several weights and none of the usual name: {', '.join(found)}" if found else "holds no weights"
        raise ModelUnavailable(
            f"the model {name} cannot be loaded: {folder} {what}",
            model=name.text,
            hint="vecclust never begins with random weights. Put open_clip_model.safetensors there.",
        )
    return Weights(name, folder / (known or found)[0], read_config(config_file), config_file)


def hub_cache(cache_dir: Path | None) -> Path:
    """Give the folder in which the hub keeps what it fetched.

    Args:
        cache_dir: the folder where one is chosen; Hugging Face's own place where None.

    Returns:
        The folder, which need not exist.
    """
    if cache_dir is not None:
        return cache_dir
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _cached(repository: str, files: tuple[str, ...], cache_dir: Path | None) -> Path | None:
    folder = hub_cache(cache_dir) / f"models--{repository.replace('/', '--')}"
    if not folder.is_dir():
        return None  # spares the half second that the hub's own code takes to import
    from huggingface_hub import try_to_load_from_cache

    for file in files:
        path = try_to_load_from_cache(repository, file, cache_dir=cache_dir)
        if isinstance(path, str) and os.path.isfile(path):
            return Path(path)
    return None


def _digest(file: Path) -> str:
    stored = file.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", stored):
        return stored
    try:
        return file_digest(file)
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error}") from error


def usable_models(asked: Iterable[str] = (), *, cache_dir: Path | None = None) -> list[ModelStatus]:
    """List the bundled model, those asked about, and those in the hub's cache.

    Args:
        asked: names to list in any case: the configured one, the library's; in front, in their order.
        cache_dir: the hub's cache; its usual place where None.

    Returns:
        Each model once; usable or not is said of each.
    """
    infos: dict[str, ModelStatus] = {}
    for text in (*asked, BUNDLED):
        info = _describe(text, cache_dir)
        infos.setdefault(info.name, info)
    for name in _cached_names(cache_dir):
        if name.text not in infos:
            infos[name.text] = _describe(name.text, cache_dir)
    return list(infos.values())


def _describe(text: str, cache_dir: Path | None) -> ModelStatus:
    try:
        name = ModelName.parse(text)
        weights = find_weights(name, cache_dir=cache_dir)
    except ModelError as error:
        return ModelStatus(text, False, None, None, error.message)
    if weights is None:
        config = vendor.open_clip_architecture(name.architecture) or {}
        note = "not on this computer; fetched at first use when there is a network"
        return ModelStatus(name.text, False, config.get("embed_dim"), None, note)
    usable, note = _judge(weights)
    is_bundled = name.kind == "bundled"
    return ModelStatus(
        name.text,
        usable,
        weights.dim,
        weights.file.stat().st_size,
        note,
        good_for=names.BUNDLED_GOOD_FOR if is_bundled else "",
        not_good_for=names.BUNDLED_NOT_GOOD_FOR if is_bundled else "",
    )


def _judge(weights: Weights) -> tuple[bool, str]:
    local = {"bundled": "small, comes with vecclust", "folder": "a folder on this computer"}
    note = local.get(weights.name.kind, "in the hub's cache")
    if not weights.needs_transformers or importlib.util.find_spec("transformers") is not None:
        return True, note
    if weights.config["text_cfg"].get("hf_model_name"):
        return False, f"{note}; needs the Python package transformers"
    return True, f"{note}; searching by words needs the Python package transformers"


def _cached_names(cache_dir: Path | None) -> list[ModelName]:
    """Give the models whose repositories the cache holds, as tags where open_clip has one for them."""
    folder = hub_cache(cache_dir)
    repositories = {
        path.name.removeprefix("models--").replace("--", "/", 1): path for path in folder.glob("models--*--*")
    }
    if not repositories:
        return []
    tagged = {names.source_of(name).repository: name for name in map(ModelName.parse, names.pretrained_names())}
    found = [name for repository, name in tagged.items() if repository in repositories]
    for repository, path in sorted(repositories.items()):
        if repository not in tagged and any(path.glob(f"snapshots/*/{CONFIG_FILE}")):
            found.append(ModelName("hub", repository))
    return found
